/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AUTHD_POLICY_H
#define AUTHD_POLICY_H

#include "authd/lookup.h"
#include "base/conf.h"

/*
 * The map tls_policy: how mail to other domains is to be secured
 * (lib/outbound). Unlike the maps of lookup.h it asks the Internet. Of the
 * workers that wait for it at most half may hang (net/gate.h), so that logins
 * go on whatever becomes of the DNS.
 */

/* What goes wrong is logged, and look-ups are answered with LOOKUP_TEMP: the
 * other services of authd do not need it. */
void policy_start(const struct conf *c, struct site *s);
void policy_stop(void);

enum lookup_rc policy_lookup(struct arena *a, struct str key, struct buf *out);

#endif
