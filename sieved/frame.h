/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVED_FRAME_H
#define SIEVED_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * Framing: where one command ends. A command is a line, but a line that ends
 * in {n+} goes on with n octets of literal and the rest of the command
 * (RFC 5804, section 4). Nobody waits for literals, so {n} means the same.
 * The frame collects all of it as one range of bytes, announcements and line
 * ends included; args.h takes them apart.
 *
 * What is over a limit is swallowed without being kept, so that the client
 * reads an answer and can go on.
 */

enum frame_event {
	FRAME_MORE,     /* all of the input was used, the command goes on */
	FRAME_DONE,     /* `cmd` is a whole command without its last line end */
	FRAME_LONG,     /* a line was too long; `cmd` is how it began */
	FRAME_LARGE,    /* the same for a literal */
	FRAME_HOPELESS, /* a literal that is not worth swallowing: close */
};

#define FRAME_HEAD 64                       /* of a command that is too long */
#define FRAME_MAX_SKIP (UINT64_C(64) << 20) /* octets of one literal */

struct frame {
	size_t max_line, max_literal; /* octets; the caller's */
	struct buf cmd;
	size_t line_at;        /* where the present line starts in cmd */
	size_t line;           /* its octets so far, kept or not */
	uint64_t literal;      /* octets still to come */
	enum frame_event drop; /* not FRAME_MORE: why cmd grows no more */
	char tail[16];         /* how a dropped line ends, right aligned */
};

/* Use bytes of IN, *used many of them. After anything but FRAME_MORE call
 * frame_reset() before the next byte. */
enum frame_event frame_feed(struct frame *f, struct str in, size_t *used);
/* Ready for another command; memory is given back. */
void frame_reset(struct frame *f);

#endif
