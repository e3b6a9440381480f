/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/resolver.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/test.h"
#include "dns/zone.h"

#define L63 "012345678901234567890123456789012345678901234567890123456789012"
#define N191 L63 "." L63 "." L63 /* 191 octets */

/* ------------------------------------------------------------------------
 * Names
 */

/* Tells in RC that it was asked, and in WHY for what. */
static void
echo(struct resolver *r, struct arena *a, struct str name, enum dns_type type,
    struct dns_answer *out)
{
	(void)r;
	out->rc = DNS_NODATA;
	out->ttl = type;
	out->why = arena_cstr(a, name);
}

static const struct {
	struct str name;
	const char *asked; /* NULL: is not */
} names[] = {
	{ STR("a.example"), "a.example" },
	{ STR("a.example."), "a.example" },
	{ STR("A b.exa\\mple"), "A b.exa\\mple" },
	{ STR(L63 ".example"), L63 ".example" },
	{ STR(L63 "x.example"), NULL },
	{ STR(N191 "." L63), NULL }, /* 255 */
	{ STR(N191
	      ".0123456789012345678901234567890123456789012345678901234567890"),
	    N191
	    "."
	    "0123456789012345678901234567890123456789012345678901234567890" },
	{ STR(""), NULL },
	{ STR("."), NULL },
	{ STR(".example"), NULL },
	{ STR("a..example"), NULL },
	{ STR("a.example.."), NULL },
};

static void
test_names(void **state)
{
	struct resolver r = { .ask = echo };
	struct dns_answer answer;

	(void)state;
	for (size_t i = 0; i < LEN(names); i++) {
		print_message("%s\n", names[i].name.p);
		dns_ask(&r, arena, names[i].name, DNS_MX, &answer);
		assert_int_equal(
		    answer.rc, names[i].asked ? DNS_NODATA : DNS_NXDOMAIN);
		if (names[i].asked)
			assert_string_equal(answer.why, names[i].asked);
	}
	dns_prefetch(&r, STR("a.example"), DNS_MX); /* it cannot */
	assert_string_equal(dns_type_name(DNS_AAAA), "AAAA");
	assert_string_equal(dns_rc_name(DNS_NXDOMAIN), "no such name");
}

/* ------------------------------------------------------------------------
 * Records
 */

static const struct {
	struct str rdata;
	const char *text; /* NULL: malformed */
	size_t n;
} txts[] = {
	{ STR("\3abc"), "abc", 3 },
	{ STR("\3abc\0\2de"), "abcde", 5 },
	{ STR("\0"), "", 0 },
	{ STR("\3a\0b"), "a\0b", 3 },
	{ STR(""), NULL, 0 },
	{ STR("\4abc"), NULL, 0 },
	{ STR("\3abc\1"), NULL, 0 },
	{ STR("\377abc"), NULL, 0 },
};

static void
test_txt(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(txts); i++) {
		struct str out;
		bool ok = dns_rdata_txt(arena, txts[i].rdata, &out);

		print_message("%zu\n", i);
		assert_int_equal(ok, txts[i].text != NULL);
		if (!ok)
			continue;
		assert_int_equal(out.n, txts[i].n);
		assert_memory_equal(out.p, txts[i].text, out.n);
	}
}

static const struct {
	struct str rdata;
	const char *name; /* NULL: malformed */
} wire[] = {
	{ STR("\1a\7example\0"), "a.example" },
	{ STR("\0"), "" },
	{ STR("\3a b\0"), "a b" },
	{ STR("\77" L63 "\77" L63 "\77" L63 "\75"
	      "0123456789012345678901234567890123456789012345678901234567890"
	      "\0"),
	    N191
	    "."
	    "0123456789012345678901234567890123456789012345678901234567890" },
	{ STR("\77" L63 "\77" L63 "\77" L63 "\77" L63 "\0"), NULL },
	{ STR("\100" L63 "x\0"), NULL },
	{ STR("\300\14"), NULL }, /* a pointer */
	{ STR("\1a\7example"), NULL },
	{ STR("\1a\7exam"), NULL },
	{ STR("\1a\0x"), NULL },
	{ STR("\3a.b\0"), NULL },
	{ STR(""), NULL },
};

static void
test_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(wire); i++) {
		struct str out;
		bool ok = dns_rdata_name(arena, wire[i].rdata, &out);

		print_message("%zu\n", i);
		assert_int_equal(ok, wire[i].name != NULL);
		if (!ok)
			continue;
		assert_string_equal(out.p, wire[i].name);
		assert_int_equal(out.n, strlen(out.p));
	}
}

static void
test_mx(void **state)
{
	uint16_t preference;
	struct str host;

	(void)state;
	assert_true(dns_rdata_mx(arena, STR("\1\2\1a\0"), &preference, &host));
	assert_int_equal(preference, 258);
	assert_true(str_eqc(host, "a"));
	assert_true(dns_rdata_mx(arena, STR("\0\0\0"), &preference, &host));
	assert_int_equal(host.n, 0);
	assert_false(dns_rdata_mx(arena, STR("\0\0"), &preference, &host));
	assert_false(dns_rdata_mx(arena, STR(""), &preference, &host));
	assert_false(dns_rdata_mx(arena, STR("\0\0\2a"), &preference, &host));
}

static const struct {
	struct str rdata;
	const char *addr; /* NULL: malformed */
	const char *reverse;
} addrs[] = {
	{ STR("\300\0\2\1"), "::ffff:192.0.2.1", "1.2.0.192.in-addr.arpa" },
	{ STR("\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1"), "2001:db8::1",
	    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	    "ip6.arpa" },
	{ STR("\300\0\2"), NULL, NULL },
	{ STR("\300\0\2\1\0"), NULL, NULL },
	{ STR(""), NULL, NULL },
};

static void
test_addr(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(addrs); i++) {
		struct in6_addr want, got;
		bool ok = dns_rdata_addr(addrs[i].rdata, &got);

		print_message("%zu\n", i);
		assert_int_equal(ok, addrs[i].addr != NULL);
		if (!ok)
			continue;
		assert_int_equal(inet_pton(AF_INET6, addrs[i].addr, &want), 1);
		assert_memory_equal(&want, &got, sizeof(got));
		assert_true(
		    str_eqc(dns_reverse_name(arena, &got), addrs[i].reverse));
	}
}

static void
test_reversed(void **state)
{
	struct in6_addr addr;

	(void)state;
	assert_true(dns_rdata_addr(STR("\12\0\0\377"), &addr));
	assert_true(str_eqc(dns_reversed(arena, &addr, STR("bl.example")),
	    "255.0.0.10.bl.example"));
}

/* ------------------------------------------------------------------------
 * A message's budget
 */

static enum dns_rc
ask(struct dns_budget *b, const char *name)
{
	struct dns_answer answer;

	dns_ask(dns_budget_resolver(b), arena, str_of(name), DNS_TXT, &answer);
	assert_true((answer.rc == DNS_FAILED) == (answer.why != NULL));
	if (answer.rc == DNS_OK)
		assert_true(str_eqc(answer.rdata[0], "\1x"));
	return answer.rc;
}

static struct zone *
small_zone(void)
{
	struct zone *z = zone_new();

	zone_add_txt(z, STR("a.example"), &STR("x"), 1);
	zone_add_timeout(z, STR("slow.example"));
	return z;
}

static void
test_budget(void **state)
{
	struct zone *z = small_zone();
	struct dns_budget *b =
	    dns_budget_new(zone_resolver(z), 3, clock_mono_ms() + 60000);

	(void)state;
	assert_int_equal(ask(b, "a.example"), DNS_OK);
	assert_int_equal(ask(b, "A.EXAMPLE."), DNS_OK);
	assert_int_equal(ask(b, "no.example"), DNS_NXDOMAIN);
	assert_int_equal(ask(b, "no.example"), DNS_NXDOMAIN);
	assert_int_equal(ask(b, "no..example"), DNS_NXDOMAIN);
	assert_int_equal(dns_budget_used(b), 2);
	assert_int_equal(ask(b, "slow.example"), DNS_FAILED);
	assert_int_equal(ask(b, "slow.example"), DNS_FAILED);
	assert_int_equal(zone_asked(z), 3);
	assert_int_equal(ask(b, "b.example"), DNS_FAILED); /* a fourth */
	assert_int_equal(ask(b, "a.example"), DNS_OK);     /* is known */
	assert_int_equal(zone_asked(z), 3);
	assert_int_equal(dns_budget_used(b), 3);
	dns_budget_free(&b);
	zone_free(&z);
}

static void
test_deadline(void **state)
{
	struct zone *z = small_zone();
	struct dns_budget *b =
	    dns_budget_new(zone_resolver(z), 9, clock_mono_ms() + 60000);

	(void)state;
	assert_int_equal(ask(b, "a.example"), DNS_OK);
	clock_shift(61);
	assert_int_equal(ask(b, "b.example"), DNS_FAILED);
	assert_int_equal(ask(b, "a.example"), DNS_OK);
	clock_shift(-61);
	assert_int_equal(zone_asked(z), 1);
	dns_budget_free(&b);
	zone_free(&z);
}

static unsigned prefetched;

static void
count_prefetch(struct resolver *r, struct str name, enum dns_type type)
{
	(void)r;
	(void)type;
	assert_true(name.n > 0);
	prefetched++;
}

/* What is prefetched is paid once. */
static void
test_prefetch(void **state)
{
	struct resolver from = { .ask = echo, .prefetch = count_prefetch };
	struct dns_budget *b =
	    dns_budget_new(&from, 2, clock_mono_ms() + 60000);
	struct resolver *r = dns_budget_resolver(b);
	struct dns_answer answer;

	(void)state;
	dns_prefetch(r, STR("a.example"), DNS_TXT);
	dns_prefetch(r, STR("A.example."), DNS_TXT);
	dns_prefetch(r, STR("."), DNS_TXT);
	assert_int_equal(prefetched, 1);
	dns_ask(r, arena, STR("a.example"), DNS_TXT, &answer);
	assert_int_equal(answer.rc, DNS_NODATA);
	assert_int_equal(dns_budget_used(b), 1);
	dns_prefetch(r, STR("b.example"), DNS_TXT);
	dns_prefetch(r, STR("c.example"), DNS_TXT);
	assert_int_equal(prefetched, 2);
	dns_ask(r, arena, STR("c.example"), DNS_TXT, &answer);
	assert_int_equal(answer.rc, DNS_FAILED);
	dns_budget_free(&b);
	dns_budget_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_txt),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_mx),
		cmocka_unit_test(test_addr),
		cmocka_unit_test(test_reversed),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_prefetch),
	};

	return cmocka_run_group_tests(tests, arena_up, arena_down);
}
