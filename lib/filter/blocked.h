/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_BLOCKED_H
#define FILTER_BLOCKED_H

#include "net/addr.h"
#include "site/site.h"

/*
 * Addresses that all daemons have blocked for a while, since too many logins
 * from them failed (site_block_list()): in memory, at most BLOCKED_SECONDS
 * old. Any thread.
 */

#define BLOCKED_SECONDS 5

struct blocked;
struct blocked *blocked_new(struct site *s);
void blocked_free(struct blocked **b);

/* Until when; 0: it is not blocked. */
int64_t blocked_until(
    struct blocked *b, const struct addr *client, int64_t now);

#endif
