/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/zone.h"
#include "mailauth/dmarc.h"

static struct arena *arena;
static struct psl *list;
static struct zone *zone;

static int
setup(void **state)
{
	struct err e;

	(void)state;
	arena = arena_new();
	return psl_open(NULL, &list, &e) ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	psl_close(&list);
	return 0;
}

static int
zone_setup(void **state)
{
	(void)state;
	zone = zone_new();
	return 0;
}

static int
zone_teardown(void **state)
{
	(void)state;
	zone_free(&zone);
	return 0;
}

static void
add(const char *name, const char *text)
{
	struct str s = str_of(text);

	zone_add_txt(zone, str_of(name), &s, 1);
}

static void
add_address(const char *name)
{
	struct err e;

	assert_true(zone_add(zone, str_of(name), DNS_A, STR("192.0.2.1"), &e));
}

static void
check(struct dmarc_query *q, const char *author, struct dmarc_verdict *v)
{
	q->author = str_of(author);
	dmarc_check(zone_resolver(zone), list, arena, q, v);
}

/* A message that nobody vouches for. */
static void
expect(enum dmarc_discovery d, const char *author, enum dmarc_result result,
    enum dmarc_policy policy, const char *record_domain)
{
	struct dmarc_query q = { .discovery = d };
	struct dmarc_verdict v;

	check(&q, author, &v);
	print_message("%s: %s, %s, %.*s\n", author, dmarc_result_name(v.result),
	    dmarc_policy_name(v.policy), STR_ARG(v.record_domain));
	assert_int_equal(v.result, result);
	assert_int_equal(v.policy, policy);
	assert_true(str_eq(v.record_domain, str_of(record_domain)));
}

/* ------------------------------------------------------------------------
 * Discovery
 */

static void
test_psl(void **state)
{
	(void)state;
	add("_dmarc.example.com", "v=DMARC1; p=reject; sp=quarantine");
	add("_dmarc.example.com", "v=spf1 -all");
	add("_dmarc.a.example.com", "v=DMARC1; p=none");
	add("_dmarc.several.test", "v=DMARC1; p=reject");
	add("_dmarc.several.test", "v=DMARC1; p=none");
	add("_dmarc.says.test", "v=DMARC1");
	add("_dmarc.bank", "v=DMARC1; p=none; sp=reject; psd=y");
	add("_dmarc.uk", "v=DMARC1; p=reject");
	expect(DMARC_PSL, "example.com", DMARC_FAIL, DMARC_P_REJECT,
	    "example.com");
	expect(DMARC_PSL, "b.example.com", DMARC_FAIL, DMARC_P_QUARANTINE,
	    "example.com");
	/* not that of the parent, which has no say */
	expect(DMARC_PSL, "c.a.example.com", DMARC_FAIL, DMARC_P_QUARANTINE,
	    "example.com");
	expect(DMARC_PSL, "several.test", DMARC_NONE, DMARC_P_NONE, NULL);
	expect(DMARC_PSL, "says.test", DMARC_NONE, DMARC_P_NONE, "says.test");
	expect(DMARC_PSL, "other.test", DMARC_NONE, DMARC_P_NONE, NULL);
	/* RFC 9091 */
	expect(DMARC_PSL, "x.my.bank", DMARC_FAIL, DMARC_P_REJECT, "bank");
	expect(DMARC_PSL, "bank", DMARC_FAIL, DMARC_P_NONE, "bank");
	expect(DMARC_PSL, "my.uk", DMARC_NONE, DMARC_P_NONE, NULL);
}

static void
test_tree(void **state)
{
	(void)state;
	add("_dmarc.example.com", "v=DMARC1; p=reject; sp=quarantine");
	add("_dmarc.a.example.com", "v=DMARC1; p=none");
	add("_dmarc.own.example.com", "v=DMARC1; p=reject; sp=none; psd=n");
	add("_dmarc.bank", "v=DMARC1; p=none; sp=reject; psd=y");
	add("_dmarc.x.my.bank", "v=DMARC1; p=quarantine");
	/* Several are as none: the walk goes on. */
	add("_dmarc.two.example.com", "v=DMARC1; p=none");
	add("_dmarc.two.example.com", "v=DMARC1; p=none");
	expect(DMARC_TREE, "example.com", DMARC_FAIL, DMARC_P_REJECT,
	    "example.com");
	expect(DMARC_TREE, "a.example.com", DMARC_FAIL, DMARC_P_NONE,
	    "a.example.com");
	expect(DMARC_TREE, "c.a.example.com", DMARC_FAIL, DMARC_P_QUARANTINE,
	    "example.com");
	expect(DMARC_TREE, "c.own.example.com", DMARC_FAIL, DMARC_P_NONE,
	    "own.example.com");
	expect(DMARC_TREE, "two.example.com", DMARC_FAIL, DMARC_P_QUARANTINE,
	    "example.com");
	expect(DMARC_TREE, "y.my.bank", DMARC_FAIL, DMARC_P_REJECT, "bank");
	expect(DMARC_TREE, "x.my.bank", DMARC_FAIL, DMARC_P_QUARANTINE,
	    "x.my.bank");
	expect(DMARC_TREE, "bank", DMARC_FAIL, DMARC_P_NONE, "bank");
	expect(DMARC_TREE, "nothing.test", DMARC_NONE, DMARC_P_NONE, NULL);
}

static struct str
organizational(const char *author)
{
	struct dmarc_query q = { .discovery = DMARC_TREE };
	struct dmarc_verdict v;

	check(&q, author, &v);
	return v.organizational;
}

/* At most 8 questions, for the whole name and then the last 7 labels. */
static void
test_long_names(void **state)
{
	(void)state;
	add("_dmarc.3.2.1.0.example.com", "v=DMARC1; p=none");
	assert_true(str_eqc(organizational("9.8.7.6.5.4.3.2.1.0.example.com"),
	    "3.2.1.0.example.com"));
	assert_int_equal(zone_asked(zone), 8);
	add("_dmarc.5.4.3.2.1.0.example.com", "v=DMARC1; p=none; psd=n");
	assert_true(str_eqc(organizational("9.8.7.6.5.4.3.2.1.0.example.com"),
	    "3.2.1.0.example.com"));
	/* One label below a suffix that has seven. */
	add("_dmarc.g.f.e.d.c.b.a", "v=DMARC1; p=none; psd=y");
	assert_true(str_eqc(
	    organizational("k.j.i.h.g.f.e.d.c.b.a"), "h.g.f.e.d.c.b.a"));
	assert_true(str_eqc(organizational("none.test"), "none.test"));
}

/* ------------------------------------------------------------------------
 * Alignment
 */

static enum dmarc_result
signed_by(enum dmarc_discovery d, const char *author, const char *domain,
    enum signature_result r)
{
	struct signature s = { .result = r, .domain = str_of(domain) };
	struct dmarc_query q = {
		.discovery = d, .signatures = &s, .nsignatures = 1
	};
	struct dmarc_verdict v;

	check(&q, author, &v);
	assert_int_equal(v.dkim_aligned, v.result == DMARC_PASS);
	return v.result;
}

static enum dmarc_result
sent_by(enum dmarc_discovery d, const char *author, const char *domain,
    enum spf_result r)
{
	struct dmarc_query q = {
		.discovery = d, .spf = r, .spf_domain = str_of(domain)
	};
	struct dmarc_verdict v;

	check(&q, author, &v);
	assert_int_equal(v.spf_aligned, v.result == DMARC_PASS);
	return v.result;
}

static const struct {
	const char *author, *other;
	enum dmarc_result result; /* of what passed */
} pairs[] = {
	{ "example.com", "example.com", DMARC_PASS },
	{ "example.com", "EXAMPLE.com.", DMARC_PASS },
	{ "example.com", "mail.example.com", DMARC_PASS },
	{ "a.example.com", "example.com", DMARC_PASS },
	{ "a.example.com", "b.example.com", DMARC_PASS },
	{ "example.com", "badexample.com", DMARC_FAIL },
	{ "example.com", "com", DMARC_FAIL },
	{ "example.com", "", DMARC_FAIL },
	{ "strict.test", "strict.test", DMARC_PASS },
	{ "strict.test", "a.strict.test", DMARC_FAIL },
	{ "b\xc3\xbc"
	  "cher.test",
	    "xn--bcher-kva.test", DMARC_PASS },
	{ "xn--bcher-kva.test",
	    "a.B\xc3\x9c"
	    "CHER.test",
	    DMARC_PASS },
};

static void
test_alignment(void **state)
{
	(void)state;
	add("_dmarc.example.com", "v=DMARC1; p=reject");
	add("_dmarc.xn--bcher-kva.test", "v=DMARC1; p=reject");
	add("_dmarc.strict.test", "v=DMARC1; p=reject; adkim=s; aspf=s");
	for (size_t i = 0; i < LEN(pairs); i++) {
		print_message("%s, %s\n", pairs[i].author, pairs[i].other);
		for (enum dmarc_discovery d = DMARC_PSL; d <= DMARC_TREE; d++) {
			assert_int_equal(signed_by(d, pairs[i].author,
					     pairs[i].other, SIGNATURE_PASS),
			    pairs[i].result);
			assert_int_equal(sent_by(d, pairs[i].author,
					     pairs[i].other, SPF_PASS),
			    pairs[i].result);
		}
	}
}

/* Which is on the list, and which only says so. */
static void
test_suffixes(void **state)
{
	(void)state;
	add("_dmarc.a.github.io", "v=DMARC1; p=reject");
	add("_dmarc.foo.bar.ck", "v=DMARC1; p=reject");
	assert_int_equal(
	    signed_by(DMARC_PSL, "a.github.io", "b.github.io", SIGNATURE_PASS),
	    DMARC_FAIL);
	assert_int_equal(
	    signed_by(DMARC_PSL, "foo.bar.ck", "baz.bar.ck", SIGNATURE_PASS),
	    DMARC_FAIL);
	assert_int_equal(
	    signed_by(DMARC_PSL, "foo.bar.ck", "x.foo.bar.ck", SIGNATURE_PASS),
	    DMARC_PASS);
	add("_dmarc.zoo", "v=DMARC1; p=reject; psd=y");
	assert_int_equal(
	    signed_by(DMARC_TREE, "a.zoo", "b.zoo", SIGNATURE_PASS),
	    DMARC_FAIL);
	assert_int_equal(
	    signed_by(DMARC_TREE, "a.zoo", "b.a.zoo", SIGNATURE_PASS),
	    DMARC_PASS);
	add("_dmarc.c.a.zoo", "v=DMARC1; p=none; psd=n");
	assert_int_equal(
	    signed_by(DMARC_TREE, "a.zoo", "c.a.zoo", SIGNATURE_PASS),
	    DMARC_FAIL);
}

static void
test_results(void **state)
{
	(void)state;
	add("_dmarc.example.com", "v=DMARC1; p=reject");
	for (enum signature_result r = SIGNATURE_FAIL; r <= SIGNATURE_PERMERROR;
	     r++)
		assert_int_equal(
		    signed_by(DMARC_PSL, "example.com", "example.com", r),
		    r == SIGNATURE_TEMPERROR ? DMARC_TEMPERROR : DMARC_FAIL);
	for (enum spf_result r = SPF_NONE; r <= SPF_PERMERROR; r++)
		assert_int_equal(
		    sent_by(DMARC_TREE, "example.com", "a.example.com", r),
		    r == SPF_PASS        ? DMARC_PASS
		    : r == SPF_TEMPERROR ? DMARC_TEMPERROR
					 : DMARC_FAIL);
	/* A temporary error of somebody else changes nothing. */
	assert_int_equal(
	    sent_by(DMARC_PSL, "example.com", "else.test", SPF_TEMPERROR),
	    DMARC_FAIL);
	assert_int_equal(signed_by(DMARC_TREE, "example.com", "else.test",
			     SIGNATURE_TEMPERROR),
	    DMARC_FAIL);
}

static void
test_partial(void **state)
{
	struct signature s[] = {
		{ .result = SIGNATURE_PASS,
		    .domain = STR("example.com"),
		    .partial = true },
		{ .result = SIGNATURE_PASS, .domain = STR("example.com") },
	};
	struct dmarc_query q = { .signatures = s, .nsignatures = 1 };
	struct dmarc_verdict v;

	(void)state;
	add("_dmarc.example.com", "v=DMARC1; p=reject");
	check(&q, "example.com", &v);
	assert_int_equal(v.result, DMARC_FAIL);
	q.nsignatures = 2;
	check(&q, "example.com", &v);
	assert_int_equal(v.result, DMARC_PASS);
	assert_int_equal(v.policy, DMARC_P_NONE);
	assert_int_equal(v.published, DMARC_P_REJECT);
	assert_true(v.dkim_aligned && !v.spf_aligned);
}

/* ------------------------------------------------------------------------
 * Policy
 */

static void
test_pct(void **state)
{
	struct dmarc_query q = { .lot = 19 };
	struct dmarc_verdict v;

	(void)state;
	add("_dmarc.example.com", "v=DMARC1; p=reject; pct=20; t=y");
	check(&q, "example.com", &v);
	assert_int_equal(v.policy, DMARC_P_REJECT);
	assert_false(v.sampled_out);
	q.lot = 20;
	check(&q, "example.com", &v);
	assert_int_equal(v.policy, DMARC_P_QUARANTINE);
	assert_int_equal(v.published, DMARC_P_REJECT);
	assert_true(v.sampled_out);
	q.discovery = DMARC_TREE;
	q.lot = 0;
	check(&q, "example.com", &v);
	assert_int_equal(v.policy, DMARC_P_QUARANTINE);
	add("_dmarc.example.net", "v=DMARC1; p=quarantine; pct=0; t=n");
	check(&q, "example.net", &v);
	assert_int_equal(v.policy, DMARC_P_QUARANTINE);
	q.discovery = DMARC_PSL;
	check(&q, "example.net", &v);
	assert_int_equal(v.policy, DMARC_P_NONE);
}

static void
test_nonexistent(void **state)
{
	(void)state;
	add("_dmarc.example.com", "v=DMARC1; p=none; sp=quarantine; np=reject");
	add_address("there.example.com");
	add("text.example.com", "only a text");
	for (enum dmarc_discovery d = DMARC_PSL; d <= DMARC_TREE; d++) {
		expect(
		    d, "example.com", DMARC_FAIL, DMARC_P_NONE, "example.com");
		expect(d, "there.example.com", DMARC_FAIL, DMARC_P_QUARANTINE,
		    "example.com");
		expect(d, "nosuch.example.com", DMARC_FAIL, DMARC_P_REJECT,
		    "example.com");
	}
	expect(DMARC_PSL, "text.example.com", DMARC_FAIL, DMARC_P_REJECT,
	    "example.com");
	expect(DMARC_TREE, "text.example.com", DMARC_FAIL, DMARC_P_QUARANTINE,
	    "example.com");
	/* Without an answer it is there. */
	zone_add_timeout(zone, STR("slow.example.com"));
	expect(DMARC_PSL, "slow.example.com", DMARC_FAIL, DMARC_P_QUARANTINE,
	    "example.com");
}

static void
test_temperror(void **state)
{
	(void)state;
	add("_dmarc.a.example.com", "v=DMARC1; p=reject");
	zone_add_timeout(zone, STR("_dmarc.example.com"));
	expect(DMARC_PSL, "example.com", DMARC_TEMPERROR, DMARC_P_NONE, NULL);
	expect(DMARC_PSL, "b.example.com", DMARC_TEMPERROR, DMARC_P_NONE, NULL);
	expect(DMARC_PSL, "a.example.com", DMARC_FAIL, DMARC_P_REJECT,
	    "a.example.com");
	/* Whose is it? */
	expect(DMARC_TREE, "a.example.com", DMARC_TEMPERROR, DMARC_P_NONE,
	    "a.example.com");
	assert_int_equal(signed_by(DMARC_TREE, "a.example.com", "a.example.com",
			     SIGNATURE_PASS),
	    DMARC_PASS);
}

static void
test_no_author(void **state)
{
	(void)state;
	expect(DMARC_PSL, "", DMARC_PERMERROR, DMARC_P_NONE, NULL);
	expect(DMARC_TREE, "a..b", DMARC_PERMERROR, DMARC_P_NONE, NULL);
	assert_int_equal(zone_asked(zone), 0);
}

/* ------------------------------------------------------------------------
 * Whom reports may go to
 */

static enum dns_rc
allowed(const char *domain, const char *address, struct dmarc_record *theirs)
{
	struct dmarc_uri uri = { .address = str_of(address) };

	print_message("%s to %s\n", domain, address);
	return dmarc_report_allowed(
	    zone_resolver(zone), list, arena, str_of(domain), &uri, theirs);
}

static void
test_report_allowed(void **state)
{
	struct dmarc_record theirs;

	(void)state;
	add("example.com._report._dmarc.reports.test",
	    "v=DMARC1; rua=mailto:new@reports.test,mailto:x@victim.test");
	add("example.com._report._dmarc.no.test", "v=spf1 -all");
	zone_add_timeout(zone, STR("example.com._report._dmarc.slow.test"));
	assert_int_equal(allowed("example.com", "a@example.com", NULL), DNS_OK);
	assert_int_equal(
	    allowed("a.example.com", "a@b.example.com", NULL), DNS_OK);
	assert_int_equal(zone_asked(zone), 0);
	assert_int_equal(
	    allowed("example.com", "a@reports.test", &theirs), DNS_OK);
	assert_int_equal(theirs.nrua, 1);
	assert_true(str_eqc(theirs.rua[0].address, "new@reports.test"));
	assert_int_equal(theirs.nruf, 0);
	assert_int_equal(
	    allowed("example.com", "a@no.test", &theirs), DNS_NODATA);
	assert_int_equal(
	    allowed("example.com", "a@none.test", NULL), DNS_NXDOMAIN);
	assert_int_equal(
	    allowed("example.com", "a@slow.test", NULL), DNS_FAILED);
	assert_int_equal(allowed("example.com", "a", NULL), DNS_NXDOMAIN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, zone_setup, zone_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_psl),
		TEST(test_tree),
		TEST(test_long_names),
		TEST(test_alignment),
		TEST(test_suffixes),
		TEST(test_results),
		TEST(test_partial),
		TEST(test_pct),
		TEST(test_nonexistent),
		TEST(test_temperror),
		TEST(test_no_author),
		TEST(test_report_allowed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
