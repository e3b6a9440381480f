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

/* As an MTA does it, to a list of names: it counts at that moment. */
static void
apply(const struct edits *e, const char *names[], size_t *n)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct edit *edit = &e->v[i];
		unsigned which = 0;
		size_t at = 0;

		if (!edit->delete) {
			memmove(names + 1, names, (*n)++ * sizeof(*names));
			names[0] = edit->value.p;
			continue;
		}
		while (!(str_eq(edit->name, str_sub(str_of(names[at]), 0, 1)) &&
			 ++which == edit->delete))
			at++;
		(*n)--;
		memmove(names + at, names + at + 1, (*n - at) * sizeof(*names));
	}
}

static void
insert(struct arena *a, struct edits *e, const char *value)
{
	struct buf b = { 0 };

	buf_puts(&b, value);
	edits_insert(a, e, "A", &b);
	assert_int_equal(b.n, 0);
}

static void
test_deletions_go_upwards(void **state)
{
	const char *names[] = { "A1", "B1", "A2", "A3" };
	struct arena *a = arena_new();
	struct edits e = { 0 };
	size_t n = 4;

	(void)state;
	edits_delete(a, &e, STR("A"), 1, 0);
	edits_delete(a, &e, STR("B"), 1, 1);
	edits_delete(a, &e, STR("A"), 3, 3);
	edits_deleted(&e);
	apply(&e, names, &n);
	assert_int_equal(n, 1);
	assert_string_equal(names[0], "A2");
	arena_free(&a);
}

/* Or a field of ours would be the one that is deleted. */
static void
test_inserts_come_last(void **state)
{
	const char *names[6] = { "A1", "A2" };
	struct arena *a = arena_new();
	struct edits e = { 0 };
	size_t n = 2;

	(void)state;
	edits_delete(a, &e, STR("A"), 2, 1);
	edits_deleted(&e);
	insert(a, &e, "Afirst");
	insert(a, &e, "Asecond");
	apply(&e, names, &n);
	assert_int_equal(n, 3);
	assert_string_equal(names[0], "Asecond");
	assert_string_equal(names[1], "Afirst");
	assert_string_equal(names[2], "A1");
	arena_free(&a);
}

/* The same as text, for those that get no MTA's help. */
static void
test_text(void **state)
{
	static const struct field list[] = {
		{ STR("A"), STR(" 1") },
		{ STR("B"), STR(" one\n\ttwo") },
		{ STR("a"), STR(" 2\r\n three") },
	};
	const struct fields h = { list, 3 };
	struct arena *a = arena_new();
	struct edits e = { 0 };
	struct buf out = { 0 };

	(void)state;
	header_write(&out, &h);
	assert_string_equal(
	    buf_cstr(&out), "A: 1\r\nB: one\r\n\ttwo\r\na: 2\r\n three\r\n");
	buf_clear(&out);
	edits_delete(a, &e, STR("A"), 1, 0);
	edits_delete(a, &e, STR("a"), 2, 2);
	edits_deleted(&e);
	insert(a, &e, " lower");
	insert(a, &e, " upper\n\tfolded");
	edits_apply(&out, &h, &e);
	assert_string_equal(buf_cstr(&out),
	    "A: upper\r\n\tfolded\r\nA: lower\r\nB: one\r\n\ttwo\r\n");
	buf_fini(&out);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_deletions_go_upwards),
		cmocka_unit_test(test_inserts_come_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
