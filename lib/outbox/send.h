/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOX_SEND_H
#define OUTBOX_SEND_H

#include "base/arena.h"
#include "site/site.h"
#include "store/outgoing.h"

struct peer;

/* What became of a recipient. */
enum fate { FATE_LATER, FATE_SENT, FATE_FAILED };
struct verdict {
	enum fate fate;
	struct str why; /* one line; empty if it was sent */
};

struct sending {
	struct site *site;
	const char *hostname;
	struct arena *arena;
	const struct outgoing *what;
	struct str raw;
	struct verdict *verdicts; /* of each recipient; filled */
	/* Told before and after: what can be interrupted. May be NULL. */
	void (*talking)(void *arg, struct peer *p);
	void *arg;
};

/* False: the MTA cannot be reached at all, and nothing was tried. */
bool send_mail(struct sending *s, struct err *e);

/* TEXT with CRLF for every bare CR and LF, which a lax server might take for
 * the end of a message. False: there were none, and OUT is untouched. */
bool send_clean(struct str text, struct buf *out);

/* MAIL's and RCPT's parameters for what a server offers. */
struct smtp;
struct str send_mail_line(const struct smtp *t, const struct outgoing *o,
    struct str raw, int64_t now);
struct str send_rcpt_line(
    const struct smtp *t, const struct outgoing *o, struct str to);
bool send_needs_utf8(const struct outgoing *o);

#endif
