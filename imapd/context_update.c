/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "imapd/context.h"
#include "imapd/search_result.h"

/* Reading messages for all results must not keep the client waiting for longer
 * than about that. */
#define UPDATE_MS 2000

/* What happened to the mailbox; numbers are those of the new view. */
struct changes {
	struct session *s;
	struct view *new;
	struct arena *arena;
	uint32_t *touched; /* numbers, ascending */
	size_t n, cap;
	size_t nold;    /* those before are not new */
	uint32_t *gone; /* UIDs; highest first */
	size_t ngone, gonecap;
	int64_t until; /* clock_mono_ms() */
};

/* What happens to a result; UIDs ascend. */
struct context_change {
	struct arena *arena;
	uint32_t *removed, *added;
	size_t nremoved, nadded;
};

void
context_change_free(struct context *x)
{
	if (x->change)
		arena_free(&x->change->arena);
	free(x->change);
	x->change = NULL;
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool
has(const uint32_t *v, size_t n, uint32_t num)
{
	return n && bsearch(&num, v, n, sizeof(*v), by_number);
}

/* ------------------------------------------------------------------------
 * Which messages are worth a look
 */

static void
on_expunged(void *arg, uint32_t seq, uint32_t uid)
{
	struct changes *d = arg;

	(void)seq;
	d->gone = arena_grow(
	    d->arena, d->gone, d->ngone, &d->gonecap, sizeof(*d->gone));
	d->gone[d->ngone++] = uid;
}

static void
touch(struct changes *d, uint32_t seq)
{
	d->touched = arena_grow(
	    d->arena, d->touched, d->n, &d->cap, sizeof(*d->touched));
	d->touched[d->n++] = seq;
}

static void
on_changed(void *arg, uint32_t seq, const struct view_row *row)
{
	(void)row;
	touch(arg, seq);
}

static void
find_changes(struct changes *d, const struct view *old)
{
	static const struct view_diff cb = { on_expunged, on_changed };
	uint32_t seq = view_lower_bound(d->new, view_uidnext(old));

	view_diff(old, d->new, &cb, d);
	d->nold = d->n;
	for (; seq <= view_count(d->new); seq++)
		touch(d, seq);
}

/* Did the message come of an age that is asked for since THEN? */
static bool
came_of_age(const struct search_key *k, int64_t received, int64_t then)
{
	int64_t at = received + (int64_t)k->num;

	if (k->kind == SK_WITHIN && at >= then)
		return true;
	for (const struct search_key *c = k->child; c; c = c->next) {
		if (came_of_age(c, received, then))
			return true;
	}
	return false;
}

/* Those touched, and those that time has touched. */
static uint32_t *
with_aged(const struct changes *d, struct context *x, size_t *n)
{
	int64_t then = x->aged;
	uint32_t count = view_count(d->new);
	uint32_t *out = arena_array(d->arena, count + 1, sizeof(*out));
	size_t at = 0;

	*n = 0;
	x->aged = clock_now();
	for (uint32_t seq = 1; seq <= count; seq++) {
		bool touched = at < d->n && d->touched[at] == seq;

		at += touched;
		if (touched || came_of_age(x->prog.root,
				   view_at(d->new, seq)->received, then))
			out[(*n)++] = seq;
	}
	return out;
}

/* ------------------------------------------------------------------------
 * What that means for a result
 */

static struct search_scope
scope(const struct changes *d)
{
	return (struct search_scope){ d->s->sel.account, d->new,
		d->s->sel.latest, d->s, true };
}

/* Search among SEQS; at least for one step, and no longer than is decent. */
static enum store_rc
search_again(const struct changes *d, struct context *x, const uint32_t *seqs,
    size_t n, struct search_run *run, struct err *e)
{
	struct search_scope sc = scope(d);
	enum store_rc rc;

	if (search_prepare(&sc, d->arena, &x->prog, &rc, e) != SEARCH_READY)
		return rc == STORE_OK ? STORE_BUG : rc;
	search_run_init(run, &sc, &x->prog, d->arena, seqs, n);
	do {
		rc = search_run_step(run, e);
	} while (rc == STORE_OK && run->grade != RUN_DONE &&
		 clock_mono_ms() < d->until);
	search_run_fini(run);
	if (rc == STORE_OK && (run->grade != RUN_DONE || run->failed)) {
		err_set(e, "updating a result took too long or failed");
		return STORE_BUSY;
	}
	return rc;
}

static void
note_gone(const struct changes *d, const struct context *x)
{
	struct context_change *ch = x->change;

	for (size_t i = d->ngone; i-- > 0;) {
		if (has(x->uids, x->n, d->gone[i]))
			ch->removed[ch->nremoved++] = d->gone[i];
	}
}

/* SEQS were looked at, FOUND are those of them that match. What was expunged
 * and not told yet stays where it is. */
static void
note_looked_at(const struct changes *d, const struct context *x,
    const uint32_t *seqs, size_t n, const struct search_run *found)
{
	struct context_change *ch = x->change;
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t uid = view_at(d->new, seqs[i])->uid;
		bool was = has(x->uids, x->n, uid);
		bool is = at < found->n && found->seqs[at] == seqs[i];

		at += is;
		if (is && !was)
			ch->added[ch->nadded++] = uid;
		else if (was && !is && view_seq(d->s->sel.latest, uid))
			ch->removed[ch->nremoved++] = uid;
	}
	qsort(ch->removed, ch->nremoved, sizeof(*ch->removed), by_number);
}

/* Those whose place in the result may be another now. */
static uint32_t *
worth_a_look(const struct changes *d, struct context *x, size_t *n)
{
	size_t skip = x->flags ? 0 : d->nold;

	if (context_due(x))
		return with_aged(d, x, n);
	*n = d->n - skip;
	return *n ? d->touched + skip : NULL;
}

static enum store_rc
update(const struct changes *d, struct context *x, struct err *e)
{
	struct context_change *ch = mem_zalloc(sizeof(*ch));
	struct search_run run;
	size_t n;
	uint32_t *seqs = worth_a_look(d, x, &n);
	enum store_rc rc;

	x->change = ch;
	ch->arena = arena_new();
	ch->removed =
	    arena_array(ch->arena, n + d->ngone + 1, sizeof(*ch->removed));
	ch->added = arena_array(ch->arena, n + 1, sizeof(*ch->added));
	note_gone(d, x);
	if (n == 0)
		return STORE_OK;
	rc = search_again(d, x, seqs, n, &run, e);
	if (rc == STORE_OK)
		note_looked_at(d, x, seqs, n, &run);
	return rc;
}

/* ------------------------------------------------------------------------
 * Telling
 */

static void
put_head(struct session *s, const struct context *x, const char *what)
{
	struct search_result r = { .tag = x->tag,
		.uid = x->uid || (s->enabled & EN_UIDONLY) };

	put_esearch_head(conn_out(s->conn), &r);
	buf_puts(conn_out(s->conn), what);
}

/* "(0 5:7)": the messages with these UIDs, at a position. */
static void
put_at(struct session *s, const struct context *x, size_t position,
    const uint32_t *uids, size_t n)
{
	struct buf *out = conn_out(s->conn);
	uint32_t *seqs;

	buf_putu(out, position);
	buf_putc(out, ' ');
	if (x->uid || (s->enabled & EN_UIDONLY)) {
		put_found(out, uids, n);
		return;
	}
	seqs = mem_array(NULL, n, sizeof(*seqs));
	for (size_t i = 0; i < n; i++)
		seqs[i] = view_seq(s->sel.view, uids[i]);
	put_found(out, seqs, n);
	free(seqs);
}

/* Where SORT has them: each run at the position that its first has when those
 * before are gone. */
static void
put_removed_of_sort(struct session *s, struct context *x)
{
	const struct context_change *ch = x->change;
	const char *sep = "";
	size_t kept = 0;

	for (size_t i = 0; i < x->n;) {
		size_t first = i;

		while (i < x->n && has(ch->removed, ch->nremoved, x->order[i]))
			i++;
		if (i > first) {
			buf_puts(conn_out(s->conn), sep);
			put_at(s, x, kept + 1, x->order + first, i - first);
			sep = " ";
		} else {
			x->order[kept++] = x->order[i++];
		}
	}
}

static void
take_away(struct context *x)
{
	const struct context_change *ch = x->change;
	size_t kept = 0;

	for (size_t i = 0; i < x->n; i++) {
		if (!has(ch->removed, ch->nremoved, x->uids[i]))
			x->uids[kept++] = x->uids[i];
	}
	x->n = kept;
}

static void
tell_removed(struct session *s, struct context *x)
{
	const struct context_change *ch = x->change;

	if (!ch->nremoved)
		return;
	put_head(s, x, " REMOVEFROM (");
	if (x->order)
		put_removed_of_sort(s, x);
	else
		put_at(s, x, 0, ch->removed, ch->nremoved);
	BUF_LIT(conn_out(s->conn), ")\r\n");
	take_away(x);
}

static void
drop(struct session *s, struct context *x, enum store_rc rc, struct err *e)
{
	log_info("result no longer updated",
	    LOG_CSTR("session", conn_id(s->conn)), LOG_CSTR("account", s->user),
	    LOG_CSTR("result", store_rc_name(rc)), LOG_ERR(e));
	context_drop(s, x, "Updates have become too costly");
}

void
contexts_before(struct session *s, struct view *new)
{
	struct changes d = {
		.s = s, .new = new, .until = clock_mono_ms() + UPDATE_MS
	};
	struct context *next;

	if (!s->sel.contexts)
		return;
	d.arena = arena_new();
	find_changes(&d, s->sel.view);
	for (struct context *x = s->sel.contexts; x; x = next) {
		struct err e = ERR_INIT;
		enum store_rc rc = update(&d, x, &e);

		next = x->next;
		if (rc == STORE_OK)
			tell_removed(s, x);
		else
			drop(s, x, rc, &e);
	}
	arena_free(&d.arena);
}

/* ------------------------------------------------------------------------
 * What joins
 */

/* Both ascend; the result is X's. */
static void
merge(struct context *x)
{
	const struct context_change *ch = x->change;
	size_t n = x->n, m = ch->nadded, at = n + m;

	x->uids = mem_array(x->uids, at + 1, sizeof(*x->uids));
	while (m > 0) {
		if (n > 0 && x->uids[n - 1] > ch->added[m - 1])
			x->uids[--at] = x->uids[--n];
		else
			x->uids[--at] = ch->added[--m];
	}
}

/* In SORT's order ADDED comes in at BEFORE, positions in X's order now. */
static void
put_added_of_sort(struct session *s, struct context *x, const uint32_t *added,
    const size_t *before, size_t n)
{
	uint32_t *order = mem_array(NULL, x->n + n + 1, sizeof(*order));
	const char *sep = "";
	size_t from = 0, at = 0;

	for (size_t i = 0; i < n;) {
		size_t first = i;

		memcpy(order + at, x->order + from,
		    (before[i] - from) * sizeof(*order));
		at += before[i] - from;
		from = before[i];
		while (i < n && before[i] == from)
			order[at++] = added[i++];
		buf_puts(conn_out(s->conn), sep);
		put_at(s, x, at - (i - first) + 1, added + first, i - first);
		sep = " ";
	}
	memcpy(order + at, x->order + from, (x->n - from) * sizeof(*order));
	free(x->order);
	x->order = order;
}

static enum store_rc
place_added(struct session *s, struct context *x, uint32_t *uids,
    size_t *before, struct err *e)
{
	struct context_change *ch = x->change;
	struct search_scope sc = { s->sel.account, s->sel.view, s->sel.latest,
		s, true };
	uint32_t *seqs = arena_array(ch->arena, ch->nadded, sizeof(*seqs));
	struct keys *keys = NULL;
	enum store_rc rc = STORE_OK;

	if (x->sort.keys)
		rc = keys_of(s->sel.account, s->sel.latest, x->sort.texts,
		    x->prog.collation, &keys, e);
	if (rc != STORE_OK)
		return rc;
	for (size_t i = 0; i < ch->nadded; i++)
		seqs[i] = view_seq(s->sel.view, ch->added[i]);
	sort_seqs(&x->sort, &sc, keys, ch->arena, seqs, NULL, ch->nadded);
	for (size_t i = 0; i < ch->nadded; i++) {
		uids[i] = view_at(s->sel.view, seqs[i])->uid;
		before[i] = sort_lower_bound(
		    &x->sort, &sc, keys, x->order, x->n, seqs[i]);
	}
	keys_unref(&keys);
	return STORE_OK;
}

static enum store_rc
tell_added(struct session *s, struct context *x, struct err *e)
{
	struct context_change *ch = x->change;
	size_t *before = arena_array(ch->arena, ch->nadded, sizeof(*before));
	uint32_t *sorted = arena_array(ch->arena, ch->nadded, sizeof(*sorted));
	enum store_rc rc = STORE_OK;

	if (x->order)
		rc = place_added(s, x, sorted, before, e);
	if (rc != STORE_OK)
		return rc;
	put_head(s, x, " ADDTO (");
	if (x->order)
		put_added_of_sort(s, x, sorted, before, ch->nadded);
	else
		put_at(s, x, 0, ch->added, ch->nadded);
	BUF_LIT(conn_out(s->conn), ")\r\n");
	merge(x);
	x->n += ch->nadded;
	return STORE_OK;
}

void
contexts_after(struct session *s)
{
	struct context *next;

	for (struct context *x = s->sel.contexts; x; x = next) {
		struct err e = ERR_INIT;
		enum store_rc rc = STORE_OK;
		size_t added = x->change ? x->change->nadded : 0;

		next = x->next;
		if (added && !context_room(s, added)) {
			err_set(&e, "%zu messages more", added);
			rc = STORE_LIMIT;
		} else if (added) {
			rc = tell_added(s, x, &e);
		}
		context_change_free(x);
		if (rc != STORE_OK)
			drop(s, x, rc, &e);
	}
}
