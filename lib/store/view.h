/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include <stdatomic.h>

#include "store/store.h"

/*
 * How views are made; callers outside lib/store see only the accessors in
 * store.h.
 *
 * A view is a list of chunks of rows. Chunks are immutable and counted, and a
 * new view takes over every chunk in which nothing changed, so an update costs
 * the chunks touched and a comparison skips the chunks shared. A chunk that
 * survives keeps its rows' neighbourhood: chunks are never merged or split,
 * only rewritten with fewer rows, dropped when empty, or added at the end.
 */

#define VIEW_CHUNK 256

struct view_meta {
	int64_t mailbox;
	uint64_t modseq;
	uint32_t uidvalidity, uidnext;
};

/* Rows kept somewhere else, such as in a mapped file. The views that use them
 * count on it; free() comes with the last. */
struct view_rows {
	_Atomic unsigned refs;
	void (*free)(struct view_rows *owner);
};

struct view_chunk {
	const struct view_row *rows;
	uint32_t n;
	uint64_t modseq; /* the highest of its rows */
};

/* A view of rows that OWNER keeps; their flags have no `more`. */
struct view *view_from_chunks(const struct view_meta *meta,
    const struct view_chunk *chunks, size_t n, struct view_rows *owner);
size_t view_chunks(const struct view *v);
void view_chunk(const struct view *v, size_t i, struct view_chunk *out);

struct view_builder;

/* OLD NULL: from nothing. */
struct view_builder *view_build(const struct view *old);
/*
 * Set or add the message ROW->uid (ROW is copied), or remove UID. Calls come
 * in ascending UID order, sets and removes mixed, each UID once.
 */
void view_build_row(struct view_builder *b, const struct view_row *row);
void view_build_gone(struct view_builder *b, uint32_t uid);
struct view *view_build_done(
    struct view_builder **b, const struct view_meta *meta);
void view_build_cancel(struct view_builder **b);

#endif
