/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_TEST_H
#define STORE_TEST_H

/* A fresh store with one account for each test; included after cmocka.h. */

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "sqlite/sq.h"
#include "store/check.h"
#include "store/store.h"

#define ID STR("00000000000000aa")
#define ACCOUNT_DIR "accounts/00/00000000000000aa"

#define OK(call)                                                               \
	do {                                                                   \
		enum store_rc rc_ = (call);                                    \
		if (rc_ != STORE_OK)                                           \
			fail_msg("%s: %s: %s", #call, store_rc_name(rc_),      \
			    f->e.msg);                                         \
	} while (0)

/* One store with one account in a folder of its own. */
struct fixture {
	char dir[32];
	struct store *st;
	struct account *a;
	struct arena *arena;
	int64_t inbox;
	size_t blob_threshold; /* 0: the usual; see reopen() */
	struct err e;
};

static inline void
open_store(struct fixture *f)
{
	struct store_options o = { .data_dir = f->dir,
		.run_dir = f->dir,
		.no_indexer = true,
		.blob_threshold = f->blob_threshold };

	OK(store_open(&o, &f->st, &f->e));
}

static inline void
open_account(struct fixture *f)
{
	struct mailbox m;

	OK(account_open(f->st, ID, &f->a, &f->e));
	OK(mailbox_find(f->a, f->arena, STR("inbox"), &m, &f->e));
	f->inbox = m.id;
}

static inline int
store_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/store_testXXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->arena = arena_new();
	open_store(f);
	OK(account_create(f->st, ID, &f->e));
	open_account(f);
	*state = f;
	return 0;
}

static inline int
store_down(void **state)
{
	struct fixture *f = *state;

	account_close(&f->a);
	store_close(&f->st);
	arena_free(&f->arena);
	fs_remove_tree(f->dir, &f->e);
	free(f);
	return 0;
}

static inline void
reopen(struct fixture *f)
{
	account_close(&f->a);
	store_close(&f->st);
	open_store(f);
	open_account(f);
}

static inline struct str
text(struct fixture *f, int n, const char *extra)
{
	return arena_printf(f->arena,
	    "From: a@example.test\r\nTo: b@example.test\r\n"
	    "Subject: Number %d\r\nMessage-ID: <%d@example.test>\r\n"
	    "%s\r\nThe body of number %d: zebra%d crossing.\r\n",
	    n, n, extra, n, n);
}

static inline struct appended
append(struct fixture *f, int64_t mailbox, struct str raw, uint64_t flags)
{
	struct append item = { .raw = raw, .flags.bits = flags };
	struct appended got;

	OK(account_append(f->a, mailbox, &item, 1, NULL, &got, &f->e));
	return got;
}

static inline void
fill(struct fixture *f, int from, int to)
{
	for (int i = from; i <= to; i++)
		append(f, f->inbox, text(f, i, ""), 0);
}

static inline struct mailbox
info(struct fixture *f, const char *path)
{
	struct mailbox m;

	OK(mailbox_find(f->a, f->arena, str_of(path), &m, &f->e));
	return m;
}

static inline struct uids
range(struct fixture *f, uint32_t lo, uint32_t hi)
{
	struct uid_range *r = arena_alloc(f->arena, sizeof(*r));

	*r = (struct uid_range){ lo, hi };
	return (struct uids){ r, 1 };
}

static inline struct view *
view(struct fixture *f, int64_t mailbox)
{
	struct view *v;

	OK(view_current(f->a, mailbox, &v, &f->e));
	return v;
}

/* "uid:flags uid:flags ..." */
static inline const char *
show(struct fixture *f, int64_t mailbox)
{
	struct view *v = view(f, mailbox);
	struct buf b = { 0 };
	const char *out;

	for (uint32_t i = 1; i <= view_count(v); i++)
		buf_printf(&b, "%s%u:%llu", i > 1 ? " " : "",
		    view_at(v, i)->uid,
		    (unsigned long long)view_at(v, i)->flags.bits);
	view_unref(&v);
	out = arena_cstr(f->arena, buf_str(&b));
	buf_fini(&b);
	return out;
}

static inline void
set_flags(
    struct fixture *f, uint32_t lo, uint32_t hi, enum flag_op op, uint64_t bits)
{
	struct flags flags = { .bits = bits };
	uint64_t modseq;

	OK(account_store_flags(f->a, f->inbox, range(f, lo, hi), op, &flags,
	    NO_UNCHANGEDSINCE, f->arena, NULL, &modseq, &f->e));
}

static inline void
print_problem(void *arg, const char *problem, bool repaired)
{
	(void)arg;
	print_message("%s: %s\n", repaired ? "mended" : "found", problem);
}

/* How many problems there are, or were if it mends them. */
static inline uint64_t
problems(struct fixture *f, bool repair)
{
	struct check out;

	OK(account_check(f->a, repair, print_problem, NULL, &out, &f->e));
	if (repair)
		assert_int_equal(out.repaired, out.problems);
	return out.problems;
}

/* The account's database, past the store. */
static inline struct sq *
open_database(struct fixture *f)
{
	struct sq_options o = { .busy_ms = 1000 };
	struct sq *q;

	o.path =
	    arena_printf(f->arena, "%s/" ACCOUNT_DIR "/account.db", f->dir).p;
	assert_int_equal(sq_open(&o, &q, &f->e), SQ_OK);
	return q;
}

static inline void
run_sql(struct fixture *f, const char *sql)
{
	struct sq *q = open_database(f);

	if (sq_script(q, sql, &f->e) != SQ_OK)
		fail_msg("%s", f->e.msg);
	sq_close(&q);
}

/* What the SELECT gives. */
static inline int64_t
number(struct fixture *f, const char *sql)
{
	struct sq *q = open_database(f);
	struct sqlite3_stmt *s;
	int64_t n;

	if (sq_one(q, &s, &f->e, sql) != SQ_ROW)
		fail_msg("%s: %s", sql, f->e.msg);
	n = sq_int(s, 0);
	sq_reset(s);
	sq_close(&q);
	return n;
}

#endif
