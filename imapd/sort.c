/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/sort.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------
 * Order
 */

struct entry {
	const struct view_row *row;
	const struct email_key *key; /* NULL: of a message that is damaged */
	uint32_t seq;
	uint8_t score;
};

int64_t
sent_or_received(const struct email_key *k, const struct view_row *row)
{
	return k && k->dated ? k->sent : row->received;
}

static int64_t
number(const struct entry *e, enum sort_kind kind)
{
	switch (kind) {
	case SORT_ARRIVAL:
		return e->row->received;
	case SORT_DATE:
		return sent_or_received(e->key, e->row);
	case SORT_RELEVANCY:
		return -(int64_t)e->score;
	default:
		return e->row->size;
	}
}

static struct str
text(const struct entry *e, enum key_text which)
{
	return e->key ? key_text(e->key, which) : STR_NULL;
}

static int
compare_key(
    const struct sort_key *k, const struct entry *x, const struct entry *y)
{
	int64_t a, b;

	if (k->kind == SORT_TEXT)
		return str_cmp(text(x, k->text), text(y, k->text));
	a = number(x, k->kind);
	b = number(y, k->kind);
	return a < b ? -1 : a > b;
}

/* What is equal by all keys is in the order of the mailbox. */
static int
compare(
    const struct sort_program *p, const struct entry *x, const struct entry *y)
{
	for (size_t i = 0; i < p->n; i++) {
		int c = compare_key(&p->v[i], x, y);

		if (c)
			return p->v[i].reverse ? -c : c;
	}
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* The first key, or how it begins, as a number. */
static uint64_t
prefix(const struct sort_key *k, const struct entry *e)
{
	struct str s = STR_NULL;
	uint64_t v = 0;

	if (k->kind == SORT_TEXT) {
		s = text(e, k->text);
		for (size_t i = 0; i < 8; i++)
			v = v << 8 | (i < s.n ? (uint8_t)s.p[i] : 0);
	} else { /* negative ones first */
		v = (uint64_t)number(e, k->kind) ^ UINT64_C(1) << 63;
	}
	return k->reverse ? ~v : v;
}

static struct entry
entry(const struct search_scope *sc, const struct keys *keys, uint32_t seq,
    uint8_t score, size_t *hint)
{
	struct entry e = { .seq = seq, .score = score };
	bool gone;

	e.row = scope_row(sc, seq, &gone);
	e.key = keys ? keys_find(keys, e.row->email, hint) : NULL;
	return e;
}

/* ------------------------------------------------------------------------
 * Sorting: by prefixes, which are numbers; then those with the same one
 */

#define RADIX_MIN 256 /* with fewer it does not pay */

struct slot {
	uint64_t prefix;
	const struct entry *e;
};

static int
by_all(const void *a, const void *b, void *arg)
{
	const struct slot *x = a, *y = b;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return compare(arg, x->e, y->e);
}

/* Stable; ROOM is for N slots, too. Digits that all have in common cost
 * nothing. */
static void
radix(struct slot *v, struct slot *room, size_t n)
{
	struct slot *from = v, *to = room;
	size_t count[8][256] = { { 0 } };

	for (size_t i = 0; i < n; i++) {
		for (unsigned d = 0; d < 8; d++)
			count[d][v[i].prefix >> d * 8 & 0xff]++;
	}
	for (unsigned d = 0; d < 8; d++) {
		size_t start[256], at = 0;
		struct slot *swap = from;

		if (count[d][from[0].prefix >> d * 8 & 0xff] == n)
			continue;
		for (size_t k = 0; k < 256; k++) {
			start[k] = at;
			at += count[d][k];
		}
		for (size_t i = 0; i < n; i++)
			to[start[from[i].prefix >> d * 8 & 0xff]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != v)
		memcpy(v, from, n * sizeof(*v));
}

static void
sort_slots(struct sort_program *p, struct arena *a, struct slot *v, size_t n)
{
	bool number = p->n == 1 && p->v[0].kind != SORT_TEXT;

	if (n < RADIX_MIN) {
		qsort_r(v, n, sizeof(*v), by_all, p);
		return;
	}
	radix(v, arena_array(a, n, sizeof(*v)), n);
	for (size_t i = 0, end; i < n && !number; i = end) {
		for (end = i + 1; end < n && v[end].prefix == v[i].prefix;)
			end++;
		if (end - i > 1)
			qsort_r(v + i, end - i, sizeof(*v), by_all, p);
	}
}

void
sort_seqs(const struct sort_program *p, const struct search_scope *sc,
    const struct keys *keys, struct arena *a, uint32_t *seqs, uint8_t *scores,
    size_t n)
{
	struct entry *e = arena_array(a, n + 1, sizeof(*e));
	struct slot *v = arena_array(a, n + 1, sizeof(*v));
	struct sort_program program = *p;
	size_t hint = 0;

	for (size_t i = 0; i < n; i++) {
		e[i] = entry(sc, keys, seqs[i], scores ? scores[i] : 0, &hint);
		v[i] = (struct slot){ prefix(&p->v[0], &e[i]), &e[i] };
	}
	sort_slots(&program, a, v, n);
	for (size_t i = 0; i < n; i++)
		seqs[i] = v[i].e->seq;
	for (size_t i = 0; i < n && scores; i++)
		scores[i] = v[i].e->score;
}

size_t
sort_lower_bound(const struct sort_program *p, const struct search_scope *sc,
    const struct keys *keys, const uint32_t *uids, size_t n, uint32_t seq)
{
	size_t lo = 0, hi = n, hint = 0;
	struct entry e = entry(sc, keys, seq, 0, &hint);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct entry at =
		    entry(sc, keys, view_seq(sc->view, uids[mid]), 0, &hint);

		if (compare(p, &at, &e) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
