/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_PICTURE_H
#define IMAPD_PICTURE_H

#include "imapd/place.h"

/*
 * The mailboxes that a user can see and his subscriptions, as of one moment.
 * Two of them tell NOTIFY what happened in between.
 */

struct seen {
	char owner[17]; /* the account */
	struct mailbox m;
	struct str name;
	unsigned rights; /* of the user */
};

struct picture {
	struct arena *arena; /* whose end is the picture's */
	struct seen *v;      /* by owner and id */
	size_t n;
	struct str *subscribed; /* sorted */
	size_t nsubscribed;
};

/* OTHERS: with the mailboxes of other users. The places stay good until the end
 * of the command; the picture for longer. */
enum store_rc picture_take(struct session *s, bool others, struct picture *out,
    struct place **places, size_t *n, struct err *e);
/* NULL: it is not there. */
const struct seen *picture_find(
    const struct picture *p, const char *owner, int64_t id);
bool picture_subscribed(const struct picture *p, struct str path);

#endif
