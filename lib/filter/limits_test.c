/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/limits.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "filter/limit_window.h"
#include "site/setting.h"

#define HOUR 3600
#define NOW (INT64_C(500000) * HOUR * 24)

static const struct limit *
limit(const char *name)
{
	const struct limit *l = limit_find(str_of(name));

	assert_non_null(l);
	return l;
}

/* ------------------------------------------------------------------------
 * The window
 */

static void
test_window_slides(void **state)
{
	static const struct {
		int64_t at;
		uint64_t used;
	} cases[] = {
		{ 10, 100 },
		{ HOUR - 1, 100 },
		{ HOUR, 100 },
		{ HOUR + HOUR / 4, 75 },
		{ HOUR + HOUR / 2, 50 },
		{ 2 * HOUR - 1, 0 },
		{ 2 * HOUR, 0 },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct limit_window w = { .number = NOW / HOUR,
			.current = 100 };

		assert_int_equal(limit_window_used(&w, HOUR, NOW + cases[i].at),
		    cases[i].used);
	}
}

/* Whatever the state, after the wait there is room, and a second before there
 * was none. */
static void
test_wait_is_exact(void **state)
{
	static const unsigned numbers[] = { 0, 1, 7, 59, 60, 61, 100, 1000 };
	const size_t n = LEN(numbers);

	(void)state;
	for (size_t i = 0; i < n * n * 60; i++) {
		const struct limit_window start = { .number = NOW / 60,
			.current = numbers[i % n],
			.before = numbers[i / n % n] };
		struct limit_window w = start;
		int64_t now = NOW + (int64_t)(i / n / n);
		uint64_t max = 60;
		unsigned wait;

		if (limit_window_used(&w, 60, now) < max)
			continue;
		wait = limit_window_wait(&w, 60, max, now);
		assert_in_range(wait, 1, 120);
		assert_true(limit_window_used(&w, 60, now + wait) < max);
		w = start;
		assert_true(limit_window_used(&w, 60, now + wait - 1) >= max);
	}
}

static void
test_clock_set_back(void **state)
{
	struct limit_window w = { .number = NOW / HOUR, .current = 5 };

	(void)state;
	assert_int_equal(limit_window_used(&w, HOUR, NOW - 3 * HOUR), 5);
	assert_int_equal(w.number, NOW / HOUR);
}

/* ------------------------------------------------------------------------
 * Counting
 */

static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIMITS; i++) {
		const struct limit *l = &limits_table[i];
		const struct site_setting *s =
		    site_setting_find(str_of(l->setting));

		assert_non_null(s);
		assert_int_equal(s->type, SETTING_UINT);
		assert_ptr_equal(limit_find(str_of(l->setting)), l);
	}
	assert_null(limit_find(STR("limit.nothing")));
}

static void
test_take(void **state)
{
	struct limits *l = limits_new(NULL, NOW);
	const struct limit_ask asks[] = {
		{ limit("limit.account_messages_hour"), STR("a"), 3 },
		{ limit("limit.domain_messages_hour"), STR("d"), 4 },
		{ limit("limit.host_messages_hour"), STR("h"), 0 },
	};
	struct limit_ask other[] = { asks[0], asks[1] };
	struct limit_over over;

	(void)state;
	other[0].subject = STR("b");
	for (int i = 0; i < 3; i++)
		assert_true(limits_take(l, asks, 3, NOW, &over));
	assert_false(limits_take(l, asks, 3, NOW, &over));
	assert_ptr_equal(over.limit, asks[0].limit);
	assert_int_equal(over.max, 3);
	assert_true(over.first);
	/* What is refused is not counted, and nobody is told twice. */
	assert_false(limits_take(l, asks, 3, NOW, &over));
	assert_false(over.first);
	assert_true(limits_take(l, other, 2, NOW, &over));
	assert_false(limits_take(l, other, 2, NOW, &over));
	assert_ptr_equal(over.limit, asks[1].limit);
	/* There is room when it was promised, and somebody is told again. */
	assert_false(limits_take(l, asks, 1, NOW, &over));
	assert_true(limits_take(l, asks, 1, NOW + over.wait, &over));
	for (int i = 0; i < 3; i++)
		limits_take(l, asks, 1, NOW + 4 * HOUR, &over);
	assert_false(limits_take(l, asks, 1, NOW + 4 * HOUR, &over));
	assert_true(over.first);
	limits_free(&l);
}

/* Strangers are many; they push out neither our own nor cost more memory. */
static void
test_flood(void **state)
{
	struct limits *l = limits_new(NULL, NOW);
	struct limit_ask ours = { limit("limit.account_messages_day"), STR("a"),
		1 };
	struct limit_ask theirs = { limit("limit.client_messages_minute"),
		STR("first"), 1 };
	struct limit_over over;
	char text[32];

	(void)state;
	assert_true(limits_take(l, &ours, 1, NOW, &over));
	assert_true(limits_take(l, &theirs, 1, NOW, &over));
	assert_false(limits_take(l, &theirs, 1, NOW, &over));
	for (int i = 0; i < LIMITS_MAX; i++) {
		snprintf(text, sizeof(text), "%d", i);
		theirs.subject = str_of(text);
		assert_true(limits_take(l, &theirs, 1, NOW, &over));
	}
	assert_false(limits_take(l, &ours, 1, NOW, &over));
	theirs.subject = STR("first"); /* forgotten */
	assert_true(limits_take(l, &theirs, 1, NOW, &over));
	limits_free(&l);
}

/* ------------------------------------------------------------------------
 * filter.db
 */

static void
take_some(struct filter_db *db, int64_t now, int n, bool *ok)
{
	struct limits *l = limits_new(db, now);
	const struct limit_ask asks[] = {
		{ limit("limit.account_recipients_day"), STR("a@b.test"), 5 },
		{ limit("limit.client_messages_minute"), STR("192.0.2.1"),
		    100 },
	};
	struct limit_over over;

	for (int i = 0; i < n; i++)
		*ok = limits_take(l, asks, 2, now, &over);
	limits_free(&l);
}

static void
test_restart(void **state)
{
	char dir[] = "limits_test.XXXXXX";
	struct arena *a = arena_new();
	struct filter_db *db;
	struct limit_row *list;
	struct err e = ERR_INIT;
	size_t n;
	bool ok;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_true(filter_db_open(dir, &db, &e));
	take_some(db, NOW, 3, &ok);
	assert_true(ok);
	assert_true(filter_db_flush(db, &e));
	assert_int_equal(
	    limits_list(db, a, STR_NULL, NOW, &list, &n, &e), SQ_OK);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].used, 3);
	assert_true(str_eqc(list[0].subject, "a@b.test"));
	assert_string_equal(
	    list[0].limit->setting, "limit.account_recipients_day");
	take_some(db, NOW + 1, 2, &ok);
	assert_true(ok);
	assert_true(filter_db_flush(db, &e));
	take_some(db, NOW + 2, 1, &ok);
	assert_false(ok);
	take_some(db, NOW + 49 * HOUR, 1, &ok);
	assert_true(ok);
	filter_db_close(&db);
	arena_free(&a);
	assert_true(fs_remove_tree(dir, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_slides),
		cmocka_unit_test(test_wait_is_exact),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
