/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DELIVER_NOTICE_H
#define DELIVER_NOTICE_H

#include "deliver/deliver.h"
#include "store/outgoing.h"

/*
 * Notices of success to senders who asked for them (NOTIFY=SUCCESS; RFC 3461,
 * sections 5.2.3, 5.2.7 and 6; RFC 3464). Failures are told by whoever we
 * refuse the message to.
 */

enum notice_kind {
	NOTICE_DELIVERED, /* to a mailbox, or whatever the owner has done */
	NOTICE_EXPANDED,  /* sent on to several addresses */
	NOTICE_RELAYED,   /* sent on to where nobody will tell of it */
};

struct notice {
	const struct deliver_message *message;
	const struct deliver_rcpt *rcpt;
	const char *hostname;
	struct str postmaster; /* who it comes from */
};

/* Does the sender of M want one? NOTIFY is what it says of the recipient. */
bool notice_wanted(const struct deliver_message *m, struct str notify);

/* The notice, to be queued; in ARENA. False: no mail can be sent to such a
 * sender. */
bool notice_make(struct arena *arena, const struct notice *n,
    enum notice_kind kind, int64_t now, struct outgoing *out);

#endif
