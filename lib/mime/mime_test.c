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
#include "base/clock.h"
#include "mime/compose.h"
#include "mime/decode.h"
#include "mime/mime.h"

#define ASSERT_STR(s, expected)                                                \
	do {                                                                   \
		struct str got_ = (s);                                         \
		if (!str_eqc(got_, (expected)))                                \
			print_message("got: %.*s\n", STR_ARG(got_));           \
		assert_true(str_eqc(got_, (expected)));                        \
	} while (0)

#define DEFAULT_TEXT(octets, lines)                                            \
	"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "              \
	"\"7bit\" " octets " " lines " NIL NIL NIL NIL)"

/*
 * Offsets are written as "header-body-end" of each part in document order,
 * counted by hand.
 */
static const struct {
	const char *name, *message, *offsets, *structure;
} cases[] = {
	{ "empty", "", "0-0-0", DEFAULT_TEXT("0", "0") },
	{ "header without body", "Subject: x\r\n", "0-12-12",
	    DEFAULT_TEXT("0", "0") },
	{ "header without a line end", "Subject: x", "0-10-10",
	    DEFAULT_TEXT("0", "0") },
	{ "only an empty line", "\r\n", "0-2-2", DEFAULT_TEXT("0", "0") },
	{ "no header at all", "just text\r\nmore", "0-0-15",
	    DEFAULT_TEXT("15", "1") },
	{ "a line of an mbox file first", "From a b\nSubject: x\n\nb\n",
	    "0-21-23", DEFAULT_TEXT("2", "1") },
	{ "bare LF", "A: b\n\nx\ny\n", "0-6-10", DEFAULT_TEXT("4", "2") },
	{ "bare CR is no line end", "A: b\rc: d\r\n\r\nx\ry", "0-13-16",
	    DEFAULT_TEXT("3", "0") },
	{ "a line of white space continues the field",
	    "A: b\r\n \r\nC: d\r\n\r\nx", "0-17-18", DEFAULT_TEXT("1", "0") },
	{ "unknown type", "Content-Type: garbage\r\n\r\nx", "0-25-26",
	    DEFAULT_TEXT("1", "0") },
	{ "single part of another type",
	    "Content-Type: image/PNG; name=a b.png\r\n"
	    "Content-Transfer-Encoding: BASE64\r\n\r\nAAAA",
	    "0-76-80",
	    "(\"image\" \"PNG\" (\"name\" \"a b.png\") NIL NIL \"BASE64\" 4 "
	    "NIL NIL NIL NIL)" },
	{ "multipart",
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n" /* 45 */
	    "pre\r\n--b\r\n"          /* 50: delimiter, 55 */
	    "\r\none\r\n--b\r\n"      /* body 57-60; 62: delimiter, 67 */
	    "A: b\r\n\r\ntwo\r\n\r\n" /* body 75-80; 82 */
	    "--b-- \r\nepilogue\r\n",
	    "0-45-100 55-57-60 67-75-80",
	    "(" DEFAULT_TEXT("3", "0") DEFAULT_TEXT(
		"5", "1") " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "folded boundary, trailing space on the delimiter",
	    "Content-Type: multipart/mixed; boundary=\"foo\r\n bar\"\r\n\r\n"
	    "--foo bar \r\n\r\nx\r\n--foo bar--\r\n",
	    "0-55-85 67-69-70",
	    "(" DEFAULT_TEXT("1",
		"0") " \"mixed\" (\"boundary\" \"foo bar\") NIL NIL NIL)" },
	{ "no boundary parameter: the content as text",
	    "Content-Type: multipart/mixed\r\n\r\nx\r\n", "0-33-36 33-33-36",
	    "(" DEFAULT_TEXT("3", "1") " \"mixed\" NIL NIL NIL NIL)" },
	{ "boundary that never comes",
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\nx\r\n--c\r\n",
	    "0-45-53 45-45-53",
	    "(" DEFAULT_TEXT(
		"8", "2") " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "unterminated",
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx",
	    "0-45-53 50-52-53",
	    "(" DEFAULT_TEXT(
		"1", "0") " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "the inner boundary starts with the outer one",
	    "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" /* 50 */
	    "Content-Type: multipart/mixed; boundary=ab\r\n\r\n"       /* 96 */
	    "--ab\r\n\r\none\r\n--ab--\r\n" /* 102-104-107, 109, 117 */
	    "--a\r\n\r\ntwo\r\n--a--\r\n",
	    "0-45-136 50-96-115 102-104-107 122-124-127",
	    "((" DEFAULT_TEXT("3",
		"0") " \"mixed\" (\"boundary\" \"ab\") NIL NIL "
		     "NIL)" DEFAULT_TEXT("3",
			 "0") " \"mixed\" (\"boundary\" \"a\") NIL NIL NIL)" },
	{ "the outer boundary starts with the inner one",
	    "Content-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\n" /* 52
									  */
	    "Content-Type: multipart/mixed; boundary=a\r\n\r\n" /* 97 */
	    "--a\r\n\r\none\r\n" /* 102-104-107, 109 */
	    "--ab--\r\n",
	    "0-46-117 52-97-107 102-104-107",
	    "((" DEFAULT_TEXT("3",
		"0") " \"mixed\" (\"boundary\" \"a\") NIL NIL NIL) \"mixed\" "
		     "(\"boundary\" \"ab\") NIL NIL NIL)" },
	{ "a header block cut off by a delimiter",
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	    "Content-ID: <x>\r\n--b--\r\n",
	    "0-45-74 50-67-67",
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") \"<x>\" NIL "
	    "\"7bit\" 0 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") "
	    "NIL NIL NIL)" },
	{ "a part without header and empty line",
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	    "no header here\r\n--b--\r\n",
	    "0-45-73 50-50-64",
	    "(" DEFAULT_TEXT(
		"14", "0") " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "8-bit and quotes become literals and escapes",
	    "Content-Type: text/plain; charset=\"a\\\"b\"; x=\xe9\r\n"
	    "Content-Description: a\r\n\tb\r\n\r\n",
	    "0-77-77",
	    "(\"text\" \"plain\" (\"charset\" \"a\\\"b\" \"x\" {1}\r\n\xe9) "
	    "NIL \"a\tb\" \"7bit\" 0 0 NIL NIL NIL NIL)" },
	{ "all extension data",
	    "Content-Type: application/x\r\n"
	    "Content-Disposition: inline; filename=a\r\n"
	    "Content-Language: de, en\r\nContent-Location: http://x/\r\n"
	    "Content-MD5: abc=\r\nContent-ID: <i>\r\n\r\n",
	    "0-163-163",
	    "(\"application\" \"x\" NIL \"<i>\" NIL \"7bit\" 0 \"abc=\" "
	    "(\"inline\" (\"filename\" \"a\")) (\"de\" \"en\") "
	    "\"http://x/\")" },
	{ "digest, message inside",
	    "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n"
	    "Subject: s\r\nTo: \r\n\r\nx\r\n--b--\r\n",
	    "0-46-83 51-53-74 53-73-74",
	    "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 21 "
	    "(NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) " DEFAULT_TEXT(
		"1", "0") " 3 NIL NIL NIL NIL) \"digest\" (\"boundary\" \"b\") "
			  "NIL NIL "
			  "NIL)" },
};

static struct str
offsets_of(struct buf *b, const struct mime_message *m)
{
	buf_clear(b);
	for (const struct mime_part *p = m->root; p; p = mime_part_next(p))
		buf_printf(b, "%s%zu-%zu-%zu", b->n ? " " : "", p->header,
		    p->body, p->end);
	return buf_str(b);
}

static void
test_structure(void **state)
{
	struct arena *a = arena_new();
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct mime_message *m =
		    mime_parse(a, str_of(cases[i].message), NULL);

		print_message("case %s\n", cases[i].name);
		ASSERT_STR(offsets_of(&b, m), cases[i].offsets);
		buf_clear(&b);
		mime_bodystructure(&b, m);
		ASSERT_STR(buf_str(&b), cases[i].structure);
	}
	buf_fini(&b);
	arena_free(&a);
}

/* A part's octets, parsed as a message, give the same subtree. */
static void
test_parts_alone(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct str raw = str_of(cases[i].message);
		struct mime_message *m = mime_parse(a, raw, NULL);

		for (const struct mime_part *p = m->root; p;
		     p = mime_part_next(p)) {
			struct mime_message *alone;

			if (p->parent && str_ieqc(p->parent->subtype, "digest"))
				continue; /* another default type */
			if (p->header == p->body)
				continue;
			alone = mime_parse(a,
			    str_sub(raw, p->header, p->end - p->header), NULL);
			assert_true(alone->root->body == p->body - p->header);
			assert_true(str_eq(alone->root->type, p->type));
			assert_int_equal(alone->root->lines, p->lines);
			assert_true(!alone->root->child == !p->child);
		}
	}
	arena_free(&a);
}

static const char nested[] =
    "From: user@domain.org\r\nContent-Type: multipart/mixed; boundary=out"
    "\r\n\r\nprologue\r\n--out\r\nContent-Type: text/plain; "
    "charset=koi8-r\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "hello\r\n\r\n--out\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: sub\r\nContent-Type: multipart/alternative; boundary=in\r\n"
    "\r\nsub prologue\r\n--in\r\nContent-Type: text/html\r\n\r\n<p>hi\r\n"
    "--in\r\n\r\nplain\r\n--in--\r\nepilogue\r\n--out\r\n"
    "Content-Type: message/rfc822\r\n\r\nSubject: single\r\n\r\nbody3\r\n"
    "--out--\r\nepilogue\r\n";

static struct str
slice(const char *message, struct mime_range r)
{
	return str_sub(str_of(message), r.at, r.n);
}

static void
test_layout(void **state)
{
	static const struct {
		uint32_t path[4];
		size_t n;
		const char *body, *mime, *header, *text; /* NULL: no message */
	} sections[] = {
		{ { 1 }, 1, "hello\r\n",
		    "Content-Type: text/plain; charset=koi8-r\r\n"
		    "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
		    NULL, NULL },
		{ { 2, 1 }, 2, "<p>hi", "Content-Type: text/html\r\n\r\n", NULL,
		    NULL },
		{ { 2, 2 }, 2, "plain", "\r\n", NULL, NULL },
		{ { 3 }, 1, "Subject: single\r\n\r\nbody3",
		    "Content-Type: message/rfc822\r\n\r\n",
		    "Subject: single\r\n\r\n", "body3" },
		{ { 3, 1 }, 2, "body3", "Subject: single\r\n\r\n", NULL, NULL },
	};
	static const uint32_t missing[][3] = { { 4, 0, 0 }, { 0, 0, 0 },
		{ 1, 1, 0 }, { 2, 3, 0 }, { 3, 2, 0 }, { 3, 1, 1 } };
	struct arena *a = arena_new();
	struct buf b = { 0 };
	struct mime_span span;
	struct str layout;

	(void)state;
	mime_layout(&b, mime_parse(a, str_of(nested), NULL));
	layout = buf_str(&b);
	for (size_t i = 0; i < LEN(sections); i++) {
		print_message("section %u\n", sections[i].path[0]);
		assert_true(mime_layout_find(
		    layout, sections[i].path, sections[i].n, &span));
		ASSERT_STR(slice(nested, span.body), sections[i].body);
		ASSERT_STR(slice(nested, span.mime), sections[i].mime);
		assert_int_equal(span.message, sections[i].header != NULL);
		if (sections[i].header) {
			ASSERT_STR(
			    slice(nested, span.header), sections[i].header);
			ASSERT_STR(slice(nested, span.text), sections[i].text);
		}
	}
	for (size_t i = 0; i < LEN(missing); i++) {
		size_t n = missing[i][2] ? 3 : missing[i][1] ? 2 : 1;

		assert_false(mime_layout_find(layout, missing[i], n, &span));
	}
	assert_true(mime_layout_find(layout, (uint32_t[]){ 1 }, 1, &span));
	assert_int_equal(span.cte, MIME_QP);
	ASSERT_STR(span.charset, "koi8-r");
	assert_true(mime_layout_find(layout, NULL, 0, &span));
	assert_int_equal(span.body.n, sizeof(nested) - 1);
	assert_true(span.message && span.multipart);
	assert_true(span.text.at == span.header.n);
	/* Damage is noticed, wherever the record is cut. */
	for (size_t n = 0; n < layout.n; n++)
		assert_false(mime_layout_find(
		    str_sub(layout, 0, n), (uint32_t[]){ 3, 1 }, 2, &span));
	buf_fini(&b);
	arena_free(&a);
}

/* A message that is not a multipart is its own part 1. */
static void
test_layout_single(void **state)
{
	static const char single[] = "Subject: x\r\n\r\nbody";
	static const char message[] =
	    "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx";
	struct arena *a = arena_new();
	struct buf b = { 0 };
	struct mime_span span;

	(void)state;
	mime_layout(&b, mime_parse(a, str_of(single), NULL));
	assert_true(mime_layout_find(buf_str(&b), (uint32_t[]){ 1 }, 1, &span));
	ASSERT_STR(slice(single, span.body), "body");
	ASSERT_STR(slice(single, span.mime), "Subject: x\r\n\r\n");
	assert_false(span.message);
	assert_false(
	    mime_layout_find(buf_str(&b), (uint32_t[]){ 1, 1 }, 2, &span));
	buf_clear(&b);
	mime_layout(&b, mime_parse(a, str_of(message), NULL));
	assert_true(mime_layout_find(buf_str(&b), (uint32_t[]){ 1 }, 1, &span));
	ASSERT_STR(slice(message, span.header), "Subject: in\r\n\r\n");
	assert_true(
	    mime_layout_find(buf_str(&b), (uint32_t[]){ 1, 1 }, 2, &span));
	ASSERT_STR(slice(message, span.body), "x");
	buf_fini(&b);
	arena_free(&a);
}

static void
test_body_of(void **state)
{
	static const struct {
		const char *full, *body; /* body NULL: damaged */
	} rows[] = {
		/* The example of RFC 3501, section 7.4.2, with extensions. */
		{ "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL "
		  "\"7BIT\" 1152 23 NIL NIL NIL NIL)(\"TEXT\" \"PLAIN\" "
		  "(\"CHARSET\" \"US-ASCII\" \"NAME\" \"cc.diff\") "
		  "\"<960723163407.20117h@cac.washington.edu>\" \"Compiler "
		  "diff\" \"BASE64\" 4554 73 NIL (\"attachment\" NIL) NIL "
		  "NIL) \"MIXED\" (\"boundary\" \"x)(\\\"\") NIL NIL NIL)",
		    "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL "
		    "\"7BIT\" 1152 23)(\"TEXT\" \"PLAIN\" (\"CHARSET\" "
		    "\"US-ASCII\" \"NAME\" \"cc.diff\") "
		    "\"<960723163407.20117h@cac.washington.edu>\" \"Compiler "
		    "diff\" \"BASE64\" 4554 73) \"MIXED\")" },
		{ "(\"a\" \"b\" (\"n\" {2}\r\n)() NIL NIL \"7bit\" 3 \"md5\" "
		  "NIL NIL NIL)",
		    "(\"a\" \"b\" (\"n\" {2}\r\n)() NIL NIL \"7bit\" 3)" },
		{ "(\"a\" \"b\" NIL NIL NIL \"7bit\")", NULL },
		{ "(\"a\" \"b\" NIL NIL NIL \"7bit\" 3 NIL", NULL },
		{ "(\"a\" {9}\r\nb)", NULL },
		{ "", NULL },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_clear(&b);
		assert_int_equal(mime_body_of(&b, str_of(rows[i].full)),
		    rows[i].body != NULL);
		ASSERT_STR(buf_str(&b), rows[i].body ? rows[i].body : "");
	}
	buf_fini(&b);
}

static void
test_envelope(void **state)
{
	static const struct {
		const char *header, *envelope;
	} rows[] = {
		{ "", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)" },
		{ "Date: d\r\nSubject: \r\nFrom: Real <u@h>\r\nSender:\r\n"
		  "Reply-To: r@h\r\nMessage-ID: <m@h>\r\n"
		  "In-Reply-To: <i@h>\r\n",
		    "(\"d\" \"\" ((\"Real\" NIL \"u\" \"h\")) ((\"Real\" NIL "
		    "\"u\" \"h\")) ((NIL NIL \"r\" \"h\")) NIL NIL NIL "
		    "\"<i@h>\" \"<m@h>\")" },
		{ "Subject: a \"b\" \\\r\n c\r\nSubject: second\r\n"
		  "To: g: a@b, c@d;, g2: (foo) ;\r\nCc: <@r:u@h>, lone\r\n"
		  "Bcc: \xe9 <u@h>\r\n",
		    "(NIL \"a \\\"b\\\" \\\\ c\" NIL NIL NIL ((NIL NIL \"g\" "
		    "NIL)(NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")(NIL NIL "
		    "NIL NIL)(NIL NIL \"g2\" NIL)(NIL NIL NIL NIL)) ((NIL "
		    "\"@r\" \"u\" \"h\")(NIL NIL \"lone\" \"\")) (({1}\r\n"
		    "\xe9 NIL \"u\" \"h\")) NIL NIL)" },
	};
	struct arena *a = arena_new();
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_clear(&b);
		mime_envelope(&b, mime_parse(a, str_of(rows[i].header), NULL));
		ASSERT_STR(buf_str(&b), rows[i].envelope);
	}
	/* NUL is left out. */
	buf_clear(&b);
	mime_envelope(&b, mime_parse(a, STR("Subject: a\0b\r\n"), NULL));
	assert_true(str_find(buf_str(&b), STR("(NIL \"ab\" ")) == 0);
	buf_fini(&b);
	arena_free(&a);
}

static void
test_limits(void **state)
{
	struct arena *a = arena_new();
	struct buf b = { 0 }, s = { 0 };
	struct mime_message *m;
	int64_t start = clock_mono_ms();

	(void)state;
	for (int i = 0; i < 5000; i++) /* deeper than the limit of 64 */
		buf_printf(&b,
		    "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n"
		    "--b%d\r\n",
		    i, i);
	m = mime_parse(a, buf_str(&b), NULL);
	assert_true(m->truncated);
	assert_int_equal(m->nparts, 65);
	mime_bodystructure(&s, m);
	buf_clear(&b);
	assert_true(mime_body_of(&b, buf_str(&s)));
	assert_true(str_find(buf_str(&s), STR("octet-stream")) != STR_NPOS);

	buf_clear(&b);
	buf_puts(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 20000; i++)
		buf_puts(&b, "--b\r\n\r\nx\r\n");
	buf_puts(&b, "--b--\r\nepilogue");
	m = mime_parse(a, buf_str(&b), NULL);
	assert_true(m->truncated);
	assert_int_equal(m->nparts, 10000);

	buf_clear(&b); /* one field of 10 MB */
	buf_puts(&b, "To: ");
	while (b.n < (size_t)10 << 20)
		buf_puts(&b, "a@b,\r\n (c), ");
	buf_puts(&b, "\r\nSubject: found\r\n\r\nx");
	m = mime_parse(a, buf_str(&b), NULL);
	assert_int_equal(m->root->end - m->root->body, 1);
	buf_clear(&s);
	mime_envelope(&s, m);
	assert_true(str_find(buf_str(&s), STR("(NIL \"found\" NIL")) == 0);
	/* All of it is linear; the time is a generous bound. */
	assert_true(clock_mono_ms() - start < 5000);
	buf_fini(&b);
	buf_fini(&s);
	arena_free(&a);
}

static void
test_digest(void **state)
{
	static const char raw[] =
	    "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n"
	    "Message-ID: <m@x>\r\n"
	    "References: <r1@x> <r2@x>\r\n <r1@x>\r\n"
	    "In-Reply-To: <r3@x>\r\n"
	    "Subject: =?utf-8?Q?Re=3A_[list]_Stra=C3=9Fe?= (fwd)\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--b\r\nContent-Type: text/html\r\n\r\n<style>x</style><p>One"
	    "<p>two&nbsp;\r\n three\r\n"
	    "--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n"
	    "--b--\r\n";
	struct arena *a = arena_new();
	struct mime_digest d;

	(void)state;
	mime_digest(a, str_of(raw), &d);
	ASSERT_STR(d.msgid, "m@x");
	ASSERT_STR(d.subject, "strasse");
	ASSERT_STR(d.preview, "One two three");
	assert_true(d.is_reply && d.has_attachment);
	assert_true(d.sent == 880127706 && d.size == sizeof(raw) - 1);
	assert_int_equal(d.nreferences, 3);
	ASSERT_STR(d.references[2], "r3@x");
	mime_digest(a, STR(""), &d);
	assert_true(d.msgid.n == 0 && d.nreferences == 0 && d.sent == 0);
	assert_false(d.has_attachment || d.is_reply);
	arena_free(&a);
}

/* Of many references the first and the newest stay. */
static void
test_references(void **state)
{
	struct arena *a = arena_new();
	struct buf b = { 0 };
	struct mime_digest d;

	(void)state;
	buf_puts(&b, "References:");
	for (int i = 0; i < 100; i++)
		buf_printf(&b, " <%d@x>\r\n", i);
	buf_puts(&b, "In-Reply-To: <99@x>\r\n");
	mime_digest(a, buf_str(&b), &d);
	assert_int_equal(d.nreferences, MIME_REFERENCES);
	ASSERT_STR(d.references[0], "0@x");
	ASSERT_STR(d.references[1], "69@x");
	ASSERT_STR(d.references[31], "99@x");
	buf_fini(&b);
	arena_free(&a);
}

static void
test_search_text(void **state)
{
	static const char raw[] =
	    "Subject: =?utf-8?B?w6TDtg==?=\r\n x\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "<p>vis=E4<b>ble</b>\r\n"
	    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n"
	    "\r\ndeep\r\n"
	    "--b\r\nContent-Type: application/x\r\n"
	    "Content-Disposition: attachment;\r\n"
	    " filename*=utf-8''%e2%82%ac.pdf\r\n\r\nbinary\r\n--b--\r\n";
	struct mime_text_limits visible = { .no_markup = true };
	struct arena *a = arena_new();
	struct mime_message *m = mime_parse(a, str_of(raw), NULL);
	struct buf headers = { 0 }, body = { 0 };

	(void)state;
	mime_search_text(&headers, &body, m, NULL);
	assert_true(str_find(buf_str(&headers),
			STR("Subject: \xc3\xa4\xc3\xb6 x\n")) == 0);
	assert_true(
	    str_find(buf_str(&headers), STR("Subject: inner")) != STR_NPOS);
	ASSERT_STR(buf_str(&body),
	    "vis\xc3\xa4"
	    "ble\n<p>vis\xc3\xa4<b>ble</b>\ndeep\n\xe2\x82\xac.pdf\n");
	/* Comments within an address do not hide it. */
	m = mime_parse(a, STR("To: Joe <joe (at work)@ x.test>\r\n\r\n"), NULL);
	buf_clear(&headers);
	buf_clear(&body);
	mime_search_text(&headers, &body, m, NULL);
	assert_true(str_find(buf_str(&headers), STR("at work")) != STR_NPOS);
	assert_true(
	    str_find(buf_str(&headers), STR("Joe joe@x.test")) != STR_NPOS);
	buf_clear(&headers);
	buf_clear(&body);
	m = mime_parse(a, str_of(raw), NULL);
	mime_search_text(&headers, &body, m, &visible);
	ASSERT_STR(buf_str(&body), "vis\xc3\xa4"
				   "ble\ndeep\n\xe2\x82\xac.pdf\n");
	buf_fini(&headers);
	buf_fini(&body);
	arena_free(&a);
}

static void
check_bounds(struct arena *a, struct str raw)
{
	struct mime_message *m = mime_parse(a, raw, NULL);
	struct buf b = { 0 }, body = { 0 };

	for (const struct mime_part *p = m->root; p; p = mime_part_next(p)) {
		assert_true(p->header <= p->body && p->body <= p->end);
		assert_true(p->end <= raw.n);
		assert_true(!p->parent || (p->header >= p->parent->body &&
					      p->end <= p->parent->end));
	}
	mime_bodystructure(&b, m);
	assert_true(mime_body_of(&body, buf_str(&b)));
	buf_clear(&b);
	buf_clear(&body);
	mime_search_text(&b, &body, m, NULL);
	assert_true(str_is_utf8(buf_str(&b)) && str_is_utf8(buf_str(&body)));
	buf_fini(&b);
	buf_fini(&body);
}

/* Octets changed, cut out, moved: the fuzzer's work in small. */
static void
test_mutations(void **state)
{
	static const char spice[] = "-\r\n :;\"=?()<>@,\\/\0\xe9_ba";
	struct arena *a = arena_new();
	uint64_t random = 42;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		size_t n = sizeof(nested) - 1;
		char *copy = malloc(n);

		assert_non_null(copy);
		memcpy(copy, nested, n);
		for (int i = 0; i < 1 + round % 8; i++) {
			random = random * 6364136223846793005u + 1;
			copy[(random >> 33) % n] =
			    spice[(random >> 20) % (sizeof(spice) - 1)];
		}
		n -= round % 3 ? 0 : (random >> 40) % n;
		check_bounds(a, (struct str){ copy, n });
		arena_reset(a);
		free(copy);
	}
	arena_free(&a);
}

static void
test_bodystructure_part(void **state)
{
	static const char full[] =
	    "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1)(\"message\" "
	    "\"rfc822\" NIL NIL NIL \"7bit\" 9 (NIL {2}\r\n)( NIL) ((\"a\" "
	    "\"b\" NIL NIL NIL \"7bit\" 3)(\"c\" \"d\" NIL NIL NIL \"7bit\" "
	    "4) \"mixed\") 5)(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 9 "
	    "(NIL) (\"e\" \"f\" NIL NIL NIL \"7bit\" 6) 5) \"mixed\")";
	static const struct {
		uint32_t path[3];
		size_t n;
		const char *begins; /* NULL: no such part */
	} rows[] = {
		{ { 0 }, 0, "((\"text\"" },
		{ { 1 }, 1, "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1)" },
		{ { 2 }, 1, "(\"message\"" },
		{ { 2, 2 }, 2, "(\"c\" \"d\" NIL NIL NIL \"7bit\" 4)" },
		{ { 3, 1 }, 2, "(\"e\" \"f\"" },
		{ { 3, 2 }, 2, NULL },
		{ { 1, 1 }, 2, NULL },
		{ { 4 }, 1, NULL },
		{ { 2, 2, 1 }, 3, NULL },
	};
	struct str part;

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		bool ok = mime_bodystructure_part(
		    str_of(full), rows[i].path, rows[i].n, &part);

		if (ok != (rows[i].begins != NULL) ||
		    (ok && !str_istarts(part, str_of(rows[i].begins))))
			fail_msg("row %zu: %d %.*s", i, ok, STR_ARG(part));
	}
	assert_true(mime_bodystructure_part(
	    STR("(\"a\" \"b\" NIL)"), rows[1].path, 1, &part));
	assert_false(mime_bodystructure_part(STR("("), NULL, 0, &part));
}

static void
test_without_binary(void **state)
{
	static const char raw[] =
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	    "Content-Transfer-Encoding: binary\r\nX: "
	    "y\r\n\r\na\0b\r\n--b\r\n\r\n"
	    "plain\r\n--b--\r\n";
	struct arena *a = arena_new();
	struct buf b = { 0 };

	(void)state;
	assert_false(mime_without_binary(a, &b, STR("A: b\r\n\r\nc\r\n")));
	buf_clear(&b);
	assert_true(
	    mime_without_binary(a, &b, (struct str){ raw, sizeof(raw) - 1 }));
	ASSERT_STR(buf_str(&b),
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	    "X: y\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi\r\n\r\n--b"
	    "\r\n\r\nplain\r\n--b--\r\n");
	buf_fini(&b);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_bodystructure_part),
		cmocka_unit_test(test_without_binary),
		cmocka_unit_test(test_parts_alone),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_layout_single),
		cmocka_unit_test(test_body_of),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_search_text),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
