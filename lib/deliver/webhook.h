/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DELIVER_WEBHOOK_H
#define DELIVER_WEBHOOK_H

#include "sieve/sieve.h"
#include "site/site.h"

/*
 * What a web server is told by the action notify with an https URL: a JSON
 * object with these members, of which `options` holds the script's.
 *
 *	{ "event": "notify", "time": "2026-11-26T07:30:00Z",
 *	  "account": "me@example.org", "recipient": "me+x@example.org",
 *	  "sender": "", "from": "...", "importance": "high|normal|low",
 *	  "message": "...", "options": { "name": "value" } }
 */
struct str webhook_document(struct arena *a, const struct site_account *owner,
    const struct sieve_envelope *envelope, const struct sieve_action *action,
    int64_t now);

#endif
