/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/edit.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct field header[] = {
	{ { "A", 1 }, { " one", 4 } },
	{ { "B", 1 }, { " two", 4 } },
	{ { "a", 1 }, { " three", 6 } },
	{ { "A", 1 }, { " four", 5 } },
};
static const struct fields list = { header, 4 };

/* As an MTA counts: by name, without regard to case, at that moment. */
static void
test_deletions_go_upwards(void **state)
{
	struct arena *a = arena_new();
	struct edits e = { 0 };
	struct fields f;

	(void)state;
	edits_delete(a, &e, &list, 0);
	edits_delete(a, &e, &list, 1);
	edits_delete(a, &e, &list, 3);
	edits_deleted(&e);
	assert_int_equal(e.n, 3);
	assert_int_equal(e.v[0].delete, 3);
	assert_true(str_eqc(e.v[1].name, "B"));
	assert_int_equal(e.v[1].delete, 1);
	assert_int_equal(e.v[2].delete, 1);
	f = edits_apply(a, &e, &list);
	assert_int_equal(f.n, 1);
	assert_true(str_eqc(f.v[0].value, " three"));
	arena_free(&a);
}

static void
test_inserts_go_to_the_top(void **state)
{
	struct arena *a = arena_new();
	struct edits e = { 0 };
	struct fields f;

	(void)state;
	edits_delete(a, &e, &list, 2);
	edits_deleted(&e);
	edits_insert(a, &e, STR("A"), STR(" first"));
	edits_insert(a, &e, STR("A"), STR(" second"));
	f = edits_apply(a, &e, &list);
	assert_int_equal(f.n, 5);
	assert_true(str_eqc(f.v[0].value, " second"));
	assert_true(str_eqc(f.v[1].value, " first"));
	assert_true(str_eqc(f.v[2].value, " one"));
	assert_true(str_eqc(f.v[4].value, " four"));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deletions_go_upwards),
		cmocka_unit_test(test_inserts_go_to_the_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
