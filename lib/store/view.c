/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/view.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct chunk {
	_Atomic unsigned refs;
	uint32_t n;
	uint64_t modseq; /* the highest of its rows */
	uint32_t *more;  /* where the rows' flags.more point */
	const struct view_row *rows;
	struct view_rows *owner; /* of the rows; NULL: they follow here */
	struct view_row own[];
};

struct view {
	_Atomic unsigned refs;
	struct view_meta meta;
	uint32_t count;
	size_t nchunks;
	struct chunk **chunks;
	uint32_t *first; /* sequence number of each chunk's first row */
};

/* ------------------------------------------------------------------------
 * Chunks
 */

static void
chunk_unref(struct chunk *c)
{
	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	if (c->owner && atomic_fetch_sub(&c->owner->refs, 1) == 1)
		c->owner->free(c->owner);
	free(c->more);
	free(c);
}

static uint32_t
chunk_last_uid(const struct chunk *c)
{
	return c->rows[c->n - 1].uid;
}

/* A chunk of exactly N rows; their extra keywords are copied along. */
static struct chunk *
chunk_new(const struct view_row *rows, uint32_t n)
{
	struct chunk *c =
	    mem_alloc(offsetof(struct chunk, own) + n * sizeof(*rows));
	size_t more = 0;

	for (uint32_t i = 0; i < n; i++)
		more += rows[i].flags.nmore;
	atomic_init(&c->refs, 1);
	c->n = n;
	c->modseq = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (rows[i].modseq > c->modseq)
			c->modseq = rows[i].modseq;
	}
	c->more = more ? mem_array(NULL, more, sizeof(*c->more)) : NULL;
	c->owner = NULL;
	c->rows = c->own;
	memcpy(c->own, rows, n * sizeof(*rows));
	more = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct flags *f = &c->own[i].flags;

		if (!f->nmore) {
			f->more = NULL;
			continue;
		}
		memcpy(c->more + more, f->more, f->nmore * sizeof(*f->more));
		f->more = c->more + more;
		more += f->nmore;
	}
	return c;
}

/* ------------------------------------------------------------------------
 * Building
 */

/*
 * Rows are collected in `open`; `at` is the old chunk they come from and
 * `taken` how many of its rows were dealt with. While nothing in a chunk
 * changed, it is not opened at all.
 */
struct view_builder {
	const struct view *old;
	size_t at;
	uint32_t taken;
	bool opened;
	struct view_row open[VIEW_CHUNK];
	uint32_t nopen;
	/* Extra keywords of added rows until their chunk is made. */
	struct arena *arena;
	struct chunk **chunks;
	size_t n, cap;
};

struct view_builder *
view_build(const struct view *old)
{
	struct view_builder *b = mem_alloc(sizeof(*b));

	/* Not `open`: it is large and written before it is read. */
	b->old = old;
	b->at = 0;
	b->taken = b->nopen = 0;
	b->opened = false;
	b->arena = arena_new();
	b->chunks = NULL;
	b->n = b->cap = 0;
	return b;
}

static void
push_chunk(struct view_builder *b, struct chunk *c)
{
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 16;
		b->chunks = mem_array(b->chunks, b->cap, sizeof(*b->chunks));
	}
	b->chunks[b->n++] = c;
}

static void
flush(struct view_builder *b)
{
	if (b->nopen)
		push_chunk(b, chunk_new(b->open, b->nopen));
	b->nopen = 0;
	arena_reset(b->arena);
}

static struct chunk *
old_chunk(const struct view_builder *b)
{
	return b->old && b->at < b->old->nchunks ? b->old->chunks[b->at] : NULL;
}

static void
open_row(struct view_builder *b, const struct view_row *row)
{
	if (b->nopen == VIEW_CHUNK)
		flush(b);
	b->open[b->nopen++] = *row;
}

/* Leave the current old chunk: share it whole, or finish its copy. */
static void
leave_chunk(struct view_builder *b)
{
	struct chunk *c = old_chunk(b);

	if (!b->opened) {
		atomic_fetch_add(&c->refs, 1);
		push_chunk(b, c);
	} else {
		while (b->taken < c->n)
			open_row(b, &c->rows[b->taken++]);
		flush(b);
	}
	b->at++;
	b->taken = 0;
	b->opened = false;
}

/* Deal with all old rows below UID; true if the next one is UID itself. */
static bool
advance(struct view_builder *b, uint32_t uid)
{
	struct chunk *c;

	while ((c = old_chunk(b)) && chunk_last_uid(c) < uid) {
		/* The last chunk is opened if it has room for what comes. */
		if (b->at + 1 == b->old->nchunks && c->n < VIEW_CHUNK) {
			b->opened = true;
			while (b->taken < c->n)
				open_row(b, &c->rows[b->taken++]);
			b->at++;
			b->taken = 0;
			b->opened = false;
			return false;
		}
		leave_chunk(b);
	}
	if (!c)
		return false;
	b->opened = true;
	while (c->rows[b->taken].uid < uid)
		open_row(b, &c->rows[b->taken++]);
	return c->rows[b->taken].uid == uid;
}

void
view_build_row(struct view_builder *b, const struct view_row *row)
{
	struct view_row copy = *row;

	if (advance(b, row->uid))
		b->taken++;
	if (b->nopen == VIEW_CHUNK)
		flush(b);
	if (row->flags.nmore) {
		uint32_t *more =
		    arena_array(b->arena, row->flags.nmore, sizeof(*more));

		memcpy(more, row->flags.more, row->flags.nmore * sizeof(*more));
		copy.flags.more = more;
	}
	open_row(b, &copy);
}

void
view_build_gone(struct view_builder *b, uint32_t uid)
{
	if (advance(b, uid))
		b->taken++;
}

/* Takes over CHUNKS. */
static struct view *
view_of_chunks(const struct view_meta *meta, struct chunk **chunks, size_t n)
{
	struct view *v = mem_zalloc(sizeof(*v));

	atomic_init(&v->refs, 1);
	v->meta = *meta;
	v->nchunks = n;
	v->chunks = chunks;
	v->first = mem_array(NULL, n, sizeof(*v->first));
	for (size_t i = 0; i < n; i++) {
		v->first[i] = v->count + 1;
		v->count += chunks[i]->n;
	}
	return v;
}

struct view *
view_from_chunks(const struct view_meta *meta, const struct view_chunk *chunks,
    size_t n, struct view_rows *owner)
{
	struct chunk **list = mem_array(NULL, n, sizeof(*list));

	atomic_init(&owner->refs, (unsigned)n + 1);
	for (size_t i = 0; i < n; i++) {
		list[i] = mem_alloc(sizeof(**list));
		atomic_init(&list[i]->refs, 1);
		list[i]->n = chunks[i].n;
		list[i]->modseq = chunks[i].modseq;
		list[i]->more = NULL;
		list[i]->rows = chunks[i].rows;
		list[i]->owner = owner;
	}
	/* Ours, which kept it alive meanwhile. */
	if (atomic_fetch_sub(&owner->refs, 1) == 1)
		owner->free(owner);
	return view_of_chunks(meta, list, n);
}

size_t
view_chunks(const struct view *v)
{
	return v->nchunks;
}

void
view_chunk(const struct view *v, size_t i, struct view_chunk *out)
{
	const struct chunk *c = v->chunks[i];

	*out = (struct view_chunk){ c->rows, c->n, c->modseq };
}

struct view *
view_build_done(struct view_builder **bp, const struct view_meta *meta)
{
	struct view_builder *b = *bp;
	struct view *v;

	while (old_chunk(b))
		leave_chunk(b);
	flush(b);
	v = view_of_chunks(
	    meta, mem_array(b->chunks, b->n, sizeof(*b->chunks)), b->n);
	b->chunks = NULL;
	b->n = 0;
	view_build_cancel(bp);
	return v;
}

void
view_build_cancel(struct view_builder **bp)
{
	struct view_builder *b = *bp;

	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++)
		chunk_unref(b->chunks[i]);
	free(b->chunks);
	arena_free(&b->arena);
	free(b);
	*bp = NULL;
}

/* ------------------------------------------------------------------------
 * Reading
 */

struct view *
view_ref(struct view *v)
{
	atomic_fetch_add(&v->refs, 1);
	return v;
}

void
view_unref(struct view **vp)
{
	struct view *v = *vp;

	*vp = NULL;
	if (!v || atomic_fetch_sub(&v->refs, 1) != 1)
		return;
	for (size_t i = 0; i < v->nchunks; i++)
		chunk_unref(v->chunks[i]);
	free(v->chunks);
	free(v->first);
	free(v);
}

int64_t
view_mailbox(const struct view *v)
{
	return v->meta.mailbox;
}

uint64_t
view_modseq(const struct view *v)
{
	return v->meta.modseq;
}

uint32_t
view_uidvalidity(const struct view *v)
{
	return v->meta.uidvalidity;
}

uint32_t
view_uidnext(const struct view *v)
{
	return v->meta.uidnext;
}

uint32_t
view_count(const struct view *v)
{
	return v->count;
}

/* The chunk that holds SEQ. */
static size_t
chunk_of_seq(const struct view *v, uint32_t seq)
{
	size_t lo = 0, hi = v->nchunks;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (v->first[mid] <= seq)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

const struct view_row *
view_at(const struct view *v, uint32_t seq)
{
	size_t i = chunk_of_seq(v, seq);

	return &v->chunks[i]->rows[seq - v->first[i]];
}

uint32_t
view_lower_bound(const struct view *v, uint32_t uid)
{
	size_t lo = 0, hi = v->nchunks;
	const struct chunk *c;
	uint32_t a = 0, z;

	/* The first chunk whose last UID is not below UID. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (chunk_last_uid(v->chunks[mid]) < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == v->nchunks)
		return v->count + 1;
	c = v->chunks[lo];
	z = c->n;
	while (a < z) {
		uint32_t mid = a + (z - a) / 2;

		if (c->rows[mid].uid < uid)
			a = mid + 1;
		else
			z = mid;
	}
	return v->first[lo] + a;
}

uint32_t
view_seq(const struct view *v, uint32_t uid)
{
	uint32_t seq = view_lower_bound(v, uid);

	return seq <= v->count && view_at(v, seq)->uid == uid ? seq : 0;
}

uint32_t
view_next_changed(const struct view *v, uint32_t seq, uint64_t since)
{
	for (size_t c = chunk_of_seq(v, seq); c < v->nchunks; c++) {
		const struct chunk *chunk = v->chunks[c];
		uint32_t i = seq > v->first[c] ? seq - v->first[c] : 0;

		if (chunk->modseq <= since)
			continue;
		for (; i < chunk->n; i++) {
			if (chunk->rows[i].modseq > since)
				return v->first[c] + i;
		}
	}
	return v->count + 1;
}

struct uids
view_seqs(struct arena *arena, const struct view *v, struct uids uids)
{
	struct uid_range *r = arena_array(arena, uids.n + 1, sizeof(*r));
	size_t n = 0;

	for (size_t i = 0; i < uids.n; i++) {
		uint32_t hi = uids.r[i].hi;

		r[n].lo = view_lower_bound(v, uids.r[i].lo);
		r[n].hi = hi == UINT32_MAX ? view_count(v)
					   : view_lower_bound(v, hi + 1) - 1;
		n += r[n].lo <= r[n].hi;
	}
	return (struct uids){ r, n };
}

/* The UIDs between the messages of the view, and behind the last one. */
struct uids
view_missing(const struct view *v, struct uids uids, struct arena *arena)
{
	struct uids_builder b = { .arena = arena };

	for (size_t i = 0; i < uids.n; i++) {
		uint32_t uid = uids.r[i].lo, seq = view_lower_bound(v, uid);
		uint32_t end = v->meta.uidnext; /* exclusive */

		if (uids.r[i].hi < end)
			end = uids.r[i].hi + 1;
		while (uid < end) {
			uint32_t next =
			    seq <= v->count ? view_at(v, seq)->uid : end;

			if (next > end)
				next = end;
			if (uid < next)
				uids_add_range(&b, uid, next - 1);
			uid = next + 1;
			seq++;
		}
	}
	return uids_done(&b);
}

/* ------------------------------------------------------------------------
 * Comparing
 */

/* A position in a view: row I of chunk C. */
struct cursor {
	const struct view *v;
	size_t c;
	uint32_t i;
};

static bool
same_chunk_start(const struct cursor *a, const struct cursor *b)
{
	return a->i == 0 && b->i == 0 &&
	       a->v->chunks[a->c] == b->v->chunks[b->c];
}

static bool
at_end(const struct cursor *k)
{
	return k->c == k->v->nchunks;
}

static const struct view_row *
row_at(const struct cursor *k)
{
	return &k->v->chunks[k->c]->rows[k->i];
}

static void
step(struct cursor *k)
{
	if (++k->i == k->v->chunks[k->c]->n) {
		k->c++;
		k->i = 0;
	}
}

/* The same from the end: C counts chunks and I rows still to come. */
static struct cursor
from_end(const struct view *v)
{
	return (struct cursor){ v, v->nchunks,
		v->nchunks ? v->chunks[v->nchunks - 1]->n : 0 };
}

static bool
at_start(const struct cursor *k)
{
	return k->c == 0;
}

static const struct view_row *
row_before(const struct cursor *k)
{
	return &k->v->chunks[k->c - 1]->rows[k->i - 1];
}

static void
chunk_back(struct cursor *k)
{
	k->c--;
	k->i = k->c ? k->v->chunks[k->c - 1]->n : 0;
}

static void
step_back(struct cursor *k)
{
	if (--k->i == 0)
		chunk_back(k);
}

static bool
same_chunk_end(const struct cursor *a, const struct cursor *b)
{
	const struct chunk *x = a->v->chunks[a->c - 1];

	return x == b->v->chunks[b->c - 1] && a->i == x->n && b->i == x->n;
}

/*
 * Walk both views from the end and call GONE for rows that only OLD has,
 * highest first; stop when it returns false.
 */
static void
walk_gone(const struct view *old, const struct view *new,
    bool (*gone)(void *arg, uint32_t seq, uint32_t uid), void *arg)
{
	struct cursor a = from_end(old), b = from_end(new);
	uint32_t seq = old->count;

	while (!at_start(&a)) {
		uint32_t uid = row_before(&a)->uid;

		if (!at_start(&b) && same_chunk_end(&a, &b)) {
			seq -= a.i;
			chunk_back(&a);
			chunk_back(&b);
		} else if (!at_start(&b) && row_before(&b)->uid > uid) {
			step_back(&b);
		} else {
			bool both = !at_start(&b) && row_before(&b)->uid == uid;

			if (both)
				step_back(&b);
			else if (!gone(arg, seq, uid))
				return;
			step_back(&a);
			seq--;
		}
	}
}

struct gone_cb {
	const struct view_diff *cb;
	void *arg;
};

static bool
report_gone(void *arg, uint32_t seq, uint32_t uid)
{
	struct gone_cb *g = arg;

	g->cb->expunged(g->arg, seq, uid);
	return true;
}

static bool
note_gone(void *arg, uint32_t seq, uint32_t uid)
{
	(void)seq;
	(void)uid;
	*(bool *)arg = true;
	return false;
}

bool
view_has_expunged(const struct view *old, const struct view *new)
{
	bool found = false;

	walk_gone(old, new, note_gone, &found);
	return found;
}

static void
walk_changed(const struct view *old, const struct view *new,
    const struct view_diff *cb, void *arg)
{
	struct cursor a = { old, 0, 0 }, b = { new, 0, 0 };
	uint32_t seq = 1;

	while (!at_end(&a) && !at_end(&b)) {
		const struct view_row *x = row_at(&a), *y = row_at(&b);

		if (same_chunk_start(&a, &b)) {
			seq += old->chunks[a.c]->n;
			a.c++;
			b.c++;
		} else if (x->uid < y->uid) {
			step(&a);
		} else {
			if (x->uid == y->uid) {
				if (x->modseq != y->modseq)
					cb->changed(arg, seq, y);
				step(&a);
			}
			step(&b);
			seq++;
		}
	}
}

void
view_diff(const struct view *old, const struct view *new,
    const struct view_diff *cb, void *arg)
{
	struct gone_cb g = { cb, arg };

	walk_gone(old, new, report_gone, &g);
	walk_changed(old, new, cb, arg);
}

/* Rows that only the old view has, highest first. */
struct gone_rows {
	const struct view *old;
	const struct view_row **v;
	size_t n;
};

static bool
collect_gone(void *arg, uint32_t seq, uint32_t uid)
{
	struct gone_rows *g = arg;

	(void)uid;
	if ((g->n & (g->n - 1)) == 0) /* full: 0, 1, 2, 4, 8 ... */
		g->v = mem_array(g->v, g->n ? g->n * 2 : 1, sizeof(*g->v));
	g->v[g->n++] = view_at(g->old, seq);
	return true;
}

struct view *
view_with_expunged(const struct view *old, const struct view *new)
{
	struct gone_rows g = { .old = old };
	struct view_builder *b = view_build(new);

	walk_gone(old, new, collect_gone, &g);
	while (g.n > 0)
		view_build_row(b, g.v[--g.n]);
	free(g.v);
	return view_build_done(&b, &new->meta);
}
