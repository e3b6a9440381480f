/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/notice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/test.h"
#include "deliver/dsn.h"

static const char *
text(struct str s)
{
	return arena_cstr(arena, s);
}

/* ORCPT as it comes, as scripts see it, as it goes on, and in a report. */
static void
test_orcpt(void **state)
{
	static const struct {
		const char *in, *full; /* full NULL: malformed */
		const char *out, *field;
	} cases[] = {
		/* clang-format off */
		{ "rfc822;a+2Bb@c.test", "rfc822;a+b@c.test", "rfc822;a+2Bb@c.test", "rfc822; a+b@c.test" },
		{ "X400;/c=de", NULL, NULL, NULL },
		{ "X400;/c+3Dde", "X400;/c=de", "X400;/c+3Dde", "X400; /c=de" },
		{ "utf-8;\\x{E4}@c.test", "utf-8;\xc3\xa4@c.test", "utf-8;\\x{E4}@c.test", "utf-8; \\x{E4}@c.test" },
		{ "UTF-8;\xc3\xa4@c.test", "UTF-8;\xc3\xa4@c.test", "utf-8;\\x{E4}@c.test", "utf-8; \\x{E4}@c.test" },
		{ "utf-8;\\x{1f600}+2B@c", "utf-8;\xf0\x9f\x98\x80+@c", "utf-8;\\x{1F600}\\x{2B}@c", "utf-8; \\x{1F600}\\x{2B}@c" },
		{ "utf-8;a\\b\\x{}\\x{110000000}", "utf-8;a\\b\\x{}\\x{110000000}",
			"utf-8;a\\x{5C}b\\x{5C}x{}\\x{5C}x{110000000}", "utf-8; a\\x{5C}b\\x{5C}x{}\\x{5C}x{110000000}" },
		/* Of that type it cannot be. */
		{ "rfc822;\xc3\xa4@c", "rfc822;\xc3\xa4@c", "utf-8;\\x{E4}@c", "utf-8; \\x{E4}@c" },
		/* No field of its own in a report. */
		{ "rfc822;a+0D+0AX:y@c", "rfc822;a\r\nX:y@c", "rfc822;a+0D+0AX:y@c", "rfc822; a??X:y@c" },
		{ "x@y", NULL, NULL, NULL },
		{ ";x@y", NULL, NULL, NULL },
		{ "rfc 822;x@y", NULL, NULL, NULL },
		{ "rfc822;x+4", NULL, NULL, NULL },
		{ "rfc822;x+FF", NULL, NULL, NULL },
		{ "utf-8;\xe4", NULL, NULL, NULL },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct str full, address;

		print_message("%s\n", cases[i].in);
		assert_int_equal(dsn_orcpt_parse(arena, str_of(cases[i].in),
				     &full, &address),
		    cases[i].full != NULL);
		if (!cases[i].full)
			continue;
		assert_string_equal(text(full), cases[i].full);
		assert_string_equal(
		    text(address), strchr(cases[i].full, ';') + 1);
		assert_string_equal(text(dsn_orcpt(arena, full)), cases[i].out);
		assert_string_equal(
		    text(dsn_recipient(arena, full)), cases[i].field);
	}
}

static void
test_notify(void **state)
{
	static const struct {
		const char *in;
		bool success;
		const char *rest;
	} cases[] = {
		{ "", false, "" },
		{ "NEVER", false, "NEVER" },
		{ "FAILURE,DELAY", false, "FAILURE,DELAY" },
		{ "SUCCESS", true, "NEVER" },
		{ "delay,success,Failure", true, "delay,Failure" },
		{ "SUCCESSFUL", false, "SUCCESSFUL" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct str in = str_of(cases[i].in);

		print_message("%s\n", cases[i].in);
		assert_int_equal(dsn_wants_success(in), cases[i].success);
		assert_string_equal(
		    text(dsn_without_success(arena, in)), cases[i].rest);
	}
}

static void
test_wanted(void **state)
{
	struct deliver_message m = { .from = STR("s@x.test") };

	(void)state;
	assert_true(notice_wanted(&m, STR("FAILURE,SUCCESS")));
	assert_false(notice_wanted(&m, STR("FAILURE")));
	assert_false(notice_wanted(&m, STR("NEVER")));
	assert_false(notice_wanted(&m, STR_NULL));
	m.from = STR_NULL;
	assert_false(notice_wanted(&m, STR("SUCCESS")));
}

static void
has(struct str raw, const char *what)
{
	if (str_find(raw, str_of(what)) == STR_NPOS)
		fail_msg("no \"%s\" in\n%.*s", what, STR_ARG(raw));
}

static void
test_notice(void **state)
{
	struct deliver_message m = {
		.raw = STR("Subject: what it was\r\n\r\nthe body\r\n"),
		.from = STR("s@x.test"),
		.ret = STR("FULL"),
		.envid = STR("id 1\r\nX: y"),
		.by = { .set = true, .until = 86400 },
	};
	struct deliver_rcpt r = { .address = STR("\xc3\xa4@a.test"),
		.orcpt = STR("rfc822;alias@a.test") };
	struct notice n = { &m, &r, "mx.a.test", STR("postmaster@a.test") };
	struct outgoing out;

	(void)state;
	assert_true(notice_make(arena, &n, NOTICE_DELIVERED, 0, &out));
	assert_int_equal(out.kind, OUTGOING_NOTICE);
	assert_int_equal(out.from.n, 0);
	assert_int_equal(out.nto, 1);
	assert_true(str_eqc(out.to[0], "s@x.test"));
	assert_true(str_eqc(out.notify, "NEVER"));
	has(out.raw, "Auto-Submitted: auto-replied\r\n");
	has(out.raw,
	    "Content-Type: multipart/report; report-type=delivery-status;");
	has(out.raw, "Content-Type: message/delivery-status\r\n\r\n"
		     "Reporting-MTA: dns; mx.a.test\r\n"
		     "Original-Envelope-Id: id 1??X: y\r\n"
		     "Arrival-Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
		     "Deliver-By-Date: Fri, 2 Jan 1970 00:00:00 +0000\r\n\r\n"
		     "Original-Recipient: rfc822; alias@a.test\r\n"
		     "Final-Recipient: utf-8; \\x{E4}@a.test\r\n"
		     "Action: delivered\r\nStatus: 2.1.5\r\n");
	has(out.raw, "Content-Type: text/rfc822-headers\r\n\r\n"
		     "Subject: what it was\r\n");
	assert_true(str_find(out.raw, STR("the body")) == STR_NPOS);

	m.raw = STR("Subject: \xc3\xa4\r\n\r\nthe body\r\n");
	m.envid = r.orcpt = STR_NULL;
	m.by.set = false;
	assert_true(notice_make(arena, &n, NOTICE_EXPANDED, 0, &out));
	has(out.raw, "Action: expanded\r\nStatus: 2.0.0\r\n");
	has(out.raw, "Content-Type: message/global-headers\r\n"
		     "Content-Transfer-Encoding: 8bit\r\n\r\nSubject: ");
	assert_true(str_find(out.raw, STR("Original-")) == STR_NPOS);
	assert_true(str_find(out.raw, STR("Deliver-By")) == STR_NPOS);
	assert_true(notice_make(arena, &n, NOTICE_RELAYED, 0, &out));
	has(out.raw, "Action: relayed\r\nStatus: 2.0.0\r\n");
	m.from = STR("a<b@x.test");
	assert_false(notice_make(arena, &n, NOTICE_RELAYED, 0, &out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_orcpt, arena_up, arena_down),
		cmocka_unit_test_setup_teardown(
		    test_notify, arena_up, arena_down),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test_setup_teardown(
		    test_notice, arena_up, arena_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
