/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dns/zone.h"
#include "mailauth/dmarc.h"

/*
 * Ours and libopendmarc's verdict of messages at random, without what is wrong
 * there: strict alignment, suffixes of more than one label, malformed records,
 * temporary errors, and the tags that it does not know or only reports.
 */

#define MESSAGES 5000

static const char *const domains[] = { "example.com", "a.example.com",
	"b.example.com", "c.b.example.com", "example.net", "badexample.com",
	"x.test.org" };
static const char *const records[] = { "v=DMARC1; p=reject",
	"v=DMARC1; p=none; sp=quarantine", "v=DMARC1;p=quarantine;sp=reject;",
	"v=DMARC1; p=reject; adkim=r; aspf=r; rua=mailto:a@example.com" };
static const enum spf_result spf[] = { SPF_NONE, SPF_PASS, SPF_PASS, SPF_FAIL,
	SPF_SOFTFAIL };

#define ONE_OF(list) list[(size_t)rand() % LEN(list)]

static void
message(struct dmarc_query *q, struct signature s[3])
{
	*q = (struct dmarc_query){ .author = str_of(ONE_OF(domains)),
		.spf = ONE_OF(spf),
		.spf_domain = str_of(ONE_OF(domains)),
		.signatures = s,
		.nsignatures = (size_t)rand() % 4 };
	for (size_t i = 0; i < q->nsignatures; i++)
		s[i] = (struct signature){ .domain = str_of(ONE_OF(domains)),
			.selector = STR("s"),
			.result =
			    rand() % 2 ? SIGNATURE_PASS : SIGNATURE_FAIL };
}

static struct zone *
zone_at_random(void)
{
	struct zone *z = zone_new();
	struct str text = str_of(ONE_OF(records));

	zone_add_txt(z, STR("_dmarc.example.com"), &text, 1);
	text = str_of(ONE_OF(records));
	zone_add_txt(z, STR("_dmarc.a.example.com"), &text, 1);
	text = str_of(ONE_OF(records));
	zone_add_txt(z, STR("_dmarc.test.org"), &text, 1);
	return z;
}

/* False: there is no second opinion. */
static bool
compare(struct arena *a, const struct psl *list, unsigned *compared)
{
	struct zone *z = zone_at_random();
	struct signature s[3];
	struct dmarc_query q;
	struct dmarc_verdict v;
	enum dmarc_result result;
	enum dmarc_policy policy;
	bool any;

	message(&q, s);
	dmarc_check(zone_resolver(z), list, a, &q, &v);
	any = dmarc_second_opinion(a, &q, &v, &result, &policy);
	if (any && (result != v.result || policy != v.policy))
		fail_msg("%.*s, %.*s: ours %s %s, libopendmarc's %s %s",
		    STR_ARG(q.author), STR_ARG(v.text),
		    dmarc_result_name(v.result), dmarc_policy_name(v.policy),
		    dmarc_result_name(result), dmarc_policy_name(policy));
	*compared += any;
	zone_free(&z);
	return any || !v.has_record;
}

static void
test_random(void **state)
{
	struct arena *a = arena_new();
	unsigned compared = 0;
	struct psl *list;
	struct err e;

	(void)state;
	srand(7489);
	assert_true(psl_open(NULL, &list, &e));
	for (int i = 0; i < MESSAGES; i++) {
		if (!compare(a, list, &compared))
			break;
		arena_reset(a);
	}
	psl_close(&list);
	arena_free(&a);
	print_message("%u messages were compared\n", compared);
#ifdef HAVE_LIBOPENDMARC
	assert_true(compared > MESSAGES / 2);
#else
	skip();
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
