/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/report_receive.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter/test.h"

static int
up(void **state)
{
	struct fixture *f;

	if (filter_up(state) != 0)
		return -1;
	f = *state;
	add_domain(f, "ours.example");
	return 0;
}

static enum report_kind
receive(struct fixture *f, struct str raw)
{
	const struct report_arrival m = {
		.raw = raw, .sender = STR("them.example"), .now = 1000
	};

	return report_receive(db, f->site, &m, &f->e);
}

static enum report_kind
receive_aggregate(struct fixture *f, const char *org, const char *id,
    const char *domain, size_t rows)
{
	struct aggregate_row *list = arena_array(f->a, rows, sizeof(*list));
	struct aggregate r = { .org_name = str_of(org),
		.report_id = str_of(id),
		.domain = str_of(domain),
		.begin = 1,
		.end = 2,
		.rows = list,
		.nrows = rows };
	struct buf raw = { 0 };
	enum report_kind kind;

	for (size_t i = 0; i < rows; i++)
		list[i] = (struct aggregate_row){ .source_ip = STR("192.0.2.1"),
			.count = i + 1,
			.dkim = str_of(i % 2 ? "pass" : "fail"),
			.spf = STR("fail"),
			.header_from = str_of(domain) };
	aggregate_mail(&raw, &r, STR("them.example"), STR("r@them.example"),
	    STR("dmarc-reports@ours.example"), 1000);
	kind = receive(f, buf_str(&raw));
	buf_fini(&raw);
	return kind;
}

static void
test_once(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    receive_aggregate(f, "Them", "1", "ours.example", 3),
		    REPORT_AGGREGATE);
	receive_aggregate(f, "Others", "1", "sub.ours.example", 1);
	assert_int_equal(ask("SELECT count(*) FROM received_reports"), 2);
	assert_int_equal(ask("SELECT count(*) FROM received_aggregates"), 4);
	assert_int_equal(ask("SELECT passed FROM received_reports"
			     " WHERE organization = 'Them'"),
	    2);
	assert_int_equal(ask("SELECT failed FROM received_reports"
			     " WHERE organization = 'Them'"),
	    4);
}

static void
test_not_kept(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(receive_aggregate(f, "Them", "1", "theirs.example", 1),
	    REPORT_NONE);
	assert_non_null(strstr(f->e.msg, "not hosted here"));
	assert_int_equal(
	    receive(f, STR("Subject: hello\r\n\r\nNo report.\r\n")),
	    REPORT_NONE);
	assert_int_equal(ask("SELECT count(*) FROM received_reports"), 0);
}

/* Totals are of all, whatever is kept of it. */
static void
test_large(void **state)
{
	struct fixture *f = *state;
	const int64_t rows = RECEIVE_ROWS + 5;

	assert_int_equal(
	    receive_aggregate(f, "Them", "1", "ours.example", (size_t)rows),
	    REPORT_AGGREGATE);
	assert_int_equal(
	    ask("SELECT count(*) FROM received_aggregates"), RECEIVE_ROWS);
	assert_int_equal(ask("SELECT passed + failed FROM received_reports"),
	    rows * (rows + 1) / 2);
}

static enum report_kind
receive_tls(struct fixture *f, const char *domain, uint64_t successes)
{
	const struct tls_failure failure = {
		.result_type = STR("certificate-expired"), .count = 2
	};
	const struct tls_policy policy = { .type = STR("sts"),
		.domain = str_of(domain),
		.successes = successes,
		.failures = 2,
		.details = &failure,
		.ndetails = 1 };
	const struct tls_policy policies[] = { policy, policy };
	const struct tls_report r = { .organization = STR("Them"),
		.contact = STR("noc@them.example"),
		.report_id = STR("1"),
		.begin = 86400,
		.end = 2 * 86400 - 1,
		.policies = policies,
		.n = 2 };
	struct buf raw = { 0 };
	enum report_kind kind;

	tls_report_mail(&raw, &r, policy.domain, STR("them.example"),
	    STR("r@them.example"), STR("tls-reports@ours.example"), 1000);
	kind = receive(f, buf_str(&raw));
	buf_fini(&raw);
	return kind;
}

/* By the same id as an aggregate report, which it has nothing to do with. */
static void
test_tls(void **state)
{
	struct fixture *f = *state;

	receive_aggregate(f, "Them", "1", "ours.example", 1);
	assert_int_equal(receive_tls(f, "ours.example", 5), REPORT_TLS);
	assert_int_equal(receive_tls(f, "theirs.example", 5), REPORT_NONE);
	assert_int_equal(ask("SELECT count(*) FROM received_reports"), 2);
	assert_int_equal(ask("SELECT passed * 10 + failed FROM received_reports"
			     " WHERE kind = 'tls'"),
	    104);
	assert_int_equal(ask("SELECT max(failures) FROM received_tls"
			     " WHERE result = 'certificate-expired'"),
	    2);
}

/* What a stranger counts does not become negative. */
static void
test_huge(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(receive_tls(f, "ours.example", INT64_MAX), REPORT_TLS);
	assert_int_equal(
	    ask("SELECT min(passed) FROM received_reports"), INT64_MAX);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, filter_down)
	const struct CMUnitTest tests[] = {
		TEST(test_once),
		TEST(test_not_kept),
		TEST(test_large),
		TEST(test_tls),
		TEST(test_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
