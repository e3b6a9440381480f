/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "filter/clean.h"

static const struct {
	const char *value, *expected;
	size_t max;
} cases[] = {
	{ "Hello", "Hello", 100 },
	{ " =?utf-8?q?Gr=C3=BC=C3=9Fe?= ",
	    "Gr\xc3\xbc\xc3\x9f"
	    "e",
	    100 },
	{ "=?utf-8?q?a=0D=0ABcc:_x?=", "a  Bcc: x", 100 },
	{ "=?utf-8?q?=1B[2Jred?=", "[2Jred", 100 },
	{ "=?utf-8?b?4oCuZXhlLg==?=", "exe.", 100 }, /* right to left */
	{ "=?utf-8?q?=C2=9B31m?=", "31m", 100 },     /* CSI in one octet */
	{ "caf\xe9", "caf\xc3\xa9", 100 },
	{ "caf\xc3\xa9", "caf", 4 }, /* not half of it */
	{ "a\xe2\x80\xa8"
	  "b",
	    "a b", 100 },
	{ "", "", 100 },
};

static void
test_clean(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		print_message("%s\n", cases[i].value);
		assert_string_equal(
		    arena_cstr(
			a, clean_text(a, str_of(cases[i].value), cases[i].max)),
		    cases[i].expected);
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
