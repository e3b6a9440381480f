/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "mime/header.h"

#define ASSERT_STR(s, expected)                                                \
	do {                                                                   \
		struct str got_ = (s);                                         \
		if (!str_eqc(got_, (expected)))                                \
			print_message("got: %.*s\n", STR_ARG(got_));           \
		assert_true(str_eqc(got_, (expected)));                        \
	} while (0)

static void
test_fields(void **state)
{
	static const char block[] =
	    "From x y 17:06\r\nA: one\r\n\ttwo\r\nB :x\nno colon\r\n"
	    "\xe9: y\r\na:\r\n\r\nC: body";
	static const char *const expected[][2] = {
		{ "", "From x y 17:06" },
		{ "A", " one\r\n\ttwo" },
		{ "B", "x" },
		{ "", "no colon" },
		{ "", "\xe9: y" },
		{ "a", "" },
	};
	struct str rest = str_of(block);
	struct arena *a = arena_new();
	struct mime_field f;
	const char *at = block;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_true(mime_field_next(&rest, &f));
		ASSERT_STR(f.name, expected[i][0]);
		ASSERT_STR(f.value, expected[i][1]);
		assert_ptr_equal(f.raw.p, at); /* nothing left out */
		at += f.raw.n;
	}
	assert_false(mime_field_next(&rest, &f));
	ASSERT_STR(rest, "\r\nC: body");
	assert_true(mime_field_find(str_of(block), "a", &f));
	ASSERT_STR(f.raw, "A: one\r\n\ttwo\r\n");
	ASSERT_STR(mime_header_value(a, str_of(block), "a"), "one\ttwo");
	assert_null(mime_header_value(a, str_of(block), "C").p);
	arena_free(&a);
}

static void
test_addresses(void **state)
{
	/* kind|name|route|mailbox|host of each, one a line */
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "", "" },
		{ " , ,", "" },
		{ "u@h", "0|||u|h\n" },
		{ "Real Name <u@h>", "0|Real Name||u|h\n" },
		{ "u@h (Real \\) Name)", "0|Real ) Name||u|h\n" },
		{ "\"Doe, \\\"J\\\"\" <u@h>, b@c",
		    "0|Doe, \"J\"||u|h\n0|||b|c\n" },
		{ "<user (c)@ (c) h.org>", "0|||user|h.org\n" },
		{ "a . b @ c . d", "0|||a.b|c.d\n" },
		{ "\"a b\"@h", "0|||a b|h\n" },
		{ "<@r1,@r2:u@h>", "0||@r1,@r2|u|h\n" },
		{ "g: a@b, C <c@d>;, e@f",
		    "1|g|||\n0|||a|b\n0|C||c|d\n2||||\n0|||e|f\n" },
		{ "undisclosed-recipients:;",
		    "1|undisclosed-recipients|||\n2||||\n" },
		{ "g: a@b", "1|g|||\n0|||a|b\n2||||\n" }, /* unclosed */
		{ "J. R. Doe <u@h>", "0|J. R. Doe||u|h\n" },
		{ "u@h <u@h>", "0|u@h||u|h\n" },
		{ "Name <>", "0|Name|||\n" },
		{ "lone", "0|||lone|\n" },
		{ "a@b@c", "0|||a@b|c\n" },
		{ "u@[1.2.3.4]", "0|||u|[1.2.3.4]\n" },
		{ "u@[IPv6:::1]", "0|||u|[IPv6:::1]\n" },
		{ "=?utf-8?Q?=C3=A4?= <u@h>", "0|=?utf-8?Q?=C3=A4?=||u|h\n" },
		{ "A\r\n B <u@h>", "0|A B||u|h\n" },
		{ "A <u@h", "0|A||u|h\n" },
		{ "\"open <u@h>", "0|open||u|h\n" },
		{ "(open u@h", "" },
	};
	struct arena *a = arena_new();
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct mime_address *v;
		size_t n = mime_addresses(a, str_of(rows[i].text), &v);

		print_message("case %s\n", rows[i].text);
		buf_clear(&b);
		for (size_t k = 0; k < n; k++)
			buf_printf(&b, "%d|%.*s|%.*s|%.*s|%.*s\n",
			    (int)v[k].kind, STR_ARG(v[k].name),
			    STR_ARG(v[k].route), STR_ARG(v[k].mailbox),
			    STR_ARG(v[k].host));
		ASSERT_STR(buf_str(&b), rows[i].expected);
	}
	buf_fini(&b);
	arena_free(&a);
}

static void
test_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t epoch; /* -1: no date */
		int zone;
	} rows[] = {
		{ "Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360 },
		{ "21 Nov 97 09:55:06 GMT", 880106106, 0 },
		{ "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600 (CST)",
		    880127706, -360 },
		{ "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n"
		  "      23:32\r\n               -0330",
		    -27723480, -210 },
		{ "Fri Nov 21 09:55:06 1997", 880106106, 0 },
		{ "Fri Nov 21 09:55:06 EST 1997", 880124106, -300 },
		{ "Fri, 21 Nov 1997 09:55 EDT", 880120500, -240 },
		{ "1 Jan 2000 00:00:00 Z", 946684800, 0 },
		{ "1 Jan 2000 00:00:00 X", 946684800, 0 },
		{ "29 Feb 2024 12:00:00 +05:30", 1709188200, 330 },
		{ "31-Dec-2023 23:59:60 +0000", 1704067200, 0 },
		{ "1 Jan 100 00:00:00 Z", 946684800, 0 },
		{ "1 January 2000", 946684800, 0 },
		{ "", -1, 0 },
		{ "yesterday", -1, 0 },
		{ "32 Jan 2000 00:00:00 Z", -1, 0 },
		{ "1 Foo 2000 00:00:00 Z", -1, 0 },
		{ "1 Jan 2000 25:00:00 Z", -1, 0 },
		{ "1 Jan 999999 00:00:00 Z", -1, 0 },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		int64_t epoch = 0;
		int zone = 0;
		bool ok = mime_date(str_of(rows[i].text), &epoch, &zone);

		print_message(
		    "case %s: %lld\n", rows[i].text, (long long)epoch);
		assert_int_equal(ok, rows[i].epoch != -1);
		if (!ok)
			continue;
		assert_true(epoch == rows[i].epoch);
		assert_int_equal(zone, rows[i].zone);
	}
	mime_date_format(&b, 880127706, -360);
	ASSERT_STR(buf_str(&b), "Fri, 21 Nov 1997 09:55:06 -0600");
	buf_clear(&b);
	mime_date_format(&b, -27723480, -210);
	ASSERT_STR(buf_str(&b), "Thu, 13 Feb 1969 23:32:00 -0330");
	buf_fini(&b);
}

static void
test_msgids(void **state)
{
	static const struct {
		const char *text, *expected; /* each followed by | */
	} rows[] = {
		{ "<a@b>", "a@b|" },
		{ "<a@b><c@d>\r\n <e@f>", "a@b|c@d|e@f|" },
		{ "Your message of today <a@b> (was <x@y>)", "a@b|" },
		{ "a@b", "a@b|" },
		{ "<a\r\n @b>", "a@b|" },
		{ "<a@b", "a@b|" },
		{ "<a@b <c@d>", "a@b|c@d|" },
		{ "<>", "" },
		{ "word", "" },
	};
	struct arena *a = arena_new();
	struct buf b = { 0 };
	struct str *v;

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		size_t n = mime_msgids(a, str_of(rows[i].text), 10, &v);

		buf_clear(&b);
		for (size_t k = 0; k < n; k++)
			buf_printf(&b, "%.*s|", STR_ARG(v[k]));
		print_message("case %s\n", rows[i].text);
		ASSERT_STR(buf_str(&b), rows[i].expected);
	}
	assert_int_equal(mime_msgids(a, STR("<1@x> <2@x> <3@x>"), 2, &v), 2);
	buf_fini(&b);
	arena_free(&a);
}

static void
test_subjects(void **state)
{
	static const struct {
		const char *subject, *base;
		bool refwd;
	} rows[] = {
		{ "plain", "plain", false },
		{ "  two  \t words ", "two words", false },
		{ "Re: x", "x", true },
		{ "RE : x", "x", true },
		{ "Re[2]: x", "x", true },
		{ "fw: Fwd: re: x", "x", true },
		{ "[foo] Fwd: [bar] Re: fw: b (fWd)  (fwd)", "b", true },
		{ "Re: [FWD: c]", "c", true },
		{ "re: [fwd: [fwd: re: [fwd: babylon]]]", "babylon", true },
		{ "[xyz]", "[xyz]", false },
		{ "[a] [b] x", "x", false },
		{ "b (a)", "b (a)", false },
		{ "Ad: Re: x", "Ad: Re: x", false },
		{ "regarding: x", "regarding: x", false },
		{ "", "", false },
		{ "Re:", "", true },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_clear(&b);
		print_message("case %s\n", rows[i].subject);
		assert_int_equal(mime_base_subject(&b, str_of(rows[i].subject)),
		    rows[i].refwd);
		ASSERT_STR(buf_str(&b), rows[i].base);
	}
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_msgids),
		cmocka_unit_test(test_subjects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
