/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mailauth/authres.h"

/* ------------------------------------------------------------------------
 * Reading
 */

/* "id/version method/version=result{reason}[ptype.name=value]..." */
static void
flat(struct buf *out, const struct authres *x)
{
	buf_printf(
	    out, "%.*s/%.*s", STR_ARG(x->authserv_id), STR_ARG(x->version));
	for (size_t i = 0; i < x->n; i++) {
		const struct authres_result *r = &x->results[i];

		buf_printf(out, " %.*s/%.*s=%.*s{%.*s}", STR_ARG(r->method),
		    STR_ARG(r->version), STR_ARG(r->result),
		    STR_ARG(r->reason));
		for (size_t k = 0; k < r->nproperties; k++) {
			const struct authres_property *p = &r->properties[k];

			buf_printf(out, "[%.*s.%.*s=%.*s]", STR_ARG(p->ptype),
			    STR_ARG(p->name), STR_ARG(p->value));
		}
	}
}

static const struct {
	const char *value, *flat; /* NULL: cannot be read */
} cases[] = {
	{ " a.example; none", "a.example/" },
	{ " a.example 1 ;\r\n\tNONE (really)\r\n ", "a.example/1" },
	{ "a.example;spf=pass smtp.mailfrom=b@c",
	    "a.example/ spf/=pass{}[smtp.mailfrom=b@c]" },
	{ " (x) A (y) 1 (z); (\\() SPF (()) / 1 = PASS (\")",
	    "A/1 spf/1=pass{}" },
	{ " a; dkim=pass reason=\"so \\\"so\\\"\" Header.D=b.c; arc=none",
	    "a/ dkim/=pass{so \"so\"}[header.d=b.c] arc/=none{}" },
	{ " a; dkim=pass header.d=b.c reason=late header.s=x",
	    "a/ dkim/=pass{late}[header.d=b.c][header.s=x]" },
	{ " \"a b\"; spf=none smtp.mailfrom=\"x y\"@z",
	    "a b/ spf/=none{}[smtp.mailfrom=\"x y\"@z]" },
	{ " a; dkim=pass header.b=\"Q/=\" header.i=@x header.z=Q/=",
	    "a/ dkim/=pass{}[header.b=Q/=][header.i=@x][header.z=Q/=]" },
	{ " a; spf=none smtp.mailfrom=; spf=none smtp.mailfrom=\"\"",
	    "a/ spf/=none{}[smtp.mailfrom=] spf/=none{}[smtp.mailfrom=]" },
	{ " a; spf=pass smtp.mailfrom=j\xc3\xb6@b\xc3\xbc.example",
	    "a/ spf/=pass{}[smtp.mailfrom=j\xc3\xb6@b\xc3\xbc.example]" },
	{ " a; x-tls=pass version=TLSv1.2 bits=256; arc=none",
	    "a/ x-tls/=pass{} arc/=none{}" },
	{ " a; none=pass", "a/ none/=pass{}" },
	{ " a; spf=pass \"x\n\ty\"", NULL },
	{ " a; dkim=pass reason=\"x\n\ty\"", "a/ dkim/=pass{x\ty}" },
	{ "", NULL },
	{ " ", NULL },
	{ " ;spf=pass", NULL },
	{ " a", NULL },
	{ " a;", NULL },
	{ " a 2; spf=pass", NULL },
	{ " a b; spf=pass", NULL },
	{ " a; none; spf=pass", NULL },
	{ " a; spf=pass; none", NULL },
	{ " a; spf=pass;", NULL },
	{ " a; spf", NULL },
	{ " a; spf=", NULL },
	{ " a; spf/=pass", NULL },
	{ " a; =pass", NULL },
	{ " a; spf=pass smtp", NULL },
	{ " a; spf=pass smtp.", NULL },
	{ " a; spf=pass smtp.mailfrom", NULL },
	{ " a; spf=pass policy.ip=2001:db8::1", NULL },
	{ " a; spf=pass (open", NULL },
	{ " a; spf=pass (open\\)", NULL },
	{ " a; spf=pass x.y=\"open", NULL },
	{ " a; spf=pass, dkim=pass", NULL },
	{ " m\xc3\xbcnchen; spf=pass", NULL },
};

static void
test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct arena *a = arena_new();
		struct buf b = { 0 };
		struct authres x;
		size_t at;
		bool ok = authres_parse(a, str_of(cases[i].value), &x, &at);

		print_message("%s (%zu)\n", cases[i].value, at);
		assert_int_equal(ok, cases[i].flat != NULL);
		if (ok) {
			flat(&b, &x);
			assert_string_equal(buf_cstr(&b), cases[i].flat);
		}
		buf_fini(&b);
		arena_free(&a);
	}
}

static void
test_place(void **state)
{
	struct arena *a = arena_new();
	struct authres x;
	size_t at;

	(void)state;
	assert_false(authres_parse(a, STR(" a; spf=pass ,"), &x, &at));
	assert_int_equal(at, 13);
	arena_free(&a);
}

/* ------------------------------------------------------------------------
 * Forgeries
 */

#define US "mx.example.com"

static const struct {
	const char *value;
	bool ours;
} claims[] = {
	{ " mx.example.com; spf=pass", true },
	{ " MX.Example.COM 1; none", true },
	{ " (mx) mx.example.com (x) ; none", true },
	{ "\n\tmx.example.com\n\t1;\n\tnone", true },
	{ " \"mx.example.com\"; none", true },
	{ " \"m\\x.exam\\ple.com\"; none", true },
	{ " \"mx.exa\n\tmple.com\"; none", false }, /* has a tab in it */
	{ " \"mx.exa\r\nmple.com\"; none", true },
	{ " mx.example.com.; none", true },
	{ " mx.example.com 2; none", true },
	{ " mx.example.com", true },
	{ " mx.example.com; ; spf=pass", true },
	{ " mx.example.com/1; spf=pass", true },
	{ " x mx.example.com; spf=pass", true },
	{ " (open mx.example.com; spf=pass", true },
	{ " <mx.example.com>; spf=pass", true },
	{ " \"m\\x.example.com; spf=pass", true },
	{ " other.example; spf=pass", false },
	{ " other.example; spf=pass (mx.example.com)", false },
	{ " other.example; dkim=pass header.d=mx.example.com", false },
	{ " notmx.example.com; none", false },
	{ " other.example; what is this", false },
	{ "", false },
};

static void
test_claims(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(claims); i++) {
		print_message("%s\n", claims[i].value);
		assert_int_equal(
		    authres_claims(a, str_of(claims[i].value), STR(US)),
		    claims[i].ours);
	}
	assert_false(authres_claims(a, STR(" ; none"), STR_NULL));
	assert_true(authres_claims(
	    a, STR(" \"b\xc3\xbc.example\"; none"), STR("xn--b-eha.example")));
	assert_true(authres_claims(
	    a, STR(" xn--b-eha.example; none"), STR("b\xc3\xbc.example")));
	arena_free(&a);
}

/* ------------------------------------------------------------------------
 * Writing
 */

static void
test_write(void **state)
{
	struct authres_writer w;
	struct buf b = { 0 };

	(void)state;
	authres_begin(&w, &b, STR("mx.example.com"));
	authres_method(&w, "spf", "pass");
	authres_property(&w, "smtp", "mailfrom", STR("ann@example.net"));
	authres_method(&w, "dkim", "fail");
	authres_reason(&w, STR("it \"broke\""));
	authres_property(&w, "header", "d", STR("example.net"));
	authres_property(&w, "header", "b", STR("Qgi/FoC0"));
	authres_comment(&w, STR("2048-bit (RSA) key"));
	authres_end(&w);
	assert_string_equal(buf_cstr(&b),
	    " mx.example.com;\n\tspf=pass smtp.mailfrom=ann@example.net;"
	    "\n\tdkim=fail reason=\"it \\\"broke\\\"\" header.d=example.net"
	    " header.b=\"Qgi/FoC0\"\n\t(2048-bit \\(RSA\\) key)");
	buf_clear(&b);
	authres_begin(&w, &b, STR("a b"));
	authres_end(&w);
	assert_string_equal(buf_cstr(&b), " \"a b\"; none");
	buf_fini(&b);
}

/* What comes back of a value, and whether it needs quotes. */
static const struct {
	const char *value, *written, *read;
} values[] = {
	{ "ann@example.net", "ann@example.net", "ann@example.net" },
	{ "@example.net", "@example.net", "@example.net" },
	{ "a/b=c@example.net", "a/b=c@example.net", "a/b=c@example.net" },
	{ "\"a b\"@c.example", "\"a b\"@c.example", "\"a b\"@c.example" },
	{ "a b@c.example", "\"a b@c.example\"", "a b@c.example" },
	{ "a@[192.0.2.1]", "\"a@[192.0.2.1]\"", "a@[192.0.2.1]" },
	{ "2001:db8::1", "\"2001:db8::1\"", "2001:db8::1" },
	{ "", "\"\"", "" },
	{ "a..b@c", "\"a..b@c\"", "a..b@c" },
	{ "x\"@y", "\"x\\\"@y\"", "x\"@y" },
	{ "\"x\"y\"@z", "\"\\\"x\\\"y\\\"@z\"", "\"x\"y\"@z" },
	{ "\"x\\\"@z", "\"\\\"x\\\\\\\"@z\"", "\"x\\\"@z" },
	{ "j\xc3\xb6@b.example", "j\xc3\xb6@b.example", "j\xc3\xb6@b.example" },
	{ "j\xff@b.example", "j@b.example", "j@b.example" },
	{ "a\r\nX: y", "\"aX: y\"", "aX: y" },
	{ "x; dkim=pass", "\"x; dkim=pass\"", "x; dkim=pass" },
	{ "x (y)", "\"x (y)\"", "x (y)" },
};

static void
test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(values); i++) {
		struct arena *a = arena_new();
		struct authres_writer w;
		struct buf b = { 0 };
		struct authres x;
		size_t at;

		authres_begin(&w, &b, STR("mx"));
		authres_method(&w, "m", "r");
		authres_property(&w, "p", "n", str_of(values[i].value));
		authres_end(&w);
		print_message("%s\n", buf_cstr(&b));
		assert_string_equal(
		    strstr(buf_cstr(&b), "p.n=") + 4, values[i].written);
		assert_true(authres_parse(a, buf_str(&b), &x, &at));
		assert_int_equal(x.results[0].nproperties, 1);
		assert_true(
		    str_eqc(x.results[0].properties[0].value, values[i].read));
		buf_fini(&b);
		arena_free(&a);
	}
}

/* However long and strange: no line over 998, nothing but what was meant. */
static void
test_hostile(void **state)
{
	struct arena *a = arena_new();
	struct authres_writer w;
	struct buf b = { 0 }, junk = { 0 };
	struct authres x;
	size_t at, line = 0;

	(void)state;
	for (int i = 0; i < 5000; i++)
		buf_putc(&junk, (char)(i * 7));
	authres_begin(&w, &b, STR("mx"));
	for (int i = 0; i < 3; i++) {
		authres_method(&w, "m", "r");
		authres_reason(&w, buf_str(&junk));
		authres_comment(&w, buf_str(&junk));
		authres_property(&w, "p", "n", buf_str(&junk));
		authres_property(&w, "p", "n", str_sub(buf_str(&junk), 0, 300));
	}
	authres_end(&w);
	assert_true(authres_parse(a, buf_str(&b), &x, &at));
	assert_int_equal(x.n, 3);
	assert_int_equal(x.results[2].nproperties, 1);
	for (size_t i = 0; i < b.n; i++) {
		line = b.p[i] == '\n' ? 0 : line + 1;
		assert_true(line < 998);
		assert_true(b.p[i] != '\n' || b.p[i + 1] == '\t');
	}
	buf_fini(&b);
	buf_fini(&junk);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
