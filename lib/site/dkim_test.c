/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/dkim.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "site/test.h"

static enum site_rc
add(struct fixture *f, const char *domain, const char *selector,
    enum site_dkim_state state)
{
	const struct site_dkim_key k = {
		.domain = str_of(domain),
		.selector = str_of(selector),
		.algorithm = STR("rsa"),
		.pem = STR("the key"),
		.state = state,
	};

	return site_dkim_add(f->site, NULL, &k, &f->e);
}

static void
test_life(void **state)
{
	struct fixture *f = *state;
	struct site_dkim_key *list;
	size_t n;

	add_domain(f, "a.test");
	ok(add(f, "A.test", "one", SITE_DKIM_PENDING));
	is(add(f, "a.test", "one", SITE_DKIM_PENDING), SITE_EXISTS);
	is(add(f, "none.test", "one", SITE_DKIM_PENDING), SITE_NOTFOUND);
	ok(site_dkim_signing(f->site, f->a, STR("a.test"), &list, &n, &f->e));
	assert_int_equal(n, 0);
	ok(site_dkim_set(
	    f->site, NULL, STR("a.test"), STR("one"), SITE_DKIM_ACTIVE, &f->e));
	ok(site_dkim_signing(f->site, f->a, STR("a.test"), &list, &n, &f->e));
	assert_int_equal(n, 1);
	assert_str(list[0].selector, "one");
	assert_str(list[0].pem, "the key");
	ok(site_dkim_remove(f->site, NULL, STR("a.test"), STR("one"), &f->e));
	is(site_dkim_remove(f->site, NULL, STR("a.test"), STR("one"), &f->e),
	    SITE_NOTFOUND);
	ok(site_dkim_list(f->site, f->a, STR_NULL, &list, &n, &f->e));
	assert_int_equal(n, 0);
}

/* Those of the nearest hosted domain that has any. */
static void
test_subdomains(void **state)
{
	struct fixture *f = *state;
	struct site_dkim_key *list;
	size_t n;
	static const struct {
		const char *author, *domain; /* NULL: nobody signs */
	} cases[] = {
		{ "a.test", "a.test" },
		{ "x.a.test", "a.test" },
		{ "y.x.a.test", "a.test" },
		{ "own.a.test", "own.a.test" },
		{ "deep.OWN.a.test", "own.a.test" },
		{ "nota.test", NULL },
		{ "test", NULL },
		{ "not a domain", NULL },
	};

	add_domain(f, "a.test");
	add_domain(f, "x.a.test"); /* hosted, without keys */
	add_domain(f, "own.a.test");
	ok(add(f, "a.test", "s", SITE_DKIM_ACTIVE));
	ok(add(f, "x.a.test", "old", SITE_DKIM_RETIRED));
	ok(add(f, "own.a.test", "s", SITE_DKIM_ACTIVE));
	for (size_t i = 0; i < LEN(cases); i++) {
		ok(site_dkim_signing(
		    f->site, f->a, str_of(cases[i].author), &list, &n, &f->e));
		assert_int_equal(n, cases[i].domain != NULL);
		if (n > 0)
			assert_str(list[0].domain, cases[i].domain);
	}
}

static enum site_dkim_state
state_of(struct fixture *f, const char *selector)
{
	struct site_dkim_key *list;
	size_t n;

	ok(site_dkim_list(f->site, f->a, STR("a.test"), &list, &n, &f->e));
	for (size_t i = 0; i < n; i++) {
		if (str_eqc(list[i].selector, selector))
			return list[i].state;
	}
	fail_msg("no %s", selector);
	return SITE_DKIM_PENDING;
}

/* One takes the place of the others of its algorithm, at once. */
static void
test_switch(void **state)
{
	struct fixture *f = *state;
	const struct site_dkim_key other = { .domain = STR("a.test"),
		.selector = STR("ed"),
		.algorithm = STR("ed25519"),
		.pem = STR("the key"),
		.state = SITE_DKIM_ACTIVE };

	add_domain(f, "a.test");
	ok(add(f, "a.test", "one", SITE_DKIM_ACTIVE));
	ok(add(f, "a.test", "two", SITE_DKIM_ACTIVE));
	ok(add(f, "a.test", "new", SITE_DKIM_PENDING));
	ok(site_dkim_add(f->site, NULL, &other, &f->e));
	ok(site_dkim_switch(f->site, NULL, STR("a.test"), STR("new"), &f->e));
	assert_int_equal(state_of(f, "one"), SITE_DKIM_RETIRED);
	assert_int_equal(state_of(f, "two"), SITE_DKIM_RETIRED);
	assert_int_equal(state_of(f, "new"), SITE_DKIM_ACTIVE);
	assert_int_equal(state_of(f, "ed"), SITE_DKIM_ACTIVE);
	is(site_dkim_switch(f->site, NULL, STR("a.test"), STR("none"), &f->e),
	    SITE_NOTFOUND);
	assert_int_equal(state_of(f, "new"), SITE_DKIM_ACTIVE);
}

static void
test_selectors(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = { "", "-a", "a-", ".a", "a.", "a..b",
		"a b", "a_b", "a;b", "\303\244" };

	add_domain(f, "a.test");
	for (size_t i = 0; i < LEN(bad); i++)
		is(add(f, "a.test", bad[i], SITE_DKIM_ACTIVE), SITE_INVALID);
	ok(add(f, "a.test", "2026-11.rsa", SITE_DKIM_ACTIVE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_life, fixture_up, fixture_down),
		cmocka_unit_test_setup_teardown(
		    test_subdomains, fixture_up, fixture_down),
		cmocka_unit_test_setup_teardown(
		    test_switch, fixture_up, fixture_down),
		cmocka_unit_test_setup_teardown(
		    test_selectors, fixture_up, fixture_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
