/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mailauth/psl.h"

static const struct {
	const char *name, *ascii; /* NULL: no name */
} names[] = {
	{ "example.com", "example.com" },
	{ "Example.COM.", "example.com" },
	{ "_dmarc.example.com", "_dmarc.example.com" },
	{ "b\xc3\xbc"
	  "cher.example",
	    "xn--bcher-kva.example" },
	{ "B\xc3\x9c"
	  "CHER.example",
	    "xn--bcher-kva.example" },
	{ "fa\xc3\x9f.de", "xn--fa-hia.de" }, /* not "fass" */
	{ "XN--BCHER-KVA.example", "xn--bcher-kva.example" },
	{ "a\xe3\x80\x82"
	  "b",
	    "a.b" }, /* an ideographic full stop */
	{ "", NULL },
	{ ".", NULL },
	{ ".example", NULL },
	{ "a..b", NULL },
	{ "a b.example", NULL },
	{ "a\tb", NULL },
	{ "\xff.example", NULL },
	{ "\xc3\xbc..example", NULL },
};

static void
test_ascii(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(names); i++) {
		struct str s = domain_to_ascii(a, str_of(names[i].name));

		print_message("%s\n", names[i].name);
		assert_true(str_eq(s, str_of(names[i].ascii)));
	}
	assert_int_equal(domain_to_ascii(a, STR("a\0b")).n, 0);
	arena_free(&a);
}

static void
test_lengths(void **state)
{
	struct arena *a = arena_new();
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name));
	for (size_t i = 63; i < sizeof(name); i += 64)
		name[i] = '.';
	assert_int_equal(domain_to_ascii(a, (struct str){ name, 253 }).n, 253);
	assert_int_equal(domain_to_ascii(a, (struct str){ name, 254 }).n, 0);
	name[63] = 'a';
	assert_int_equal(domain_to_ascii(a, (struct str){ name, 64 }).n, 0);
	arena_free(&a);
}

static const struct {
	const char *name, *organizational;
} domains[] = {
	{ "example.com", "example.com" },
	{ "A.b.Example.com.", "example.com" },
	{ "com", NULL },
	{ "foo.co.uk", "foo.co.uk" },
	{ "bar.foo.co.uk", "foo.co.uk" },
	{ "co.uk", NULL },
	{ "x.a.github.io", "a.github.io" }, /* a private suffix */
	{ "github.io", NULL },
	{ "foo.bar.ck", "foo.bar.ck" }, /* "*.ck" */
	{ "a.www.ck", "www.ck" },       /* "!www.ck" */
	{ "unknown", NULL },            /* the rule "*" */
	{ "a.b.unknown", "b.unknown" },
	{ "www.\xe9\xa3\x9f\xe7\x8b\xae.\xe4\xb8\xad\xe5\x9b\xbd",
	    "xn--85x722f.xn--fiqs8s" },
	{ "", NULL },
	{ "not a name.com", NULL },
};

static void
test_organizational(void **state)
{
	struct arena *a = arena_new();
	struct psl *p;
	struct err e;

	(void)state;
	assert_true(psl_open(NULL, &p, &e));
	for (size_t i = 0; i < LEN(domains); i++) {
		print_message("%s\n", domains[i].name);
		assert_true(
		    str_eq(psl_organizational(p, a, str_of(domains[i].name)),
			str_of(domains[i].organizational)));
	}
	psl_close(&p);
	assert_null(p);
	psl_close(&p);
	arena_free(&a);
}

static void
test_missing(void **state)
{
	struct psl *p;
	struct err e;

	(void)state;
	assert_false(psl_open("/nonexistent/list", &p, &e));
	assert_null(p);
	assert_non_null(strstr(e.msg, "/nonexistent/list"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_organizational),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
