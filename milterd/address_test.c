/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/address.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *spec, *text; /* NULL: refused */
	unsigned mode;
} cases[] = {
	{ "unix:milter", "unix:/run/ms/milter", 0660 },
	{ "unix:/tmp/m?mode=0666", "unix:/tmp/m", 0666 },
	{ "127.0.0.1:8891", "inet:8891@127.0.0.1", 0660 },
	{ "*:8891", "inet:8891", 0660 },
	{ "[::1]:8891", "inet6:8891@::1", 0660 },
	{ " localhost:8891 ", "inet:8891@localhost", 0660 },
	{ "unix:", NULL, 0 },
	{ "", NULL, 0 },
	{ "8891", NULL, 0 },
	{ ":8891", NULL, 0 },
	{ "host:0", NULL, 0 },
	{ "host:65536", NULL, 0 },
	{ "unix:m?mode=9", NULL, 0 },
	{ "unix:m?proxy", NULL, 0 },
};

static void
test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct milter_address at = { .mode = 0660 };
		struct err e = ERR_INIT;

		if (milter_address(str_of(cases[i].spec), "/run/ms", &at, &e) !=
		    (cases[i].text != NULL))
			fail_msg("%s: %s", cases[i].spec, e.msg);
		if (cases[i].text) {
			assert_string_equal(at.text.p, cases[i].text);
			assert_int_equal(at.mode, cases[i].mode);
		}
		buf_fini(&at.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
