/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/publish.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dns/zone.h"

#define DIGEST                                                                 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct publish ours = {
	.domain = { "a.example", 9 },
	.hostname = { "mx.a.example", 12 },
	.mx = { "mx.a.example *.b.example", 24 },
	.sts_mode = { "enforce", 7 },
	.sts_max_age = 86400,
	.dmarc_reports = { "d@a.example", 11 },
	.tls_reports = { "t@a.example", 11 },
	.tlsa = { DIGEST, sizeof(DIGEST) - 1 },
};

static const struct site_dkim_key key = {
	.domain = { "a.example", 9 },
	.selector = { "s", 1 },
};
static const struct publish_key keys[] = { { &key, { "v=DKIM1; p=x", 12 } } };

static struct publish_record *
records(struct arena *a, const struct publish *p, size_t *n)
{
	struct publish_record *list;
	struct err e;

	assert_true(publish_records(a, p, &list, n, &e));
	return list;
}

static void
test_zone(void **state)
{
	static const char *const lines[] = {
		"a.example. IN MX 10 mx.a.example.",
		"a.example. IN TXT \"v=spf1 mx -all\"",
		"s._domainkey.a.example. IN TXT \"v=DKIM1; p=x\"",
		"_dmarc.a.example. IN TXT"
		" \"v=DMARC1; p=none; rua=mailto:d@a.example\"",
		"_smtp._tls.a.example. IN TXT"
		" \"v=TLSRPTv1; rua=mailto:t@a.example\"",
		NULL, /* the id */
		"mta-sts.a.example. IN CNAME mx.a.example.",
		"_25._tcp.mx.a.example. IN TLSA 3 1 1 " DIGEST,
		"_imaps._tcp.a.example. IN SRV 0 1 993 mx.a.example.",
		"_submissions._tcp.a.example. IN SRV 0 1 465 mx.a.example.",
		"_pop3s._tcp.a.example. IN SRV 0 1 995 mx.a.example.",
		"_sieve._tcp.a.example. IN SRV 0 1 4190 mx.a.example.",
	};
	struct arena *a = arena_new();
	struct publish p = ours;
	struct publish_record *list;
	size_t n;

	(void)state;
	p.keys = keys;
	p.nkeys = 1;
	list = records(a, &p, &n);
	assert_int_equal(n, LEN(lines));
	for (size_t i = 0; i < n; i++) {
		struct buf line = { 0 };

		publish_line(&list[i], &line);
		if (lines[i])
			assert_string_equal(buf_cstr(&line), lines[i]);
		buf_fini(&line);
	}
	arena_free(&a);
}

static void
test_policy(void **state)
{
	struct arena *a = arena_new();
	struct publish p = ours;
	struct str text;
	struct err e;

	(void)state;
	assert_true(publish_policy(a, &p, &text, &e));
	assert_true(str_eqc(text,
	    "version: STSv1\r\nmode: enforce\r\nmx: mx.a.example\r\n"
	    "mx: *.b.example\r\nmax_age: 86400\r\n"));
	p.sts_mode = STR("off");
	assert_false(publish_policy(a, &p, &text, &e));
	assert_string_equal(e.msg, "");
	p = ours;
	p.mx = STR("not/a/host");
	assert_false(publish_policy(a, &p, &text, &e));
	assert_string_not_equal(e.msg, "");
	arena_free(&a);
}

/* The id of the policy P makes. */
static struct str
id_of(struct arena *a, const struct publish *p)
{
	size_t n;
	struct publish_record *list = records(a, p, &n);
	struct str id = STR_NULL;

	for (size_t i = 0; i < n; i++) {
		if (list[i].kind == PUBLISH_STS)
			assert_true(sts_record_parse(list[i].data, &id));
	}
	assert_true(id.n > 0);
	return id;
}

static void
test_id(void **state)
{
	struct arena *a = arena_new();
	struct publish p = ours;

	(void)state;
	assert_true(str_eq(id_of(a, &ours), id_of(a, &p)));
	p.sts_mode = STR("testing");
	assert_false(str_eq(id_of(a, &ours), id_of(a, &p)));
	arena_free(&a);
}

static enum publish_state
look(struct arena *a, struct zone *z, enum publish_kind kind)
{
	struct publish_record *list;
	struct str why;
	size_t n;

	list = records(a, &ours, &n);
	for (size_t i = 0; i < n; i++) {
		if (list[i].kind == kind)
			return publish_look(
			    zone_resolver(z), a, &ours, &list[i], &why);
	}
	fail();
	return PUBLISH_UNKNOWN;
}

static const struct {
	enum publish_kind kind;
	const char *name;
	enum dns_type type;
	const char *text;
	enum publish_state state;
} cases[] = {
	{ PUBLISH_MX, "a.example", DNS_MX, "5 MX.a.example", PUBLISH_OK },
	{ PUBLISH_MX, "a.example", DNS_MX, "5 x.b.example", PUBLISH_DIFFERS },
	{ PUBLISH_MX, "a.example", DNS_TXT, "x", PUBLISH_MISSING },
	{ PUBLISH_SPF, "a.example", DNS_TXT, "v=spf1 a -all", PUBLISH_OK },
	{ PUBLISH_SPF, "a.example", DNS_TXT, "hello", PUBLISH_MISSING },
	{ PUBLISH_DMARC, "_dmarc.a.example", DNS_TXT, "v=DMARC1; p=reject",
	    PUBLISH_OK },
	{ PUBLISH_DMARC, "_dmarc.a.example", DNS_TXT, "v=DMARC1; p=what",
	    PUBLISH_DIFFERS },
	{ PUBLISH_STS, "_mta-sts.a.example", DNS_TXT, "v=STSv1; id=1;",
	    PUBLISH_DIFFERS },
	{ PUBLISH_STS_HOST, "mta-sts.a.example", DNS_AAAA, "2001:db8::1",
	    PUBLISH_OK },
	{ PUBLISH_TLSRPT, "_smtp._tls.a.example", DNS_TXT,
	    "v=TLSRPTv1; rua=mailto:x@a.example", PUBLISH_OK },
	{ PUBLISH_TLSA, "_25._tcp.mx.a.example", DNS_TLSA, "3 1 1 " DIGEST,
	    PUBLISH_OK },
	{ PUBLISH_TLSA, "_25._tcp.mx.a.example", DNS_TLSA, "3 1 1 00",
	    PUBLISH_DIFFERS },
	{ PUBLISH_SRV, "_imaps._tcp.a.example", DNS_SRV, "0 5 993 mx.a.example",
	    PUBLISH_OK },
	{ PUBLISH_SRV, "_imaps._tcp.a.example", DNS_SRV, "0 5 143 mx.a.example",
	    PUBLISH_DIFFERS },
};

static void
test_look(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct arena *a = arena_new();
		struct zone *z = zone_new();
		struct err e;

		assert_true(zone_add(z, str_of(cases[i].name), cases[i].type,
		    str_of(cases[i].text), &e));
		if (look(a, z, cases[i].kind) != cases[i].state)
			fail_msg("%s: %s", cases[i].name, cases[i].text);
		zone_free(&z);
		arena_free(&a);
	}
}

/* What we publish is what we then find. */
static void
test_same(void **state)
{
	struct arena *a = arena_new();
	struct zone *z = zone_new();
	struct publish_record *list;
	struct str why;
	struct err e;
	size_t n;

	(void)state;
	list = records(a, &ours, &n);
	zone_add(z, STR("mx.a.example"), DNS_A, STR("192.0.2.1"), &e);
	for (size_t i = 0; i < n; i++)
		assert_true(
		    zone_add(z, list[i].name, list[i].type, list[i].data, &e));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(
		    publish_look(zone_resolver(z), a, &ours, &list[i], &why),
		    PUBLISH_OK);
		assert_int_equal(why.n, 0);
	}
	zone_free(&z);
	arena_free(&a);
}

/* A second SPF record makes both worthless; silence is not absence. */
static void
test_trouble(void **state)
{
	struct arena *a = arena_new();
	struct zone *z = zone_new();
	struct err e;

	(void)state;
	zone_add(z, STR("a.example"), DNS_TXT, STR("v=spf1 mx -all"), &e);
	zone_add(z, STR("a.example"), DNS_TXT, STR("v=spf1 a -all"), &e);
	zone_add_timeout(z, STR("_dmarc.a.example"));
	assert_int_equal(look(a, z, PUBLISH_SPF), PUBLISH_DIFFERS);
	assert_int_equal(look(a, z, PUBLISH_DMARC), PUBLISH_UNKNOWN);
	zone_free(&z);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zone),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
