/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/failure_queue.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter/internal.h"
#include "filter/reports_test.h"

#define NOW (20000 * (int64_t)86400 + 3600)

static int
up(void **state)
{
	struct fixture *f;

	if (reports_up(state) != 0)
		return -1;
	f = *state;
	ok(site_setting_set(f->site, NULL, STR("report.failure"),
	    (struct site_scope){ 0 }, STR("redacted"), &f->e));
	return 0;
}

static const struct signature broken = {
	.result = SIGNATURE_FAIL,
	.domain = STR("a.example"),
	.selector = STR("s1"),
	.identity = STR("@a.example"),
};

static void
put_header(const char *record, unsigned limit, struct str header)
{
	const struct failure_note n = {
		.domain = STR("sub.a.example"),
		.organization = STR("a.example"),
		.record = str_of(record),
		.now = NOW,
		.author = STR("sub.a.example"),
		.source_ip = "192.0.2.1",
		.mail_from = STR("ann@b.example"),
		.rcpt_to = STR("bob@us.example"),
		.results = STR("mail.us.example; spf=fail"
			       " smtp.mailfrom=ann@b.example; dmarc=fail"),
		.auth_failure = "dmarc",
		.delivery_result = "reject",
		.alignment = "none",
		.signature = &broken,
		.header = header,
		.spf_record = STR("v=spf1 ~all"),
	};

	failure_queue_put(db, &n, limit);
}

static void
put(const char *record, unsigned limit)
{
	put_header(record, limit,
	    STR("From: carl@sub.a.example\r\nTo: bob@us.example\r\n"
		"Subject: hello\r\n\r\n"));
}

static int64_t
waiting(void)
{
	return ask("SELECT count(*) FROM failure_queue");
}

static void
send_at(struct fixture *f, int64_t now)
{
	counts = (struct report_counts){ 0 };
	if (!failure_queue_send(&reports, now, &counts, &f->e))
		fail_msg("%s", f->e.msg);
}

#define RECORD "v=DMARC1; p=reject; ruf=mailto:f@a.example"

static void
test_report(void **state)
{
	static const char *const told[] = {
		"MAIL FROM:<>\r\n", "Feedback-Type: auth-failure\r\n",
		"SPF-DNS: txt : \"v=spf1 ~all\"\r\n", "Auth-Failure: dmarc\r\n",
		"Delivery-Result: reject\r\n", "Identity-Alignment: none\r\n",
		"Reported-Domain: sub.a.example\r\n",
		"Reporting-MTA: dns; mail.us.example\r\n",
		"Source-IP: 192.0.2.1\r\n", "DKIM-Domain: a.example\r\n",
		"DKIM-Selector: s1\r\n", "dmarc=fail", "Subject: hello\r\n",
		"carl@sub.a.example", /* his own */
	};
	struct fixture *f = *state;

	put(RECORD, 5);
	assert_int_equal(waiting(), 1);
	send_at(f, NOW);
	assert_int_equal(counts.sent, 1);
	assert_int_equal(waiting(), 0);
	for (size_t i = 0; i < LEN(told); i++) {
		print_message("%s\n", told[i]);
		assert_non_null(strstr(fake_mta_heard(), told[i]));
	}
	assert_null(strstr(fake_mta_heard(), "ann@"));
	assert_null(strstr(fake_mta_heard(), "bob@"));
}

static void
test_off(void **state)
{
	struct fixture *f = *state;

	put(RECORD, 5);
	ok(site_setting_set(f->site, NULL, STR("report.failure"),
	    (struct site_scope){ 0 }, STR("no"), &f->e));
	send_at(f, NOW);
	assert_int_equal(counts.sent, 0);
	assert_string_equal(fake_mta_heard(), "");
	assert_int_equal(waiting(), 1);
	assert_true(reports_forget(&reports, NOW + FAILURE_LIFETIME, &f->e));
	assert_int_equal(waiting(), 0);
}

static void
test_limit(void **state)
{
	struct fixture *f = *state;

	put(RECORD, 0);
	assert_int_equal(waiting(), 0);
	for (int i = 0; i < 5; i++)
		put(RECORD, 2);
	assert_int_equal(waiting(), 2);
	/* What was sent counts, too. */
	send_at(f, NOW);
	put(RECORD, 2);
	assert_int_equal(waiting(), 0);
}

static void
test_full(void **state)
{
	(void)state;
	for (int i = 0; i < FAILURE_WAITING + 5; i++)
		put(RECORD, 2 * FAILURE_WAITING);
	assert_int_equal(waiting(), FAILURE_WAITING);
}

/* Whole fields of it, and never half a name. */
static void
test_long_header(void **state)
{
	struct fixture *f = *state;
	struct buf header = { 0 };

	buf_puts(&header, "Subject: first\r\nX-Long: ");
	while (header.n < FAILURE_HEADER - 8)
		buf_puts(&header, "x\r\n ");
	buf_puts(&header, "secret.name@us.example\r\nSubject: last\r\n\r\n");
	put_header(RECORD, 5, buf_str(&header));
	buf_fini(&header);
	waiting();
	send_at(f, NOW);
	assert_int_equal(counts.sent, 1);
	assert_non_null(strstr(fake_mta_heard(), "Subject: first"));
	assert_null(strstr(fake_mta_heard(), "X-Long"));
	assert_null(strstr(fake_mta_heard(), "secr"));
	assert_null(strstr(fake_mta_heard(), "Subject: last"));
}

/* Nobody gets reports about others because a record says so. */
static void
test_outside(void **state)
{
	struct fixture *f = *state;

	zone_add(zone, STR("sub.a.example._report._dmarc.friend.example"),
	    DNS_TXT, STR("v=DMARC1; ruf=mailto:other@friend.example"), &f->e);
	put("v=DMARC1; p=none; ruf=mailto:f@victim.example,"
	    "mailto:f@friend.example",
	    5);
	waiting();
	send_at(f, NOW);
	assert_int_equal(counts.failed, 1);
	assert_int_equal(counts.sent, 1);
	assert_int_equal(waiting(), 0);
	assert_null(strstr(fake_mta_heard(), "victim"));
	assert_non_null(strstr(fake_mta_heard(), "To: <other@friend.example>"));
}

static void
test_no_answer(void **state)
{
	struct fixture *f = *state;

	zone_add_timeout(
	    zone, STR("sub.a.example._report._dmarc.silent.example"));
	put("v=DMARC1; p=none; ruf=mailto:f@silent.example", 5);
	waiting();
	send_at(f, NOW);
	assert_int_equal(counts.waiting, 1);
	assert_int_equal(waiting(), 1);
}

static void
test_later(void **state)
{
	struct fixture *f = *state;

	put(RECORD, 5);
	waiting();
	fake_mta_answer("450 4.3.0 later");
	send_at(f, NOW);
	assert_int_equal(counts.waiting, 1);
	fake_mta_answer("250 fine");
	send_at(f, NOW + REPORT_RETRY - 1);
	assert_int_equal(counts.sent, 0);
	assert_int_equal(waiting(), 1);
	send_at(f, NOW + REPORT_RETRY);
	assert_int_equal(counts.sent, 1);
	assert_int_equal(waiting(), 0);
}

static void
test_refused(void **state)
{
	struct fixture *f = *state;

	put(RECORD, 5);
	waiting();
	fake_mta_answer("550 5.1.1 nobody");
	send_at(f, NOW);
	assert_int_equal(counts.failed, 1);
	assert_int_equal(waiting(), 0);
	fake_mta_answer("250 fine");
	put(RECORD, 5);
	waiting();
	send_at(f, NOW + 60);
	assert_int_equal(counts.sent, 0);
	assert_int_equal(counts.failed, 1);
	put(RECORD, 5);
	waiting();
	assert_int_equal(ask("SELECT count(*) FROM report_refusals"), 1);
	send_at(f, NOW + REPORT_REFUSED);
	assert_int_equal(counts.sent, 1);
	/* He does not refuse any more. */
	assert_int_equal(ask("SELECT count(*) FROM report_refusals"), 0);
}

/* ------------------------------------------------------------------------
 * What fo= asks for
 */

static const struct {
	const char *fo;
	enum dmarc_result dmarc;
	bool spf_aligned, dkim_aligned;
	enum spf_result spf;
	enum signature_result signature;
	const char *type;
} types[] = {
	/* clang-format off */
	{ "0",   DMARC_FAIL, false, false, SPF_FAIL,    SIGNATURE_FAIL,      "dmarc" },
	{ "0",   DMARC_PASS, false, true,  SPF_FAIL,    SIGNATURE_PASS,      NULL },
	{ "1",   DMARC_FAIL, false, false, SPF_PASS,    SIGNATURE_PASS,      "dmarc" },
	{ "1",   DMARC_PASS, false, true,  SPF_PASS,    SIGNATURE_PASS,      "dmarc" },
	{ "1",   DMARC_PASS, true,  true,  SPF_PASS,    SIGNATURE_PASS,      NULL },
	{ "d",   DMARC_FAIL, false, false, SPF_FAIL,    SIGNATURE_PASS,      NULL },
	{ "d",   DMARC_PASS, true,  false, SPF_PASS,    SIGNATURE_FAIL,      "signature" },
	{ "d",   DMARC_PASS, true,  false, SPF_PASS,    SIGNATURE_PERMERROR, "signature" },
	{ "d",   DMARC_PASS, true,  false, SPF_PASS,    SIGNATURE_TEMPERROR, NULL },
	{ "s",   DMARC_PASS, false, true,  SPF_FAIL,    SIGNATURE_PASS,      "spf" },
	{ "s",   DMARC_PASS, false, true,  SPF_SOFTFAIL, SIGNATURE_PASS,     "spf" },
	{ "s",   DMARC_PASS, false, true,  SPF_NEUTRAL, SIGNATURE_PASS,      NULL },
	{ "s",   DMARC_FAIL, false, false, SPF_NONE,    SIGNATURE_FAIL,      NULL },
	{ "d:s", DMARC_FAIL, false, false, SPF_FAIL,    SIGNATURE_FAIL,      "signature" },
	{ "0:s", DMARC_FAIL, false, false, SPF_FAIL,    SIGNATURE_FAIL,      "dmarc" },
	/* clang-format on */
};

static void
test_types(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < LEN(types); i++) {
		const struct signature s = { .result = types[i].signature };
		struct dmarc_verdict v = { .result = types[i].dmarc,
			.spf_aligned = types[i].spf_aligned,
			.dkim_aligned = types[i].dkim_aligned };
		struct str why;
		const char *got;

		assert_true(dmarc_record_parse(f->a,
		    arena_printf(f->a, RECORD "; fo=%s", types[i].fo),
		    &v.record, &why));
		got = failure_type(&v, types[i].spf, &s);
		print_message("%zu: %s\n", i, got ? got : "-");
		assert_string_equal(
		    got ? got : "-", types[i].type ? types[i].type : "-");
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, reports_down)
	const struct CMUnitTest tests[] = {
		TEST(test_report),
		TEST(test_off),
		TEST(test_limit),
		TEST(test_full),
		TEST(test_long_header),
		TEST(test_outside),
		TEST(test_no_answer),
		TEST(test_later),
		TEST(test_refused),
		TEST(test_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
