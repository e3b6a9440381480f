/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_RELEASE_H
#define FILTER_RELEASE_H

#include "deliver/deliver.h"
#include "filter/quarantine.h"

/*
 * Mail leaves the quarantine as if it had been accepted: for an account of ours
 * it is delivered, so that scripts run and the quota counts; for others, and
 * for accounts that another server holds, it is handed to the MTA. A field
 * X-Mailstead-Released on top says when and by whom. What says to others that
 * it is spam goes from its header, or it would end in Junk.
 *
 * A crash after that leaves the entry as it was: who releases it again sends it
 * twice, and nothing is lost.
 */

struct release {
	struct quarantine *quarantine;
	struct site *site;
	struct deliver *deliver;
	const char *hostname;
};

/* Noted in the audit trail. QUARANTINE_RELEASED: it was released before. The
 * entry stays until it expires. */
enum quarantine_rc quarantine_release(const struct release *r, struct str id,
    const struct site_by *by, int64_t now, struct err *e);

/* RAW as it is sent; for the test. */
void release_rewrite(struct buf *out, struct str raw, struct str score_field,
    struct str by, int64_t now);

#endif
