/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_SHARE_H
#define SITE_SHARE_H

#include "site/site.h"

/*
 * Who shares something with whom. The rights themselves are in the owner's
 * account database; this index only tells a user whose accounts are worth a
 * look, so a row too many does no harm.
 */

struct site_share {
	int64_t item;       /* id of the mailbox or collection */
	struct str grantee; /* account id, "@domain" or "anyone" */
};

/*
 * Make the rows of OWNER (an account id) and KIND ("mailbox") what LIST says.
 * LIST is asked for inside of the transaction: of two that change rights at
 * once, the one that comes last here sees what both did.
 */
typedef bool (*site_share_list)(void *arg, struct arena *a,
    struct site_share **list, size_t *count, struct err *e);
enum site_rc site_share_update(struct site *s, const struct site_by *by,
    struct str owner, const char *kind, site_share_list list, void *arg,
    struct err *e);

/* Accounts that share something of KIND with the account ACC, or with all of
 * its domain, or with everybody; by address, without ACC. */
enum site_rc site_share_owners(struct site *s, struct arena *a,
    const struct site_account *acc, const char *kind,
    struct site_account **list, size_t *count, struct err *e);

#endif
