/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/spf.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char *record;
	int at; /* -1: well-formed */
} records[] = {
	{ "v=spf1", -1 },
	{ "V=SPF1 ", -1 },
	{ "v=spf1  a   -ALL  ", -1 },
	{ "v=spf10", 0 },
	{ "v=spf1\tall", 0 },
	{ " v=spf1", 0 },
	{ "v=spf1 all\t", 7 },
	{ "v=spf1 +all -a ?mx ~ptr", -1 },
	{ "v=spf1 --all", 7 },
	{ "v=spf1 !all", 7 },
	{ "v=spf1 a all:x.example", 9 },
	{ "v=spf1 all/24", 7 },
	{ "v=spf1 all.", 7 },
	{ "v=spf1 include:a.example", -1 },
	{ "v=spf1 include", 7 },
	{ "v=spf1 include:", 7 },
	{ "v=spf1 include:a.example/24", 7 },
	{ "v=spf1 a/0 a//0 a/32//128 a:b.example/24//64", -1 },
	{ "v=spf1 a/33", 7 },
	{ "v=spf1 a//129", 7 },
	{ "v=spf1 a/024", 7 },
	{ "v=spf1 a/24/64", 7 },
	{ "v=spf1 a/", 7 },
	{ "v=spf1 a//", 7 },
	{ "v=spf1 a///64", 7 },
	{ "v=spf1 a:/24", 7 },
	{ "v=spf1 a:b.example/", 7 },
	{ "v=spf1 a:b/24.example", -1 },
	{ "v=spf1 a:b:c.example", -1 },
	{ "v=spf1 a:b.example:25", 7 },
	{ "v=spf1 a:example", 7 },
	{ "v=spf1 a:b.example.", -1 },
	{ "v=spf1 a:b.example..", 7 },
	{ "v=spf1 a:b.123", 7 },
	{ "v=spf1 a:b.1x3", -1 },
	{ "v=spf1 a:b.xn--80akhbyknj4f", -1 },
	{ "v=spf1 a:b.-x", 7 },
	{ "v=spf1 a:b.x-", 7 },
	{ "v=spf1 a:b.e_x", 7 },
	{ "v=spf1 ptr/24", 7 },
	{ "v=spf1 ptr:a.example", -1 },
	{ "v=spf1 exists:%{ir}.%{l1r+-}._spf.%{d}", -1 },
	{ "v=spf1 exists", 7 },
	{ "v=spf1 ip4:192.0.2.1 ip4:192.0.2.0/0", -1 },
	{ "v=spf1 ip4", 7 },
	{ "v=spf1 ip4:192.0.2", 7 },
	{ "v=spf1 ip4:192.0.2.01", 7 },
	{ "v=spf1 ip4:192.0.2.256", 7 },
	{ "v=spf1 ip4:192.0.2.1//64", 7 },
	{ "v=spf1 ip4:192.0.2.1/33", 7 },
	{ "v=spf1 ip4:2001:db8::1", 7 },
	{ "v=spf1 ip6:2001:db8::/32 ip6:::1/0 ip6:::192.0.2.1", -1 },
	{ "v=spf1 ip6:2001:db8::/129", 7 },
	{ "v=spf1 ip6:192.0.2.1", 7 },
	{ "v=spf1 ip6:2001:db8::1::2", 7 },
	{ "v=spf1 ip4:192.0.2.1,ip4:192.0.2.2", 7 },
	{ "v=spf1 ipv4:192.0.2.1", 7 },
	{ "v=spf1 redirect=a.example exp=b.example", -1 },
	{ "v=spf1 redirect=", 7 },
	{ "v=spf1 exp=", 7 },
	{ "v=spf1 REDIRECT=example", 7 },
	{ "v=spf1 redirect:a.example", 7 },
	{ "v=spf1 exp=a.example -all EXP=a.example", 26 },
	{ "v=spf1 redirect=a.example redirect=b.example", 26 },
	{ "v=spf1 x= x= x-y_z.1=%{d}%%%_%-", -1 },
	{ "v=spf1 x=%d", 7 },
	{ "v=spf1 x=%{c}", 7 },
	{ "v=spf1 1x=y", 7 },
	{ "v=spf1 =y", 7 },
	{ "v=spf1 a:%{d}", -1 },
	{ "v=spf1 a:%%", -1 },
	{ "v=spf1 a:%{d}.", 7 },
	{ "v=spf1 a:%{D127r}", -1 },
	{ "v=spf1 a:%{d99999999999999999999}", -1 },
	{ "v=spf1 a:%{d0}", 7 },
	{ "v=spf1 a:%{d00}", 7 },
	{ "v=spf1 a:%{dr1}", 7 },
	{ "v=spf1 a:%{d.-+,/_=}", -1 },
	{ "v=spf1 a:%{d;}", 7 },
	{ "v=spf1 a:%{x}", 7 },
	{ "v=spf1 a:%{}", 7 },
	{ "v=spf1 a:%{d", 7 },
	{ "v=spf1 a:%{r}.example", 7 },
	{ "v=spf1 a:\303\274.example", 7 },
	{ "v=spf1 \200all", 7 },
};

static void
test_records(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(records); i++) {
		struct str problem = STR_NULL;
		size_t at = 99;
		bool ok = spf_record_check(
		    a, str_of(records[i].record), &problem, &at);

		print_message(
		    "%s: %.*s\n", records[i].record, STR_ARG(problem));
		assert_int_equal(ok, records[i].at < 0);
		if (!ok) {
			assert_int_equal(at, records[i].at);
			assert_true(problem.n > 0);
		}
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
