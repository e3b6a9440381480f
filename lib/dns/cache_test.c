/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/cache.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct str two[] = { STR("one"), STR("two") };
static const struct dns_answer good = {
	.rc = DNS_OK, .ttl = 10, .rdata = two, .n = 2, .secure = true
};

static void
put(struct dns_cache *c, const char *name, int64_t now)
{
	struct dns_key key = dns_key(str_of(name), DNS_TXT);

	dns_cache_put(c, &key, now, &good);
}

/* The time to live that is left, 0 if it is not there. */
static uint32_t
left(struct dns_cache *c, const char *name, enum dns_type type, int64_t now)
{
	struct dns_key key = dns_key(str_of(name), type);
	struct arena *a = arena_new();
	struct dns_answer out = { 0 };
	bool there = dns_cache_has(c, &key, now);

	assert_int_equal(there, dns_cache_get(c, &key, now, a, &out));
	if (there) {
		assert_int_equal(out.n, 2);
		assert_true(str_eqc(out.rdata[1], "two"));
		assert_true(out.secure);
	}
	arena_free(&a);
	return out.ttl;
}

static void
test_ttl(void **state)
{
	struct dns_cache *c = dns_cache_new(10, 100000);

	(void)state;
	put(c, "a.example", 1000);
	assert_int_equal(left(c, "A.example", DNS_TXT, 1000), 10);
	assert_int_equal(left(c, "a.example", DNS_TXT, 5500), 6);
	assert_int_equal(left(c, "a.example", DNS_A, 5500), 0);
	assert_int_equal(left(c, "b.example", DNS_TXT, 5500), 0);
	assert_int_equal(left(c, "a.example", DNS_TXT, 10999), 1);
	assert_int_equal(dns_cache_count(c), 1);
	assert_int_equal(left(c, "a.example", DNS_TXT, 11000), 0);
	assert_int_equal(dns_cache_count(c), 0);
	put(c, "a.example", 20000);
	put(c, "a.example", 25000);
	assert_int_equal(left(c, "a.example", DNS_TXT, 31000), 4);
	assert_int_equal(dns_cache_count(c), 1);
	dns_cache_clear(c);
	assert_int_equal(left(c, "a.example", DNS_TXT, 31000), 0);
	dns_cache_free(&c);
	dns_cache_free(&c);
}

/* The one that nobody asked for goes. */
static void
test_entries(void **state)
{
	struct dns_cache *c = dns_cache_new(3, 100000);

	(void)state;
	put(c, "a", 0);
	put(c, "b", 0);
	put(c, "c", 0);
	assert_int_equal(left(c, "a", DNS_TXT, 0), 10);
	put(c, "d", 0);
	assert_int_equal(dns_cache_count(c), 3);
	assert_int_equal(left(c, "b", DNS_TXT, 0), 0);
	assert_int_equal(left(c, "a", DNS_TXT, 0), 10);
	assert_int_equal(left(c, "c", DNS_TXT, 0), 10);
	assert_int_equal(left(c, "d", DNS_TXT, 0), 10);
	dns_cache_free(&c);
}

static void
test_bytes(void **state)
{
	struct dns_cache *c = dns_cache_new(1000, 10000);
	struct dns_key key = dns_key(STR("huge"), DNS_TXT);
	static char octets[20000];
	struct str rdata = { octets, sizeof(octets) };
	struct dns_answer huge = { .ttl = 10, .rdata = &rdata, .n = 1 };
	char name[16];

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		put(c, name, 0);
	}
	assert_in_range(dns_cache_count(c), 10, 40);
	assert_int_equal(left(c, "n199", DNS_TXT, 0), 10);
	dns_cache_put(c, &key, 0, &huge);
	assert_int_equal(dns_cache_count(c), 0);
	dns_cache_free(&c);
}

static void
test_escape(void **state)
{
	char out[DNS_ESCAPED_MAX];

	(void)state;
	dns_escape(STR("_a-B9.example"), out);
	assert_string_equal(out, "_a-B9.example");
	dns_escape(STR("a b\\\0\377*.x"), out);
	assert_string_equal(out, "a\\032b\\092\\000\\255\\042.x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
