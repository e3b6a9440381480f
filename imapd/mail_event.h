/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_MAIL_EVENT_H
#define IMAPD_MAIL_EVENT_H

#include "imapd/session.h"

/*
 * What a user did with messages, told in one place after it is done: scripts
 * act on it (event_script.h), and it goes to the log at level debug.
 *
 * One command is one event for each mailbox it acts on. Messages that come by
 * MOVE have the cause COPY, as RFC 6785, section 4.3, wants it.
 */

enum mail_cause { CAUSE_APPEND, CAUSE_COPY, CAUSE_FLAG };
const char *mail_cause_name(enum mail_cause cause);

struct mail_event {
	enum mail_cause cause;
	struct account *account; /* where they are now */
	int64_t mailbox;
	struct uids uids;
	/* CAUSE_FLAG: what the command named, and its modseq, which those of
	 * UIDS have, or a higher one, that it changed. Else NULL and 0. */
	const struct flags *flags;
	uint64_t modseq;
	/* How they were before, if the change is not the same for all. */
	const struct view *before;
};

void mail_event(struct session *s, const struct mail_event *ev);

#endif
