/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/report_send.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter/dmarc_history.h"
#include "filter/report_mail.h"
#include "filter/report_make.h"
#include "filter/reports_test.h"

#define DAY 86400
#define MIDNIGHT (20000 * (int64_t)DAY)
#define NOON (MIDNIGHT + DAY / 2)
#define AFTER (MIDNIGHT + DAY + REPORT_GRACE)

static void
note(const char *record, const char *source, int64_t at)
{
	const struct signature s = { .result = SIGNATURE_FAIL,
		.domain = STR("a.example"),
		.selector = STR("two words") };
	const struct dmarc_note n = { .domain = STR("a.example"),
		.record = str_of(record),
		.discovery = "psl",
		.source_ip = source,
		.disposition = "none",
		.reason = "local_policy",
		.header_from = STR("a.example"),
		.envelope_from = STR("b.example"),
		.signatures = &s,
		.nsignatures = 1,
		.spf = true,
		.spf_domain = STR("b.example"),
		.spf_scope = "mfrom",
		.spf_result = "pass" };

	dmarc_history_note(db, &n, at, DAY);
}

static void
send_at(struct fixture *f, int64_t now)
{
	if (!filter_db_flush(db, &f->e) ||
	    !reports_send(&reports, now, &counts, &f->e))
		fail_msg("%s", f->e.msg);
}

#define RECORD "v=DMARC1; p=reject; pct=50; rua=mailto:r@a.example"

/* ------------------------------------------------------------------------
 * Tests
 */

static void
test_alike(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		note(RECORD, i % 2 ? "192.0.2.1" : "192.0.2.2", NOON + i);
	note(RECORD, "192.0.2.1", NOON + DAY);
	assert_int_equal(ask("SELECT count(*) FROM dmarc_periods"), 2);
	assert_int_equal(ask("SELECT count(*) FROM dmarc_rows"), 3);
	assert_int_equal(ask("SELECT sum(count) FROM dmarc_rows"), 51);
	assert_int_equal(ask("SELECT max(rows) FROM dmarc_periods"), 2);
}

static void
test_report(void **state)
{
	struct fixture *f = *state;
	struct report_period *list;
	struct aggregate x;
	struct sq *q;
	size_t n;

	note(RECORD, "192.0.2.1", NOON);
	note(RECORD, "192.0.2.1", NOON + 1);
	assert_true(filter_db_flush(db, &f->e));
	q = filter_db_reader(db, &f->e);
	assert_int_equal(
	    report_periods(q, f->a, NOON, &list, &n, &f->e), SQ_OK);
	assert_int_equal(n, 0);
	assert_int_equal(
	    report_periods(q, f->a, MIDNIGHT + DAY, &list, &n, &f->e), SQ_OK);
	assert_int_equal(n, 1);
	assert_int_equal(report_make(q, f->a, list, &x, &f->e), SQ_OK);
	filter_db_reader_done(db, &q);
	assert_int_equal(x.begin, MIDNIGHT);
	assert_int_equal(x.end, MIDNIGHT + DAY - 1);
	assert_str(x.p, "reject");
	assert_str(x.pct, "50");
	assert_int_equal(x.nrows, 1);
	assert_int_equal(x.rows[0].count, 2);
	assert_str(x.rows[0].dkim, "fail");
	assert_str(x.rows[0].spf, "pass");
	assert_str(x.rows[0].reasons[0].type, "local_policy");
	assert_str(x.rows[0].dkim_results[0].selector, "two?words");
	assert_str(x.rows[0].dkim_results[0].result, "fail");
	assert_str(x.rows[0].spf_results[0].domain, "b.example");
}

static void
test_sent_once(void **state)
{
	struct fixture *f = *state;

	note(RECORD, "192.0.2.1", NOON);
	send_at(f, MIDNIGHT + DAY);
	assert_int_equal(counts.sent, 0); /* some may still be on the way */
	send_at(f, AFTER);
	assert_int_equal(counts.sent, 1);
	assert_non_null(
	    strstr(fake_mta_heard(), "Report Domain: a.example Submitter: "
				     "mail.us.example"));
	assert_non_null(strstr(fake_mta_heard(),
	    "MAIL FROM:<postmaster@mail.us.example> RET=HDRS ENVID=report-"));
	assert_int_equal(ask("SELECT count(*) FROM dmarc_rows"), 0);
	note(RECORD, "192.0.2.1", NOON); /* too late to be told */
	send_at(f, AFTER + 1);
	assert_int_equal(counts.sent, 0);
	assert_int_equal(
	    ask("SELECT count(*) FROM dmarc_sent WHERE state = 'sent'"), 1);
}

static void
test_refused(void **state)
{
	struct fixture *f = *state;

	fake_mta_answer("550 5.1.1 nobody");
	note(RECORD, "192.0.2.1", NOON);
	send_at(f, AFTER);
	assert_int_equal(counts.failed, 1);
	fake_mta_answer("250 fine");
	note(RECORD, "192.0.2.1", NOON + DAY);
	send_at(f, AFTER + DAY - REPORT_GRACE - 1);
	send_at(f, AFTER + DAY - 1);
	assert_int_equal(counts.sent + counts.failed, 0);
	/* Suppressed for a day, which is over when the next is due. */
	send_at(f, AFTER + DAY);
	assert_int_equal(counts.sent, 1);
	report_refused(db, STR("r@a.example"), STR("x"), NOON + 3 * DAY);
	report_refused(db, STR("r@a.example"), STR("x"), NOON + 3 * DAY);
	assert_int_equal(ask("SELECT until FROM report_refusals"),
	    NOON + 3 * DAY + 2 * REPORT_REFUSED);
	note(RECORD, "192.0.2.1", NOON + 3 * DAY);
	send_at(f, AFTER + 3 * DAY);
	assert_int_equal(counts.failed, 1);
}

static void
test_later(void **state)
{
	struct fixture *f = *state;

	fake_mta_answer("450 4.3.0 later");
	note(RECORD, "192.0.2.1", NOON);
	send_at(f, AFTER);
	assert_int_equal(counts.waiting, 1);
	fake_mta_answer("250 fine");
	send_at(f, AFTER + REPORT_RETRY - 1);
	assert_int_equal(counts.sent, 0);
	send_at(f, AFTER + REPORT_RETRY);
	assert_int_equal(counts.sent, 1);
}

static void
test_too_old(void **state)
{
	struct fixture *f = *state;

	fake_mta_answer("450 4.3.0 later");
	note(RECORD, "192.0.2.1", NOON);
	send_at(f, AFTER);
	send_at(f, MIDNIGHT + DAY + REPORT_GIVE_UP);
	assert_int_equal(
	    ask("SELECT count(*) FROM dmarc_sent WHERE state = 'failed'"), 1);
	assert_int_equal(ask("SELECT count(*) FROM dmarc_rows"), 0);
}

/* Nobody gets reports about others because a record says so. */
static void
test_outside(void **state)
{
	struct fixture *f = *state;
	const char *record = "v=DMARC1; p=none; rua=mailto:r@victim.example,"
			     "mailto:r@friend.example!1k,"
			     "mailto:r@silent.example";

	zone_add(zone, STR("a.example._report._dmarc.friend.example"), DNS_TXT,
	    STR("v=DMARC1"), &f->e);
	zone_add_timeout(zone, STR("a.example._report._dmarc.silent.example"));
	note(record, "192.0.2.1", NOON);
	send_at(f, AFTER);
	assert_int_equal(counts.sent, 0);
	assert_int_equal(counts.failed, 2); /* the friend's is too large */
	assert_int_equal(counts.waiting, 1);
	assert_string_equal(fake_mta_heard(), "");
	assert_int_equal(ask("SELECT count(*) FROM dmarc_sent"
			     " WHERE why LIKE '%has not agreed%'"),
	    1);
	assert_int_equal(ask("SELECT count(*) FROM dmarc_sent"
			     " WHERE why LIKE '%the limit is 1024'"),
	    1);
}

static void
test_close(void **state)
{
	struct fixture *f = *state;

	note(RECORD, "192.0.2.1", NOON);
	assert_true(reports_close(&reports, NOON + 60, &f->e));
	send_at(f, NOON + 60 + REPORT_GRACE);
	assert_int_equal(counts.sent, 1);
	note(RECORD, "192.0.2.1", NOON + 70);
	send_at(f, AFTER);
	assert_int_equal(counts.sent, 1);
	assert_true(reports_forget(&reports, AFTER + 100 * DAY, &f->e));
	assert_int_equal(ask("SELECT count(*) FROM dmarc_periods"), 0);
}

int
main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, reports_up, reports_down)
	const struct CMUnitTest tests[] = {
		TEST(test_alike),
		TEST(test_report),
		TEST(test_sent_once),
		TEST(test_refused),
		TEST(test_later),
		TEST(test_too_old),
		TEST(test_outside),
		TEST(test_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
