/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_FRAME_H
#define IMAPD_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * Framing: where one command ends. A command is a line, but a line that ends
 * in {n}, {n+} or ~{n} goes on with n octets of literal and another line
 * (RFC 3501, section 4.3; RFC 7888; RFC 3516). The frame collects all of it
 * as one range of bytes, announcements and line ends included, so that the
 * parser finds the literals where the framing found them.
 *
 * Nothing is kept while no command is begun. The owner decides on every
 * literal, so it decides how much memory a peer can make us use.
 */

enum frame_event {
	FRAME_MORE,    /* all of the input was used, the command goes on */
	FRAME_LITERAL, /* a literal is announced: frame_accept() or _refuse() */
	FRAME_DONE,    /* `cmd` is a whole command without its last line end */
	FRAME_REFUSED, /* a refused command is over; `cmd` is how it began */
	FRAME_TOOLONG, /* the same for a line over the limit */
	FRAME_BROKEN,  /* a literal of absurd size: close the connection */
};

struct frame {
	struct buf cmd;
	size_t max_line;  /* octets without literals; at least 256 */
	size_t line;      /* so many of them so far */
	size_t from;      /* where the present line starts in cmd */
	uint64_t literal; /* announced or still to come */
	bool sync;        /* the client waits for "+" */
	bool binary;      /* literal8 */
	bool plain;       /* no literals: a SASL answer, IDLE's DONE */
	enum { FRAME_LINE, FRAME_OFFERED, FRAME_BYTES, FRAME_SKIP } state;
	enum frame_event drop; /* not FRAME_MORE: why cmd grows no more */
	bool unasked; /* the refused literal was one that does not wait */
};

void frame_fini(struct frame *f);

/* Use bytes of IN, *used many of them. After FRAME_DONE and its like call
 * frame_reset() before the next byte. */
enum frame_event frame_feed(struct frame *f, struct str in, size_t *used);

/* Answers to FRAME_LITERAL. The memory for it is taken at once. */
void frame_accept(struct frame *f);
/* Swallow it, if the client sends it unasked; the command is lost. */
enum frame_event frame_refuse(struct frame *f);

/* Ready for another command; memory is given back. */
void frame_reset(struct frame *f);

#endif
