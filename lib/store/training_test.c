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

#include "store/test.h"

static uint32_t
add(struct fixture *f, const char *path, bool by_user)
{
	struct append item = { .raw = STR("Subject: x\r\n\r\nx\r\n"),
		.by_user = by_user };
	struct appended done;

	OK(account_append(
	    f->a, info(f, path).id, &item, 1, NULL, &done, &f->e));
	return done.uid;
}

static uint32_t
move(struct fixture *f, const char *from, uint32_t uid, const char *to)
{
	struct uid_range r = { uid, uid };
	struct copied c;

	OK(account_copy(f->a, info(f, from).id, (struct uids){ &r, 1 },
	    info(f, to).id, true, NULL, f->arena, &c, &f->e));
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
	OK(account_store_flags(f->a, info(f, path).id, (struct uids){ &r, 1 },
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

	for (size_t i = 0; i < LEN(cases); i++) {
		uint32_t uid = add(f, cases[i].from, false);

		move(f, cases[i].from, uid, cases[i].to);
		print_message("%s to %s\n", cases[i].from, cases[i].to);
		assert_string_equal(taken(f), cases[i].expected);
	}
}

static void
test_last_word_counts(void **state)
{
	struct fixture *f = *state;
	uint32_t uid = add(f, "INBOX", false);

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
	uint32_t uid = add(f, "INBOX", false);

	for (size_t i = 0; i < LEN(steps); i++) {
		set(f, "INBOX", uid, steps[i].op, steps[i].keyword);
		print_message("step %zu\n", i);
		assert_string_equal(taken(f), steps[i].expected);
	}
}

static void
test_appends(void **state)
{
	struct fixture *f = *state;

	add(f, "Junk", false); /* the filter's own work */
	add(f, "INBOX", true);
	assert_string_equal(taken(f), "");
	add(f, "Junk", true);
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
	OK(account_append(f->a, info(f, "Junk").id, items, TRAINING_MAX + 5,
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
	uint32_t uid = add(f, "INBOX", false);

	assert_int_equal(marked(f), 0);
	move(f, "INBOX", uid, "Junk");
	assert_int_equal(marked(f), 1);
	OK(training_tidy(f->a, &f->e));
	assert_int_equal(marked(f), 1); /* there is still something */
	assert_string_equal(taken(f), "S");
	OK(training_tidy(f->a, &f->e));
	assert_int_equal(marked(f), 0);
}

/* A power cut took it. */
static void
test_marker_is_mended(void **state)
{
	struct fixture *f = *state;
	uint32_t uid = add(f, "INBOX", false);

	move(f, "INBOX", uid, "Junk");
	assert_int_equal(unlink(arena_printf(
			     f->arena, "%s/training/%.*s", f->dir, STR_ARG(ID))
				    .p),
	    0);
	assert_int_equal(problems(f, true), 1);
	assert_int_equal(marked(f), 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, store_up, store_down)
	const struct CMUnitTest tests[] = {
		T(test_moves),
		T(test_last_word_counts),
		T(test_keywords),
		T(test_appends),
		T(test_bounded),
		T(test_marker),
		T(test_marker_is_mended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
