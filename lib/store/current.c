/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/internal.h"
#include "store/message.h"
#include "store/snapshot.h"

/* How long a view is trusted because no writer told of a change. */
#define TRUST_MS 1000

/*
 * The current view of a mailbox. An account keeps the newest view of each
 * mailbox somebody looked at; the next one is made from it and from the rows
 * in the ranges that table change names.
 */

/* ------------------------------------------------------------------------
 * The cache; under store->lock
 */

static struct view_slot *
find_slot(struct account *a, int64_t mailbox)
{
	for (size_t i = 0; i < a->nviews; i++) {
		if (a->views[i].mailbox == mailbox)
			return &a->views[i];
	}
	return NULL;
}

void
views_forget(struct account *a)
{
	for (size_t i = 0; i < a->nviews; i++)
		view_unref(&a->views[i].view);
	a->nviews = 0;
}

/*
 * No writer has told of a change since the view was confirmed. One that is
 * killed before it can tell has acknowledged nothing, but what it committed is
 * there: so the database is asked at times all the same.
 */
static bool
still_current(const struct account *a, struct view_slot *slot)
{
	return a->st->ring && clock_mono_ms() - slot->checked < TRUST_MS &&
	       ring_quiet(a->st->ring, a->id, &slot->poke);
}

/* The newest view known here, or NULL; *current: there is none newer. */
static struct view *
cached(struct account *a, int64_t mailbox, bool *current)
{
	struct view_slot *slot;
	struct view *v = NULL;

	*current = false;
	pthread_mutex_lock(&a->st->lock);
	slot = find_slot(a, mailbox);
	if (slot) {
		v = view_ref(slot->view);
		*current = still_current(a, slot);
	}
	pthread_mutex_unlock(&a->st->lock);
	return v;
}

/* Opening the mailbox from the snapshot would cost too much by now. */
static bool
wants_snapshot(const struct view_slot *slot)
{
	uint32_t rows = view_count(slot->view);

	return rows >= SNAPSHOT_ROWS && slot->unsaved > rows / SNAPSHOT_SHARE;
}

void
views_save(struct account *a)
{
	for (size_t i = 0;; i++) {
		struct view *v = NULL;
		struct view_slot *slot;

		pthread_mutex_lock(&a->st->lock);
		if (i == a->nviews) {
			pthread_mutex_unlock(&a->st->lock);
			return;
		}
		slot = &a->views[i];
		if (wants_snapshot(slot)) {
			v = view_ref(slot->view);
			/* Also if it fails: not again for each change. */
			slot->unsaved = 0;
		}
		pthread_mutex_unlock(&a->st->lock);
		if (v)
			snapshot_save(a, v);
		view_unref(&v);
	}
}

/*
 * Keep V unless a newer one is there. It was read at NOW, after the poke with
 * number POKE, and COST rows had to be read from the database for it.
 */
static void
keep(struct account *a, struct view *v, uint64_t poke, int64_t now,
    uint64_t cost)
{
	struct view_slot *slot;
	struct view *old = NULL;
	bool save;

	pthread_mutex_lock(&a->st->lock);
	slot = find_slot(a, view_mailbox(v));
	if (!slot) {
		a->views =
		    mem_array(a->views, a->nviews + 1, sizeof(*a->views));
		slot = &a->views[a->nviews++];
		*slot = (struct view_slot){ view_mailbox(v), view_ref(v), poke,
			now, cost };
	} else if (slot->view == v) {
		slot->poke = poke;
		slot->checked = now;
	} else if (view_modseq(slot->view) < view_modseq(v) ||
		   view_uidvalidity(slot->view) != view_uidvalidity(v)) {
		old = slot->view;
		slot->view = view_ref(v);
		slot->poke = poke;
		slot->checked = now;
		slot->unsaved += cost;
	}
	save = wants_snapshot(slot);
	pthread_mutex_unlock(&a->st->lock);
	view_unref(&old);
	if (save)
		housekeep_want(a, WORK_SNAPSHOT);
}

/* ------------------------------------------------------------------------
 * Reading rows
 */

struct refresh {
	struct sq *q;
	struct view *old; /* NULL: everything is read */
	struct view_meta meta;
	uint64_t floor; /* the record of changes is complete above this */
	struct arena *arena;
	struct view_builder *b;
	uint64_t rows; /* read, of messages and of changes */
	struct err *e;
};

/* Leaves its statement open: as long as it is, all that is read is of one
 * moment. */
static enum store_rc
read_meta(struct refresh *r, struct sqlite3_stmt **open)
{
	int64_t mailbox = r->meta.mailbox;
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(r->q, &s, r->e,
	    "SELECT m.modseq, uidvalidity, uidnext, noselect,"
	    " (SELECT change_floor FROM state) FROM mailbox m WHERE id = ?",
	    SQ_I(mailbox));

	if (rc == SQ_DONE)
		return store_fail(r->e, STORE_NOTFOUND, "mailbox %lld is gone",
		    (long long)mailbox);
	if (rc != SQ_ROW)
		return store_rc_of(rc);
	*open = s;
	r->meta = (struct view_meta){ mailbox, (uint64_t)sq_int(s, 0),
		(uint32_t)sq_int(s, 1), (uint32_t)sq_int(s, 2) };
	r->floor = (uint64_t)sq_int(s, 4);
	if (sq_int(s, 3))
		return store_fail(r->e, STORE_NOTFOUND,
		    "mailbox %lld holds no messages", (long long)mailbox);
	return STORE_OK;
}

static void
build_row(struct refresh *r, struct sqlite3_stmt *s)
{
	int64_t size = sq_int(s, 2);
	struct view_row row = { .uid = (uint32_t)sq_int(s, 0),
		.email = sq_int(s, 1),
		.size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size,
		.flags = message_flags(
		    r->arena, (uint64_t)sq_int(s, 3), sq_blob(s, 4)),
		.modseq = (uint64_t)sq_int(s, 5),
		.received = sq_int(s, 6),
		.saved = sq_int(s, 7) };

	view_build_row(r->b, &row);
	r->rows++;
}

/*
 * Bring UIDs lo to hi up to date: rows that are there are set, those that
 * only the old view has are gone.
 */
static enum store_rc
refresh_range(struct refresh *r, uint32_t lo, uint32_t hi)
{
	uint32_t count = r->old ? view_count(r->old) : 0;
	uint32_t seq = r->old ? view_lower_bound(r->old, lo) : 1;
	struct sqlite3_stmt *s;
	enum sq_rc step = sq_start(r->q, &s, r->e,
	    "SELECT uid, email, size, flags, keywords, modseq, received, saved"
	    " FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ?"
	    " ORDER BY uid",
	    SQ_I(r->meta.mailbox), SQ_I(lo), SQ_I(hi));

	while (step == SQ_OK && (step = sq_step(s, r->e)) == SQ_ROW) {
		uint32_t uid = (uint32_t)sq_int(s, 0);

		while (seq <= count && view_at(r->old, seq)->uid < uid)
			view_build_gone(r->b, view_at(r->old, seq++)->uid);
		if (seq <= count && view_at(r->old, seq)->uid == uid)
			seq++;
		build_row(r, s);
		step = SQ_OK;
	}
	if (step != SQ_DONE)
		return store_rc_of(step);
	while (seq <= count && view_at(r->old, seq)->uid <= hi)
		view_build_gone(r->b, view_at(r->old, seq++)->uid);
	return STORE_OK;
}

/* The ranges that changed since the old view, sorted and merged. */
static enum store_rc
changed_ranges(struct refresh *r, struct uid_range **out, size_t *n)
{
	struct sqlite3_stmt *s;
	struct uid_range *list = NULL;
	size_t cap = 0;
	enum sq_rc step = sq_start(r->q, &s, r->e,
	    "SELECT lo, hi FROM change WHERE modseq > ? AND container = ?"
	    " AND kind IN (1, 2)",
	    SQ_I(view_modseq(r->old)), SQ_I(r->meta.mailbox));

	*n = 0;
	while (step == SQ_OK && (step = sq_step(s, r->e)) == SQ_ROW) {
		list = arena_grow(r->arena, list, *n, &cap, sizeof(*list));
		list[(*n)++] = (struct uid_range){ (uint32_t)sq_int(s, 0),
			(uint32_t)sq_int(s, 1) };
		step = SQ_OK;
	}
	*out = list;
	r->rows += *n;
	return store_rc_of(step);
}

static int
by_lo(const void *a, const void *b)
{
	const struct uid_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static enum store_rc
refresh_changed(struct refresh *r)
{
	struct uid_range *list;
	uint32_t done = 0, last = view_uidnext(r->old) - 1;
	size_t n;
	enum store_rc rc = changed_ranges(r, &list, &n);

	if (rc != STORE_OK)
		return rc;
	if (n)
		qsort(list, n, sizeof(*list), by_lo);
	for (size_t i = 0; i < n && rc == STORE_OK; i++) {
		uint32_t lo = list[i].lo > done ? list[i].lo : done + 1;
		uint32_t hi = list[i].hi < last ? list[i].hi : last;

		if (lo > hi)
			continue;
		rc = refresh_range(r, lo, hi);
		done = hi;
	}
	return rc;
}

/* Only what changed has to be read. */
static bool
can_continue(const struct refresh *r)
{
	return r->old && view_uidvalidity(r->old) == r->meta.uidvalidity &&
	       view_uidnext(r->old) <= r->meta.uidnext &&
	       view_modseq(r->old) <= r->meta.modseq &&
	       view_modseq(r->old) >= r->floor;
}

static enum store_rc
refresh(struct refresh *r, struct view **out)
{
	enum store_rc rc = STORE_OK;
	uint32_t from = 1;

	if (!can_continue(r))
		view_unref(&r->old);
	r->b = view_build(r->old);
	if (r->old) {
		rc = refresh_changed(r);
		from = view_uidnext(r->old);
	}
	if (rc == STORE_OK && from < r->meta.uidnext)
		rc = refresh_range(r, from, UINT32_MAX);
	if (rc == STORE_OK)
		*out = view_build_done(&r->b, &r->meta);
	view_build_cancel(&r->b);
	return rc;
}

static bool
up_to_date(const struct view *v, const struct view_meta *m)
{
	return v && view_modseq(v) == m->modseq &&
	       view_uidnext(v) == m->uidnext &&
	       view_uidvalidity(v) == m->uidvalidity;
}

/* The open statement is a read transaction that costs no BEGIN and COMMIT. */
static enum store_rc
read_view(struct refresh *r, struct view **out)
{
	struct sqlite3_stmt *open = NULL;
	enum store_rc rc = read_meta(r, &open);

	if (rc == STORE_OK && up_to_date(r->old, &r->meta))
		*out = view_ref(r->old);
	else if (rc == STORE_OK)
		rc = refresh(r, out);
	if (open)
		sq_reset(open);
	return rc;
}

static enum store_rc
confirm(struct account *a, struct refresh *r, struct view **out)
{
	uint64_t poke = a->st->ring ? ring_now(a->st->ring) : 0;
	int64_t now = clock_mono_ms();
	struct db *db = NULL;
	enum store_rc rc;

	if (!r->old)
		r->old = snapshot_load(a, r->meta.mailbox);
	if ((rc = db_get(a, &db, r->e)) != STORE_OK)
		return rc;
	r->q = db->q;
	r->arena = arena_new();
	rc = read_view(r, out);
	if (rc == STORE_OK)
		keep(a, *out, poke, now, r->rows);
	db_put(&db);
	arena_free(&r->arena);
	return rc;
}

enum store_rc
view_current(
    struct account *a, int64_t mailbox, struct view **out, struct err *e)
{
	bool current;
	struct refresh r = { .old = cached(a, mailbox, &current),
		.meta.mailbox = mailbox,
		.e = e };
	enum store_rc rc = STORE_OK;

	*out = NULL;
	if (current)
		*out = view_ref(r.old);
	else
		rc = confirm(a, &r, out);
	view_unref(&r.old);
	return rc;
}

/* ------------------------------------------------------------------------
 * Since when
 */

enum store_rc
account_since(
    struct account *a, uint64_t since, uint64_t *effective, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc;
	enum sq_rc step;

	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_one(db->q, &s, e,
	    "SELECT 1 FROM gap WHERE lo <= ?1 AND hi >= ?1", SQ_I(since));
	*effective = step == SQ_ROW ? 0 : since;
	if (step == SQ_ROW)
		sq_reset(s);
	db_put(&db);
	return store_rc_of(step);
}

enum store_rc
mailbox_vanished(struct account *a, int64_t mailbox, uint64_t since,
    struct arena *arena, struct uids *out, bool *complete, struct err *e)
{
	struct uids_builder b = { .arena = arena };
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc;
	enum sq_rc step;

	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_one(db->q, &s, e,
	    "SELECT change_floor <= ?1 AND NOT EXISTS"
	    " (SELECT 1 FROM gap WHERE lo <= ?1 AND hi >= ?1) FROM state",
	    SQ_I(since));
	*complete = step == SQ_ROW && sq_int(s, 0);
	if (step == SQ_ROW) {
		sq_reset(s);
		step = sq_start(db->q, &s, e,
		    "SELECT lo, hi FROM change WHERE modseq > ?"
		    " AND container = ? AND kind = 2 ORDER BY lo",
		    SQ_I(since), SQ_I(mailbox));
	}
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		uids_add_range(
		    &b, (uint32_t)sq_int(s, 0), (uint32_t)sq_int(s, 1));
		step = SQ_OK;
	}
	db_put(&db);
	*out = uids_done(&b);
	return store_rc_of(step);
}

enum store_rc
account_usage(struct account *a, struct usage *out, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc;
	enum sq_rc step;

	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_one(db->q, &s, e, "SELECT bytes, emails FROM state");
	if (step == SQ_ROW) {
		*out = (struct usage){ (uint64_t)sq_int(s, 0),
			(uint64_t)sq_int(s, 1) };
		sq_reset(s);
	}
	db_put(&db);
	return store_rc_of(step);
}
