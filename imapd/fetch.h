/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_FETCH_H
#define IMAPD_FETCH_H

#include "imapd/fetch_items.h"
#include "imapd/search_key.h"
#include "imapd/section.h"
#include "imapd/session.h"

/*
 * A FETCH in progress. cmd_fetch.c goes from message to message, fetch_emit.c
 * writes one.
 */

struct fetch {
	struct fetch_items items;
	struct section *sections; /* by item */
	struct uids seqs;
	struct uids seen; /* UIDs that this command made \Seen */
	uint64_t seen_modseq;
	bool since_given, vanished, partial_given;
	struct partial partial;
	uint64_t since;
	/* The position. */
	size_t range, item;
	uint32_t seq;
	bool within; /* a message is begun: */
	const struct view_row *row;
	size_t start;          /* where it starts in the output */
	bool sent;             /* and that has left already */
	struct mime_range big; /* what is left of a large section */
	/* What went wrong. */
	bool gone, unknown_cte;
	enum store_rc rc;
	struct buf scratch[2];
};

enum emit {
	EMIT_DONE,
	EMIT_FULL,
	EMIT_ABORT,
};

/* Begin the response for f->row: all but the contents of sections. */
enum store_rc fetch_begin(
    struct session *s, struct fetch *f, struct reader *r, struct err *e);
/* Sections from f->item on, and the end of the line. On EMIT_ABORT f->rc tells
 * why; EMIT_FULL: call it again when the output drained. */
enum emit fetch_finish(
    struct session *s, struct fetch *f, struct reader *r, struct err *e);

#endif
