/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_NOTIFY_STATE_H
#define IMAPD_NOTIFY_STATE_H

#include "imapd/notify.h"
#include "imapd/picture.h"
#include "imapd/watch.h"

/* What notify.c and notify_tell.c share: a request while it lives. */

/* An account whose changes wake the session. */
struct watched {
	struct watcher watcher;
	char owner[17];
	uint64_t metadata; /* annotations told so far: a modseq */
	struct watched *next;
};

struct notify {
	struct arena *arena; /* the groups */
	struct notify_request *request;
	bool others; /* mailboxes of others may be meant */
	struct watched *watched;
	struct picture told;
	/* In the selected mailbox, UIDs below this were fetched for the
	 * client. */
	char owner[17];
	int64_t mailbox;
	uint32_t uidnext;
	struct cmd *fetch; /* in the middle of it */
};

/* From now on changes of the account wake the session; what happened before is
 * for another look. */
void notify_watch(struct session *s, const char *owner);

/* notify_tell.c: from where is told, before the client hears that his request
 * is taken: PLACES are those of the first picture. */
void notify_begin(struct session *s, const struct place *places, size_t count);
/* Look, and tell of all but the selected mailbox. */
void notify_tell(struct session *s);
/* What the client wants to hear of a mailbox; OWN: it is the user's. */
unsigned notify_events(const struct notify *n, const struct picture *now,
    bool own, struct str path);
/* The same without what he may not know of P: counting messages takes the right
 * to read them, as STATUS does. */
unsigned notify_allowed(unsigned events, unsigned rights);
/* The items of a STATUS that tells of EVENTS. */
unsigned notify_items(unsigned events);
bool notify_is_selected(const struct session *s, const struct place *p);

#endif
