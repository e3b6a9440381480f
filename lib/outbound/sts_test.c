/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/sts.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *txt;
	bool ok;
	const char *id;
} records[] = {
	{ "v=STSv1; id=20160831085700Z;", true, "20160831085700Z" },
	{ "v=STSv1;id=a", true, "a" },
	{ "v=STSv1 ; x=y; id = a1 ", true, "a1" },
	{ "v=STSv1; id=1; id=2", true, "1" },
	{ "v=STSv1", true, "" },
	{ "v=STSv1; id=", true, "" },
	{ "v=STSv1; id=a-b", true, "" },
	{ "v=STSv1; id=123456789012345678901234567890123", true, "" },
	{ "v=STSv10; id=1", false, "" },
	{ " v=STSv1; id=1", false, "" },
	{ "id=1; v=STSv1", false, "" },
	{ "v=spf1 -all", false, "" },
	{ "", false, "" },
};

static void
test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(records); i++) {
		struct str id;

		print_message("%s\n", records[i].txt);
		assert_int_equal(sts_record_parse(str_of(records[i].txt), &id),
		    records[i].ok);
		assert_true(str_eqc(id, records[i].id));
	}
}

#define GOOD "version: STSv1\nmode: enforce\nmax_age: 86400\n"

static const struct {
	const char *text;
	const char *match; /* NULL: refused */
	enum sts_mode mode;
	uint32_t max_age;
} policies[] = {
	/* clang-format off */
	{ GOOD "mx: mail.example\nmx: *.example.net\n", "mail.example:.example.net", STS_ENFORCE, 86400 },
	{ "version: STSv1\r\nmode: testing\r\nmx: a.example\r\nmax_age: 1", "a.example", STS_TESTING, 1 },
	{ "mx:a.example \nmax_age:  5\t\nmode:none\nversion:STSv1\n\n", "a.example", STS_NONE, 5 },
	{ "version: STSv1\nmode: none\nmax_age: 0", "", STS_NONE, 0 },
	{ GOOD "mode: none\nmax_age: x\nversion: 2\nmx: a.example", "a.example", STS_ENFORCE, 86400 },
	{ GOOD "mx: a.example\nnew_key: whatever: this", "a.example", STS_ENFORCE, 86400 },
	{ "version: STSv1\nmode: enforce\nmax_age: 9999999999\nmx: a.example", "a.example", STS_ENFORCE, STS_MAX_AGE },
	{ GOOD, NULL, STS_NONE, 0 },
	{ "mode: enforce\nmax_age: 1\nmx: a.example", NULL, STS_NONE, 0 },
	{ "version: STSv1\nmax_age: 1\nmx: a.example", NULL, STS_NONE, 0 },
	{ "version: STSv1\nmode: enforce\nmx: a.example", NULL, STS_NONE, 0 },
	{ "version: STSv2\nmode: none\nmax_age: 1", NULL, STS_NONE, 0 },
	{ "version: STSv1\nmode: Enforce\nmax_age: 1\nmx: a.example", NULL, STS_NONE, 0 },
	{ "version: STSv1\nmode: enforce\nmax_age: -1\nmx: a.example", NULL, STS_NONE, 0 },
	{ "version: STSv1\nmode: enforce\nmax_age: 99999999999\nmx: a.example", NULL, STS_NONE, 0 },
	{ GOOD "mx: a.example servername=evil", NULL, STS_NONE, 0 },
	{ GOOD "mx: a.example:b.example", NULL, STS_NONE, 0 },
	{ GOOD "mx: *.*.example", NULL, STS_NONE, 0 },
	{ GOOD "mx: *", NULL, STS_NONE, 0 },
	{ GOOD "mx: .example.net", NULL, STS_NONE, 0 },
	{ GOOD "mx: localhost", NULL, STS_NONE, 0 },
	{ GOOD "mx: 192.0.2.1", NULL, STS_NONE, 0 },
	{ GOOD "mx:", NULL, STS_NONE, 0 },
	{ "<html>", NULL, STS_NONE, 0 },
	{ "", NULL, STS_NONE, 0 },
	/* clang-format on */
};

static void
test_policies(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(policies); i++) {
		struct sts_policy p;
		struct buf match = { 0 };
		struct err e = ERR_INIT;
		bool ok = sts_policy_parse(a, str_of(policies[i].text), &p, &e);

		print_message("%s -> %s\n", policies[i].text, e.msg);
		assert_int_equal(ok, policies[i].match != NULL);
		assert_int_equal(ok, e.msg[0] == '\0');
		if (!ok)
			continue;
		sts_policy_match(&p, &match);
		assert_string_equal(buf_cstr(&match), policies[i].match);
		assert_int_equal(p.mode, policies[i].mode);
		assert_int_equal(p.max_age, policies[i].max_age);
		buf_fini(&match);
	}
	arena_free(&a);
}

static void
test_limits(void **state)
{
	struct arena *a = arena_new();
	struct buf text = { 0 };
	struct sts_policy p;
	struct err e = ERR_INIT;

	(void)state;
	buf_puts(&text, GOOD);
	for (int i = 0; i < STS_MAX_MX; i++)
		buf_puts(&text, "mx: a.example\n");
	assert_true(sts_policy_parse(a, buf_str(&text), &p, &e));
	buf_puts(&text, "mx: a.example\n");
	assert_false(sts_policy_parse(a, buf_str(&text), &p, &e));
	buf_clear(&text);
	while (text.n <= STS_MAX_POLICY)
		buf_puts(&text, GOOD "mx: a.example\n");
	assert_false(sts_policy_parse(a, buf_str(&text), &p, &e));
	buf_fini(&text);
	arena_free(&a);
}

static const struct {
	const char *host;
	bool covered;
} hosts[] = {
	{ "mail.example", true },
	{ "MAIL.example", true },
	{ "a.example.net", true },
	{ "a.b.example.net", false },
	{ "example.net", false },
	{ "mail.example.org", false },
	{ ".example.net", false },
};

static void
test_covers(void **state)
{
	struct arena *a = arena_new();
	struct sts_policy p;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(sts_policy_parse(
	    a, STR(GOOD "mx: mail.example\nmx: *.example.net"), &p, &e));
	for (size_t i = 0; i < LEN(hosts); i++) {
		print_message("%s\n", hosts[i].host);
		assert_int_equal(sts_policy_covers(&p, str_of(hosts[i].host)),
		    hosts[i].covered);
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_covers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
