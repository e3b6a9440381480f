/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/zone.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define S15 "012345678901234"
#define S255 S15 S15 S15 S15 S15 S15 S15 S15 S15 S15 S15 S15 S15 S15 S15 S15 S15

static const struct {
	const char *name;
	enum dns_type type;
	const char *text;
} records[] = {
	{ "a.example", DNS_A, "192.0.2.1" },
	{ "A.Example.", DNS_A, "192.0.2.2" },
	{ "a.example", DNS_AAAA, "2001:db8::1" },
	{ "mx.example", DNS_MX, "258 a.example" },
	{ "null.example", DNS_MX, "0 ." },
	{ "txt.example", DNS_TXT, "one text" },
	{ "empty.example", DNS_TXT, "" },
	{ "long.example", DNS_TXT, S255 "x" },
	{ "1.2.0.192.in-addr.arpa", DNS_PTR, "a.example." },
	{ "alias.example", DNS_CNAME, "again.example" },
	{ "again.example", DNS_CNAME, "A.EXAMPLE" },
	{ "dangling.example", DNS_CNAME, "nowhere.example" },
	{ "loop.example", DNS_CNAME, "pool.example" },
	{ "pool.example", DNS_CNAME, "loop.example" },
	{ "late.example", DNS_CNAME, "slow.example" },
	{ "slow.example", DNS_TXT, "fast" },
	{ "_25._tcp.a.example", DNS_TLSA, "3 1 1 0aFF" },
};

static const struct {
	const char *name;
	enum dns_type type;
	enum dns_rc rc;
	size_t n;
	struct str first;
} questions[] = {
	{ "a.example", DNS_A, DNS_OK, 2, STR("\300\0\2\1") },
	{ "A.EXAMPLE.", DNS_A, DNS_OK, 2, STR("\300\0\2\1") },
	{ "a.example", DNS_AAAA, DNS_OK, 1,
	    STR("\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1") },
	{ "a.example", DNS_MX, DNS_NODATA, 0, { 0 } },
	{ "mx.example", DNS_MX, DNS_OK, 1, STR("\1\2\1a\7example\0") },
	{ "null.example", DNS_MX, DNS_OK, 1, STR("\0\0\0") },
	{ "txt.example", DNS_TXT, DNS_OK, 1, STR("\10one text") },
	{ "empty.example", DNS_TXT, DNS_OK, 1, STR("\0") },
	{ "long.example", DNS_TXT, DNS_OK, 1, STR("\377" S255 "\1x") },
	{ "strings.example", DNS_TXT, DNS_OK, 1, STR("\1a\2bc") },
	{ "1.2.0.192.in-addr.arpa", DNS_PTR, DNS_OK, 1, STR("\1a\7example\0") },
	{ "alias.example", DNS_A, DNS_OK, 2, STR("\300\0\2\1") },
	{ "alias.example", DNS_TXT, DNS_NODATA, 0, { 0 } },
	{ "alias.example", DNS_CNAME, DNS_OK, 1, STR("\5again\7example\0") },
	{ "dangling.example", DNS_A, DNS_NXDOMAIN, 0, { 0 } },
	{ "loop.example", DNS_A, DNS_FAILED, 0, { 0 } },
	{ "slow.example", DNS_A, DNS_FAILED, 0, { 0 } },
	{ "slow.example", DNS_TXT, DNS_OK, 1, STR("\4fast") },
	{ "late.example", DNS_A, DNS_FAILED, 0, { 0 } },
	{ "_25._tcp.a.example", DNS_TLSA, DNS_OK, 1, STR("\3\1\1\12\377") },
	{ "_tcp.a.example", DNS_TLSA, DNS_NODATA, 0, { 0 } },
	{ "example", DNS_A, DNS_NODATA, 0, { 0 } },
	{ "b.example", DNS_A, DNS_NXDOMAIN, 0, { 0 } },
	{ "x.a.example", DNS_A, DNS_NXDOMAIN, 0, { 0 } },
	{ "a..example", DNS_A, DNS_NXDOMAIN, 0, { 0 } },
};

static struct zone *
make_zone(void)
{
	static const struct str strings[] = { STR("a"), STR("bc") };
	struct zone *z = zone_new();
	struct err e = ERR_INIT;

	for (size_t i = 0; i < LEN(records); i++) {
		print_message("%s\n", records[i].name);
		assert_true(zone_add(z, str_of(records[i].name),
		    records[i].type, str_of(records[i].text), &e));
	}
	zone_add_txt(z, STR("strings.example"), strings, 2);
	zone_add_timeout(z, STR("slow.example"));
	return z;
}

static void
test_answers(void **state)
{
	struct zone *z = make_zone();
	struct arena *a = arena_new();
	struct dns_answer out;

	(void)state;
	for (size_t i = 0; i < LEN(questions); i++) {
		print_message("%s %s\n", questions[i].name,
		    dns_type_name(questions[i].type));
		dns_ask(zone_resolver(z), a, str_of(questions[i].name),
		    questions[i].type, &out);
		assert_int_equal(out.rc, questions[i].rc);
		assert_int_equal(out.n, questions[i].n);
		if (out.n)
			assert_true(str_eq(out.rdata[0], questions[i].first));
		assert_false(out.secure);
	}
	assert_int_equal(zone_asked(z), LEN(questions) - 1);
	arena_free(&a);
	zone_free(&z);
	zone_free(&z);
}

static void
test_secure(void **state)
{
	struct zone *z = make_zone();
	struct arena *a = arena_new();
	struct dns_answer out;

	(void)state;
	zone_set_secure(z, true);
	dns_ask(zone_resolver(z), a, STR("a.example"), DNS_A, &out);
	assert_true(out.secure);
	dns_ask(zone_resolver(z), a, STR("no.example"), DNS_A, &out);
	assert_true(out.secure);
	dns_ask(zone_resolver(z), a, STR("slow.example"), DNS_A, &out);
	assert_false(out.secure);
	arena_free(&a);
	zone_free(&z);
}

static const struct {
	enum dns_type type;
	const char *text;
} bad[] = {
	{ DNS_A, "192.0.2" },
	{ DNS_A, "192.0.2.256" },
	{ DNS_A, "2001:db8::1" },
	{ DNS_A, "" },
	{ DNS_AAAA, "192.0.2.1" },
	{ DNS_AAAA, "2001:db8:0000:0000:0000:0000:0000:0000:0000:0001:0000" },
	{ DNS_MX, "a.example" },
	{ DNS_MX, "10" },
	{ DNS_MX, "65536 a.example" },
	{ DNS_MX, "10 a..example" },
	{ DNS_CNAME, "a..example" },
	{ DNS_PTR, ".example" },
	{ DNS_TLSA, "3 1 0aff" },
	{ DNS_TLSA, "3 1 1" },
	{ DNS_TLSA, "3 1 1 0af" },
	{ DNS_TLSA, "3 1 256 0aff" },
};

static void
test_bad(void **state)
{
	struct zone *z = zone_new();

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		struct err e = ERR_INIT;

		print_message("%s\n", bad[i].text);
		assert_false(zone_add(
		    z, STR("a.example"), bad[i].type, str_of(bad[i].text), &e));
		assert_non_null(strstr(e.msg, "a.example"));
	}
	zone_free(&z);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_secure),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
