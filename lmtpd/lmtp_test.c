/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "deliver/deliver.h"
#include "lmtpd/data.h"
#include "lmtpd/envelope.h"

/* ------------------------------------------------------------------------
 * DATA
 */

static void
collect(void *arg, struct str piece)
{
	buf_putstr(arg, piece);
}

/* Decode TEXT, of which STEP more bytes arrive at a time; the rest after the
 * end is left in *rest. */
static bool
decode(const char *text, size_t step, struct buf *out, const char **rest)
{
	struct data d;
	size_t used = 0, have = 0, n = strlen(text);

	data_init(&d);
	while (!d.ended && have < n) {
		/* From the heap, so that a read too far is seen. */
		char *copy;

		have = have + step < n ? have + step : n;
		copy = malloc(have - used);
		memcpy(copy, text + used, have - used);
		used += data_decode(
		    &d, (struct str){ copy, have - used }, collect, out);
		free(copy);
		assert_true(d.ended || have - used <= 2);
	}
	*rest = text + used;
	return d.ended;
}

static void
test_data(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: does not end */
		const char *rest;
	} cases[] = {
		/* clang-format off */
		{ ".\r\n", "", "" },
		{ "a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n" },
		{ "a\r\nb\r\n\r\n.\r\n", "a\r\nb\r\n\r\n", "" },
		{ "..\r\n..a\r\n...\r\n.\r\n", ".\r\n.a\r\n..\r\n", "" },
		{ ".a\r\n.\r\n", "a\r\n", "" },
		{ "a.\r\n.\r\n", "a.\r\n", "" },
		/* What only looks like the end (SMTP smuggling). */
		{ "a\n.\nMAIL\r\n.\r\n", "a\r\n.\r\nMAIL\r\n", "" },
		{ "a\n.\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", "" },
		{ "a\r\n.\nb\r\n.\r\n", "a\r\n\r\nb\r\n", "" },
		{ "a\r.\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", "" },
		{ "a\r\n.\rb\r\n.\r\n", "a\r\n\r\nb\r\n", "" },
		{ "a\r.\rb\r\n.\r\n", "a\r\n.\r\nb\r\n", "" },
		/* Line ends are made whole. */
		{ "a\nb\n\nc\r\n.\r\n", "a\r\nb\r\n\r\nc\r\n", "" },
		{ "a\rb\r\r\rc\r\r\nd\r\n.\r\n", "a\r\nb\r\nc\r\nd\r\n", "" },
		{ "a\r\r\n.\r\n", "a\r\n", "" },
		{ "\r\n.\r\n", "\r\n", "" },
		{ "\n.\r\n\r\n.\r\n", "\r\n.\r\n\r\n", "" },
		{ "a\r\n.", NULL, "." },
		{ "a\r\n.\r", NULL, ".\r" },
		{ "a\r", NULL, "\r" },
		{ "a\r\nb", NULL, "" },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		size_t n = strlen(cases[i].in);

		for (size_t step = 1; step <= n; step++) {
			struct buf out = { 0 };
			const char *rest;
			bool ended = decode(cases[i].in, step, &out, &rest);

			print_message("case %zu, %zu at a time\n", i, step);
			assert_int_equal(ended, cases[i].out != NULL);
			if (ended)
				assert_string_equal(
				    buf_cstr(&out), cases[i].out);
			assert_string_equal(rest, cases[i].rest);
			buf_fini(&out);
		}
	}
}

/* ------------------------------------------------------------------------
 * Envelopes
 */

static void
test_mail(void **state)
{
	static const struct {
		const char *args;
		enum args_rc rc;
		const char *from, *envid;
		uint64_t size;
		enum mail_body body;
		bool utf8;
	} cases[] = {
		/* clang-format off */
		{ "FROM:<a@b>", ARGS_OK, "a@b", "", 0, BODY_7BIT, false },
		{ "from: <>", ARGS_OK, "", "", 0, BODY_7BIT, false },
		{ "FROM:<@x,@y:a@b>", ARGS_OK, "a@b", "", 0, BODY_7BIT, false },
		{ "FROM:<\"a> \\\"b\"@c>", ARGS_OK, "\"a> \\\"b\"@c", "", 0, BODY_7BIT, false },
		{ "FROM:<a@b> SIZE=100 BODY=8bitmime", ARGS_OK, "a@b", "", 100, BODY_8BITMIME, false },
		{ "FROM:<a@b> BODY=BINARYMIME SMTPUTF8", ARGS_OK, "a@b", "", 0, BODY_BINARYMIME, true },
		{ "FROM:<a@b> RET=HDRS ENVID=x+2By AUTH=<>", ARGS_OK, "a@b", "x+y", 0, BODY_7BIT, false },
		{ "FROM:<\xc3\xa4@b> SMTPUTF8", ARGS_OK, "\xc3\xa4@b", "", 0, BODY_7BIT, true },
		{ "FROM:<\xe4@b> SMTPUTF8", ARGS_ADDRESS, "", "", 0, BODY_7BIT, false },
		{ "TO:<a@b>", ARGS_SYNTAX, "", "", 0, BODY_7BIT, false },
		{ "", ARGS_SYNTAX, "", "", 0, BODY_7BIT, false },
		{ "FROM:a@b", ARGS_ADDRESS, "", "", 0, BODY_7BIT, false },
		{ "FROM:<a@b", ARGS_ADDRESS, "", "", 0, BODY_7BIT, false },
		{ "FROM:<a@b>SIZE=1", ARGS_ADDRESS, "", "", 0, BODY_7BIT, false },
		{ "FROM:<a b@c>", ARGS_ADDRESS, "", "", 0, BODY_7BIT, false },
		{ "FROM:<a\001@c>", ARGS_ADDRESS, "", "", 0, BODY_7BIT, false },
		{ "FROM:<a@b> SIZE=x", ARGS_VALUE, "", "", 0, BODY_7BIT, false },
		{ "FROM:<a@b> SIZE", ARGS_VALUE, "", "", 0, BODY_7BIT, false },
		{ "FROM:<a@b> SIZE=99999999999999999999999", ARGS_VALUE, "", "", 0, BODY_7BIT, false },
		{ "FROM:<a@b> BODY=9BIT", ARGS_VALUE, "", "", 0, BODY_7BIT, false },
		{ "FROM:<a@b> ENVID=+4", ARGS_VALUE, "", "", 0, BODY_7BIT, false },
		{ "FROM:<a@b> SMTPUTF8=1", ARGS_VALUE, "", "", 0, BODY_7BIT, false },
		{ "FROM:<a@b> NOTIFY=NEVER", ARGS_UNKNOWN, "", "", 0, BODY_7BIT, false },
		{ "FROM:<a@b> FOO", ARGS_UNKNOWN, "", "", 0, BODY_7BIT, false },
		/* clang-format on */
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct mail_args m;

		print_message("%s\n", cases[i].args);
		assert_int_equal(
		    mail_args_parse(a, str_of(cases[i].args), &m), cases[i].rc);
		if (cases[i].rc != ARGS_OK)
			continue;
		assert_true(str_eqc(m.from, cases[i].from));
		assert_true(str_eqc(m.envid, cases[i].envid));
		assert_int_equal(m.size, cases[i].size);
		assert_int_equal(m.body, cases[i].body);
		assert_int_equal(m.utf8, cases[i].utf8);
	}
	arena_free(&a);
}

static void
test_by(void **state)
{
	static const struct {
		const char *args;
		bool ok, refuse, trace;
		int seconds;
	} cases[] = {
		{ "FROM:<a@b> BY=120;R", true, true, false, 120 },
		{ "FROM:<a@b> BY=+999999999;rT", true, true, true, 999999999 },
		{ "FROM:<a@b> by=-999999999;n", true, false, false,
		    -999999999 },
		{ "FROM:<a@b> BY=0;Nt", true, false, true, 0 },
		{ "FROM:<a@b>", true, false, false, 0 },
		{ "FROM:<a@b> BY=0;R", false, 0, 0, 0 },
		{ "FROM:<a@b> BY=-1;RT", false, 0, 0, 0 },
		{ "FROM:<a@b> BY=1000000000;N", false, 0, 0, 0 },
		{ "FROM:<a@b> BY=1", false, 0, 0, 0 },
		{ "FROM:<a@b> BY=;N", false, 0, 0, 0 },
		{ "FROM:<a@b> BY=-;N", false, 0, 0, 0 },
		{ "FROM:<a@b> BY=1;", false, 0, 0, 0 },
		{ "FROM:<a@b> BY=1;T", false, 0, 0, 0 },
		{ "FROM:<a@b> BY=1;NR", false, 0, 0, 0 },
		{ "FROM:<a@b> BY=1;NTT", false, 0, 0, 0 },
		{ "FROM:<a@b> BY=1x;N", false, 0, 0, 0 },
		{ "FROM:<a@b> BY", false, 0, 0, 0 },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct mail_args m;

		print_message("%s\n", cases[i].args);
		assert_int_equal(mail_args_parse(a, str_of(cases[i].args), &m),
		    cases[i].ok ? ARGS_OK : ARGS_VALUE);
		if (!cases[i].ok)
			continue;
		assert_int_equal(m.by.set, strchr(cases[i].args, ';') != NULL);
		assert_int_equal(m.by.refuse, cases[i].refuse);
		assert_int_equal(m.by.trace, cases[i].trace);
		assert_int_equal(m.by.seconds, cases[i].seconds);
	}
	arena_free(&a);
}

static void
test_rcpt(void **state)
{
	static const struct {
		const char *args;
		enum args_rc rc;
		const char *to, *orcpt;
		unsigned notify;
	} cases[] = {
		/* clang-format off */
		{ "TO:<a@b>", ARGS_OK, "a@b", "", 0 },
		{ "TO:<Postmaster>", ARGS_OK, "Postmaster", "", 0 },
		{ "TO:<a@b> NOTIFY=SUCCESS,delay", ARGS_OK, "a@b", "", NOTIFY_SUCCESS | NOTIFY_DELAY },
		{ "TO:<a@b> NOTIFY=NEVER ORCPT=rfc822;x+3Dy@z", ARGS_OK, "a@b", "x=y@z", NOTIFY_NEVER },
		{ "TO:<a@b> ORCPT=utf-8;\xc3\xa4@z", ARGS_OK, "a@b", "\xc3\xa4@z", 0 },
		{ "TO:<a@b> ORCPT=utf-8;\\x{E4}@z", ARGS_OK, "a@b", "\xc3\xa4@z", 0 },
		{ "TO:<>", ARGS_ADDRESS, "", "", 0 },
		{ "FROM:<a@b>", ARGS_SYNTAX, "", "", 0 },
		{ "TO:<a@b> NOTIFY=NEVER,SUCCESS", ARGS_VALUE, "", "", 0 },
		{ "TO:<a@b> NOTIFY=", ARGS_VALUE, "", "", 0 },
		{ "TO:<a@b> ORCPT=x@y", ARGS_VALUE, "", "", 0 },
		{ "TO:<a@b> SIZE=4", ARGS_UNKNOWN, "", "", 0 },
		/* clang-format on */
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct rcpt_args r;

		print_message("%s\n", cases[i].args);
		assert_int_equal(
		    rcpt_args_parse(a, str_of(cases[i].args), &r), cases[i].rc);
		if (cases[i].rc != ARGS_OK)
			continue;
		assert_true(str_eqc(r.to, cases[i].to));
		assert_true(str_eqc(r.orcpt, cases[i].orcpt));
		assert_int_equal(r.notify, cases[i].notify);
	}
	arena_free(&a);
}

static void
test_bdat(void **state)
{
	static const struct {
		const char *args;
		enum args_rc rc;
		uint64_t size;
		bool last;
	} cases[] = {
		{ "10", ARGS_OK, 10, false },
		{ "0 LAST", ARGS_OK, 0, true },
		{ " 7  last ", ARGS_OK, 7, true },
		{ "", ARGS_SYNTAX, 0, false },
		{ "x", ARGS_SYNTAX, 0, false },
		{ "-1", ARGS_SYNTAX, 0, false },
		{ "10 FIRST", ARGS_SYNTAX, 0, false },
		{ "99999999999999999999", ARGS_SYNTAX, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		uint64_t size = 0;
		bool last = false;

		print_message("%s\n", cases[i].args);
		assert_int_equal(
		    bdat_args_parse(str_of(cases[i].args), &size, &last),
		    cases[i].rc);
		if (cases[i].rc != ARGS_OK)
			continue;
		assert_int_equal(size, cases[i].size);
		assert_int_equal(last, cases[i].last);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_by),
		cmocka_unit_test(test_rcpt),
		cmocka_unit_test(test_bdat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
