/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/test.h"
#include "mailauth/report_internal.h"

/* ------------------------------------------------------------------------
 * Reading
 */

#define HEAD                                                                   \
	"From: a@b.example\nMIME-Version: 1.0\n"                               \
	"Content-Type: multipart/report; report-type=feedback-report;\n"       \
	" boundary=b\n\n--b\nContent-Type: text/plain\n\nhello\n--b\n"
#define REPORT "Content-Type: message/feedback-report\n"
#define MESSAGE                                                                \
	"\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\nbody\n--b--\n"

static const char abuse[] = HEAD REPORT
    "\nFeedback-Type: ABUSE\nUser-Agent: x/1\nVersion: 1\n"
    "Original-Mail-From: <m@b.example>\nOriginal-Rcpt-To: <r@c.example>\n"
    "Original-Rcpt-To: s@c.example\nArrival-Date: Thu, 1 Jan 1970\n"
    "\t00:01:40 +0000\nReporting-MTA: dns; mx.c.example\n"
    "Source-IP: 192.0.2.1\nSource-Port: 99\nIncidents: 3\n"
    "Reported-URI: http://x/\nReported-Domain: b.example\n"
    "Authentication-Results: mx.c.example;\n\tspf=fail\n"
    "DKIM-Canonicalized-Body: YW\n\tJj\nX-Own: 1\n" MESSAGE;

static void
test_parse(void **state)
{
	struct feedback f;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(feedback_parse(arena, STR(abuse), &f, &e));
	assert_true(str_eqc(f.type, "abuse"));
	assert_true(str_eqc(f.mail_from, "m@b.example"));
	assert_int_equal(f.nrcpt_to, 2);
	assert_true(str_eqc(f.rcpt_to[0], "r@c.example"));
	assert_int_equal(f.arrival, 100);
	assert_true(str_eqc(f.reporting_mta, "mx.c.example"));
	assert_int_equal(f.incidents, 3);
	assert_int_equal(f.nresults, 1);
	assert_true(str_eqc(f.results[0], "mx.c.example;\tspf=fail"));
	assert_true(str_eqc(f.dkim_canonicalized_body, "YWJj"));
	assert_int_equal(f.nfields, 16);
	assert_true(str_eqc(f.fields[15].name, "X-Own"));
	assert_true(str_eqc(f.message, "Subject: x\n\nbody"));
	assert_false(f.headers_only);
}

static const struct {
	const char *raw;
	bool ok;
} mails[] = {
	{ HEAD REPORT "\nFeedback-Type: x\n" MESSAGE, true },
	{ HEAD REPORT "Content-Transfer-Encoding: base64\n\n"
		      "RmVlZGJhY2stVHlwZTogeAo=\n" MESSAGE,
	    true },
	{ HEAD REPORT "\nVersion: 1\n" MESSAGE, false },
	{ HEAD "Content-Type: text/plain\n\nFeedback-Type: x\n" MESSAGE,
	    false },
	{ "Content-Type: message/feedback-report\n\nFeedback-Type: x\n",
	    false },
	{ "", false },
};

static void
test_mails(void **state)
{
	struct feedback f;
	struct err e = ERR_INIT;
	struct str text;

	(void)state;
	for (size_t i = 0; i < LEN(mails); i++) {
		print_message("%s\n", mails[i].raw);
		assert_int_equal(
		    feedback_parse(arena, str_of(mails[i].raw), &f, &e),
		    mails[i].ok);
	}
	assert_int_equal(
	    report_find(arena, STR(abuse), &text, &e), REPORT_FEEDBACK);
	assert_true(str_eq(text, STR(abuse)));
}

/* ------------------------------------------------------------------------
 * Redaction
 */

/* "#" stands for any hash. */
static const struct {
	const char *text, *redacted;
} redactions[] = {
	{ "", "" },
	{ "no address", "no address" },
	{ "ann@c.example", "#@c.example" },
	{ "To: Ann <ann@c.example>, b@c.example (c)",
	    "To: Ann <#@c.example>, #@c.example (c)" },
	{ "bob@example.com, x@sub.example.com",
	    "bob@example.com, x@sub.example.com" },
	{ "x@badexample.com", "#@badexample.com" },
	{ "\"a b\"@c.example", "#@c.example" },
	{ "\"a \\\" b\"@c.example x", "#@c.example x" },
	{ "for <ann=home@c.example>;", "for <#@c.example>;" },
	{ "a@b@c.example", "#@b@c.example" },
	{ "@c.example", "@c.example" },
	{ "end@", "#@" },
	{ "j\xc3\xb6rg@c.example", "#@c.example" },
	{ "<mailto:ann@c.example>", "<mailto:#@c.example>" },
};

static bool
matches(struct str got, struct str pattern)
{
	size_t mark = str_chr(pattern, '#');

	if (mark == STR_NPOS)
		return str_eq(got, pattern);
	return str_starts(got, str_sub(pattern, 0, mark)) &&
	       got.n >= mark + 20 &&
	       matches(str_sub(got, mark + 20, STR_NPOS),
		   str_sub(pattern, mark + 1, STR_NPOS));
}

static void
test_redact(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(redactions); i++) {
		buf_clear(&b);
		report_redact(&b, str_of(redactions[i].text),
		    STR("example.com"), STR("key"));
		print_message(
		    "%s: %s\n", redactions[i].text, b.n ? buf_cstr(&b) : "");
		assert_true(
		    matches(buf_str(&b), str_of(redactions[i].redacted)));
	}
	buf_fini(&b);
}

/* The same person is the same, by one key. */
static void
test_equal(void **state)
{
	struct buf a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	(void)state;
	report_redact(&a, STR("ann@c.example"), STR_NULL, STR("key"));
	report_redact(&b, STR("ann@c.example"), STR_NULL, STR("key"));
	report_redact(&c, STR("bob@c.example"), STR_NULL, STR("key"));
	report_redact(&d, STR("ann@c.example"), STR_NULL, STR("other"));
	assert_true(str_eq(buf_str(&a), buf_str(&b)));
	assert_false(str_eq(buf_str(&a), buf_str(&c)));
	assert_false(str_eq(buf_str(&a), buf_str(&d)));
	buf_fini(&a);
	buf_fini(&b);
	buf_fini(&c);
	buf_fini(&d);
}

/* ------------------------------------------------------------------------
 * Writing
 */

static const struct signature signature = {
	.result = SIGNATURE_FAIL,
	.domain = STR("example.com"),
	.selector = STR("s1"),
	.identity = STR("@example.com"),
};
static const struct failure failure = {
	.reporting_mta = STR("mx.b.example"),
	.from = STR("dmarc@b.example"),
	.to = STR("ruf@example.com"),
	.now = 1700000000,
	.author_domain = STR("example.com"),
	.source_ip = STR("192.0.2.1"),
	.mail_from = STR("bounce@esp.test"),
	.rcpt_to = STR("secret@b.example"),
	.results = STR(" mx.b.example;\n\tspf=pass (ok) "
		       "smtp.mailfrom=bounce@esp.test;\n\tdmarc=fail "
		       "header.from=example.com"),
	.auth_failure = "dmarc",
	.delivery_result = "reject",
	.identity_alignment = "none",
	.signature = &signature,
	.spf_record = STR("v=spf1 x=\" -all\r\nX: y"),
	.header = STR("From: boss@example.com\r\nTo: Ann\r\n"
		      " <secret@b.example>\r\nSubject: hi\r\n"),
	.redact_key = STR("key"),
};

static void
check_failure(const struct feedback *f)
{
	assert_true(str_eqc(f->type, "auth-failure"));
	assert_true(str_eqc(f->version, "1"));
	assert_true(str_eqc(f->auth_failure, "dmarc"));
	assert_true(str_eqc(f->delivery_result, "reject"));
	assert_true(str_eqc(f->identity_alignment, "none"));
	assert_true(str_eqc(f->source_ip, "192.0.2.1"));
	assert_true(str_eqc(f->reporting_mta, "mx.b.example"));
	assert_true(str_eqc(f->dkim_domain, "example.com"));
	assert_true(str_eqc(f->dkim_selector, "s1"));
	assert_true(str_eqc(f->spf_dns, "txt : \"v=spf1 x=\\\" -all  X: y\""));
	assert_int_equal(f->arrival, 1700000000);
	assert_int_equal(f->nreported_domains, 1);
	assert_int_equal(f->nresults, 1);
	assert_true(matches(f->results[0],
	    STR("mx.b.example;\tspf=pass smtp.mailfrom=#@esp.test;\tdmarc=fail "
		"header.from=example.com")));
	assert_true(f->headers_only);
	assert_true(matches(f->message,
	    STR("From: boss@example.com\r\nTo: Ann\r\n <#@b.example>\r\n"
		"Subject: hi\r\n")));
}

static void
test_failure(void **state)
{
	struct buf mail = { 0 };
	struct feedback f;
	struct err e = ERR_INIT;

	(void)state;
	failure_mail(arena, &mail, &failure);
	buf_cstr(&mail);
	print_message("%s\n", mail.p);
	assert_null(strstr(mail.p, "secret"));
	assert_null(strstr(mail.p, "bounce"));
	assert_non_null(strstr(mail.p, "\r\nTo: <ruf@example.com>\r\n"));
	assert_non_null(strstr(mail.p, "report-type=feedback-report"));
	assert_true(feedback_parse(arena, buf_str(&mail), &f, &e));
	check_failure(&f);
	buf_fini(&mail);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_mails),
		cmocka_unit_test(test_redact),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_failure),
	};

	return cmocka_run_group_tests(tests, arena_up, arena_down);
}
