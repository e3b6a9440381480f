/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/srs.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "site/test.h"

#define DAY 86400

static void
set(struct fixture *f, const char *key, const char *domain, const char *value)
{
	struct site_scope scope = { .domain = str_of(domain) };

	ok(site_setting_set(
	    f->site, NULL, str_of(key), scope, str_of(value), &f->e));
}

static struct site_account
owner(struct fixture *f)
{
	struct site_account acc;

	add_domain(f, "a.test");
	add_domain(f, "b.test");
	add_account(f, "me@a.test");
	ok(site_account_find(f->site, f->a, STR("me@a.test"), &acc, &f->e));
	return acc;
}

static struct str
sender(struct fixture *f, const struct site_account *acc, const char *text)
{
	struct str out;

	ok(site_srs_sender(f->site, f->a, acc, str_of(text), &out, &f->e));
	return out;
}

static enum site_rc
back(struct fixture *f, struct str address, const char *want)
{
	struct str out = STR_NULL;
	enum site_rc rc =
	    site_srs_recipient(f->site, f->a, address, &out, &f->e);

	if (rc == SITE_OK)
		assert_str(out, want);
	return rc;
}

static void
test_settings(void **state)
{
	struct fixture *f = *state;
	struct site_account acc = owner(f);

	assert_str(sender(f, &acc, "ann@far.test"), "ann@far.test");
	set(f, "srs.enabled", "a.test", "yes");
	assert_true(
	    str_iends(sender(f, &acc, "ann@far.test"), STR("=ann@a.test")));
	/* Ours, and the null sender. */
	assert_str(sender(f, &acc, "bob@b.test"), "bob@b.test");
	assert_str(sender(f, &acc, ""), "");
	/* The MTA. */
	assert_str(sender(f, NULL, "ann@far.test"), "ann@far.test");
	set(f, "srs.domain", NULL, "srs.test");
	assert_true(
	    str_iends(sender(f, NULL, "ann@far.test"), STR("=ann@srs.test")));
	assert_true(
	    str_iends(sender(f, &acc, "ann@far.test"), STR("=ann@srs.test")));
}

static void
test_secrets(void **state)
{
	struct fixture *f = *state;
	struct site_account acc = owner(f);
	struct str first, second;

	set(f, "srs.enabled", NULL, "yes");
	/* Nothing was ever signed. */
	is(back(f, STR("SRS0=AAAA=AA=far.test=ann@a.test"), ""), SITE_NOTFOUND);
	first = sender(f, &acc, "ann@far.test");
	assert_str(sender(f, &acc, "ann@far.test"), first.p);
	ok(back(f, first, "ann@far.test"));
	ok(site_srs_rotate(f->site, NULL, &f->e));
	second = sender(f, &acc, "ann@far.test");
	assert_false(str_eq(first, second));
	ok(back(f, first, "ann@far.test"));
	ok(back(f, second, "ann@far.test"));
	is(back(f, STR("me@a.test"), ""), SITE_NOTFOUND);
	clock_shift(22 * DAY);
	is(back(f, second, ""), SITE_NOTFOUND);
	assert_non_null(strstr(f->e.msg, "too old"));
	/* Its secret is forgotten. */
	is(back(f, first, ""), SITE_NOTFOUND);
	assert_non_null(strstr(f->e.msg, "not made here"));
	clock_shift(-22 * DAY);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_settings),
		T(test_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
