/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/decide.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a row says of the facts, and what the decision is to be. */
struct row {
	const char *name;
	bool outgoing;
	enum spf_result helo, spf;
	enum dmarc_result dmarc;
	enum dmarc_policy policy; /* of the domain */
	const char *vouched, *author;
	bool large;
	/* The decision: */
	enum filter_action action;
	const char *check; /* NULL: none */
	unsigned code;
};

#define QUIET SPF_PASS, SPF_PASS, DMARC_PASS, DMARC_P_REJECT
static const struct row rows[] = {
	/* clang-format off */
	{ "all is well", false, QUIET, "", NULL, false, FILTER_OFF, NULL, 0 },
	{ "spf fail is tagged", false, SPF_PASS, SPF_FAIL, DMARC_NONE, DMARC_P_NONE, "", NULL, false, FILTER_TAG, "spf", 550 },
	{ "softfail is left alone", false, SPF_PASS, SPF_SOFTFAIL, DMARC_NONE, DMARC_P_NONE, "", NULL, false, FILTER_OFF, NULL, 0 },
	{ "helo fail is tagged", false, SPF_FAIL, SPF_PASS, DMARC_PASS, DMARC_P_NONE, "", NULL, false, FILTER_TAG, "helo", 550 },
	{ "the domain wants a rejection", false, SPF_PASS, SPF_PASS, DMARC_FAIL, DMARC_P_REJECT, "", NULL, false, FILTER_REJECT, "dmarc", 550 },
	{ "the strongest counts", false, SPF_FAIL, SPF_FAIL, DMARC_FAIL, DMARC_P_REJECT, "", NULL, false, FILTER_REJECT, "dmarc", 550 },
	{ "the domain wants a quarantine", false, SPF_PASS, SPF_PASS, DMARC_FAIL, DMARC_P_QUARANTINE, "", NULL, false, FILTER_TAG, "dmarc", 550 },
	{ "the domain only watches", false, SPF_PASS, SPF_PASS, DMARC_FAIL, DMARC_P_NONE, "", NULL, false, FILTER_OFF, NULL, 0 },
	{ "a trusted sealer vouches", false, SPF_PASS, SPF_PASS, DMARC_FAIL, DMARC_P_REJECT, "lists.example", NULL, false, FILTER_OFF, NULL, 0 },
	{ "but not for spf", false, SPF_PASS, SPF_FAIL, DMARC_FAIL, DMARC_P_REJECT, "lists.example", NULL, false, FILTER_TAG, "spf", 550 },
	{ "the dns does not answer", false, SPF_TEMPERROR, SPF_TEMPERROR, DMARC_TEMPERROR, DMARC_P_NONE, "", NULL, false, FILTER_TEMPFAIL, "dmarc", 451 },
	{ "nobody wrote it", false, SPF_PASS, SPF_PASS, DMARC_NONE, DMARC_P_NONE, "", "there is none", false, FILTER_TAG, "from", 550 },
	{ "too large a header", true, QUIET, "", NULL, true, FILTER_REJECT, "header", 552 },
	{ "our own mail", true, SPF_FAIL, SPF_FAIL, DMARC_FAIL, DMARC_P_REJECT, "", "there is none", false, FILTER_OFF, NULL, 0 },
	/* clang-format on */
};

static const struct policy policy = {
	.spf_helo_fail = FILTER_TAG,
	.spf_fail = FILTER_TAG,
	.dmarc_reject = FILTER_REJECT,
	.dmarc_quarantine = FILTER_TAG,
	.dmarc_temperror = FILTER_TEMPFAIL,
	.author = FILTER_TAG,
};

static void
decide_row(struct arena *a, const struct row *r, struct decision *out)
{
	const struct spf_verdict helo = { .result = r->helo,
		.domain = STR("mx.test") };
	const struct spf_verdict spf = { .result = r->spf,
		.domain = STR("a.test") };
	const struct dmarc_verdict dmarc = {
		.result = r->dmarc,
		.policy = r->policy,
		.record_domain = STR("a.test"),
	};
	const struct facts f = {
		.outgoing = r->outgoing,
		.helo = &helo,
		.spf = &spf,
		.dmarc = &dmarc,
		.author = r->author,
		.vouched = str_of(r->vouched),
		.large_header = r->large,
	};

	filter_decide(a, &f, &policy, out);
}

static void
test_rows(void **state)
{
	struct arena *a = arena_new();
	struct decision d;

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		const struct row *r = &rows[i];

		decide_row(a, r, &d);
		if (d.action != r->action || (r->check == NULL) != !d.by ||
		    (d.by && (strcmp(d.by->check, r->check) != 0 ||
				 d.by->code != r->code)))
			fail_msg("%s: %s by %s %u", r->name,
			    filter_action_name(d.action),
			    d.by ? d.by->check : "nobody",
			    d.by ? d.by->code : 0);
	}
	arena_free(&a);
}

/* A reply for later when that is what the settings want. */
static void
test_tempfail_of_a_refusal(void **state)
{
	struct arena *a = arena_new();
	const struct spf_verdict spf = { .result = SPF_FAIL,
		.domain = STR("a.test") };
	const struct facts f = { .spf = &spf };
	const struct policy p = { .spf_fail = FILTER_TEMPFAIL };
	struct decision d;

	(void)state;
	filter_decide(a, &f, &p, &d);
	assert_int_equal(d.action, FILTER_TEMPFAIL);
	assert_int_equal(d.by->code, 451);
	assert_int_equal(d.by->status[0], '4');
	arena_free(&a);
}

static void
test_greylist(void **state)
{
	struct arena *a = arena_new();
	const struct facts stranger = { .greylist_wait = 59 },
			   ours = { .outgoing = true, .greylist_wait = 59 };
	const struct policy on = { .greylist = FILTER_TEMPFAIL },
			    off = { .greylist = FILTER_OFF };
	struct decision d;

	(void)state;
	filter_decide(a, &stranger, &on, &d);
	assert_int_equal(d.action, FILTER_TEMPFAIL);
	assert_string_equal(d.by->check, "greylist");
	assert_non_null(strstr(arena_cstr(a, d.by->text), "in 59 seconds"));
	filter_decide(a, &stranger, &off, &d);
	assert_int_equal(d.action, FILTER_OFF);
	filter_decide(a, &ours, &on, &d);
	assert_int_equal(d.action, FILTER_OFF);
	arena_free(&a);
}

/* What a client did wrong, and what those who allow it say to that. */
static void
test_client(void **state)
{
	static const struct dnsbl_list list = { .zone = STR("bl.example"),
		.weight = 5 },
				       white = { .zone = STR("wl.example"),
					       .weight = -2 };
	static const struct spf_verdict fail = { .result = SPF_FAIL,
		.domain = STR("a.test") };
	static const struct spam_facts spam = { .known = true,
		.verdict = { .score = 20 } };
	static const struct virus_facts virus = { .result = SCAN_FOUND };
	static const struct list_match block = { .kind = SITE_LIST_BLOCK,
		.entry = STR("192.0.2.0/24") },
				       allow = { .kind = SITE_LIST_ALLOW },
				       allow_sender = { .kind = SITE_LIST_ALLOW,
					       .forgeable = true };
	static const struct client_facts
	    fine = { .ptr = PTR_PROVEN },
	    listed = { .dnsbl = { .score = 5,
			   .n = 1,
			   .hits = { { .list = &list } } } },
	    half = { .dnsbl = { .score = 3,
			 .n = 2,
			 .hits = { { .list = &list }, { .list = &white } } } },
	    blocked = { .blocked = 60 }, nameless = { .ptr = PTR_NONE },
	    wrong = { .ptr = PTR_MISMATCH }, unsure = { .ptr = PTR_UNKNOWN },
	    odd = { .helo = HELO_INVALID, .helo_why = "is wrong" },
	    liar = { .helo = HELO_OURS };
	static const struct {
		struct facts f;
		enum filter_action action;
		const char *check;
	} cases[] = {
		/* clang-format off */
		{ { .client = &fine }, FILTER_OFF, NULL },
		{ { .client = &listed }, FILTER_REJECT, "dnsbl" },
		{ { .client = &half }, FILTER_TAG, "dnsbl" },
		{ { .client = &blocked }, FILTER_TEMPFAIL, "logins" },
		{ { .client = &nameless }, FILTER_TAG, "ptr" },
		{ { .client = &wrong }, FILTER_QUARANTINE, "ptr" },
		{ { .client = &unsure }, FILTER_OFF, NULL },
		{ { .client = &odd }, FILTER_TAG, "helo" },
		{ { .client = &liar }, FILTER_REJECT, "helo" },
		{ { .client = &listed, .outgoing = true }, FILTER_OFF, NULL },
		{ { .client = &fine, .listed = &block }, FILTER_REJECT, "blocked" },
		{ { .client = &listed, .listed = &allow }, FILTER_OFF, NULL },
		{ { .client = &listed, .listed = &allow_sender }, FILTER_OFF, NULL },
		{ { .client = &liar, .listed = &allow }, FILTER_OFF, NULL },
		{ { .client = &liar, .listed = &allow_sender }, FILTER_REJECT, "helo" },
		{ { .client = &blocked, .listed = &allow }, FILTER_OFF, NULL },
		{ { .spf = &fail, .listed = &allow }, FILTER_OFF, NULL },
		{ { .spf = &fail, .listed = &allow_sender }, FILTER_REJECT, "spf" },
		{ { .greylist_wait = 5, .listed = &allow_sender }, FILTER_OFF, NULL },
		{ { .spam = &spam, .listed = &allow_sender }, FILTER_OFF, NULL },
		{ { .spam = &spam, .listed = &block }, FILTER_REJECT, "blocked" },
		{ { .virus = &virus, .listed = &allow }, FILTER_REJECT, "virus" },
		/* clang-format on */
	};
	static const struct policy p = {
		.blocked = FILTER_REJECT,
		.failed_logins = FILTER_TEMPFAIL,
		.no_ptr = FILTER_TAG,
		.ptr_mismatch = FILTER_QUARANTINE,
		.helo_invalid = FILTER_TAG,
		.helo_ours = FILTER_REJECT,
		.dnsbl_tag = 2500,
		.dnsbl_reject = 5000,
		.spf_fail = FILTER_REJECT,
		.greylist = FILTER_TEMPFAIL,
		.virus = FILTER_REJECT,
		.spam_reject = 15000,
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct decision d;

		filter_decide(a, &cases[i].f, &p, &d);
		if (d.action != cases[i].action ||
		    (d.by ? !cases[i].check ||
				strcmp(d.by->check, cases[i].check) != 0
			  : cases[i].check != NULL))
			fail_msg("case %zu: %s by %s", i,
			    filter_action_name(d.action),
			    d.by ? d.by->check : "nobody");
	}
	arena_free(&a);
}

/* Of the content: what was found, and what could not be looked at. */
static void
test_content(void **state)
{
	static const struct {
		enum scan_result scan;
		bool encrypted;
		double score;
		bool spam_failed;
		enum filter_action action;
		const char *check;
		unsigned code;
	} cases[] = {
		{ SCAN_CLEAN, false, 4.9, false, FILTER_OFF, NULL, 0 },
		{ SCAN_CLEAN, false, 5, false, FILTER_TAG, "spam", 554 },
		{ SCAN_CLEAN, false, 9.99, false, FILTER_TAG, "spam", 554 },
		{ SCAN_CLEAN, false, 10, false, FILTER_QUARANTINE, "spam",
		    554 },
		{ SCAN_CLEAN, false, 1e300, false, FILTER_REJECT, "spam", 554 },
		{ SCAN_CLEAN, false, 0, true, FILTER_TAG, "spam", 451 },
		{ SCAN_FOUND, false, 0, false, FILTER_REJECT, "virus", 554 },
		{ SCAN_FOUND, true, 0, false, FILTER_TAG, "virus", 554 },
		{ SCAN_TOO_LARGE, false, 0, false, FILTER_QUARANTINE, "virus",
		    554 },
		{ SCAN_FAILED, false, 0, false, FILTER_TEMPFAIL, "virus", 451 },
	};
	const struct policy p = {
		.virus = FILTER_REJECT,
		.virus_encrypted = FILTER_TAG,
		.virus_too_large = FILTER_QUARANTINE,
		.virus_failed = FILTER_TEMPFAIL,
		.spam_tag = 5000,
		.spam_quarantine = 10000,
		.spam_reject = 15500,
		.spam_failed = FILTER_TAG,
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		const struct virus_facts v = { .result = cases[i].scan,
			.encrypted = cases[i].encrypted,
			.name = STR("Name") };
		const struct spam_facts s = { .known = !cases[i].spam_failed,
			.verdict = { .score = cases[i].score } };
		const struct facts f = {
			.outgoing = true, .virus = &v, .spam = &s
		};
		struct decision d;

		filter_decide(a, &f, &p, &d);
		print_message("case %zu\n", i);
		assert_int_equal(d.action, cases[i].action);
		if (cases[i].check) {
			assert_string_equal(d.by->check, cases[i].check);
			assert_int_equal(d.by->code, cases[i].code);
		}
	}
	arena_free(&a);
}

/* Somebody else's scan failed. */
static void
test_scanning_is_off(void **state)
{
	const struct virus_facts v = { .result = SCAN_FAILED };
	const struct facts f = { .virus = &v };
	struct policy p = { .virus = FILTER_OFF,
		.virus_failed = FILTER_TEMPFAIL };
	struct arena *a = arena_new();
	struct decision d;

	(void)state;
	filter_decide(a, &f, &p, &d);
	assert_int_equal(d.action, FILTER_OFF);
	p.virus = FILTER_TAG;
	filter_decide(a, &f, &p, &d);
	assert_int_equal(d.action, FILTER_TEMPFAIL);
	arena_free(&a);
}

static void
test_files(void **state)
{
	static const struct attachment list[] = {
		{ STR("holiday.jpg"), STR("image/jpeg"), NULL },
		{ STR("Holiday.JPG.Exe"), STR("image/jpeg"), NULL },
	};
	struct arena *a = arena_new();
	const struct facts f = { .attachments = list, .nattachments = 2 };
	struct policy p = { .attachment = FILTER_REJECT,
		.attachment_patterns = STR("*.scr *.exe") };
	struct decision d;

	(void)state;
	filter_decide(a, &f, &p, &d);
	assert_int_equal(d.action, FILTER_REJECT);
	assert_non_null(strstr(arena_cstr(a, d.by->text), "Holiday.JPG.Exe"));
	p.attachment_patterns = STR("*.scr");
	filter_decide(a, &f, &p, &d);
	assert_int_equal(d.action, FILTER_OFF);
	arena_free(&a);
}

/* What strangers write stays within its line. */
static void
test_texts_are_printable(void **state)
{
	struct arena *a = arena_new();
	const struct spf_verdict spf = { .result = SPF_FAIL,
		.domain = STR("a\r\nX: y\0\377.test") };
	const struct facts f = { .spf = &spf };
	const struct policy p = { .spf_fail = FILTER_REJECT };
	struct decision d;

	(void)state;
	filter_decide(a, &f, &p, &d);
	for (size_t i = 0; i < d.by->text.n; i++)
		assert_in_range(d.by->text.p[i], ' ', '~');
	arena_free(&a);
}

static void
test_recipients_that_disagree(void **state)
{
	static const struct {
		enum filter_action list[3], action, fates[3];
	} cases[] = {
		{ { FILTER_OFF, FILTER_OFF, FILTER_OFF }, FILTER_OFF,
		    { FILTER_OFF, FILTER_OFF, FILTER_OFF } },
		{ { FILTER_OFF, FILTER_TAG, FILTER_OFF }, FILTER_TAG,
		    { FILTER_OFF, FILTER_TAG, FILTER_OFF } },
		{ { FILTER_OFF, FILTER_REJECT, FILTER_OFF }, FILTER_OFF,
		    { FILTER_OFF, FILTER_QUARANTINE, FILTER_OFF } },
		{ { FILTER_REJECT, FILTER_TAG, FILTER_QUARANTINE }, FILTER_TAG,
		    { FILTER_QUARANTINE, FILTER_TAG, FILTER_QUARANTINE } },
		{ { FILTER_TEMPFAIL, FILTER_OFF, FILTER_OFF }, FILTER_TAG,
		    { FILTER_TAG, FILTER_OFF, FILTER_OFF } },
		{ { FILTER_REJECT, FILTER_QUARANTINE, FILTER_TEMPFAIL },
		    FILTER_TAG,
		    { FILTER_QUARANTINE, FILTER_QUARANTINE, FILTER_TAG } },
		{ { FILTER_REJECT, FILTER_QUARANTINE, FILTER_REJECT },
		    FILTER_QUARANTINE,
		    { FILTER_QUARANTINE, FILTER_QUARANTINE,
			FILTER_QUARANTINE } },
		{ { FILTER_REJECT, FILTER_TEMPFAIL, FILTER_REJECT },
		    FILTER_TEMPFAIL,
		    { FILTER_TEMPFAIL, FILTER_TEMPFAIL, FILTER_TEMPFAIL } },
		{ { FILTER_REJECT, FILTER_REJECT, FILTER_REJECT },
		    FILTER_REJECT,
		    { FILTER_REJECT, FILTER_REJECT, FILTER_REJECT } },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct decision list[3] = { 0 };
		enum filter_action action, fates[3];

		for (size_t k = 0; k < 3; k++)
			list[k].action = cases[i].list[k];
		filter_decide_common(list, 3, true, fates, &action);
		assert_int_equal(action, cases[i].action);
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(fates[k], cases[i].fates[k]);
		filter_decide_common(list, 3, false, fates, &action);
		for (size_t k = 0; k < 3; k++)
			assert_int_not_equal(fates[k], FILTER_QUARANTINE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_tempfail_of_a_refusal),
		cmocka_unit_test(test_greylist),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_scanning_is_off),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_texts_are_printable),
		cmocka_unit_test(test_recipients_that_disagree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
