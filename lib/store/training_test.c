/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/training.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/fs.h"
#include "store/check.h"

#define ID STR("0123456789abcdef")
#define OK(call) assert_int_equal(call, STORE_OK)

struct fixture {
	char dir[32];
	struct store *st;
	struct account *a;
	struct arena *arena;
	struct err e;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct store_options o = { .no_indexer = true };

	strcpy(f->dir, "/tmp/training_testXXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->arena = arena_new();
	o.data_dir = o.run_dir = f->dir;
	OK(store_open(&o, &f->st, &f->e));
	OK(account_create(f->st, ID, &f->e));
	OK(account_open(f->st, ID, &f->a, &f->e));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	account_close(&f->a);
	store_close(&f->st);
	arena_free(&f->arena);
	fs_remove_tree(f->dir, &f->e);
	free(f);
	return 0;
}

static int64_t
mailbox(struct fixture *f, const char *path)
{
	struct mailbox m;

	OK(mailbox_find(f->a, f->arena, str_of(path), &m, &f->e));
	return m.id;
}

static uint32_t
append(struct fixture *f, const char *path, bool by_user)
{
	struct append item = { .raw = STR("Subject: x\r\n\r\nx\r\n"),
		.by_user = by_user };
	struct appended done;

	OK(account_append(
	    f->a, mailbox(f, path), &item, 1, NULL, &done, &f->e));
	return done.uid;
}

static uint32_t
move(struct fixture *f, const char *from, uint32_t uid, const char *to)
{
	struct uid_range r = { uid, uid };
	struct copied c;

	OK(account_copy(f->a, mailbox(f, from), (struct uids){ &r, 1 },
	    mailbox(f, to), true, NULL, f->arena, &c, &f->e));
	return c.to.r[0].lo;
}

static void
set(struct fixture *f, const char *path, uint32_t uid, enum flag_op op,
    const char *keyword)
{
	struct uid_range r = { uid, uid };
	struct flags flags = { 0 };
	uint64_t modseq;
	uint32_t index;

	if (*keyword) {
		OK(account_keyword(f->a, str_of(keyword), true, &index, &f->e));
		flags_set_keyword(f->arena, &flags, index);
	}
	OK(account_store_flags(f->a, mailbox(f, path), (struct uids){ &r, 1 },
	    op, &flags, NO_UNCHANGEDSINCE, f->arena, NULL, &modseq, &f->e));
}

/* What waits, as letters: Spam, Ham; and take it. */
static const char *
taken(struct fixture *f)
{
	struct training *list;
	size_t n;
	char *text;

	OK(training_list(f->a, f->arena, 100, &list, &n, &f->e));
	text = arena_array(f->arena, n + 1, 1);
	for (size_t i = 0; i < n; i++)
		text[i] = list[i].spam ? 'S' : 'H';
	if (n)
		OK(training_done(f->a, list[n - 1].n, &f->e));
	return text;
}

static void
test_moves(void **state)
{
	static const struct {
		const char *from, *to, *expected;
	} cases[] = {
		{ "INBOX", "Archive", "" },
		{ "INBOX", "Junk", "S" },
		{ "Junk", "INBOX", "H" },
		{ "Junk", "Trash", "" },
		{ "Trash", "Junk", "S" },
		{ "Junk", "Junk", "" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint32_t uid = append(f, cases[i].from, false);

		move(f, cases[i].from, uid, cases[i].to);
		print_message("%s to %s\n", cases[i].from, cases[i].to);
		assert_string_equal(taken(f), cases[i].expected);
	}
}

static void
test_last_word_counts(void **state)
{
	struct fixture *f = *state;
	uint32_t uid = append(f, "INBOX", false);

	uid = move(f, "INBOX", uid, "Junk");
	uid = move(f, "Junk", uid, "INBOX");
	assert_string_equal(taken(f), "H");
	move(f, "INBOX", uid, "Junk");
	assert_string_equal(taken(f), "S");
	assert_string_equal(taken(f), "");
}

static void
test_keywords(void **state)
{
	static const struct {
		enum flag_op op;
		const char *keyword, *expected;
	} steps[] = {
		{ FLAGS_ADD, "other", "" }, { FLAGS_ADD, "$junk", "S" },
		{ FLAGS_ADD, "$Junk", "" },
		{ FLAGS_ADD, "NonJunk", "H" }, /* said last */
		{ FLAGS_REMOVE, "$Junk", "" }, { FLAGS_REMOVE, "NonJunk", "" },
		{ FLAGS_REPLACE, "Junk", "S" },
		{ FLAGS_REPLACE, "", "H" }, /* it is not any more */
	};
	struct fixture *f = *state;
	uint32_t uid = append(f, "INBOX", false);

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		set(f, "INBOX", uid, steps[i].op, steps[i].keyword);
		print_message("step %zu\n", i);
		assert_string_equal(taken(f), steps[i].expected);
	}
}

static void
test_appends(void **state)
{
	struct fixture *f = *state;

	append(f, "Junk", false); /* the filter's own work */
	append(f, "INBOX", true);
	assert_string_equal(taken(f), "");
	append(f, "Junk", true);
	assert_string_equal(taken(f), "S");
}

static void
test_bounded(void **state)
{
	struct fixture *f = *state;
	struct append *items =
	    arena_array(f->arena, TRAINING_MAX + 5, sizeof(*items));
	struct appended *done =
	    arena_array(f->arena, TRAINING_MAX + 5, sizeof(*done));
	struct training *list;
	size_t n;

	for (size_t i = 0; i < TRAINING_MAX + 5; i++)
		items[i] = (struct append){ .raw = STR("A: b\r\n\r\n"),
			.by_user = true };
	OK(account_append(f->a, mailbox(f, "Junk"), items, TRAINING_MAX + 5,
	    NULL, done, &f->e));
	OK(training_list(f->a, f->arena, TRAINING_MAX * 2, &list, &n, &f->e));
	assert_int_equal(n, TRAINING_MAX);
	assert_int_equal(list[0].email, done[5].email);
}

static bool
count(void *arg, struct str id, int64_t stamp)
{
	assert_true(str_eq(id, ID));
	assert_int_not_equal(stamp, 0);
	++*(int *)arg;
	return true;
}

static int
marked(struct fixture *f)
{
	int n = 0;

	OK(training_accounts(f->st, count, &n, &f->e));
	return n;
}

static void
test_marker(void **state)
{
	struct fixture *f = *state;
	uint32_t uid = append(f, "INBOX", false);

	assert_int_equal(marked(f), 0);
	move(f, "INBOX", uid, "Junk");
	assert_int_equal(marked(f), 1);
	OK(training_tidy(f->a, &f->e));
	assert_int_equal(marked(f), 1); /* there is still something */
	assert_string_equal(taken(f), "S");
	OK(training_tidy(f->a, &f->e));
	assert_int_equal(marked(f), 0);
}

static void
on_problem(void *arg, const char *problem, bool repaired)
{
	print_message("%s\n", problem);
	assert_true(repaired);
	++*(int *)arg;
}

/* A power cut took it. */
static void
test_marker_is_mended(void **state)
{
	struct fixture *f = *state;
	struct check sum = { 0 };
	uint32_t uid = append(f, "INBOX", false);
	int problems = 0;

	move(f, "INBOX", uid, "Junk");
	assert_int_equal(unlink(arena_printf(
			     f->arena, "%s/training/%.*s", f->dir, STR_ARG(ID))
				    .p),
	    0);
	OK(account_check(f->a, true, on_problem, &problems, &sum, &f->e));
	assert_int_equal(problems, 1);
	assert_int_equal(marked(f), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_last_word_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keywords, setup, teardown),
		cmocka_unit_test_setup_teardown(test_appends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marker, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_marker_is_mended, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
