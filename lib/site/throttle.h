/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_THROTTLE_H
#define SITE_THROTTLE_H

#include "site/internal.h"

/*
 * Failed logins, counted by client address and by (address, account) in
 * site.db, so that all daemons and restarts share them. An IPv6 client is
 * counted by its /64. USER is the address key tried, which need not exist.
 */

/* SITE_BLOCKED with the reason, or SITE_OK. */
enum site_rc throttle_check(struct site *s, const struct site_peer *peer,
    struct str user, struct err *e);
/* Count a failure; returns how long to hold back the answer. */
unsigned throttle_failed(
    struct site *s, const struct site_peer *peer, struct str user);
/* A success forgets the pair's failures. */
void throttle_succeeded(
    struct site *s, const struct site_peer *peer, struct str user);

#endif
