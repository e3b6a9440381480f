/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_NOTIFY_H
#define IMAPD_NOTIFY_H

#include "imapd/fetch_items.h"
#include "imapd/session.h"

/*
 * NOTIFY (RFC 5465): the client names mailboxes and kinds of events, and hears
 * of them at any time, IDLE or not.
 *
 * The session keeps a picture of the mailboxes. When the watch wakes it, it
 * looks again and tells the difference: STATUS for messages, LIST for names and
 * subscriptions, METADATA for annotations. The selected mailbox is synchronised
 * as in IDLE; new messages in it are fetched with the items that the client
 * named.
 */

enum notify_filter {
	NOTIFY_SELECTED,
	NOTIFY_SELECTED_DELAYED,
	NOTIFY_INBOXES,
	NOTIFY_PERSONAL,
	NOTIFY_SUBSCRIBED,
	NOTIFY_SUBTREE,
	NOTIFY_SUBTREE_ONE, /* children, not theirs (RFC 7377) */
	NOTIFY_MAILBOXES,
};

enum { /* events, as bits */
	EVENT_NEW = 1,
	EVENT_EXPUNGE = 2,
	EVENT_FLAGS = 4,
	EVENT_NAME = 8,
	EVENT_SUBSCRIPTION = 16,
	EVENT_METADATA = 32, /* of a mailbox (RFC 5464) */
	EVENT_SERVER_METADATA = 64,
	EVENT_MESSAGES = EVENT_NEW | EVENT_EXPUNGE | EVENT_FLAGS,
};

struct notify_group {
	enum notify_filter filter;
	const struct str *names; /* of SUBTREE, SUBTREE-ONE, MAILBOXES */
	size_t nnames;
	unsigned events;
	struct fetch_items items; /* of MessageNew; n is 0: none */
};

#define NOTIFY_GROUPS 64

/* What the client asked for. In an arena, which parse->arena is. */
struct notify_request {
	bool none, status;
	struct notify_group groups[NOTIFY_GROUPS];
	size_t n;
	bool bad_event; /* an event that is not known: NO, not BAD */
};
bool notify_parse(struct parse *p, struct notify_request *out);
/* The filter alone, as ESEARCH has it; and whether it names the mailbox PATH,
 * if it is one of those with names. */
bool notify_take_filter(struct parse *p, struct notify_group *out);
bool notify_named(const struct notify_group *g, struct str path);

/* Events wait for this session: it wants to be run when woken. */
bool notify_active(const struct session *s);
/* Look, and tell what is new. True: the output is full, and there is more. */
bool notify_look(struct session *s);
/* A mailbox was selected: what is in it is known. */
void notify_selected(struct session *s);
void notify_free(struct session *s);

#endif
