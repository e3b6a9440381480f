/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/client.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/zone.h"

static const struct addr here = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff,
    192, 0, 2, 1 } };

static struct in6_addr
in6(const char *text)
{
	struct in6_addr out;
	struct addr a;

	assert_true(addr_parse(str_of(text), &a));
	memcpy(&out, a.b, sizeof(out));
	return out;
}

static void
put(struct zone *z, const char *name, enum dns_type type, const char *text)
{
	struct err e = ERR_INIT;

	if (!zone_add(z, str_of(name), type, str_of(text), &e))
		fail_msg("%s %s: %s", name, text, e.msg);
}

/* ------------------------------------------------------------------------
 * HELO
 */

static const struct {
	const char *helo, *why; /* "": it is fine */
} helos[] = {
	{ "mx.example.org", "" },
	{ "mx.example.org.", "" },
	{ "MX_1.example.org", "" },
	{ "xn--mnchen-3ya.example", "" },
	{ "", "" },
	{ "localhost", "is not a full host name" },
	{ "my computer.example", "is not a full host name" },
	{ "-mx.example.org", "is not a full host name" },
	{ "mx-.example.org", "is not a full host name" },
	{ "mx..example.org", "is not a full host name" },
	{ ".", "is not a full host name" },
	{ "192.0.2.1", "is not a full host name" },
	{ "m\303\274nchen.example", "is not a full host name" },
	{ "[192.0.2.1]", "" },
	{ "[192.0.2.2]", "is not its address" },
	{ "[IPv6:::ffff:192.0.2.1]", "" },
	{ "[IPv6:2001:db8::1]", "is not its address" },
	{ "[IPv6:192.0.2.1]", "is no address" },
	{ "[2001:db8::1]", "is no address" },
	{ "[192.0.2.1", "is no address" },
	{ "[]", "is not a full host name" },
	{ "[", "is not a full host name" },
	{ "[192.0.2]", "is no address" },
};

static void
test_helo(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(helos); i++) {
		const char *why;
		enum helo_result r =
		    helo_look(str_of(helos[i].helo), &here, &why);

		if (strcmp(why, helos[i].why) != 0 ||
		    r != (*why ? HELO_INVALID : HELO_OK))
			fail_msg("\"%s\": \"%s\"", helos[i].helo, why);
	}
}

/* ------------------------------------------------------------------------
 * PTR
 */

static const struct {
	const char *client;
	enum ptr_result result;
	const char *name;
} ptrs[] = {
	{ "192.0.2.1", PTR_PROVEN, "mx.example" },
	{ "192.0.2.2", PTR_MISMATCH, "other.example" },
	{ "192.0.2.3", PTR_NONE, "" },
	{ "192.0.2.4", PTR_UNKNOWN, "" },
	{ "192.0.2.5", PTR_PROVEN, "five.example" }, /* the second of two */
	{ "192.0.2.6", PTR_UNKNOWN, "slow.example" },
	{ "2001:db8::1", PTR_PROVEN, "mx.example" },
	{ "2001:db8::2", PTR_NONE, "" },
};

static void
fill_names(struct zone *z)
{
	put(z, "1.2.0.192.in-addr.arpa", DNS_PTR, "mx.example");
	put(z, "mx.example", DNS_A, "192.0.2.1");
	put(z, "mx.example", DNS_AAAA, "2001:db8::1");
	put(z,
	    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
	    ".ip6.arpa",
	    DNS_PTR, "mx.example");
	put(z, "2.2.0.192.in-addr.arpa", DNS_PTR, "other.example");
	put(z, "other.example", DNS_A, "192.0.2.99");
	zone_add_timeout(z, STR("4.2.0.192.in-addr.arpa"));
	put(z, "5.2.0.192.in-addr.arpa", DNS_PTR, "other.example");
	put(z, "5.2.0.192.in-addr.arpa", DNS_PTR, "five.example");
	put(z, "five.example", DNS_A, "192.0.2.5");
	put(z, "6.2.0.192.in-addr.arpa", DNS_PTR, "slow.example");
	zone_add_timeout(z, STR("slow.example"));
}

static void
test_ptr(void **state)
{
	struct zone *z = zone_new();
	struct arena *a = arena_new();

	(void)state;
	fill_names(z);
	for (size_t i = 0; i < LEN(ptrs); i++) {
		const struct in6_addr client = in6(ptrs[i].client);
		struct str name;
		enum ptr_result r =
		    ptr_look(zone_resolver(z), a, &client, &name);

		if (r != ptrs[i].result || !str_eqc(name, ptrs[i].name))
			fail_msg("%s: %s, \"%.*s\"", ptrs[i].client,
			    ptr_result_name(r), STR_ARG(name));
	}
	arena_free(&a);
	zone_free(&z);
}

/* Names are a stranger's to choose: their number costs us nothing. */
static void
test_many_names(void **state)
{
	const struct in6_addr client = in6("192.0.2.1");
	struct zone *z = zone_new();
	struct arena *a = arena_new();
	struct str name;
	char text[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "n%d.example", i);
		put(z, "1.2.0.192.in-addr.arpa", DNS_PTR, text);
	}
	assert_int_equal(
	    ptr_look(zone_resolver(z), a, &client, &name), PTR_MISMATCH);
	assert_int_equal(zone_asked(z), 1 + PTR_NAMES_MAX);
	arena_free(&a);
	zone_free(&z);
}

/* ------------------------------------------------------------------------
 * DNS lists
 */

static const struct {
	const char *text;
	bool ok;
	size_t n;
	int weight; /* of the first */
	bool names;
} settings[] = {
	{ "", true, 0, 0, false },
	{ "  a.example   b.example ", true, 2, 1, false },
	{ "a.example*5", true, 1, 5, false },
	{ "a.example=127.0.0.2-11*5", true, 1, 5, false },
	{ "a.example=127.0.*.1-3*-5", true, 1, -5, false },
	{ "a.example=127.0.0.*", true, 1, 1, false },
	{ "a.example=127.0.0.**7", true, 1, 7, false },
	{ "rhs:a.example=127.0.1.2-99*4", true, 1, 4, true },
	{ "a.example=127.0.0.256", false, 0, 0, false },
	{ "a.example=127.0.0.9-2", false, 0, 0, false },
	{ "a.example=127.0.0", false, 0, 0, false },
	{ "a.example=127.0.0.1.2", false, 0, 0, false },
	{ "a.example=10.0.0.1", false, 0, 0, false },
	{ "a.example=*.0.0.1", false, 0, 0, false },
	{ "a.example*1001", false, 0, 0, false },
	{ "a.example*--1", false, 0, 0, false },
	{ "a.example*x b.example*2", false, 1, 2, false },
	{ "..", false, 0, 0, false },
	{ "=127.0.0.2", false, 0, 0, false },
};

static void
test_settings(void **state)
{
	struct dnsbl_set s;

	(void)state;
	for (size_t i = 0; i < LEN(settings); i++) {
		struct err e = ERR_INIT;
		bool ok = dnsbl_parse(str_of(settings[i].text), &s, &e);

		if (ok != settings[i].ok || s.n != settings[i].n ||
		    (s.n > 0 && (s.v[0].weight != settings[i].weight ||
				    s.v[0].names != settings[i].names)))
			fail_msg("\"%s\": %d, %zu lists, weight %d, %s",
			    settings[i].text, ok, s.n,
			    s.n > 0 ? s.v[0].weight : 0, e.msg);
	}
}

static void
test_too_many_lists(void **state)
{
	struct buf text = { 0 };
	struct dnsbl_set s;
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i <= DNSBL_LISTS_MAX; i++)
		buf_printf(&text, "l%d.example ", i);
	assert_false(dnsbl_parse(buf_str(&text), &s, &e));
	assert_int_equal(s.n, DNSBL_LISTS_MAX);
	assert_string_equal(e.msg, "\"l32.example\" is one list too many");
	buf_fini(&text);
}

static void
fill_lists(struct zone *z)
{
	put(z, "1.2.0.192.bl.example", DNS_A, "127.0.0.4");
	put(z, "1.2.0.192.bl.example", DNS_TXT, "see https://bl.example/1");
	put(z, "2.2.0.192.bl.example", DNS_A, "127.255.255.254");
	put(z, "3.2.0.192.bl.example", DNS_A, "203.0.113.5");
	put(z, "4.2.0.192.bl.example", DNS_A, "127.0.0.1");
	put(z, "5.2.0.192.bl.example", DNS_A, "127.0.0.200");
	put(z, "1.2.0.192.wl.example", DNS_A, "127.0.5.2");
	put(z, "7.2.0.192.wl.example", DNS_A, "127.0.5.3");
	put(z, "8.2.0.192.wl.example", DNS_A, "127.0.0.255");
	put(z, "bad.example.rhs.example", DNS_A, "127.0.1.2");
	put(z,
	    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
	    ".bl.example",
	    DNS_A, "127.0.0.2");
	zone_add_timeout(z, STR("9.2.0.192.bl.example"));
}

static const struct {
	const char *client, *name;
	int score;
	size_t n;
	bool white;
	const char *heaviest; /* the question; NULL: none */
} listings[] = {
	/* clang-format off */
	{ "192.0.2.1", "", 3, 2, false, "1.2.0.192.bl.example" },
	{ "192.0.2.2", "", 0, 0, false, NULL }, /* "I do not answer you" */
	{ "192.0.2.3", "", 0, 0, false, NULL }, /* somebody lies */
	{ "192.0.2.4", "", 0, 0, false, NULL }, /* "blocked" of some */
	{ "192.0.2.5", "", 5, 1, false, "5.2.0.192.bl.example" },
	{ "192.0.2.7", "", -2, 1, true, NULL },
	{ "192.0.2.8", "", 0, 0, false, NULL }, /* the pattern leaves it out */
	{ "192.0.2.9", "", 0, 0, false, NULL }, /* it does not answer */
	{ "192.0.2.7", "bad.example", 2, 2, false, "bad.example.rhs.example" },
	{ "2001:db8::1", "", 5, 1, false, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example" },
	/* clang-format on */
};

static void
test_listings(void **state)
{
	struct zone *z = zone_new();
	struct arena *a = arena_new();
	struct err e = ERR_INIT;
	struct dnsbl_set s;

	(void)state;
	fill_lists(z);
	assert_true(dnsbl_parse(
	    STR("bl.example*5 wl.example=127.0.*.1-3*-2 rhs:rhs.example*4"), &s,
	    &e));
	for (size_t i = 0; i < LEN(listings); i++) {
		const struct dnsbl_query q = {
			.client = in6(listings[i].client),
			.names = { STR("good.example"),
			    str_of(listings[i].name) },
		};
		const struct dnsbl_hit *hit;
		struct dnsbl_facts f;

		dnsbl_ask(zone_resolver(z), a, &s, &q, &f);
		hit = dnsbl_heaviest(&f);
		if (f.score != listings[i].score || f.n != listings[i].n ||
		    f.white != listings[i].white ||
		    !hit != !listings[i].heaviest ||
		    (hit && !str_eqc(hit->question, listings[i].heaviest)))
			fail_msg("%s %s: score %d, %zu hits",
			    listings[i].client, listings[i].name, f.score, f.n);
	}
	arena_free(&a);
	zone_free(&z);
}

static void
test_explanation(void **state)
{
	struct zone *z = zone_new();
	struct arena *a = arena_new();
	struct err e = ERR_INIT;
	struct dnsbl_set s;
	struct dnsbl_facts f;
	struct dnsbl_query q = { .client = in6("192.0.2.1") };

	(void)state;
	fill_lists(z);
	assert_true(dnsbl_parse(STR("bl.example"), &s, &e));
	dnsbl_ask(zone_resolver(z), a, &s, &q, &f);
	dnsbl_explain(zone_resolver(z), a, &f);
	assert_true(str_eqc(f.text, "see https://bl.example/1"));
	assert_true(str_eqc(f.hits[0].answer, "127.0.0.4"));
	assert_true(str_eqc(f.hits[0].subject, "192.0.2.1"));
	q.client = in6("192.0.2.5");
	dnsbl_ask(zone_resolver(z), a, &s, &q, &f);
	dnsbl_explain(zone_resolver(z), a, &f);
	assert_int_equal(f.text.n, 0);
	arena_free(&a);
	zone_free(&z);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_helo),
		cmocka_unit_test(test_ptr),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_too_many_lists),
		cmocka_unit_test(test_listings),
		cmocka_unit_test(test_explanation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
