/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_LISTS_H
#define FILTER_LISTS_H

#include "net/addr.h"
#include "site/filter_list.h"

/*
 * What the directory says of clients and senders, in memory: whom it blocks or
 * allows (site/filter_list.h), and which domains are ours. It is read again
 * when the directory has changed. Any thread.
 */

struct lists;
struct lists *lists_new(struct site *s);
void lists_free(struct lists **l);

struct list_query {
	const struct addr *client; /* NULL: it has no address */
	struct str host;           /* proven name of the client; empty: none */
	struct str sender;     /* empty: the null sender, which is on no list */
	struct str spf_domain; /* that SPF passes for; empty: none */
	struct site_scope scope; /* of the recipient; empty: the site's only */
	int64_t now;
};
struct list_match {
	enum site_list_kind kind;
	struct str entry; /* as people write it */
	bool forgeable;   /* the entry is of a sender: anybody can be that */
};
/* The nearest scope decides, the account's before its domain's before the
 * site's; within one who is allowed is not blocked. False: nobody says
 * anything. *out lives in A. */
bool lists_find(struct lists *l, struct arena *a, const struct list_query *q,
    struct list_match *out);

/* The same of those who are no strangers to greylisting: any scope that the
 * recipient is in may say so. */
bool lists_find_known(struct lists *l, struct arena *a,
    const struct list_query *q, struct list_match *out);

/* Is NAME (in any form) hosted here? */
bool lists_is_our_domain(struct lists *l, struct arena *a, struct str name);

#endif
