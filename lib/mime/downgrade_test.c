/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mime/downgrade.h"

static const struct {
	const char *in, *out; /* NULL: as it was */
} fields[] = {
	{ "Subject: plain", NULL },
	{ "From: \"A, B\" <a@b.c> (who)", NULL },
	{ "Subject: Gr\u00fc\u00dfe", "Subject: =?utf-8?B?R3LDvMOfZQ==?=" },
	{ "Subject: =?utf-8?q?=C3=A9?= \u00e9",
	    "Subject: =?utf-8?B?w6kgw6k=?=" },
	{ "X-Any:\u00e9", "X-Any: =?utf-8?B?w6k=?=" },
	{ "Subject: \xe9", "Subject: =?utf-8?B?w6k=?=" }, /* windows-1252 */
	/* Names, local parts, domains. */
	{ "From: J\u00f6rg <joerg@example.org>",
	    "From: =?utf-8?B?SsO2cmc=?= <joerg@example.org>" },
	{ "From: <a@b\u00fccher.example>", "From: <a@xn--bcher-kva.example>" },
	{ "From: a@b\u00fccher.example", "From: <a@xn--bcher-kva.example>" },
	{ "To: j\u00f6rg@example.org",
	    "To: =?utf-8?B?asO2cmdAZXhhbXBsZS5vcmc=?= :;" },
	{ "To: J <j\u00f6@x.org>, \"b, c\" <d@e.f>",
	    "To: =?utf-8?B?SiBqw7ZAeC5vcmc=?= :;,\r\n \"b, c\" <d@e.f>" },
	{ "Cc: Team: j\u00f6@x.org, a@b.c;, \"x y\"@z.org",
	    "Cc: Team:=?utf-8?B?asO2QHgub3Jn?="
	    " <invalid@internationalized-address.invalid>,\r\n"
	    " <a@b.c>;,\r\n <\"x y\"@z.org>" },
	{ "Resent-To: \u00e9 <a@b.c>", "Resent-To: =?utf-8?B?w6k=?= <a@b.c>" },
	{ "Delivered-To: \u00e9@b.c", "Delivered-To: =?utf-8?B?w6lAYi5j?= :;" },
	{ "Sender: \u00e9 \u00e9 \u00e9", "Sender: =?utf-8?B?w6nDqcOp?= :;" },
	/* Identifiers. */
	{ "Message-ID: <\u00e9@x>",
	    "Downgraded-Message-ID: =?utf-8?B?PMOpQHg+?=" },
	{ "References: <a@b> <\u00e9@x>",
	    "Downgraded-References: =?utf-8?B?PGFAYj4gPMOpQHg+?=" },
	/* MIME. */
	{ "Content-Type: text/plain; charset=utf-8; name=\u00e9.txt",
	    "Content-Type: text/plain;\r\n charset=\"utf-8\";\r\n"
	    " name*0*=utf-8''%C3%A9.txt" },
	{ "Content-Type: text/plain (\u00e9); charset=utf-8",
	    "Content-Type: text/plain;\r\n charset=\"utf-8\"" },
	{ "Content-Disposition: attachment; filename=\"\u00e9 x\"",
	    "Content-Disposition: attachment;\r\n"
	    " filename*0*=utf-8''%C3%A9%20x" },
	{ "Content-Disposition: attachment; filename*=utf-8''\u00e9%20",
	    "Content-Disposition: attachment;\r\n"
	    " filename*=utf-8''%C3%A9%20" },
	{ "Content-Disposition: attachment; filename*0=\u00e9; a=b",
	    "Content-Disposition: attachment;\r\n a=\"b\"" },
	{ "Content-Type: message/global", "Content-Type: message/rfc822" },
	{ "Content-Type: message/global; a=b",
	    "Content-Type: message/rfc822;\r\n a=\"b\"" },
	{ "Content-Type: message/global-headers", NULL },
	{ "Content-Type: \u00e9", "Content-Type: =?utf-8?B?w6k=?=" },
	/* Trace. */
	{ "Received: from a (\u00e9) by b with UTF8LMTP id 1\r\n"
	  "\tfor <\u00e9@x>; now",
	    "Received: from a (?"
	    "?) by b with UTF8LMTP id 1; now" },
	{ "Received: from a id \u00e9 for <b@c>; now",
	    "Received: from a for <b@c>; now" },
	/* No field at all. */
	{ "\u00e9\u00e9", "?"
			  "???" },
};

static void
check_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		assert_false(s.p[i] & 0x80);
}

static void
test_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(fields); i++) {
		struct buf in = { 0 }, want = { 0 }, out = { 0 };

		buf_printf(&in, "A: b\r\n%s\r\n\r\n", fields[i].in);
		buf_printf(&want, "A: b\r\n%s\r\n\r\n",
		    fields[i].out ? fields[i].out : fields[i].in);
		assert_int_equal(
		    downgrade_needed(buf_str(&in)), fields[i].out != NULL);
		downgrade_header(&out, buf_str(&in));
		assert_string_equal(buf_cstr(&out), buf_cstr(&want));
		check_ascii(buf_str(&out));
		assert_false(downgrade_needed(buf_str(&out)));
		buf_fini(&in);
		buf_fini(&want);
		buf_fini(&out);
	}
}

static const char nested[] =
    "From: J\u00f6rg <joerg@example.org>\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Disposition: inline; filename=\u00e9\r\n\r\nB\u00f6dy\r\n"
    "--b\r\nContent-Type: message/global\r\n\r\n"
    "Subject: \u00e9\r\nTo: a@b.c\r\n\r\nx\u00e9\r\n"
    "--b--\r\n";
static const char downgraded[] =
    "From: =?utf-8?B?SsO2cmc=?= <joerg@example.org>\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Disposition: inline;\r\n filename*0*=utf-8''%C3%A9\r\n\r\n"
    "B\u00f6dy\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: =?utf-8?B?w6k=?=\r\nTo: a@b.c\r\n\r\nx\u00e9\r\n"
    "--b--\r\n";

/* The same whatever pieces it comes in, and as long as was said. */
static void
test_message(void **state)
{
	struct arena *a = arena_new();
	struct str raw = STR(nested);
	struct mime_digest d;
	struct mime_range *headers;
	size_t n;

	(void)state;
	mime_digest(a, raw, &d);
	assert_true(d.i18n);
	assert_int_equal(d.downgraded, sizeof(downgraded) - 1);
	n = mime_layout_headers(a, d.layout, &headers);
	assert_int_equal(n, 4);
	for (size_t step = 1; step <= raw.n; step++) {
		struct downgrade x;
		struct buf out = { 0 };

		downgrade_init(&x, headers, n);
		for (size_t at = 0; at < raw.n; at += step)
			downgrade_put(&x, str_sub(raw, at, step), &out);
		downgrade_fini(&x);
		assert_string_equal(buf_cstr(&out), downgraded);
		buf_fini(&out);
	}
	mime_digest(a, STR("Subject: x\r\n\r\n\u00e9"), &d);
	assert_false(d.i18n);
	arena_free(&a);
}

/* A header that is too long to be looked at stays what it is. */
static void
test_long(void **state)
{
	struct arena *a = arena_new();
	struct buf raw = { 0 }, out = { 0 };
	struct mime_digest d;
	struct mime_range *headers;
	struct downgrade x;
	size_t n;

	(void)state;
	while (raw.n <= DOWNGRADE_MAX)
		buf_puts(&raw, "Subject: \u00e9\r\n");
	buf_puts(&raw, "\r\nbody\r\n");
	mime_digest(a, buf_str(&raw), &d);
	assert_false(d.i18n);
	n = mime_layout_headers(a, d.layout, &headers);
	downgrade_init(&x, headers, n);
	downgrade_put(&x, buf_str(&raw), &out);
	downgrade_fini(&x);
	assert_true(str_eq(buf_str(&raw), buf_str(&out)));
	buf_fini(&raw);
	buf_fini(&out);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
