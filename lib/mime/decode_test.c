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
#include "mime/compose.h"
#include "mime/decode.h"
#include "mime/header.h"

#define ASSERT_STR(s, expected)                                                \
	do {                                                                   \
		struct str got_ = (s);                                         \
		if (!str_eqc(got_, (expected)))                                \
			print_message("got: %.*s\n", STR_ARG(got_));           \
		assert_true(str_eqc(got_, (expected)));                        \
	} while (0)

static void
test_words(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		/* RFC 2047, section 8 */
		{ "(=?ISO-8859-1?Q?a?=)", "(a)" },
		{ "(=?ISO-8859-1?Q?a?= b)", "(a b)" },
		{ "(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)" },
		{ "(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)" },
		{ "(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)" },
		{ "(=?ISO-8859-1?Q?a_b?=)", "(a b)" },
		{ "=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b" },
		{ "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
		  "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
		    "If you can read this you understand the example." },
		{ "=?US-ASCII*EN?Q?Keith_Moore?= <m@x>", "Keith Moore <m@x>" },
		{ "=?utf-8?B?w6TDtg==?= x", "\xc3\xa4\xc3\xb6 x" },
		/* a character split between words */
		{ "=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "\xc3\xa4" },
		{ "=?utf-8?B?4g==?= =?UTF-8?B?gqw=?=", "\xe2\x82\xac" },
		{ "=?gb2312?B?xOM=?=", "\xe4\xbd\xa0" },
		{ "=?iso-2022-jp?B?GyRCNEE7ehsoQg==?=",
		    "\xe6\xbc\xa2\xe5\xad\x97" },
		/* spaces where none may be */
		{ "=?utf-8?Q?a b?=", "a b" },
		/* broken: left as they are */
		{ "=?utf-8?Q?abc", "=?utf-8?Q?abc" },
		{ "=?utf-8?X?abc?=", "=?utf-8?X?abc?=" },
		{ "=??Q?abc?=", "=??Q?abc?=" },
		{ "=?utf-8?Q?a =?utf-8?Q?b?=", "=?utf-8?Q?a b" },
		{ "a=b = c", "a=b = c" },
		{ "=?x-none?Q?=E4?=", "\xc3\xa4" },
		{ "raw \xe4 and \r\n folded", "raw \xc3\xa4 and  folded" },
		{ "raw \xc3\xa4", "raw \xc3\xa4" },
		{ "=?utf-8?Q?"
		  "?=",
		    "" },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_clear(&b);
		print_message("case %s\n", rows[i].text);
		mime_decode_words(&b, str_of(rows[i].text));
		ASSERT_STR(buf_str(&b), rows[i].expected);
	}
	buf_fini(&b);
}

static void
test_params(void **state)
{
	static const struct {
		const char *field, *name, *expected;
	} rows[] = {
		/* RFC 2231, sections 3 and 4 */
		{ "message/external-body; access-type=URL;\r\n "
		  "URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub\"",
		    "url", "ftp://cs.utk.edu/pub" },
		{ "application/x-stuff;\r\n title*=us-ascii'en-us'"
		  "This%20is%20%2A%2A%2Afun%2A%2A%2A",
		    "title", "This is ***fun***" },
		{ "application/x-stuff;\r\n title*0*=us-ascii'en'"
		  "This%20is%20even%20more%20;\r\n "
		  "title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n "
		  "title*2=\"isn't it!\"",
		    "title", "This is even more ***fun*** isn't it!" },
		{ "a/b; n*1*=%a4; n*0*=utf-8''%c3", "n", "\xc3\xa4" },
		{ "a/b; n=plain; n*=utf-8''%c3%a4", "n", "\xc3\xa4" },
		{ "a/b; n*1=lost; n=plain", "n", "plain" },
		{ "a/b; n=\"=?utf-8?Q?=C3=A4?=\"", "n", "\xc3\xa4" },
		{ "a/b; n=\"a\\\"b;c\" ; m=d", "n", "a\"b;c" },
		{ "a/b; n=a file.pdf; m=d", "n", "a file.pdf" },
		{ "a/b; n=x m=y", "n", "x" }, /* a semicolon forgotten */
		{ "a/b; n=x m=y", "m", "y" },
		{ "a/b n=x", "n", "x" },
		{ "a/b; n=x (comment); m=y", "n", "x" },
		{ "a/b; n=\"open; m=y", "n", "open; m=y" },
		{ "a/b;; =x; n = v", "n", "v" },
		{ "a/b; n*=utf-8''%zz%4", "n", "%zz%4" },
		{ "a/b", "n", "" },
	};
	struct arena *a = arena_new();
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct mime_message *m;

		buf_clear(&b);
		print_message("case %s\n", rows[i].field);
		buf_printf(&b, "Content-Type: %s\r\n\r\n", rows[i].field);
		m = mime_parse(a, buf_str(&b), NULL);
		ASSERT_STR(mime_param(a, &m->root->params, rows[i].name),
		    rows[i].expected);
	}
	buf_fini(&b);
	arena_free(&a);
}

static void
test_cte(void **state)
{
	static const struct {
		enum mime_cte cte;
		const char *in, *out;
		size_t max;
		bool clean;
	} rows[] = {
		{ MIME_BASE64, "SGVsbG8gd29ybGQ=", "Hello world", 99, true },
		{ MIME_BASE64, "SGVs\r\nbG8=\r\n", "Hello", 99, true },
		{ MIME_BASE64, "SG*Vs!bG8", "Hello", 99, false },
		{ MIME_BASE64, "SGk=SGk=", "HiHi", 99, true }, /* glued */
		{ MIME_BASE64, "SGVsbG8gd29ybGQ=", "Hell", 4, true },
		{ MIME_BASE64, "S", "", 99, true },
		{ MIME_BASE64, "", "", 99, true },
		{ MIME_QP, "a=3Db=c3=A4", "a=b\xc3\xa4", 99, true },
		{ MIME_QP, "soft=\r\nbreak= \t\r\n!\r\n", "softbreak!\r\n", 99,
		    true },
		{ MIME_QP, "pad  \t\r\nx \n", "pad\r\nx\n", 99, true },
		{ MIME_QP, "a=XYb=4", "a=XYb=4", 99, false },
		{ MIME_QP, "end=", "end", 99, true },
		{ MIME_QP, "abcdef", "abc", 3, true },
		{ MIME_8BIT, "a=3D", "a=3D", 99, true },
		{ MIME_CTE_UNKNOWN, "a", "a", 99, false },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_clear(&b);
		print_message("case %s\n", rows[i].in);
		assert_int_equal(mime_decode_cte(&b, rows[i].cte,
				     str_of(rows[i].in), rows[i].max),
		    rows[i].clean);
		ASSERT_STR(buf_str(&b), rows[i].out);
	}
	buf_fini(&b);
}

static void
test_charsets(void **state)
{
	static const struct {
		const char *charset, *in, *out;
		bool known;
	} rows[] = {
		{ "utf-8", "a\xc3\xa4\xff\xe2\x82z",
		    "a\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz", true },
		{ "ISO-8859-1", "\xe4\x80", "\xc3\xa4\xe2\x82\xac", true },
		{ "us-ascii", "\xe4", "\xc3\xa4", true },
		{ "us-ascii", "\xc3\xa4", "\xc3\xa4", true },
		{ "", "\x93x\x94", "\xe2\x80\x9cx\xe2\x80\x9d", true },
		{ "koi8-r", "\xc1", "\xd0\xb0", true },
		{ " Shift_JIS ", "\x8a\xbf", "\xe6\xbc\xa2", true },
		{ "no-such", "\xe4", "\xc3\xa4", false },
		{ "utf-8,swaplfnl", "x", "x", false },
		{ "windows-1251", "\xe0", "\xd0\xb0", true },
	};
	struct buf b = { 0 };

	(void)state;
	for (int round = 0; round < 2; round++) { /* again from the cache */
		for (size_t i = 0; i < LEN(rows); i++) {
			buf_clear(&b);
			print_message("case %s\n", rows[i].charset);
			assert_int_equal(
			    mime_to_utf8(&b, str_of(rows[i].charset),
				str_of(rows[i].in)),
			    rows[i].known);
			ASSERT_STR(buf_str(&b), rows[i].out);
		}
	}
	buf_clear(&b);
	mime_to_utf8(&b, STR("utf-16le"), STR("a\0\0\0b\0"));
	ASSERT_STR(buf_str(&b), "ab");
	assert_true(mime_charset_known(STR("big5")));
	assert_false(mime_charset_known(STR("no-such")));
	buf_fini(&b);
}

static void
test_html(void **state)
{
	static const struct {
		const char *html, *text;
	} rows[] = {
		{ "<p>One <b>t</b>wo<p>three", "One two\n\nthree" },
		{ "a<br>b<br/>c", "a\nb\nc" },
		{ "<td>1</td><td>2</td><tr><td>3", "1 2\n3" },
		{ "x<style>p{}</style>y<SCRIPT>a<b</SCRIPT >z", "xyz" },
		{ "a<!-- <b> -->b<![CDATA[x]]>c", "abc" },
		{ "&lt;&amp;&gt; &eacute; &#8364;&#x20AC; &#150;",
		    "<&> \xc3\xa9 \xe2\x82\xac\xe2\x82\xac \xe2\x80\x93" },
		{ "&bogus; &; & &#xD800; AT&T &copy",
		    "&bogus; &; & "
		    "&#xD800; AT&T \xc2\xa9" },
		{ "a\r\n \t b&nbsp;&nbsp;c", "a b c" },
		{ "<pre>a\n  b</pre>c", "a\n  b\n\nc" },
		{ "1 < 2 and <unclosed", "1 < 2 and" },
		{ "<img src=x alt=\"a cat\">!", "a cat!" },
		{ "<a title=\"x>y\">z</a>", "z" },
		{ "<title>t</title>b", "b" },
		{ "", "" },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_clear(&b);
		print_message("case %s\n", rows[i].html);
		mime_html_to_text(&b, str_of(rows[i].html));
		ASSERT_STR(buf_str(&b), rows[i].text);
	}
	buf_fini(&b);
}

static void
test_nfc(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "u\xcc\x88", "\xc3\xbc" },
		{ "\xc3\xbc", "\xc3\xbc" },
		{ "\xef\xac\x81", "\xef\xac\x81" }, /* a ligature stays */
		{ "\xff\xcc\x88", "\xff\xcc\x88" },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct str s = mime_nfc(a, str_of(cases[i].text));

		print_message("case %zu\n", i);
		assert_true(str_eq(s, str_of(cases[i].expected)));
	}
	arena_free(&a);
}

static void
test_fold(void **state)
{
	static const struct {
		const char *a, *b; /* equal when folded */
	} rows[] = {
		{ "HELLO, World [\\]^_`{|}@Z az 0123456789",
		    "hello, world [\\]^_`{|}@z AZ 0123456789" },
		{ "STRASSE", "stra\xc3\x9f"
			     "e" },
		{ "\xc3\x84", "a\xcc\x88" }, /* Ae composed or not */
		{ "x\xc3\x84y", "XA\xcc\x88Y" },
		{ "0123456789abcdeE\xcc\x81z", "0123456789abcde\xc3\xa9z" },
		{ "\xce\xa3\xce\x91\xcf\x82", "\xcf\x83\xce\xb1\xcf\x83" },
		{ "\xd0\x9f\xd0\xa0", "\xd0\xbf\xd1\x80" },
		{ "\xef\xac\x81", "fi" }, /* a ligature */
		{ "\xef\xbc\xa1", "a" },  /* full width */
		{ "so\xc2\xad"
		  "ft",
		    "soft" }, /* a soft hyphen */
		{ "\xe3\x8b\xbf", "\xe4\xbb\xa4\xe5\x92\x8c" },
		{ "a\xff", "A\xef\xbf\xbd" },
		{ "\xc3", "\xef\xbf\xbd" },
		{ "", "" },
	};
	struct buf x = { 0 }, y = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_clear(&x);
		buf_clear(&y);
		print_message("case %s\n", rows[i].a);
		mime_fold(&x, str_of(rows[i].a));
		mime_fold(&y, str_of(rows[i].b));
		ASSERT_STR(buf_str(&x), buf_cstr(&y));
	}
	/* The result does not depend on where in a text the pieces fall. */
	for (size_t shift = 0; shift < 300; shift++) {
		buf_clear(&x);
		buf_clear(&y);
		for (size_t i = 0; i < shift; i++)
			buf_puts(&x, i % 3 ? "\xe4\xbd\xa0" : "q");
		buf_puts(&x, "e\xcc\x81\xcc\xa7\xef\xbc\xa1");
		mime_fold(&y, buf_str(&x));
		assert_true(str_iends(buf_str(&y), STR("\xc8\xa9\xcc\x81"
						       "a")));
	}
	buf_fini(&x);
	buf_fini(&y);
}

static void
compose_report(struct buf *out)
{
	struct compose c;

	compose_init(&c, out);
	compose_address(&c, "From", STR("Mail, Syst\xc3\xa4m"),
	    STR("postmaster@example.test"));
	compose_address(&c, "To", STR("Doe, Jane"), STR("j@x\r\nBcc: y@z"));
	compose_text(&c, "Subject",
	    STR("Your mailbox \xe2\x82\xac is nearly full, which is "
		"regrettable, but it happens to the best of us; "
		"\xc3\xbc\xc3\xbc\xc3\xbc\r\nEvil: header"));
	compose_raw(&c, "X-Long",
	    STR("words words words words words words words words words "
		"words words words words words words words words words"));
	compose_date(&c, 880127706, -360);
	compose_msgid(&c, STR("example.test"));
	compose_multipart(&c, "report", "delivery-status");
	compose_body(
	    &c, STR("Gr\xc3\xbc\xc3\x9f"
		    "e = \nlonglonglonglonglonglonglong"
		    "longlonglonglonglonglonglonglonglonglonglonglong \r\nx "));
	compose_part(
	    &c, "message/delivery-status", STR("Reporting-MTA: dns; x\n"));
	compose_attachment(&c, "application/pdf",
	    STR("\xe2\x82\xac a very long name that needs more than one "
		"piece of RFC 2231.pdf"),
	    STR("%PDF"));
	compose_message(&c, STR("Subject: orig\r\n\r\nbody \xe9\r\n"), false);
	compose_message(&c, STR("Subject: orig\r\n\r\nbody\r\n"), true);
	compose_finish(&c);
}

/* What is composed reads back as what went in. */
static void
test_compose(void **state)
{
	struct arena *a = arena_new();
	struct buf out = { 0 }, b = { 0 };
	const struct mime_message *m;
	const struct mime_part *p;
	struct mime_field f;
	struct str header, rest, line;

	(void)state;
	compose_report(&out);
	for (rest = buf_str(&out); str_split(&rest, '\n', &line);)
		assert_true(line.n <= 79); /* with its CR */
	m = mime_parse(a, buf_str(&out), NULL);
	header = mime_part_header(m, m->root);
	assert_false(mime_field_find(header, "Evil", &f));
	assert_false(mime_field_find(header, "Bcc", &f));
	mime_decode_words(&b, mime_header_value(a, header, "Subject"));
	ASSERT_STR(buf_str(&b),
	    "Your mailbox \xe2\x82\xac is nearly full, which is regrettable, "
	    "but it happens to the best of us; \xc3\xbc\xc3\xbc\xc3\xbc"
	    "Evil: header");
	ASSERT_STR(
	    mime_header_value(a, header, "To"), "\"Doe, Jane\" <j@xBcc:y@z>");
	assert_true(mime_part_is(m->root, "multipart", "report"));

	p = m->root->child;
	assert_int_equal(p->cte, MIME_QP);
	buf_clear(&b);
	mime_part_text(&b, m, p, 1000);
	ASSERT_STR(buf_str(&b),
	    "Gr\xc3\xbc\xc3\x9f"
	    "e = \r\nlonglonglonglonglonglonglonglong"
	    "longlonglonglonglonglonglonglonglonglonglong \r\nx \r\n");
	p = p->next;
	ASSERT_STR(mime_part_body(m, p), "Reporting-MTA: dns; x\r\n");
	p = p->next;
	ASSERT_STR(mime_part_filename(a, p),
	    "\xe2\x82\xac a very long name that needs more than one piece of "
	    "RFC 2231.pdf");
	assert_true(mime_part_is_attachment(p));
	p = p->next;
	assert_true(p->message && p->cte == MIME_8BIT);
	ASSERT_STR(mime_part_body(m, p), "Subject: orig\r\n\r\nbody \xe9\r\n");
	p = p->next;
	assert_true(mime_part_is(p, "text", "rfc822-headers"));
	ASSERT_STR(mime_part_body(m, p), "Subject: orig\r\n");
	assert_null(p->next);
	buf_fini(&out);
	buf_fini(&b);
	arena_free(&a);
}

static void
test_compose_single(void **state)
{
	struct buf out = { 0 };
	struct compose c;

	(void)state;
	compose_init(&c, &out);
	compose_text(&c, "Subject", STR("plain"));
	compose_body(&c, STR("one\ntwo"));
	compose_finish(&c);
	ASSERT_STR(buf_str(&out),
	    "Subject: plain\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n\r\none\r\ntwo\r\n");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_cte),
		cmocka_unit_test(test_charsets),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_nfc),
		cmocka_unit_test(test_compose),
		cmocka_unit_test(test_compose_single),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
