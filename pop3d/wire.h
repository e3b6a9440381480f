/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef POP3D_WIRE_H
#define POP3D_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * A message as a multi-line response (RFC 1939, section 3): lines end in CR LF,
 * one that begins with a dot gets another, and a line with a dot alone ends
 * it. A bare LF becomes CR LF, since many clients take it for a line end and
 * could be shown an end that is none. The message may come in pieces cut
 * anywhere.
 */
struct wire {
	bool middle;    /* the line has begun */
	bool cr;        /* a CR was kept back: LF may follow */
	bool body;      /* behind the header */
	bool done;      /* nothing more is wanted */
	uint64_t lines; /* of the body, still to be sent */
};

#define WIRE_ALL UINT64_MAX

/* The header, the empty line and LINES lines of the body (TOP). */
void wire_init(struct wire *w, uint64_t lines);
void wire_put(struct wire *w, struct str in, struct buf *out);
/* The end of the message, and of the response. */
void wire_end(struct wire *w, struct buf *out);

#endif
