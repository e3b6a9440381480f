/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_GREYLIST_KEY_H
#define FILTER_GREYLIST_KEY_H

#include "base/buf.h"
#include "filter/greylist.h"
#include "filter/greylist_table.h"

/* What makes a stranger the same stranger; the rules are in greylist.h. */

/* "192.0.2.0/24", "2001:db8:0:1::/64", or the domain. */
void greylist_put_place(
    struct buf *out, const struct in6_addr *client, struct str spf_domain);
void greylist_put_sender(struct buf *out, struct str sender);
void greylist_put_folded(struct buf *out, struct str s);

enum { KEY_PLACE, KEY_SENDER, KEY_RECIPIENT, KEY_TEXTS };
struct greylist_key {
	struct buf buf;
	struct str texts[KEY_TEXTS]; /* in BUF */
	struct greylist_id place, stranger;
};
void greylist_key_init(struct greylist_key *k, const struct greylist_query *q);
void greylist_key_fini(struct greylist_key *k);

struct greylist_id greylist_id_of(struct str text);

#endif
