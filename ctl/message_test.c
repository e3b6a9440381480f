/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
assert_str(struct str got, const char *want)
{
	if (!str_eqc(got, want))
		fail_msg("\"%.*s\" instead of \"%s\"", STR_ARG(got), want);
}

static void
test_lines(void **state)
{
	static const struct {
		const char *file, *store;
		bool back; /* store -> file gives the same again */
	} cases[] = {
		{ "", "", true },
		{ "a\nb\n", "a\r\nb\r\n", true },
		{ "a\n\nb", "a\r\n\r\nb", true },
		{ "no end", "no end", true },
		{ "a\r\nb\nc\r\n", "a\r\nb\nc\r\n", true }, /* bare LF kept */
		{ "a\r\nb\r\n", "a\r\nb\r\n", false },
		{ "a\nb\r\nc\n", "a\r\nb\r\nc\r\n", false },
		{ "a\nb\rc\n", "a\r\nb\rc\r\n", true },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b = { 0 };

		print_message("lines %zu\n", i);
		lines_to_crlf(str_of(cases[i].file), true, &b);
		assert_str(buf_str(&b), cases[i].store);
		buf_clear(&b);
		lines_to_lf(str_of(cases[i].store), &b);
		if (cases[i].back)
			assert_str(buf_str(&b), cases[i].file);
		buf_clear(&b);
		lines_to_crlf(str_of(cases[i].file), false, &b);
		for (size_t k = 0; k < b.n; k++)
			assert_true(b.p[k] != '\n' || b.p[k - 1] == '\r');
		buf_fini(&b);
	}
}

static void
test_maildir_names(void **state)
{
	static const struct {
		const char *file, *unique;
		uint64_t bits;
		uint32_t letters;
	} cases[] = {
		{ "1.M2P3.host", "1.M2P3.host", 0, 0 },
		{ "1.M2P3.host,S=12:2,", "1.M2P3.host,S=12", 0, 0 },
		{ "1.x:2,FS", "1.x", FLAG_FLAGGED | FLAG_SEEN, 0 },
		{ "1.x:2,DFRSTac", "1.x", FLAGS_SYSTEM, 5 },
		{ "1.x:2,PXz", "1.x", 0, UINT32_C(1) << 25 },
		{ "1.x:2,S,extra=FT", "1.x", FLAG_SEEN, 0 },
		{ "1.x:1,FS", "1.x", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct maildir_name n;

		print_message("%s\n", cases[i].file);
		maildir_parse(str_of(cases[i].file), &n);
		assert_str(n.unique, cases[i].unique);
		assert_int_equal(n.bits, cases[i].bits);
		assert_int_equal(n.letters, cases[i].letters);
	}
}

static void
test_maildir_flags_back(void **state)
{
	struct buf b = { 0 };
	struct maildir_name n;

	(void)state;
	for (uint64_t bits = 0; bits <= FLAGS_SYSTEM; bits++) {
		buf_clear(&b);
		buf_puts(&b, "1.x");
		maildir_put_flags(&b, bits, (uint32_t)bits << 20);
		maildir_parse(buf_str(&b), &n);
		assert_int_equal(n.bits, bits);
		assert_int_equal(n.letters, (uint32_t)bits << 20);
	}
	buf_fini(&b);
}

static void
test_keywords_file(void **state)
{
	struct str names[MAILDIR_KEYWORDS];

	(void)state;
	maildir_parse_keywords(
	    STR("0 $Forwarded\n1 Junk\r\n25 last\n26 no\nx y\n3\n"), names);
	assert_str(names[0], "$Forwarded");
	assert_str(names[1], "Junk");
	assert_str(names[25], "last");
	assert_int_equal(names[3].n, 0);
}

static void
test_folders(void **state)
{
	static const struct {
		const char *folder, *path; /* path NULL: none */
		bool back;
	} cases[] = {
		{ ".Sent", "Sent", true },
		{ ".Archive.2024", "Archive/2024", true },
		{ ".Entw&APw-rfe", "Entw\xc3\xbcrfe", true },
		{ ".v1&AC4-0.x", "v1.0/x", true },
		{ ".A&-B", "A&B", true },
		{ ".x&AC4-", "x.", true },
		{ ".", NULL, false },
		{ "..x", NULL, false },
		{ ".x.", NULL, false },
		{ "cur", NULL, false },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct str path;

		print_message("%s\n", cases[i].folder);
		assert_int_equal(
		    maildir_folder_path(a, str_of(cases[i].folder), &path),
		    cases[i].path != NULL);
		if (cases[i].path)
			assert_str(path, cases[i].path);
		if (cases[i].back)
			assert_str(
			    maildir_path_folder(a, path), cases[i].folder);
	}
	arena_free(&a);
}

static void
test_from_lines(void **state)
{
	static const struct {
		const char *line;
		int64_t received; /* -1: not a From line */
	} cases[] = {
		{ "From a@b Sun Nov 22 17:00:00 2026", 1795366800 },
		{ "From MAILER-DAEMON Thu Jan  1 00:00:01 1970", 1 },
		{ "From - Sun Nov 22 17:00:00 2026\r", 1795366800 },
		{ "From a b Sun Nov 22 17:00:00 2026 +0100", 1795366800 },
		{ "From a@b Sun Nov 22 17:00:00 CET 2026", 1795366800 },
		{ "From here on it is text", -1 },
		{ "From ", -1 },
		{ ">From a@b Sun Nov 22 17:00:00 2026", -1 },
		{ "from a@b Sun Nov 22 17:00:00 2026", -1 },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		int64_t received;

		print_message("%s\n", cases[i].line);
		assert_int_equal(mbox_is_from(str_of(cases[i].line), &received),
		    cases[i].received != -1);
		if (cases[i].received != -1)
			assert_int_equal(received, cases[i].received);
	}
}

static void
test_mbox_parse(void **state)
{
	static const char text[] = "Subject: x\n"
				   "Status: RO\n"
				   "X-Status: AF\n"
				   "X-Keywords: $Forwarded  work\n"
				   " more\n"
				   "X-UID: 17\n"
				   "To: y\n"
				   " folded\n"
				   "\n"
				   "Status: this is text\n"
				   ">From the start\n"
				   ">>From deeper\n"
				   "> From not quoted\n";
	struct arena *a = arena_new();
	struct buf raw = { 0 };
	struct mail m = { 0 };

	(void)state;
	mbox_parse(a, str_of(text), &m, &raw);
	assert_str(m.raw, "Subject: x\r\nTo: y\r\n folded\r\n\r\n"
			  "Status: this is text\r\nFrom the start\r\n"
			  ">From deeper\r\n> From not quoted\r\n");
	assert_int_equal(m.bits, FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED);
	assert_int_equal(m.nkeywords, 2);
	assert_str(m.keywords[0], "$Forwarded");
	assert_str(m.keywords[1], "work");
	buf_fini(&raw);
	arena_free(&a);
}

/* What was written comes back the same, flags and bytes. */
static void
test_mbox_round(void **state)
{
	static const char *const bodies[] = {
		"Subject: x\r\n\r\nFrom me\r\n>From you\r\n",
		"Subject: x\r\n\r\n",
		"Subject: x\r\n",
		"Subject: x\r\n\r\nbare\nLF\r\nFrom z\r\n",
	};
	struct str words[] = { STR("one"), STR("$Two") };
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(bodies); i++) {
		struct mail in = { .raw = str_of(bodies[i]),
			.bits = FLAGS_SYSTEM,
			.keywords = words,
			.nkeywords = 2,
			.received = 1795366800 };
		struct mail out = { 0 };
		struct buf file = { 0 }, raw = { 0 };
		struct str rest, line;

		print_message("body %zu\n", i);
		mbox_write(&file, &in);
		rest = buf_str(&file);
		assert_true(str_split(&rest, '\n', &line));
		assert_true(mbox_is_from(line, &out.received));
		assert_int_equal(out.received, in.received);
		mbox_parse(a, str_sub(rest, 0, rest.n - 1), &out, &raw);
		assert_str(out.raw, bodies[i]);
		assert_int_equal(out.bits, in.bits);
		assert_int_equal(out.nkeywords, 2);
		assert_str(out.keywords[1], "$Two");
		buf_fini(&file);
		buf_fini(&raw);
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_maildir_names),
		cmocka_unit_test(test_maildir_flags_back),
		cmocka_unit_test(test_keywords_file),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_from_lines),
		cmocka_unit_test(test_mbox_parse),
		cmocka_unit_test(test_mbox_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
