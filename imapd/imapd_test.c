/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "imapd/command.h"
#include "imapd/fetch_items.h"
#include "imapd/frame.h"
#include "imapd/match.h"
#include "imapd/parse.h"
#include "imapd/search_key.h"
#include "imapd/section.h"
#include "imapd/seqset.h"
#include "imapd/sieve_url.h"
#include "imapd/url.h"
#include "imapd/utf7.h"
#include "imapd/write.h"

static int
arena_setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int
arena_teardown(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	return 0;
}

static struct parse
parse_of(struct arena *a, const char *text)
{
	return (struct parse){ .in = str_of(text), .arena = a };
}

static void
assert_buf(const struct buf *b, const char *want)
{
	if (!str_eqc(buf_str(b), want))
		print_message("got \"%.*s\"\n", (int)b->n, b->p ? b->p : "");
	assert_true(str_eqc(buf_str(b), want));
}

static void
test_seqset(void **state)
{
	static const struct {
		const char *text;
		uint32_t star;
		enum seqset_rc rc;
		const char *out;     /* as written back */
		uint32_t in, not_in; /* 0: not checked */
	} cases[] = {
		{ "1", 9, SEQSET_OK, "1", 1, 2 },
		{ "4:2", 9, SEQSET_OK, "2:4", 3, 5 },
		{ "1,3:*", 10, SEQSET_OK, "1,3:10", 10, 2 },
		{ "*:3", 10, SEQSET_OK, "3:10", 5, 11 },
		{ "559:*", 10, SEQSET_OK, "10:559", 10, 9 },
		{ "5,4,1:2,3", 9, SEQSET_OK, "1:5", 5, 6 },
		{ "1:4294967295,7", 9, SEQSET_OK, "1:4294967295", 7, 0 },
		{ "*", 0, SEQSET_OK, "", 0, 1 },
		{ "1:*", 0, SEQSET_OK, "", 0, 1 },
		{ "1,", 9, SEQSET_SYNTAX, "", 0, 1 },
		{ "", 9, SEQSET_SYNTAX, "", 0, 1 },
		{ "0", 9, SEQSET_SYNTAX, "", 0, 1 },
		{ "1:2:3", 9, SEQSET_SYNTAX, "", 0, 1 },
		{ "4294967296", 9, SEQSET_SYNTAX, "", 0, 1 },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b = { 0 };
		struct uids set;
		size_t at;

		print_message("case \"%s\"\n", cases[i].text);
		assert_int_equal(seqset_parse(*state, str_of(cases[i].text),
				     cases[i].star, &set, &at),
		    cases[i].rc);
		seqset_put(&b, set);
		assert_buf(&b, cases[i].out);
		if (cases[i].in)
			assert_true(seqset_has(set, cases[i].in));
		if (cases[i].not_in)
			assert_false(seqset_has(set, cases[i].not_in));
		buf_fini(&b);
	}
}

static void
test_seqset_slice(void **state)
{
	static const struct {
		unsigned from, to;
		const char *out; /* of 2:4,7,9:12 */
	} cases[] = {
		{ 0, 8, "2:4,7,9:12" },
		{ 0, 1, "2" },
		{ 1, 3, "3:4" },
		{ 2, 5, "4,7,9" },
		{ 3, 4, "7" },
		{ 6, 99, "11:12" },
		{ 8, 9, "" },
		{ 3, 3, "" },
	};
	struct uids set;
	size_t at;

	assert_int_equal(
	    seqset_parse(*state, STR("2:4,7,9:12"), 12, &set, &at), SEQSET_OK);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b = { 0 };

		print_message("case %u %u\n", cases[i].from, cases[i].to);
		seqset_put(
		    &b, seqset_slice(*state, set, cases[i].from, cases[i].to));
		assert_buf(&b, cases[i].out);
		buf_fini(&b);
	}
}

static void
test_utf7(void **state)
{
	static const struct {
		const char *wire, *utf8; /* utf8 NULL: refused */
	} cases[] = {
		{ "INBOX", "INBOX" },
		{ "A&-B", "A&B" },
		{ "Entw&APw-rfe", "Entw\xc3\xbcrfe" },
		{ "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
		    "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/"
		    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e" },
		{ "&2D3cqQ-", "\xf0\x9f\x92\xa9" },
		{ "&AOQ-&AOQ-", NULL }, /* two runs in a row */
		{ "&AGE-", NULL },      /* "a" needs no encoding */
		{ "&AAA-", NULL },      /* NUL */
		{ "&2D0-", NULL },      /* half a surrogate pair */
		{ "&3Kk-", NULL },
		{ "&AOR-", NULL }, /* bits left over */
		{ "&AOQ", NULL },
		{ "A&B", NULL },
		{ "a\xff", NULL },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b = { 0 };

		print_message("case \"%s\"\n", cases[i].wire);
		if (!cases[i].utf8) {
			assert_false(utf7_decode(&b, str_of(cases[i].wire)));
			assert_int_equal(b.n, 0);
			buf_fini(&b);
			continue;
		}
		assert_true(utf7_decode(&b, str_of(cases[i].wire)));
		assert_buf(&b, cases[i].utf8);
		buf_clear(&b);
		utf7_encode(&b, str_of(cases[i].utf8));
		assert_buf(&b, cases[i].wire);
		buf_fini(&b);
	}
}

static void
test_match(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool yes;
	} cases[] = {
		{ "*", "a/b", true },
		{ "%", "a/b", false },
		{ "%", "a", true },
		{ "a/%", "a/b", true },
		{ "a/%", "a/b/c", false },
		{ "%/%", "a/b", true },
		{ "*b", "a/b", true },
		{ "*b%", "ab/bc", true },
		{ "%a*c", "xa/b/c", true },
		{ "%a*c", "x/a/c", false },
		{ "inbox", "INBOX", true },
		{ "Inbox/x", "INBOX/x", true },
		{ "INBOXES", "INBOX", false },
		{ "iNbOx%", "INBOX", true },
		{ "", "a", false },
		{ "a*", "a", true },
		{ "a%%*", "a", true },
		{ "b", "a", false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		print_message("case %s %s\n", cases[i].pattern, cases[i].path);
		assert_int_equal(match_mailbox(str_of(cases[i].pattern),
				     str_of(cases[i].path)),
		    cases[i].yes);
	}
}

/* A pattern that makes backtracking matchers take for ever. */
static void
test_match_linear(void **state)
{
	char pattern[MATCH_MAX + 1], path[1001];

	(void)state;
	for (size_t i = 0; i < MATCH_MAX; i++)
		pattern[i] = i % 2 ? 'a' : "*%"[i / 2 % 2];
	pattern[MATCH_MAX] = '\0';
	memset(path, 'a', sizeof(path) - 1);
	path[999] = 'b';
	path[1000] = '\0';
	assert_false(match_mailbox(str_of(pattern), str_of(path)));
}

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X256 X64 X64 X64 X64

/* Literals are accepted up to ten octets. */
static enum frame_event
feed_all(struct frame *f, struct str in, size_t step, unsigned *offers)
{
	for (size_t at = 0; at < in.n;) {
		size_t used;
		enum frame_event ev =
		    frame_feed(f, str_sub(in, at, step), &used);

		at += used;
		if (ev == FRAME_LITERAL) {
			++*offers;
			ev = FRAME_MORE;
			if (f->literal <= 10)
				frame_accept(f);
			else
				ev = frame_refuse(f);
		}
		if (ev != FRAME_MORE) {
			assert_int_equal(at, in.n);
			return ev;
		}
	}
	return FRAME_MORE;
}

static void
test_frame(void **state)
{
	static const struct {
		const char *in;
		enum frame_event ev;
		const char *cmd; /* how it begins */
		unsigned offers;
	} cases[] = {
		{ "a NOOP\r\n", FRAME_DONE, "a NOOP", 0 },
		{ "a NOOP\n", FRAME_DONE, "a NOOP", 0 },
		{ "a NOOP", FRAME_MORE, "a NOOP", 0 },
		{ "a L {3}\r\na\rb {2+}\r\nxy\r\n", FRAME_DONE,
		    "a L {3}\r\na\rb {2+}\r\nxy", 2 },
		{ "a X ~{3+}\r\n{1}\r\n", FRAME_DONE, "a X ~{3+}\r\n{1}", 1 },
		{ "a X {2}\r\na\r\n", FRAME_DONE, "a X {2}\r\na\r", 1 },
		{ "a X {0}\r\n\r\n", FRAME_DONE, "a X {0}\r\n", 1 },
		{ "a X {a}\r\n", FRAME_DONE, "a X {a}", 0 },
		{ "a X {}\r\n", FRAME_DONE, "a X {}", 0 },
		{ "a X {11}\r\n", FRAME_REFUSED, "a X {11}", 1 },
		{ "a X {11+}\r\n12345\r\n8901 {2+}\r\n{}\r\n", FRAME_REFUSED,
		    "a X {11+}", 1 },
		{ "a 3456789 " X256 " {12+}\r\n123456789012\r\n", FRAME_TOOLONG,
		    "a 3456789", 0 },
		{ "a 3456789 {3+}\r\nabc" X256 " {12+}\r\n123456789012\r\n",
		    FRAME_TOOLONG, "a 3456789", 1 },
		{ "a 3456789 " X256 "\r\n", FRAME_TOOLONG, "a 3456789", 0 },
		{ "a X {99999999999999999999+}\r\n", FRAME_BROKEN, "a X", 0 },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		for (size_t step = 1; step < 100; step += 33) {
			struct frame f = { .max_line = 256 };
			unsigned offers = 0;

			print_message(
			    "case \"%s\" step %zu\n", cases[i].in, step);
			assert_int_equal(
			    feed_all(&f, str_of(cases[i].in), step, &offers),
			    cases[i].ev);
			assert_int_equal(offers, cases[i].offers);
			assert_true(
			    str_starts(buf_str(&f.cmd), str_of(cases[i].cmd)));
			frame_fini(&f);
		}
	}
}

/* However long the line is, little of it is kept. */
static void
test_frame_bounded(void **state)
{
	struct frame f = { .max_line = 1000 };
	struct str chunk = STR("0123456789 {99999+} 0123456789");
	size_t used;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		assert_int_equal(frame_feed(&f, chunk, &used), FRAME_MORE);
		assert_true(f.cmd.n <= 1000);
	}
	assert_int_equal(frame_feed(&f, STR("\r\n"), &used), FRAME_TOOLONG);
	frame_fini(&f);
}

static void
test_strings(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} cases[] = {
		{ "abc]", "abc]" },
		{ "\"a b\"", "a b" },
		{ "\"a\\\"\\\\b\"", "a\"\\b" },
		{ "\"\"", "" },
		{ "{3}\r\na\"b", "a\"b" },
		{ "{0+}\r\n", "" },
		{ "\"a", NULL },
		{ "\"a\\x\"", NULL },
		{ "\"a\\", NULL },
		{ "{4}\r\nabc", NULL },
		{ "{3}abc", NULL },
		{ "(", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct parse p = parse_of(*state, cases[i].in);
		struct str s;
		bool ok = parse_astring(&p, &s) && parse_end(&p);

		print_message("case \"%s\"\n", cases[i].in);
		assert_int_equal(ok, cases[i].out != NULL);
		if (ok)
			assert_true(str_eqc(s, cases[i].out));
		else
			assert_non_null(p.error);
	}
}

static void
test_dates(void **state)
{
	static const struct {
		const char *in;
		int64_t epoch; /* -1: refused */
		const char *out;
	} cases[] = {
		{ "\"01-Jan-1970 00:00:00 +0000\"", 0, NULL },
		{ "\" 1-Jan-1970 00:00:00 +0000\"", 0,
		    "\"01-Jan-1970 00:00:00 +0000\"" },
		{ "\"29-Feb-2024 23:59:59 +0000\"", 1709251199, NULL },
		{ "\"22-Nov-2026 17:00:00 +0130\"", 1795361400,
		    "\"22-Nov-2026 15:30:00 +0000\"" },
		{ "\"22-nov-2026 17:00:00 -0800\"", 1795395600,
		    "\"23-Nov-2026 01:00:00 +0000\"" },
		{ "\"31-Dec-1969 23:00:00 +0000\"", -3600, NULL },
		{ "\"29-Feb-2023 00:00:00 +0000\"", -1, NULL },
		{ "\"00-Jan-2023 00:00:00 +0000\"", -1, NULL },
		{ "\"01-Jan-2023 24:00:00 +0000\"", -1, NULL },
		{ "\"01-Jan-2023 00:00:00 0000\"", -1, NULL },
		{ "\"01-Jan-2023\"", -1, NULL },
		{ "\"\"", -1, NULL },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct parse p = parse_of(*state, cases[i].in);
		struct buf b = { 0 };
		int64_t epoch;
		bool ok = parse_datetime(&p, &epoch);

		print_message("case %s\n", cases[i].in);
		assert_int_equal(ok, cases[i].epoch != -1);
		if (!ok)
			continue;
		assert_true(epoch == cases[i].epoch);
		write_internaldate(&b, epoch);
		assert_buf(&b, cases[i].out ? cases[i].out : cases[i].in);
		buf_fini(&b);
	}
}

static void
test_write(void **state)
{
	static const struct {
		const char *in, *astring, *string;
	} cases[] = {
		{ "abc", "abc", "\"abc\"" },
		{ "a b", "\"a b\"", "\"a b\"" },
		{ "a\"b\\", "\"a\\\"b\\\\\"", "\"a\\\"b\\\\\"" },
		{ "", "\"\"", "\"\"" },
		{ "nil", "\"nil\"", "\"nil\"" },
		{ "a\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb" },
		{ "\xc3\xbc", "{2}\r\n\xc3\xbc", "{2}\r\n\xc3\xbc" },
		{ "a%", "\"a%\"", "\"a%\"" },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		buf_clear(&b);
		write_astring(&b, str_of(cases[i].in));
		assert_buf(&b, cases[i].astring);
		buf_clear(&b);
		write_string(&b, str_of(cases[i].in));
		assert_buf(&b, cases[i].string);
	}
	buf_clear(&b);
	write_nstring(&b, STR_NULL);
	assert_buf(&b, "NIL");
	buf_fini(&b);
}

static void
test_write_flags(void **state)
{
	const struct str names[] = { STR("$A"), STR("$B"), STR("$C") };
	const uint32_t more[] = { 2, 7 };
	struct keywords k = { names, 3 };
	struct flags f = { .bits = FLAG_SEEN | FLAG_KEYWORD(1) };
	struct buf b = { 0 };

	(void)state;
	write_flags(&b, &f, false, &k);
	assert_buf(&b, "(\\Seen $B)");
	buf_clear(&b);
	f = (struct flags){ .more = more, .nmore = 2 };
	write_flags(&b, &f, true, &k);
	assert_buf(&b, "(\\Recent $C)");
	buf_clear(&b);
	write_flags(&b, &(struct flags){ 0 }, false, &k);
	assert_buf(&b, "()");
	buf_fini(&b);
}

static void
test_fetch_items(void **state)
{
	static const struct {
		const char *in;
		const char *labels; /* NULL: refused */
		unsigned needs;
	} cases[] = {
		{ "UID", "UID", HAS_UID },
		{ "fast", "FLAGS INTERNALDATE RFC822.SIZE", HAS_FLAGS },
		{ "FULL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY",
		    HAS_FLAGS | NEED_META },
		{ "(FLAGS BODY[])", "FLAGS BODY[]",
		    HAS_FLAGS | NEED_BODY | SETS_SEEN },
		{ "body.peek[1.2.header]<3.40>", "BODY[1.2.HEADER]<3>",
		    NEED_META | NEED_BODY },
		{ "BODY.PEEK[HEADER.FIELDS (From \"To\" \"a b\")]",
		    "BODY[HEADER.FIELDS (From To \"a b\")]",
		    NEED_META | NEED_BODY },
		{ "BODY.PEEK[1.MIME]", "BODY[1.MIME]", NEED_META | NEED_BODY },
		{ "RFC822.HEADER", "RFC822.HEADER", NEED_META | NEED_BODY },
		{ "BODY", "BODY", NEED_META },
		{ "BODY[MIME]", NULL, 0 },
		{ "BODY[1.]", NULL, 0 },
		{ "BODY[0]", NULL, 0 },
		{ "BODY[1TEXT]", NULL, 0 },
		{ "BODY[]<0>", NULL, 0 },
		{ "BODY[]<0.0>", NULL, 0 },
		{ "BODY[HEADER.FIELDS ()]", NULL, 0 },
		{ "(FLAGS", NULL, 0 },
		{ "()", NULL, 0 },
		{ "(FAST)", NULL, 0 }, /* macros stand alone */
		{ "FLAGSX", NULL, 0 },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct parse p = parse_of(*state, cases[i].in);
		struct fetch_items items;
		struct buf b = { 0 };
		bool ok = fetch_items_parse(&p, &items) && parse_end(&p);

		print_message("case %s\n", cases[i].in);
		assert_int_equal(ok, cases[i].labels != NULL);
		for (size_t k = 0; ok && k < items.n; k++) {
			if (k)
				buf_putc(&b, ' ');
			buf_putstr(&b, items.v[k].label);
		}
		if (ok) {
			assert_buf(&b, cases[i].labels);
			assert_int_equal(items.needs, cases[i].needs);
		}
		buf_fini(&b);
	}
}

/* The tree in prefix notation. */
static void
put_key(struct buf *b, const struct search_key *k)
{
	static const char *const names[] = { "ALL", "AND", "OR", "NOT", "FLAG",
		"KEYWORD", "RECENT", "SEQ", "UID", "RECEIVED", "SENT", "SAVED",
		"WITHIN", "SIZE", "MODSEQ", "TEXT", "BODY", "HEADER", "EMAILID",
		"THREADID" };

	buf_puts(b, names[k->kind]);
	if (k->name.n) {
		buf_putc(b, ':');
		buf_putstr(b, k->name);
	}
	if (k->text.n) {
		buf_putc(b, '=');
		buf_putstr(b, k->text);
	}
	if (!k->child)
		return;
	buf_putc(b, '(');
	for (const struct search_key *c = k->child; c; c = c->next) {
		if (c != k->child)
			buf_putc(b, ' ');
		put_key(b, c);
	}
	buf_putc(b, ')');
}

static void
test_search(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
		unsigned returns;
	} cases[] = {
		{ "ALL", "AND(ALL)", 0 },
		{ "UNSEEN FROM \"a b\"", "AND(NOT(FLAG) HEADER:From=a b)", 0 },
		{ "or seen (2:4 uid 7,*)", "AND(OR(FLAG AND(SEQ=2:4 UID=7,*)))",
		    0 },
		{ "NOT NOT NEW", "AND(NOT(NOT(AND(RECENT NOT(FLAG)))))", 0 },
		{ "HEADER x-y \"\"", "AND(HEADER:x-y)", 0 },
		{ "CHARSET utf-8 TEXT {2}\r\n\xc3\xbc", "AND(TEXT=\xc3\xbc)",
		    0 },
		{ "RETURN (MIN COUNT) SINCE 1-Feb-2020", "AND(RECEIVED)", 9 },
		{ "RETURN () SENTON \"1-Feb-2020\"", "AND(SENT)", 4 },
		{ "MODSEQ \"/flags/\\\\draft\" all 620 LARGER 5",
		    "AND(MODSEQ SIZE)", 0 },
		{ "UNKEYWORD $Forwarded", "AND(NOT(KEYWORD:$Forwarded))", 0 },
		{ "RETURN (SAVE) $ UID $", "AND(SEQ UID)", 16 },
		{ "RETURN (PARTIAL -1:-9 MIN) OLDER 5 SAVEDON 1-Feb-2020",
		    "AND(WITHIN SAVED)", 33 },
		{ "EMAILID M1 THREADID T2", "AND(EMAILID=M1 THREADID=T2)", 0 },
		{ "RETURN (PARTIAL 1:2 ALL) ALL", NULL, 0 },
		{ "RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL", NULL, 0 },
		{ "RETURN (PARTIAL -1:5) ALL", NULL, 0 },
		{ "RETURN (PARTIAL 0:5) ALL", NULL, 0 },
		{ "YOUNGER 0", NULL, 0 },
		{ "", NULL, 0 },
		{ "SEEN ", NULL, 0 },
		{ "OR SEEN", NULL, 0 },
		{ "(SEEN", NULL, 0 },
		{ "SEENX", NULL, 0 },
		{ "SINCE 31-Feb-2020", NULL, 0 },
		{ "RETURN (X) ALL", NULL, 0 },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct parse p = parse_of(*state, cases[i].in);
		struct search_program prog;
		struct buf b = { 0 };
		bool ok = search_parse(&p, &prog);

		print_message("case %s\n", cases[i].in);
		assert_int_equal(ok, cases[i].out != NULL);
		if (!ok)
			continue;
		put_key(&b, prog.root);
		assert_buf(&b, cases[i].out);
		assert_int_equal(prog.ret.items, cases[i].returns);
		buf_fini(&b);
	}
}

static void
test_search_depth(void **state)
{
	struct buf b = { 0 };
	struct search_program prog;
	struct parse p;

	for (unsigned i = 0; i < 10000; i++)
		BUF_LIT(&b, "NOT ");
	BUF_LIT(&b, "ALL");
	p = (struct parse){ .in = buf_str(&b), .arena = *state };
	assert_false(search_parse(&p, &prog));
	assert_string_equal(p.error, "search too complex");
	buf_fini(&b);
}

/* A section's octets, from the layout of a real message. */
static void
test_section(void **state)
{
	static const char raw[] =
	    "Subject: s\r\nFrom: a@b\r\n"
	    "Content-Type: multipart/mixed; boundary=x\r\n"
	    "\r\n--x\r\nX-A: 1\r\n\r\none\r\n--x\r\n"
	    "Content-Type: message/rfc822\r\n\r\n"
	    "Subject: in\r\n\r\ntwo\r\n--x--\r\n";
	static const struct {
		const char *item, *octets; /* octets NULL: NIL */
	} cases[] = {
		{ "BODY[1]", "one" },
		{ "BODY[1]<1.1>", "n" },
		{ "BODY[1]<9.1>", "" },
		{ "BODY[1.MIME]", "X-A: 1\r\n\r\n" },
		{ "BODY[2.HEADER]", "Subject: in\r\n\r\n" },
		{ "BODY[2.TEXT]", "two" },
		{ "BODY[2.1]", "two" },
		{ "BODY[]<0.7>", "Subject" },
		{ "BODY[1.HEADER]", NULL },
		{ "BODY[3]", NULL },
	};
	struct str all = str_of(raw);
	struct buf layout = { 0 };
	struct email_meta meta = { 0 };

	mime_layout(&layout, mime_parse(*state, all, NULL));
	meta.layout = buf_str(&layout);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct parse p = parse_of(*state, cases[i].item);
		struct fetch_items items;
		struct section sec;

		print_message("case %s\n", cases[i].item);
		assert_true(fetch_items_parse(&p, &items));
		section_find(&items.v[0], &meta, all.n, &sec);
		assert_int_equal(sec.nil, cases[i].octets == NULL);
		if (!sec.nil)
			assert_true(
			    str_eqc(str_sub(all, sec.range.at, sec.range.n),
				cases[i].octets));
	}
	buf_fini(&layout);
}

static void
test_section_fields(void **state)
{
	struct str header = STR("A: 1\r\n x\r\nb: 2\r\nC: 3\r\n\r\n");
	struct parse p = parse_of(*state,
	    "(BODY[HEADER.FIELDS (B a)] BODY[HEADER.FIELDS.NOT (B a)])");
	struct fetch_items items;
	struct buf b = { 0 };

	assert_true(fetch_items_parse(&p, &items));
	section_fields(&b, &items.v[0], header);
	assert_buf(&b, "A: 1\r\n x\r\nb: 2\r\n\r\n");
	buf_clear(&b);
	section_fields(&b, &items.v[1], header);
	assert_buf(&b, "C: 3\r\n\r\n");
	buf_fini(&b);
}

static void
test_commands(void **state)
{
	size_t n;
	const struct command *rows = command_rows(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		print_message("case %s\n", rows[i].name);
		if (i)
			assert_true(strcmp(rows[i - 1].name, rows[i].name) < 0);
		assert_ptr_equal(command_find(str_of(rows[i].name)), &rows[i]);
		/* A message set needs a selected mailbox to be read by. */
		if (strstr(rows[i].sig, "set"))
			assert_int_equal(rows[i].states, ST_SELECTED);
	}
	assert_non_null(command_find(STR("uid fetch")));
	assert_null(command_find(STR("UID")));
	assert_null(command_find(STR("")));
}

static void
test_url(void **state)
{
	static const struct {
		const char *text, *mailbox; /* NULL: not a URL */
		uint32_t uidvalidity, uid;
		const char *section;
		uint64_t offset, length;
		int64_t expire;
		const char *access, *token;
	} cases[] = {
		/* clang-format off */
		{ "/Drafts/;UID=20", "Drafts", 0, 20, "", 0, 0, 0, "", "" },
		{ "Drafts/;UID=20", "Drafts", 0, 20, "", 0, 0, 0, "", "" },
		{ "/a/b%20c;UIDVALIDITY=7/;uid=1/;section=1.MIME", "a/b c", 7, 1, "1.MIME", 0, 0, 0, "", "" },
		{ "/x/;UID=1/;SECTION=HEADER.FIELDS%20(To)/;PARTIAL=5.9", "x", 0, 1, "HEADER.FIELDS (To)", 5, 9, 0, "", "" },
		{ "/x/;UID=1;PARTIAL=5", "x", 0, 1, "", 5, 0, 0, "", "" },
		{ "imap://joe;AUTH=*@h.example:143/INBOX/;UID=3", "INBOX", 0, 3, "", 0, 0, 0, "", "" },
		{ "imap://joe@h/INBOX/;uid=3;expire=1970-01-02T00:00:00Z;urlauth=submit+fred:internal:0102", "INBOX", 0, 3, "", 0, 0, 86400, "submit+fred", "0102" },
		{ "imap://joe@h/INBOX/;uid=3;expire=1970-01-02T00:00:00.5+01:00;urlauth=authuser", "INBOX", 0, 3, "", 0, 0, 82800, "authuser", "" },
		{ "/%C3%A4/;UID=4294967295", "\xc3\xa4", 0, UINT32_MAX, "", 0, 0, 0, "", "" },
		{ "", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "/x", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "/x/;UID=0", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "/x/;UID=1x", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "/x/;UID=1/;SECTION=%zz", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "/x%00/;UID=1", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "/%ff/;UID=1", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "/x/;UID=1/;PARTIAL=1.0", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "/x;UIDVALIDITY=0/;UID=1", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "imap://joe@h/;UID=1", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "imap:///x/;UID=1", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "/x/;UID=1;EXPIRE=yesterday", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "/x/;UID=1;URLAUTH=", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "/x/;UID=1;URLAUTH=a:INTERNAL", NULL, 0, 0, "", 0, 0, 0, "", "" },
		{ "/x/;UID=1/what", NULL, 0, 0, "", 0, 0, 0, "", "" },
		/* clang-format on */
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct imap_url u;
		bool ok = imap_url_parse(*state, str_of(cases[i].text), &u);

		if (ok != (cases[i].mailbox != NULL))
			fail_msg("\"%s\": %d", cases[i].text, ok);
		if (!ok)
			continue;
		if (!str_eqc(u.mailbox, cases[i].mailbox) ||
		    u.uidvalidity != cases[i].uidvalidity ||
		    u.uid != cases[i].uid ||
		    !str_eqc(u.section, cases[i].section) ||
		    u.offset != cases[i].offset ||
		    u.length != cases[i].length ||
		    u.expire != cases[i].expire ||
		    !str_eqc(u.access, cases[i].access) ||
		    !str_eqc(u.token, cases[i].token))
			fail_msg("\"%s\"", cases[i].text);
	}
}

static void
test_sieve_url(void **state)
{
	static const struct {
		const char *listen, *url;
	} cases[] = {
		{ "*:4190", "sieve://mail.a.test" },
		{ "unix:sieve.sock?mode=0666, [::1]:2000?proxy",
		    "sieve://mail.a.test:2000" },
		{ "127.0.0.1:4190 *:4191", "sieve://mail.a.test" },
		{ "unix:a:1", NULL },
		{ "*:99999", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b = { 0 };
		bool found =
		    sieve_url_put(&b, "mail.a.test", str_of(cases[i].listen));

		print_message("%s\n", cases[i].listen);
		assert_int_equal(found, cases[i].url != NULL);
		assert_buf(&b, found ? cases[i].url : "");
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seqset),
		cmocka_unit_test(test_seqset_slice),
		cmocka_unit_test(test_utf7),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_match_linear),
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_frame_bounded),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_flags),
		cmocka_unit_test(test_fetch_items),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_search_depth),
		cmocka_unit_test(test_section),
		cmocka_unit_test(test_section_fields),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_sieve_url),
	};

	return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
