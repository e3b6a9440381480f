/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "mailauth/field.h"

static const struct {
	const char *from, *domain, *why;
} cases[] = {
	{ " ann@example.com", "example.com", NULL },
	{ " Ann <ann@Example.COM>", "example.com", NULL },
	{ " \"x@evil.test\" <ann@example.com>", "example.com", NULL },
	{ " ann@example.com (x@evil.test)", "example.com", NULL },
	{ " ann@example.com.", "example.com", NULL },
	{ " Ann\n\t<ann@example.com>", "example.com", NULL },
	{ " \"a,b\"@example.com", "example.com", NULL },
	{ " ann@b\xc3\xbc"
	  "cher.example",
	    "xn--bcher-kva.example", NULL },
	{ " ann@B\xc3\x9c"
	  "CHER.example, bob@xn--bcher-kva.example",
	    "xn--bcher-kva.example", NULL },
	/* several of one domain */
	{ " ann@example.com, bob@EXAMPLE.com", "example.com", NULL },
	{ " ann@example.com, bob@evil.test", NULL, "different" },
	{ " ann@example.com, bob@sub.example.com", NULL, "different" },
	/* RFC 6854 */
	{ " Us: ann@example.com, bob@example.com;", "example.com", NULL },
	{ " Us: ann@example.com; , bob@evil.test", NULL, "different" },
	{ " undisclosed: ;", NULL, "no author" },
	{ "", NULL, "no author" },
	{ " <>", NULL, "" },
	{ " ann", NULL, "without a domain" },
	{ " ann@example.com, bob", NULL, "without a domain" },
	{ " ann@[192.0.2.1]", NULL, "without a domain" },
	{ " ann@exa..mple", NULL, "without a domain" },
};

static void
test_from(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct arena *a = arena_new();
		struct field v = { STR("FROM"), str_of(cases[i].from) };
		struct fields f = { &v, 1 };
		struct str domain;
		const char *why = "untouched";
		bool ok = author_domain(a, &f, &domain, &why);

		print_message("From:%s: %.*s (%s)\n", cases[i].from,
		    STR_ARG(domain), why ? why : "");
		assert_int_equal(ok, cases[i].domain != NULL);
		if (ok)
			assert_true(str_eqc(domain, cases[i].domain));
		else
			assert_non_null(strstr(why, cases[i].why));
		assert_true(ok || domain.n == 0);
		arena_free(&a);
	}
}

static void
test_fields(void **state)
{
	struct arena *a = arena_new();
	struct field v[] = {
		{ STR("From"), STR(" ann@example.com") },
		{ STR("Subject"), STR(" x") },
		{ STR("from"), STR(" ann@example.com") },
	};
	struct fields f = { v, 3 };
	struct str domain;
	const char *why;

	(void)state;
	assert_false(author_domain(a, &f, &domain, &why));
	assert_string_equal(why, "several From fields");
	f.n = 2;
	assert_true(author_domain(a, &f, &domain, &why));
	f.n = 0;
	assert_false(author_domain(a, &f, &domain, &why));
	assert_string_equal(why, "no From field");
	arena_free(&a);
}

static void
test_many(void **state)
{
	struct arena *a = arena_new();
	struct buf value = { 0 };
	struct field v = { STR("From"), STR_NULL };
	struct fields f = { &v, 1 };
	struct str domain;
	const char *why;

	(void)state;
	for (int i = 0; i < 20000; i++)
		BUF_LIT(&value, " a@example.com,");
	BUF_LIT(&value, " b@evil.test");
	v.value = buf_str(&value);
	assert_false(author_domain(a, &f, &domain, &why));
	assert_string_equal(why, "too many authors");
	buf_fini(&value);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
