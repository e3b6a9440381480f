/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/test.h"
#include "mailauth/dmarc.h"

#define NONE DMARC_P_NONE
#define QUARANTINE DMARC_P_QUARANTINE
#define REJECT DMARC_P_REJECT

static const struct {
	const char *text;
	bool ok;
	enum dmarc_policy p, sp, np;
} policies[] = {
	{ "v=DMARC1; p=reject", true, REJECT, REJECT, REJECT },
	{ "v=DMARC1;p=none;", true, NONE, NONE, NONE },
	{ "v=DMARC1; p=Quarantine", true, QUARANTINE, QUARANTINE, QUARANTINE },
	{ "v\t= DMARC1 ;p = reject ; sp= none", true, REJECT, NONE, NONE },
	{ "v=DMARC1; sp=none; np=reject; p=quarantine", true, QUARANTINE, NONE,
	    REJECT },
	{ "v=DMARC1; p=none; np=reject", true, NONE, NONE, REJECT },
	{ "v=DMARC1; p=reject; x=y; junk; =; ;;", true, REJECT, REJECT,
	    REJECT },
	/* the first of two */
	{ "v=DMARC1; p=reject; p=none", true, REJECT, REJECT, REJECT },
	/* is one of DMARC, but what does it say? (section 6.6.3, step 6) */
	{ "v=DMARC1", false, NONE, NONE, NONE },
	{ "v=DMARC1; p=", false, NONE, NONE, NONE },
	{ "v=DMARC1; p=rejected", false, NONE, NONE, NONE },
	{ "v=DMARC1; p=reject; sp=bogus", false, NONE, NONE, NONE },
	{ "v=DMARC1; rua=mailto:a@b.example", true, NONE, NONE, NONE },
	{ "v=DMARC1; p=x; rua=mailto:a@b.example", true, NONE, NONE, NONE },
	{ "v=DMARC1; p=x; rua=https://b.example/", true, NONE, NONE, NONE },
	{ "v=DMARC1; p=x; ruf=mailto:a@b.example", false, NONE, NONE, NONE },
	{ "v=DMARC1; p=x; rua=a@b.example", false, NONE, NONE, NONE },
	{ "v=DMARC1; p=reject; np=x; rua=mailto:a@b.example", true, NONE, NONE,
	    NONE },
	/* is none */
	{ "", false, NONE, NONE, NONE },
	{ "v=DMARC2; p=reject", false, NONE, NONE, NONE },
	{ "v=dmarc1; p=reject", false, NONE, NONE, NONE },
	{ "v=DMARC1 p=reject", false, NONE, NONE, NONE },
	{ "v=DMARC1x; p=reject", false, NONE, NONE, NONE },
	{ " v=DMARC1; p=reject", false, NONE, NONE, NONE },
	{ "p=reject; v=DMARC1", false, NONE, NONE, NONE },
	{ "v=spf1 -all", false, NONE, NONE, NONE },
	{ "vv=DMARC1; p=reject", false, NONE, NONE, NONE },
};

static void
test_policies(void **state)
{
	struct dmarc_record r;
	struct str why;

	(void)state;
	for (size_t i = 0; i < LEN(policies); i++) {
		bool ok = dmarc_record_parse(
		    arena, str_of(policies[i].text), &r, &why);

		print_message("%s\n", policies[i].text);
		assert_int_equal(ok, policies[i].ok);
		if (!ok)
			continue;
		assert_int_equal(r.p, policies[i].p);
		assert_int_equal(r.sp, policies[i].sp);
		assert_int_equal(r.np, policies[i].np);
	}
}

static void
parse(const char *tags, struct dmarc_record *r, struct str *why)
{
	char text[4096];

	snprintf(text, sizeof(text), "v=DMARC1; p=none; %s", tags);
	print_message("%s\n", tags);
	assert_true(dmarc_record_parse(arena, str_of(text), r, why));
}

static const struct {
	const char *tags;
	unsigned pct;
	uint32_t interval;
	bool strict_dkim, strict_spf, testing;
	char psd;
	const char *fo, *why;
} others[] = {
	{ "", 100, 86400, false, false, false, 'u', "0", "" },
	{ "pct=0; ri=3600", 0, 3600, false, false, false, 'u', "0", "" },
	{ "pct=101", 100, 86400, false, false, false, 'u', "0", "pct= has" },
	{ "pct=-1", 100, 86400, false, false, false, 'u', "0", "pct= has" },
	{ "pct=5%", 100, 86400, false, false, false, 'u', "0", "pct= has" },
	{ "ri=4294967296", 100, 86400, false, false, false, 'u', "0", "ri=" },
	{ "adkim=s; aspf=R", 100, 86400, true, false, false, 'u', "0", "" },
	{ "adkim=r; aspf=S", 100, 86400, false, true, false, 'u', "0", "" },
	{ "adkim=strict", 100, 86400, false, false, false, 'u', "0", "adkim" },
	{ "t=y; psd=n", 100, 86400, false, false, true, 'n', "0", "" },
	{ "t=n; psd=Y", 100, 86400, false, false, false, 'y', "0", "" },
	{ "t=yes; psd=x", 100, 86400, false, false, false, 'u', "0", "psd" },
	{ "fo=1:d:s", 100, 86400, false, false, false, 'u', "1ds", "" },
	{ "fo=0 : x : D", 100, 86400, false, false, false, 'u', "0d", "" },
	{ "fo=x", 100, 86400, false, false, false, 'u', "0", "fo=" },
	{ "pct=50; pct=1", 50, 86400, false, false, false, 'u', "0", "twice" },
	{ "pct", 100, 86400, false, false, false, 'u', "0", "without" },
};

static void
test_others(void **state)
{
	struct dmarc_record r;
	struct str why;
	char fo[5];

	(void)state;
	for (size_t i = 0; i < LEN(others); i++) {
		parse(others[i].tags, &r, &why);
		assert_int_equal(r.pct, others[i].pct);
		assert_int_equal(r.interval, others[i].interval);
		assert_int_equal(r.strict_dkim, others[i].strict_dkim);
		assert_int_equal(r.strict_spf, others[i].strict_spf);
		assert_int_equal(r.testing, others[i].testing);
		assert_int_equal(r.psd, others[i].psd);
		snprintf(fo, sizeof(fo), "%s%s%s%s", r.fo_0 ? "0" : "",
		    r.fo_1 ? "1" : "", r.fo_d ? "d" : "", r.fo_s ? "s" : "");
		assert_string_equal(fo, others[i].fo);
		assert_true(str_find(why, str_of(others[i].why)) != STR_NPOS ||
			    (why.n == 0 && !*others[i].why));
	}
}

static const struct {
	const char *rua;
	size_t n;
	const char *address; /* of the first */
	uint64_t size;
} addresses[] = {
	{ "mailto:a@b.example", 1, "a@b.example", 0 },
	{ "MAILTO:a@b.example!10M", 1, "a@b.example", 10 << 20 },
	{ "mailto:a@b.example!512", 1, "a@b.example", 512 },
	{ "mailto:a@b.example ! 1k", 1, "a@b.example", 1024 },
	{ "mailto:a@b.example!2t", 1, "a@b.example", UINT64_C(2) << 40 },
	{ "mailto:a@b.example!99999999999t", 0, NULL, 0 },
	{ "mailto:a@b.example!", 0, NULL, 0 },
	{ "mailto:a@b.example!m", 0, NULL, 0 },
	{ "mailto:a%2Cb%21@b.example", 1, "a,b!@b.example", 0 },
	{ "mailto:a%2@b.example", 0, NULL, 0 },
	{ "mailto:a%0d%0aBcc:x@b.example", 0, NULL, 0 },
	{ "mailto:a@b.example%3E", 0, NULL, 0 },
	{ "mailto:a@b.example?bcc=c@d.example", 1, "a@b.example", 0 },
	{ "mailto:a@b.example,,mailto:c@d.example", 2, "a@b.example", 0 },
	{ "https://b.example/,mailto:c@d.example", 1, "c@d.example", 0 },
	{ "mailto:", 0, NULL, 0 },
	{ "mailto:@b.example", 0, NULL, 0 },
	{ "mailto:a@", 0, NULL, 0 },
	{ "a@b.example", 0, NULL, 0 },
	{ "", 0, NULL, 0 },
};

static void
test_addresses(void **state)
{
	struct dmarc_record r;
	struct str why;
	char tag[300];

	(void)state;
	for (size_t i = 0; i < LEN(addresses); i++) {
		snprintf(tag, sizeof(tag), "rua=%s", addresses[i].rua);
		parse(tag, &r, &why);
		assert_int_equal(r.nrua, addresses[i].n);
		assert_int_equal(r.nruf, 0);
		if (r.nrua == 0)
			continue;
		assert_true(str_eqc(r.rua[0].address, addresses[i].address));
		assert_true(r.rua[0].max_size == addresses[i].size);
	}
}

static void
test_limits(void **state)
{
	struct buf text = { 0 };
	struct dmarc_record r;
	struct str why;

	(void)state;
	BUF_LIT(&text, "v=DMARC1; p=none; ruf=mailto:x@y.example");
	for (int i = 0; i < 1000; i++)
		BUF_LIT(&text, ",mailto:a@b.example");
	for (int i = 0; i < 1000; i++)
		BUF_LIT(&text, ";a=b");
	BUF_LIT(&text, ";p=reject");
	assert_true(dmarc_record_parse(arena, buf_str(&text), &r, &why));
	assert_int_equal(r.nruf, 20);
	assert_int_equal(r.p, NONE);
	buf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, arena_up, arena_down);
}
