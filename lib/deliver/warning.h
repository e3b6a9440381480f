/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DELIVER_WARNING_H
#define DELIVER_WARNING_H

#include "site/site.h"
#include "store/store.h"

/*
 * Messages to people whose mailbox fills up: one when a delivery takes an
 * account to 80, 90 or 100 % of its quota, and again only after the usage was
 * below that. What was said is remembered by the process; a restart says it
 * again at most once a day.
 */
struct warnings;
struct warnings *warnings_new(void);
void warnings_free(struct warnings **w);

/* After a delivery to A; FULL: it was refused for the quota. */
void warnings_check(struct warnings *w, struct account *a,
    const struct site_account *acc, bool full);

#endif
