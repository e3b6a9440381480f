/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/filter_list.h"

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

static const struct {
	const char *text, *entry; /* NULL: it is none */
	enum site_list_type type;
} forms[] = {
	{ "192.0.2.1", "192.0.2.1", SITE_LIST_NETWORK },
	{ "192.0.2.77/24", "192.0.2.0/24", SITE_LIST_NETWORK },
	{ "192.0.2.77/32", "192.0.2.77", SITE_LIST_NETWORK },
	{ "2001:DB8::7/32", "2001:db8::/32", SITE_LIST_NETWORK },
	{ "0.0.0.0/0", "0.0.0.0/0", SITE_LIST_NETWORK },
	{ "192.0.2.1/33", NULL, SITE_LIST_NETWORK },
	{ "192.0.2.1/", NULL, SITE_LIST_NETWORK },
	{ "MX.Example.ORG", "mx.example.org", SITE_LIST_HOST },
	{ ".Example.org", ".example.org", SITE_LIST_HOST },
	{ "localhost", NULL, SITE_LIST_HOST },
	{ "192.0.2.1.", NULL, SITE_LIST_HOST },
	{ "..org", NULL, SITE_LIST_HOST },
	{ "", NULL, SITE_LIST_HOST },
	{ "Bob@Example.org", "bob@example.org", SITE_LIST_SENDER },
	{ "@Example.org", "@example.org", SITE_LIST_SENDER },
	{ "\"a b\"@Example.org", "a b@example.org", SITE_LIST_SENDER },
	{ "bob@", NULL, SITE_LIST_SENDER },
};

static void
test_forms(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < LEN(forms); i++) {
		struct str out, again;
		bool good =
		    site_list_normalize(f->a, str_of(forms[i].text), &out);
		enum site_list_type type =
		    site_list_type_of(good ? out : str_of(forms[i].text));

		if (good != (forms[i].entry != NULL) || type != forms[i].type)
			fail_msg("\"%s\": %d, type %d", forms[i].text, good,
			    (int)type);
		if (!good)
			continue;
		assert_str(out, forms[i].entry);
		assert_true(site_list_normalize(
		    f->a, site_list_text(f->a, out), &again));
		assert_str(again, forms[i].entry);
	}
}

static void
test_text(void **state)
{
	struct fixture *f = *state;

	assert_str(site_list_text(f->a, STR("192.0.2.0/24")), "192.0.2.0/24");
	assert_str(site_list_text(f->a, STR("@x.org")), "@x.org");
	assert_str(site_list_text(f->a, STR("bob@x.org")), "bob@x.org");
	assert_str(site_list_text(f->a, STR("a b@x.org")), "\"a b\"@x.org");
	assert_str(
	    site_list_text(f->a, STR("a\"@b@x.org")), "\"a\\\"@b\"@x.org");
}

static enum site_rc
set(struct fixture *f, enum site_list_kind kind, const char *entry,
    const char *domain, int64_t expires)
{
	const struct site_list_entry new = {
		.kind = kind,
		.entry = str_of(entry),
		.scope.domain = str_of(domain),
		.note = STR("why"),
		.expires = expires,
	};

	return site_list_set(f->site, NULL, &new, &f->e);
}

static size_t
read_all(struct fixture *f, int64_t now, struct site_list_entry **list)
{
	size_t n;

	ok(site_list_read(f->site, f->a, now, list, &n, &f->e));
	return n;
}

/* One place says one thing; other places are others. */
static void
test_life(void **state)
{
	struct fixture *f = *state;
	struct site_list_entry *list;
	uint64_t before = site_generation(f->site);

	add_domain(f, "a.test");
	ok(set(f, SITE_LIST_BLOCK, "192.0.2.1/24", NULL, 0));
	ok(set(f, SITE_LIST_ALLOW, "192.0.2.2/24", NULL, 0));
	ok(set(f, SITE_LIST_BLOCK, "192.0.2.0/24", "A.test", 1000));
	is(set(f, SITE_LIST_BLOCK, "192.0.2.0/24", "none.test", 0),
	    SITE_NOTFOUND);
	is(set(f, SITE_LIST_BLOCK, "what?", NULL, 0), SITE_INVALID);
	assert_true(site_generation(f->site) != before);
	assert_int_equal(read_all(f, 999, &list), 2);
	assert_int_equal(list[0].kind, SITE_LIST_ALLOW);
	assert_str(list[0].entry, "192.0.2.0/24");
	assert_str(list[0].note, "why");
	assert_str(list[1].scope.domain, "a.test");
	assert_int_equal(read_all(f, 1000, &list), 1);
	ok(site_list_remove(f->site, NULL, SITE_LIST_BLOCK, STR("192.0.2.9/24"),
	    (struct site_scope){ .domain = STR("a.test") }, &f->e));
	is(site_list_remove(f->site, NULL, SITE_LIST_BLOCK, STR("192.0.2.9/24"),
	       (struct site_scope){ .domain = STR("a.test") }, &f->e),
	    SITE_NOTFOUND);
	assert_int_equal(read_all(f, 0, &list), 1);
}

/* To be known is said beside what is blocked and allowed. */
static void
test_known(void **state)
{
	const struct site_scope site = { .domain = STR_NULL };
	struct fixture *f = *state;
	struct site_list_entry *list;

	ok(set(f, SITE_LIST_BLOCK, "192.0.2.0/24", NULL, 0));
	ok(set(f, SITE_LIST_KNOWN, "192.0.2.0/24", NULL, 0));
	ok(set(f, SITE_LIST_KNOWN, "192.0.2.0/24", NULL, 0));
	assert_int_equal(read_all(f, 0, &list), 2);
	ok(site_list_remove(
	    f->site, NULL, SITE_LIST_ALLOW, STR("192.0.2.0/24"), site, &f->e));
	assert_int_equal(read_all(f, 0, &list), 1);
	assert_int_equal(list[0].kind, SITE_LIST_KNOWN);
	is(site_list_remove(f->site, NULL, SITE_LIST_BLOCK, STR("192.0.2.0/24"),
	       site, &f->e),
	    SITE_NOTFOUND);
	ok(site_list_remove(
	    f->site, NULL, SITE_LIST_KNOWN, STR("192.0.2.0/24"), site, &f->e));
	assert_int_equal(read_all(f, 0, &list), 0);
}

static void
test_goes_with_its_account(void **state)
{
	struct fixture *f = *state;
	struct site_account acc;
	struct site_list_entry *list, new = { .entry = STR("@bad.test") };

	add_domain(f, "a.test");
	ok(site_account_add(f->site, f->a, NULL, STR("x@a.test"), STR_NULL,
	    STR("password"), &acc, &f->e));
	new.scope = site_scope_of(&acc);
	ok(site_list_set(f->site, NULL, &new, &f->e));
	assert_int_equal(read_all(f, 0, &list), 1);
	assert_str(list[0].address, "x@a.test");
	assert_str(list[0].scope.account, acc.id);
	assert_str(list[0].scope.domain, "a.test");
	ok(site_account_remove(f->site, NULL, str_of(acc.id), &f->e));
	assert_int_equal(read_all(f, 0, &list), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_forms, fixture_up, fixture_down),
		cmocka_unit_test_setup_teardown(
		    test_text, fixture_up, fixture_down),
		cmocka_unit_test_setup_teardown(
		    test_life, fixture_up, fixture_down),
		cmocka_unit_test_setup_teardown(
		    test_known, fixture_up, fixture_down),
		cmocka_unit_test_setup_teardown(
		    test_goes_with_its_account, fixture_up, fixture_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
