/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/dane.h"

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

static const struct {
	const char *name;
	enum dns_type type;
	const char *text;
} records[] = {
	{ "all.example", DNS_MX, "10 a.example" },
	{ "all.example", DNS_MX, "20 b.example" },
	{ "some.example", DNS_MX, "10 a.example" },
	{ "some.example", DNS_MX, "20 plain.example" },
	{ "half.example", DNS_MX, "10 a.example" },
	{ "half.example", DNS_MX, "20 silent.example" },
	{ "none.example", DNS_MX, "10 plain.example" },
	{ "pkix.example", DNS_MX, "10 c.example" },
	{ "lost.example", DNS_MX, "10 silent.example" },
	{ "hidden.example", DNS_MX, "10 hiding.example" },
	{ "alias.example", DNS_MX, "10 d.example" },
	{ "nobody.example", DNS_MX, "10 nowhere.example" },
	{ "self.example", DNS_A, "192.0.2.5" },
	{ "_25._tcp.self.example", DNS_TLSA, "3 1 1 " DIGEST },
	{ "a.example", DNS_A, "192.0.2.1" },
	{ "_25._tcp.a.example", DNS_TLSA, "3 1 1 " DIGEST },
	{ "b.example", DNS_AAAA, "2001:db8::1" },
	{ "_25._tcp.b.example", DNS_TLSA, "1 1 1 " DIGEST },
	{ "_25._tcp.b.example", DNS_TLSA, "2 0 2 " DIGEST },
	{ "c.example", DNS_A, "192.0.2.3" },
	{ "_25._tcp.c.example", DNS_TLSA, "1 1 1 " DIGEST },
	{ "d.example", DNS_CNAME, "a.example" },
	{ "plain.example", DNS_A, "192.0.2.2" },
	{ "hiding.example", DNS_A, "192.0.2.4" },
	{ "_25._tcp.nowhere.example", DNS_TLSA, "3 1 1 " DIGEST },
};

static const struct {
	const char *domain;
	enum dane_result result;
} cases[] = {
	{ "all.example", DANE_ALL },
	{ "self.example", DANE_ALL },
	{ "alias.example", DANE_ALL },
	{ "some.example", DANE_SOME },
	{ "half.example", DANE_SOME },
	{ "none.example", DANE_NONE },
	{ "pkix.example", DANE_NONE },
	{ "nobody.example", DANE_NONE },
	{ "unknown.example", DANE_NONE },
	{ "lost.example", DANE_FAILED },
	{ "hidden.example", DANE_FAILED },
	{ "mute.example", DANE_FAILED },
};

static struct zone *
make_zone(bool secure)
{
	struct zone *z = zone_new();
	struct err e = ERR_INIT;

	zone_set_secure(z, secure);
	for (size_t i = 0; i < LEN(records); i++)
		assert_true(zone_add(z, str_of(records[i].name),
		    records[i].type, str_of(records[i].text), &e));
	zone_add_timeout(z, STR("silent.example"));
	zone_add_timeout(z, STR("_25._tcp.hiding.example"));
	zone_add_timeout(z, STR("mute.example"));
	return z;
}

static void
check(bool secure)
{
	struct zone *z = make_zone(secure);
	struct arena *a = arena_new();

	for (size_t i = 0; i < LEN(cases); i++) {
		struct err e = ERR_INIT;
		enum dane_result r =
		    dane_find(zone_resolver(z), a, str_of(cases[i].domain), &e);

		print_message("%s: %s\n", cases[i].domain, e.msg);
		if (secure)
			assert_int_equal(r, cases[i].result);
		else
			assert_true(r == DANE_NONE || r == DANE_FAILED);
		assert_true(r != DANE_FAILED || e.msg[0]);
	}
	arena_free(&a);
	zone_free(&z);
}

static void
test_signed(void **state)
{
	(void)state;
	check(true);
}

static void
test_unsigned(void **state)
{
	(void)state;
	check(false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_unsigned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
