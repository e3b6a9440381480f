/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BACKEND_SMTP_H
#define BACKEND_SMTP_H

#include <stdbool.h>

#include "backend/peer.h"
#include "backend/reply.h"
#include "base/arena.h"

/*
 * The client's side of SMTP (RFC 5321) and LMTP (RFC 2033), a command at a
 * time. Each function returns the code that was answered, 0 if there was none
 * that makes sense: then the conversation is over. REPLY has the answer, and E
 * a sentence about it.
 */
struct smtp {
	struct arena *arena;
	struct peer *peer;
	const char *who; /* in sentences: "the backend" */
	struct backend_reply *reply;
	struct err *e;
	/* Of the last greeting: what it can do. */
	bool eightbit, utf8, size, dsn, deliverby;
};

/* The answer to what was sent, if anything. */
unsigned smtp_answer(struct smtp *t);
unsigned smtp_command(struct smtp *t, struct str line);
/* Greeting and VERB ("EHLO", "LHLO"), with STARTTLS between if that is
 * wanted. 250: the session is open. */
unsigned smtp_greet(
    struct smtp *t, const char *verb, const char *hostname, bool starttls);
/* After DATA's 354: HEAD and RAW, one after the other, with CRLF line ends.
 * Waits for the last answer as long as RFC 5321, section 4.5.3.2, wants. */
unsigned smtp_text(struct smtp *t, struct str head, struct str raw);
/* Say goodbye; nobody waits for the answer. */
void smtp_quit(struct smtp *t);

#endif
