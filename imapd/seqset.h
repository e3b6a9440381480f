/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_SEQSET_H
#define IMAPD_SEQSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "store/store.h"

/*
 * IMAP sequence sets (RFC 9051, section 9): "1:4,9,12:*".
 *
 * A set is a struct uids, whether it holds UIDs or sequence numbers: ranges
 * sorted, disjoint and merged, so walking a set costs one step per range,
 * whatever the client sent. It lives in the arena it was parsed into.
 */

enum seqset_rc {
	SEQSET_OK,
	SEQSET_SYNTAX,
	SEQSET_TOO_MANY, /* more than SEQSET_MAX_RANGES ranges */
};

#define SEQSET_MAX_RANGES 16384

/*
 * Parse TEXT; "*" stands for STAR, which is 0 in an empty mailbox: then "*"
 * names nothing, and a range with it is empty. On any result but SEQSET_OK
 * *out is empty and *at is the offset that was not understood.
 */
enum seqset_rc seqset_parse(struct arena *a, struct str text, uint32_t star,
    struct uids *out, size_t *at);

bool seqset_has(struct uids set, uint32_t num);
/* The largest number; 0 of an empty set. */
uint32_t seqset_max(struct uids set);

/* What is in both. */
struct uids seqset_and(struct arena *a, struct uids x, struct uids y);

/* From the number at position FROM (0-based) to before that at TO. */
struct uids seqset_slice(
    struct arena *a, struct uids set, uint64_t from, uint64_t to);

/* "1:4,9" as it goes to the client. */
void seqset_put(struct buf *out, struct uids set);

#endif
