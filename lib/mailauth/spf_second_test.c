/* SPDX-License-Identifier: BSD-2-Clause */
#include <config.h>

#include "mailauth/spf.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "dns/zone.h"

#define NO_OPINION (-1)

static const struct {
	const char *record;
	const char *client;
	int result;
} cases[] = {
	{ "v=spf1 a:a.example -all", "::ffff:192.0.2.1", SPF_PASS },
	{ "v=spf1 a:a.example -all", "::ffff:192.0.2.9", SPF_FAIL },
	{ "v=spf1 a:a.example -all", "2001:db8::1", SPF_PASS },
	{ "v=spf1 mx:mx.example ~all", "::ffff:192.0.2.1", SPF_PASS },
	{ "v=spf1 mx:mx.example ~all", "::ffff:192.0.2.9", SPF_SOFTFAIL },
	{ "v=spf1 ptr:a.example -all", "::ffff:192.0.2.1", SPF_PASS },
	{ "v=spf1 exists:%{l}.%{d} ?all", "::ffff:192.0.2.9", SPF_PASS },
	{ "v=spf1 include:pass.example -all", "::ffff:192.0.2.9", SPF_PASS },
	{ "v=spf1 redirect=pass.example", "::ffff:192.0.2.9", SPF_PASS },
	{ "v=spf1", "::ffff:192.0.2.9", SPF_NEUTRAL },
	{ "v=spf1 a:slow.example -all", "::ffff:192.0.2.9", SPF_TEMPERROR },
	{ "v=spf1 include:none.example", "::ffff:192.0.2.9", SPF_PERMERROR },
	{ "v=spf1 a/0 -all", "::ffff:192.0.2.9", SPF_PERMERROR }, /* wrong */
	{ "v=spf1 -all exp=x.example", "::ffff:192.0.2.9", SPF_FAIL },
	/* What it must not see. */
	{ "v=spf1 a:%{x} -all", "::ffff:192.0.2.9", NO_OPINION },
	{ "v=spf1 include:bad.example -all", "::ffff:192.0.2.9", NO_OPINION },
	{ NULL, "::ffff:192.0.2.9", SPF_NONE },
};

static const struct {
	const char *name;
	enum dns_type type;
	const char *text;
} records[] = {
	{ "a.example", DNS_A, "192.0.2.1" },
	{ "a.example", DNS_AAAA, "2001:db8::1" },
	{ "mx.example", DNS_MX, "10 a.example" },
	{ "1.2.0.192.in-addr.arpa", DNS_PTR, "a.example" },
	{ "user.d.example", DNS_A, "127.0.0.1" },
	{ "pass.example", DNS_TXT, "v=spf1 +all" },
	{ "bad.example", DNS_TXT, "v=spf1 \377" },
	{ "x.example", DNS_TXT, "%{x" },
};

static struct zone *
make_zone(const char *record)
{
	struct zone *z = zone_new();
	struct err e;

	for (size_t i = 0; i < LEN(records); i++)
		assert_true(zone_add(z, str_of(records[i].name),
		    records[i].type, str_of(records[i].text), &e));
	zone_add_timeout(z, STR("slow.example"));
	if (record)
		zone_add(z, STR("d.example"), DNS_TXT, str_of(record), &e);
	return z;
}

static int
opinion(struct zone *z, const char *client, struct str sender, struct str helo)
{
	struct spf_query q = { .sender = sender, .helo = helo };
	struct arena *a = arena_new();
	enum spf_result r;
	bool known;

	assert_int_equal(inet_pton(AF_INET6, client, &q.client), 1);
	known = spf_second_opinion(zone_resolver(z), a, &q, &r);
	arena_free(&a);
	return known ? (int)r : NO_OPINION;
}

static void
test_opinions(void **state)
{
	(void)state;
#ifndef HAVE_LIBSPF2
	print_message("this was built without libspf2\n");
	skip();
#endif
	for (size_t i = 0; i < LEN(cases); i++) {
		struct zone *z = make_zone(cases[i].record);

		print_message("%s\n", cases[i].record);
		assert_int_equal(opinion(z, cases[i].client,
				     STR("user@d.example"), STR("h.example")),
		    cases[i].result);
		zone_free(&z);
	}
}

static void
test_identity(void **state)
{
	struct zone *z = make_zone("v=spf1 -all");

	(void)state;
#ifndef HAVE_LIBSPF2
	skip();
#endif
	assert_int_equal(
	    opinion(z, "::ffff:192.0.2.9", STR_NULL, STR("d.example")),
	    SPF_FAIL);
	assert_int_equal(opinion(z, "::ffff:192.0.2.9", STR("a\nb@d.example"),
			     STR("d.example")),
	    NO_OPINION);
	zone_free(&z);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opinions),
		cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
