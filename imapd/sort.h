/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_SORT_H
#define IMAPD_SORT_H

#include "imapd/parse.h"
#include "imapd/search.h"

/*
 * The order of SORT (RFC 5256, section 3; display names of RFC 5957). A key is
 * a row of the table in sort.c. What is equal by all keys is in the order of
 * the mailbox.
 */

enum sort_kind {
	SORT_ARRIVAL,
	SORT_DATE, /* of sending */
	SORT_SIZE,
	SORT_TEXT,      /* `text` of the keys */
	SORT_RELEVANCY, /* of FUZZY (RFC 6203), the best first */
};

struct sort_key {
	enum sort_kind kind;
	enum key_text text;
	bool reverse;
};

#define SORT_KEYS 32

struct sort_program {
	struct sort_key v[SORT_KEYS];
	size_t n;
	bool keys;      /* keys_of() is needed, with: */
	unsigned texts; /* bits */
	bool relevancy; /* search_run must have scores */
};

/* "(REVERSE DATE SUBJECT)" */
bool sort_parse(struct parse *p, struct sort_program *out);

/* All that comes after SORT, to the end of the command. */
bool sort_parse_all(
    struct parse *p, struct sort_program *out, struct search_program *search);

/* Put N numbers of messages in order, and their SCORES if there are any. KEYS
 * may be NULL if none are needed. */
void sort_seqs(const struct sort_program *p, const struct search_scope *sc,
    const struct keys *keys, struct arena *a, uint32_t *seqs, uint8_t *scores,
    size_t n);

/* Where the message SEQ belongs among N that are in order, named by UID: before
 * the one at that position (0-based). */
size_t sort_lower_bound(const struct sort_program *p,
    const struct search_scope *sc, const struct keys *keys,
    const uint32_t *uids, size_t n, uint32_t seq);

/* Date and time of sending, else of arrival. */
int64_t sent_or_received(const struct email_key *k, const struct view_row *row);

#endif
