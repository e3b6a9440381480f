/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/answers.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <locale.h>

#include "base/buf.h"
#include "filter/spam_engine.h"

/* ------------------------------------------------------------------------
 * clamd
 */

static const struct {
	const char *line;
	enum scan_result r;
	const char *name, *why; /* WHY is part of the sentence */
} lines[] = {
	{ "stream: OK", SCAN_CLEAN, "", "" },
	{ "stream: OK\n", SCAN_CLEAN, "", "" },
	{ "stream: Win.Test.EICAR_HDB-1 FOUND", SCAN_FOUND,
	    "Win.Test.EICAR_HDB-1", "" },
	{ "stream: A FOUND FOUND", SCAN_FOUND, "A FOUND", "" },
	{ "stream: a\x01\xc3\xa4 FOUND", SCAN_FOUND, "a???", "" },
	{ "INSTREAM size limit exceeded. ERROR", SCAN_TOO_LARGE, "", "limit" },
	{ "stream: Can't open file ERROR", SCAN_FAILED, "", "Can't open" },
	{ "UNKNOWN COMMAND", SCAN_FAILED, "", "UNKNOWN COMMAND" },
	/* Half an answer is none. */
	{ "stream: O", SCAN_FAILED, "", "unexpected" },
	{ "stream: OK OK", SCAN_FAILED, "", "unexpected" },
	{ "stream:  FOUND", SCAN_FAILED, "", "unexpected" },
	{ "stream: Eicar FOUN", SCAN_FAILED, "", "unexpected" },
	{ "", SCAN_FAILED, "", "unexpected" },
	{ "HTTP/1.1 400 Bad\x1b[31m", SCAN_FAILED, "", "Bad?[31m" },
};

static void
test_clamd(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(lines); i++) {
		struct err e = ERR_INIT;
		char name[128];

		print_message("%s\n", lines[i].line);
		assert_int_equal(
		    clamd_answer("s", str_of(lines[i].line), name, &e),
		    lines[i].r);
		assert_string_equal(name, lines[i].name);
		assert_non_null(strstr(e.msg, lines[i].why));
	}
}

static void
test_clamd_long_name(void **state)
{
	struct buf line = { 0 };
	char name[128];
	struct err e;

	(void)state;
	BUF_LIT(&line, "stream: ");
	for (int i = 0; i < 1000; i++)
		buf_putc(&line, 'v');
	BUF_LIT(&line, " FOUND");
	assert_int_equal(
	    clamd_answer("s", buf_str(&line), name, &e), SCAN_FOUND);
	assert_int_equal(strlen(name), 127);
	buf_fini(&line);
}

/* ------------------------------------------------------------------------
 * spamd
 */

static const struct {
	const char *text;
	bool ok, spam;
	double score, threshold;
	const char *rules, *why;
} verdicts[] = {
	{ "SPAMD/1.1 0 EX_OK\r\nContent-length: 5\r\n"
	  "Spam: True ; 1000.0 / 5.0\r\n\r\nGTUBE",
	    true, true, 1000, 5, "GTUBE", "" },
	{ "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\n"
	  "Spam: False ; -1.5 / 5.0\r\n\r\n",
	    true, false, -1.5, 5, "", "" },
	{ "SPAMD/1.1 0 EX_OK\r\nSpam: Yes ; 5 / 5\r\n\r\nA,B", true, true, 5, 5,
	    "A,B", "" },
	{ "SPAMD/1.1 0 EX_OK\nspam:no;.5/5.25\n\nA, B\x01,,", true, false, 0.5,
	    5.25, "A,B_", "" },
	{ "SPAMD/1.0 76 Bad header line: (Content-Length mismatch)\r\n", false,
	    false, 0, 0, "", "Content-Length mismatch" },
	{ "SPAMD/1.0 75 EX_TEMPFAIL\r\n", false, false, 0, 0, "",
	    "failed for now, code 75" },
	{ "SPAMD/1.1 0 EX_OK\r\nContent-length: 9\r\n"
	  "Spam: True ; 1.0 / 5.0\r\n\r\nGTUB",
	    false, false, 0, 0, "", "before its end" },
	{ "SPAMD/1.1 0 EX_OK\r\n\r\n", false, false, 0, 0, "", "Spam:" },
	{ "SPAMD/1.1 0 EX_OK\r\nSpam: Maybe ; 1 / 5\r\n", false, false, 0, 0,
	    "", "Maybe" },
	{ "SPAMD/1.1 0 EX_OK\r\nSpam: True ; nan / 5\r\n", false, false, 0, 0,
	    "", "nan" },
	{ "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 1,5 / 5\r\n", false, false, 0, 0,
	    "", "1,5" },
	{ "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 1.5 / 5 x\r\n", false, false, 0, 0,
	    "", "5 x" },
	{ "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 1.2.3 / 5\r\n", false, false, 0, 0,
	    "", "1.2.3" },
	{ "SPAMD/1.1 x EX_OK\r\n", false, false, 0, 0, "", "unexpected" },
	{ "HTTP/1.1 0 OK\r\n", false, false, 0, 0, "", "unexpected" },
	{ "", false, false, 0, 0, "", "unexpected" },
};

static void
test_spamd(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(verdicts); i++) {
		struct arena *a = arena_new();
		struct spam_verdict v = { 0 };
		struct spamd_answer r;
		struct err e = ERR_INIT;
		bool ok;

		print_message("%s\n", verdicts[i].text);
		ok = spamd_answer("s", str_of(verdicts[i].text), &r, &e) &&
		     spamd_verdict("s", &r, a, &v, &e);
		assert_int_equal(ok, verdicts[i].ok);
		assert_non_null(strstr(e.msg, verdicts[i].why));
		if (ok) {
			assert_int_equal(v.spam, verdicts[i].spam);
			assert_true(v.score == verdicts[i].score);
			assert_true(v.threshold == verdicts[i].threshold);
			assert_true(str_eqc(v.rules, verdicts[i].rules));
		}
		arena_free(&a);
	}
}

/* ------------------------------------------------------------------------
 * rspamd
 */

static const struct {
	const char *json;
	bool ok, spam;
	double score;
	const char *rules;
} answers[] = {
	{ "{\"score\":15.5,\"required_score\":15,\"action\":\"reject\","
	  "\"symbols\":{\"GTUBE\":{\"score\":0.0},\"B,\xc3\xa4\":{}}}",
	    true, true, 15.5, "GTUBE,B___" },
	{ "{\"score\":7,\"required_score\":15.0,\"action\":\"add header\"}",
	    true, true, 7, "" },
	{ "{\"score\":-1.5,\"required_score\":15,\"action\":\"no action\","
	  "\"symbols\":{}}",
	    true, false, -1.5, "" },
	{ "{\"score\":5,\"required_score\":15,\"action\":\"greylist\","
	  "\"symbols\":[\"A\"]}",
	    true, false, 5, "" },
	{ "{\"score\":99,\"required_score\":15,\"action\":\"soft reject\"}",
	    true, false, 99, "" },
	{ "{\"score\":\"1\",\"required_score\":15,\"action\":\"reject\"}",
	    false, false, 0, "" },
	{ "{\"score\":1,\"action\":\"reject\"}", false, false, 0, "" },
	{ "{\"score\":1,\"required_score\":1}", false, false, 0, "" },
	{ "{\"score\":1,\"required_score\":1,\"action\":", false, false, 0,
	    "" },
	{ "[]", false, false, 0, "" },
	{ "", false, false, 0, "" },
};

static void
test_rspamd(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(answers); i++) {
		struct arena *a = arena_new();
		struct err e = ERR_INIT;
		struct spam_verdict v;

		print_message("%s\n", answers[i].json);
		assert_int_equal(
		    rspamd_verdict("s", str_of(answers[i].json), a, &v, &e),
		    answers[i].ok);
		if (answers[i].ok) {
			assert_int_equal(v.spam, answers[i].spam);
			assert_true(v.score == answers[i].score);
			assert_true(str_eqc(v.rules, answers[i].rules));
		} else {
			assert_non_null(strstr(e.msg, "unexpected"));
		}
		arena_free(&a);
	}
}

static void
test_rspamd_knows(void **state)
{
	struct str known = STR("{\"error\":\"<a@b> has been already learned "
			       "as spam, ignore it\"}");

	(void)state;
	assert_true(rspamd_knows(404, known));
	assert_true(rspamd_knows(208, STR("")));
	assert_false(rspamd_knows(500, known));
	assert_false(rspamd_knows(200, STR("{\"success\":true}")));
	assert_false(rspamd_knows(404,
	    STR("{\"error\":\"<has been already learned as ham, ignore it> "
		"cannot be learned\"}")));
}

/* ------------------------------------------------------------------------
 * All
 */

static void
test_rules_are_bounded(void **state)
{
	struct buf rules = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++)
		spam_add_rule(&rules, STR("A_RULE"));
	assert_in_range(rules.n, SPAM_RULES_MAX - 7, SPAM_RULES_MAX);
	assert_int_equal(rules.p[rules.n - 1], 'E');
	buf_fini(&rules);
}

static void
test_gtube(void **state)
{
	struct buf text = { 0 };

	(void)state;
	buf_puts(&text, "a\r\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-");
	assert_false(spam_is_gtube(buf_str(&text)));
	buf_puts(&text, "ANTI-UBE-TEST-EMAIL*C.34X\r\n");
	assert_true(spam_is_gtube(buf_str(&text)));
	assert_false(spam_is_gtube(STR_NULL));
	buf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clamd),
		cmocka_unit_test(test_clamd_long_name),
		cmocka_unit_test(test_spamd),
		cmocka_unit_test(test_rspamd),
		cmocka_unit_test(test_rspamd_knows),
		cmocka_unit_test(test_rules_are_bounded),
		cmocka_unit_test(test_gtube),
	};

	/* Where a comma is what a point is here, if that is installed. */
	setlocale(LC_ALL, "de_DE.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
