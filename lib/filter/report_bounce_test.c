/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/report_bounce.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter/report_mail.h"
#include "filter/test.h"

static struct str secret;

static int
up(void **state)
{
	struct fixture *f;

	if (filter_up(state) != 0)
		return -1;
	f = *state;
	if (!report_secret(db, f->a, &secret, &f->e))
		return -1;
	filter_db_run(db,
	    "INSERT INTO dmarc_periods (id, domain, begin, end, created,"
	    " record, discovery) VALUES (7, 'a.example', 0, 1, 0, '', 'psl')",
	    SQ_VALUES());
	filter_db_run(db,
	    "INSERT INTO dmarc_sent VALUES"
	    " (7, 'r@a.example', 'sent', 1, 0, 0, '')",
	    SQ_VALUES());
	return filter_db_flush(db, &f->e) ? 0 : -1;
}

static bool
come_back(struct fixture *f, struct str envid, const char *action)
{
	struct str raw = arena_printf(f->a,
	    "From: MAILER-DAEMON@b.example\r\n"
	    "Content-Type: multipart/report; boundary=x\r\n\r\n"
	    "--x\r\n\r\nIt failed.\r\n"
	    "--x\r\nContent-Type: message/delivery-status\r\n\r\n"
	    "Reporting-MTA: dns; b.example\r\n"
	    "Original-Envelope-Id: %.*s\r\n\r\n"
	    "Final-Recipient: rfc822; r@a.example\r\nAction: %s\r\n"
	    "Diagnostic-Code: smtp; 550 nobody\r\n--x--\r\n",
	    STR_ARG(envid), action);

	return report_came_back(db, raw, 1000, &f->e);
}

static int64_t
until(struct fixture *f)
{
	int64_t t;

	assert_true(filter_db_flush(db, &f->e));
	assert_true(report_refused_until(db, STR("r@a.example"), &t, &f->e));
	return t;
}

static void
test_bounce(void **state)
{
	struct fixture *f = *state;
	struct str id = report_envid(f->a, secret, 7, STR("r@a.example"));

	assert_false(come_back(f, id, "delayed"));
	assert_int_equal(until(f), 0);
	assert_true(come_back(f, id, "failed"));
	assert_int_equal(until(f), 1000 + REPORT_REFUSED);
	/* Another notification of the same does not count again. */
	assert_false(come_back(f, id, "failed"));
}

/* What others make up. */
static void
test_forged(void **state)
{
	static const char *const ids[] = { "", "report", "report-7",
		"report-7-", "report--", "report-99999999999999999999-x",
		"report-7-00000000000000000000000000000000", "other-7-x" };
	struct fixture *f = *state;

	for (size_t i = 0; i < LEN(ids); i++)
		assert_false(come_back(f, str_of(ids[i]), "failed"));
	assert_false(come_back(f,
	    report_envid(f->a, STR("guessed"), 7, STR("r@a.example")),
	    "failed"));
	assert_false(report_came_back(db, STR(""), 1000, &f->e));
	assert_int_equal(until(f), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bounce, up, filter_down),
		cmocka_unit_test_setup_teardown(test_forged, up, filter_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
