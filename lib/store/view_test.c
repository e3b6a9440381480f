/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/view.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/internal.h"
#include "store/snapshot.h"
#include "store/test.h"

static void
tell_expunged(void *arg, uint32_t seq, uint32_t uid)
{
	buf_printf(arg, "-%u(%u) ", seq, uid);
}

static void
tell_changed(void *arg, uint32_t seq, const struct view_row *row)
{
	buf_printf(arg, "%u(%u)=%llu ", seq, row->uid,
	    (unsigned long long)row->flags.bits);
}

/* view_next_changed() and view_missing() against looking at every row. */
static void
check_numbers(struct fixture *f, struct view *v)
{
	uint32_t count = view_count(v), seq, want;
	uint64_t since = (uint64_t)rand() % (view_modseq(v) + 1);
	uint32_t from = (uint32_t)rand() % (count + 2) + 1, last = 0;
	uint32_t lo = (uint32_t)rand() % 50 + 1, hi = lo + 5000;
	struct uids gone = view_missing(v, range(f, lo, hi), f->arena);
	uint64_t there = 0;

	for (want = from; want <= count; want++) {
		if (view_at(v, want)->modseq > since)
			break;
	}
	seq = view_next_changed(v, from, since);
	assert_int_equal(seq, want > count ? count + 1 : want);
	for (size_t i = 0; i < gone.n; i++) {
		assert_true(gone.r[i].lo > last && gone.r[i].lo >= lo);
		last = gone.r[i].hi;
		assert_true(last >= gone.r[i].lo && last < view_uidnext(v));
		seq = view_lower_bound(v, gone.r[i].lo);
		assert_true(seq > count || view_at(v, seq)->uid > last);
	}
	for (seq = view_lower_bound(v, lo); seq <= count; seq++)
		there += view_at(v, seq)->uid <= hi;
	if (hi >= view_uidnext(v))
		hi = view_uidnext(v) - 1;
	assert_int_equal(uids_count(gone), (hi < lo ? 0 : hi - lo + 1) - there);
}

/* A view with what was expunged: the steps over it are the whole way. */
static void
check_with_expunged(struct view *old, struct view *new)
{
	static const struct view_diff cb = { tell_expunged, tell_changed };
	struct view *both = view_with_expunged(old, new);
	struct buf whole = { 0 }, steps = { 0 };

	assert_false(view_has_expunged(old, both));
	view_diff(both, new, &cb, &steps);
	view_diff(old, new, &cb, &whole);
	if (view_count(both) == view_count(new))
		assert_int_equal(steps.n, 0);
	else
		assert_true(view_has_expunged(both, new));
	buf_clear(&steps);
	view_diff(old, both, &cb, &steps);
	if (!view_has_expunged(old, new))
		assert_true(str_eq(buf_str(&steps), buf_str(&whole)));
	for (uint32_t seq = 1; seq <= view_count(old); seq++)
		assert_int_equal(
		    view_at(both, seq)->uid, view_at(old, seq)->uid);
	for (uint32_t seq = 1; seq <= view_count(new); seq++) {
		const struct view_row *row = view_at(new, seq);
		uint32_t at = view_seq(both, row->uid);

		assert_true(at > 0);
		assert_int_equal(view_at(both, at)->modseq, row->modseq);
	}
	view_unref(&both);
	buf_fini(&whole);
	buf_fini(&steps);
}

/*
 * A random history: after each step the view made from the one before it
 * must equal the view read from nothing, and a session that follows the
 * differences must arrive there too.
 */
static void
test_views(void **state)
{
	static const struct view_diff cb = { tell_expunged, tell_changed };
	struct fixture *f = *state;
	struct view *old = view(f, f->inbox), *new;
	struct buf told = { 0 };
	uint32_t uidnext = 1;

	srand(7);
	for (int step = 0; step < 300; step++) {
		uint32_t a = (uint32_t)rand() % uidnext + 1;
		uint32_t b = a + (uint32_t)rand() % 40;
		int what = rand() % 4;
		uint32_t i, count;
		struct view *fresh;

		if (what < 2) {
			int n = rand() % 30 + 1;

			fill(f, step * 100, step * 100 + n - 1);
			uidnext += (uint32_t)n;
		} else if (what == 2) {
			set_flags(f, a, b,
			    rand() % 2 ? FLAGS_ADD : FLAGS_REMOVE,
			    FLAG_FLAGGED);
		} else {
			OK(account_expunge(f->a, f->inbox, range(f, a, b),
			    false, NULL, NULL, &f->e));
		}
		new = view(f, f->inbox);
		check_numbers(f, new);
		check_with_expunged(old, new);
		buf_clear(&told);
		view_diff(old, new, &cb, &told);
		if (what < 2)
			assert_int_equal(told.n, 0);
		assert_int_equal(
		    view_has_expunged(old, new), what == 3 && told.n > 0);
		if (step % 10 == 9) {
			struct store *other;
			struct account *x;
			struct store_options o = { .data_dir = f->dir,
				.no_indexer = true };

			OK(store_open(&o, &other, &f->e));
			OK(account_open(other, ID, &x, &f->e));
			OK(view_current(x, f->inbox, &fresh, &f->e));
			count = view_count(fresh);
			assert_int_equal(count, view_count(new));
			for (i = 1; i <= count; i++) {
				const struct view_row *p = view_at(fresh, i);
				const struct view_row *q = view_at(new, i);

				assert_int_equal(p->uid, q->uid);
				assert_true(p->modseq == q->modseq);
				assert_true(p->flags.bits == q->flags.bits);
				assert_int_equal(view_seq(new, p->uid), i);
				assert_int_equal(
				    view_lower_bound(new, p->uid), i);
			}
			view_unref(&fresh);
			account_close(&x);
			store_close(&other);
			arena_reset(f->arena);
		}
		view_unref(&old);
		old = new;
	}
	view_unref(&old);
	buf_fini(&told);
}

static void
test_diff(void **state)
{
	static const struct view_diff cb = { tell_expunged, tell_changed };
	struct fixture *f = *state;
	struct view *old, *new;
	struct buf told = { 0 };

	fill(f, 1, 600);
	old = view(f, f->inbox);
	OK(account_expunge(
	    f->a, f->inbox, range(f, 2, 3), false, NULL, NULL, &f->e));
	OK(account_expunge(
	    f->a, f->inbox, range(f, 600, 600), false, NULL, NULL, &f->e));
	set_flags(f, 5, 5, FLAGS_ADD, FLAG_SEEN);
	set_flags(f, 300, 300, FLAGS_ADD, FLAG_DRAFT);
	fill(f, 601, 602);
	new = view(f, f->inbox);
	view_diff(old, new, &cb, &told);
	assert_string_equal(
	    buf_cstr(&told), "-600(600) -3(3) -2(2) 3(5)=1 298(300)=8 ");
	assert_int_equal(view_count(new), 599);
	view_unref(&old);
	view_unref(&new);
	buf_fini(&told);
}

/* A view older than the record of changes is made anew, and is right. */
static void
test_trim(void **state)
{
	struct fixture *f = *state;
	struct store_options o = {
		.data_dir = f->dir, .no_indexer = true, .keep_changes = 5
	};
	struct store *other;
	struct account *x;
	struct view *v, *w;
	struct uids gone;
	bool complete;

	fill(f, 1, 30);
	v = view(f, f->inbox);
	for (uint32_t uid = 1; uid <= 20; uid++)
		set_flags(f, uid, uid, FLAGS_ADD, FLAG_SEEN);
	OK(account_expunge(
	    f->a, f->inbox, range(f, 3, 4), false, NULL, NULL, &f->e));
	OK(store_open(&o, &other, &f->e));
	OK(account_open(other, ID, &x, &f->e));
	w = view(f, f->inbox);
	assert_int_equal(view_count(w), 28);
	for (uint32_t i = 1; i <= 28; i++)
		assert_int_equal(
		    view_at(w, i)->flags.bits, view_at(w, i)->uid <= 20);
	OK(mailbox_vanished(
	    f->a, f->inbox, view_modseq(v), f->arena, &gone, &complete, &f->e));
	assert_false(complete);
	OK(mailbox_vanished(f->a, f->inbox, view_modseq(w) - 1, f->arena, &gone,
	    &complete, &f->e));
	assert_true(complete);
	assert_int_equal(uids_count(gone), 2);
	view_unref(&v);
	view_unref(&w);
	account_close(&x);
	store_close(&other);
}

/*
 * A view is trusted without asking the database, but what another process did
 * is seen as soon as that one has reported it.
 */
static void
test_trusted_views(void **state)
{
	struct fixture *f = *state;
	struct store_options o = {
		.data_dir = f->dir, .run_dir = f->dir, .no_indexer = true
	};
	struct store *other;
	struct account *x;

	OK(store_open(&o, &other, &f->e));
	OK(account_open(other, ID, &x, &f->e));
	for (int i = 0; i < 300; i++) {
		struct view *mine = view(f, f->inbox), *again, *theirs;

		again = view(f, f->inbox);
		assert_ptr_equal(again, mine);
		fill(f, i, i);
		OK(view_current(x, f->inbox, &theirs, &f->e));
		assert_int_equal(view_count(theirs), i + 1);
		view_unref(&again);
		view_unref(&mine);
		view_unref(&theirs);
	}
	account_close(&x);
	store_close(&other);
}

static void
test_ring(void **state)
{
	struct fixture *f = *state;
	struct ring *r = f->st->ring;
	static const char other[] = "00000000000000bb";
	uint64_t number = ring_now(r);

	assert_true(ring_quiet(r, f->a->id, &number));
	ring_poke(r, other);
	assert_true(ring_quiet(r, f->a->id, &number));
	assert_int_equal(number, ring_now(r));
	ring_poke(r, f->a->id);
	assert_false(ring_quiet(r, f->a->id, &number));
	number = ring_now(r);
	for (int i = 0; i < 5000; i++) /* lapped: it cannot tell */
		ring_poke(r, other);
	assert_false(ring_quiet(r, f->a->id, &number));
}

static void
assert_same_rows(struct view *a, struct view *b)
{
	assert_int_equal(view_count(a), view_count(b));
	assert_int_equal(view_modseq(a), view_modseq(b));
	for (uint32_t seq = 1; seq <= view_count(a); seq++) {
		const struct view_row *x = view_at(a, seq),
				      *y = view_at(b, seq);

		assert_int_equal(x->uid, y->uid);
		assert_int_equal(x->modseq, y->modseq);
		assert_int_equal(x->email, y->email);
		assert_true(flags_equal(&x->flags, &y->flags));
	}
}

static void
spoil(struct fixture *f, long at)
{
	struct mailbox m = info(f, "INBOX");
	FILE *file = fopen(
	    arena_cstr(f->arena, arena_printf(f->arena, "%s/views/%lld.view",
				     f->a->dir, (long long)m.id)),
	    "r+");
	int c;

	assert_non_null(file);
	fseek(file, at, SEEK_SET);
	c = getc(file);
	fseek(file, at, SEEK_SET);
	putc(c ^ 1, file);
	fclose(file);
}

/* A view from a file is the one that was kept; what changed since is read; one
 * that proves nothing is not used. */
static void
test_snapshot(void **state)
{
	struct fixture *f = *state;
	struct view *kept, *loaded, *now;

	assert_null(snapshot_load(f->a, f->inbox));
	fill(f, 0, 599);
	set_flags(f, 10, 20, FLAGS_ADD, FLAG_SEEN);
	kept = view(f, f->inbox);
	assert_true(snapshot_save(f->a, kept));
	set_flags(f, 30, 30, FLAGS_ADD, FLAG_FLAGGED);
	OK(account_expunge(
	    f->a, f->inbox, range(f, 5, 300), false, NULL, NULL, &f->e));
	fill(f, 600, 601);
	reopen(f);
	loaded = snapshot_load(f->a, f->inbox);
	assert_non_null(loaded);
	assert_same_rows(loaded, kept);
	view_unref(&loaded);
	now = view(f, f->inbox); /* from the snapshot */
	assert_int_equal(view_count(now), 306);
	snapshots_remove(f->a);
	reopen(f);
	loaded = view(f, f->inbox); /* from the database */
	assert_same_rows(now, loaded);
	view_unref(&now);
	view_unref(&loaded);

	assert_true(snapshot_save(f->a, kept));
	for (long at = 0; at < 96; at += 5) { /* header and records */
		spoil(f, at);
		assert_null(snapshot_load(f->a, f->inbox));
		spoil(f, at);
	}
	loaded = snapshot_load(f->a, f->inbox);
	assert_non_null(loaded);
	view_unref(&loaded);
	view_unref(&kept);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, store_up, store_down)
	const struct CMUnitTest tests[] = {
		T(test_views),
		T(test_diff),
		T(test_trim),
		T(test_trusted_views),
		T(test_ring),
		T(test_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
