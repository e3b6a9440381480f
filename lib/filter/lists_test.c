/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/lists.h"

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
#include "filter/blocked.h"
#include "site/test.h"

static void
put(struct fixture *f, enum site_list_kind kind, const char *entry,
    struct site_scope scope, int64_t expires)
{
	const struct site_list_entry new = {
		.kind = kind,
		.entry = str_of(entry),
		.scope = scope,
		.expires = expires,
	};

	ok(site_list_set(f->site, NULL, &new, &f->e));
}

/* Who asks, and what is found; NULL: nothing. */
static const struct row {
	const char *client, *host, *sender, *domain;
	bool account; /* it is for x@a.example */
	const char *entry;
	enum site_list_kind kind;
	bool forgeable;
} rows[] = {
	/* clang-format off */
	{ "192.0.2.1", "", "", "", false, "192.0.2.0/24", SITE_LIST_BLOCK, false },
	{ "192.0.2.7", "", "", "", false, "192.0.2.7", SITE_LIST_ALLOW, false },
	{ "192.0.3.7", "", "", "", false, NULL, 0, false },
	{ "2001:db8:7::1", "", "", "", false, "2001:db8::/32", SITE_LIST_BLOCK, false },
	{ "::192.0.2.1", "", "", "", false, NULL, 0, false },
	{ "192.0.3.7", "MX.bad.example", "", "", false, ".bad.example", SITE_LIST_BLOCK, false },
	{ "192.0.3.7", "bad.example", "", "", false, NULL, 0, false },
	{ "192.0.3.7", "verybad.example", "", "", false, NULL, 0, false },
	{ "192.0.3.7", "good.bad.example", "", "", false, "good.bad.example", SITE_LIST_ALLOW, false },
	{ "192.0.3.7", "", "Spam@x.example", "", false, "spam@x.example", SITE_LIST_BLOCK, true },
	{ "192.0.3.7", "", "any@y.example", "", false, "@y.example", SITE_LIST_BLOCK, true },
	{ "192.0.3.7", "", "any@y.example", "a.example", false, "@y.example", SITE_LIST_ALLOW, true },
	{ "192.0.3.7", "", "any@y.example", "sub.a.example", false, "@y.example", SITE_LIST_ALLOW, true },
	{ "192.0.3.7", "", "any@y.example", "ba.example", false, "@y.example", SITE_LIST_BLOCK, true },
	{ "192.0.3.7", "", "any@y.example", "a.example", true, "@y.example", SITE_LIST_BLOCK, true },
	{ "192.0.3.7", "", "\"a b\"@x.example", "", false, "\"a b\"@x.example", SITE_LIST_BLOCK, true },
	{ "192.0.3.7", "", "old@z.example", "", false, NULL, 0, false },
	{ NULL, "", "", "", false, NULL, 0, false },
	/* clang-format on */
};

static void
fill(struct fixture *f, struct site_account *acc)
{
	const struct site_scope site = { .domain = STR_NULL };
	const struct site_scope domain = { .domain = STR("a.example") };

	add_domain(f, "a.example");
	ok(site_account_add(f->site, f->a, NULL, STR("x@a.example"), STR_NULL,
	    STR("password"), acc, &f->e));
	put(f, SITE_LIST_BLOCK, "192.0.2.0/24", site, 0);
	put(f, SITE_LIST_ALLOW, "192.0.2.7", site, 0);
	put(f, SITE_LIST_BLOCK, "2001:db8::/32", site, 0);
	put(f, SITE_LIST_BLOCK, ".bad.example", site, 0);
	put(f, SITE_LIST_ALLOW, "good.bad.example", site, 0);
	put(f, SITE_LIST_BLOCK, "spam@x.example", site, 0);
	put(f, SITE_LIST_BLOCK, "\"a b\"@x.example", site, 0);
	put(f, SITE_LIST_BLOCK, "@y.example", site, 0);
	put(f, SITE_LIST_ALLOW, "@y.example", domain, 0);
	put(f, SITE_LIST_BLOCK, "@y.example", site_scope_of(acc), 0);
	put(f, SITE_LIST_BLOCK, "old@z.example", site, clock_now() + 50);
}

static void
check_row(struct fixture *f, struct lists *l, const struct row *r,
    const struct site_account *acc)
{
	struct addr client;
	struct list_query q = {
		.client = r->client ? &client : NULL,
		.host = str_of(r->host),
		.sender = str_of(r->sender),
		.scope.domain = str_of(r->domain),
		.now = clock_now() + 100,
	};
	struct list_match m = { .entry = STR_NULL };
	bool found;

	if (r->client)
		assert_true(addr_parse(str_of(r->client), &client));
	if (r->account)
		q.scope.account = str_of(acc->id);
	found = lists_find(l, f->a, &q, &m);
	if (found != (r->entry != NULL) ||
	    (found && (!str_eqc(m.entry, r->entry) || m.kind != r->kind ||
			  m.forgeable != r->forgeable)))
		fail_msg("%s %s %s for %s: %d %.*s", r->client ? r->client : "",
		    r->host, r->sender, r->domain, found, STR_ARG(m.entry));
}

static void
test_find(void **state)
{
	struct fixture *f = *state;
	struct lists *l = lists_new(f->site);
	struct site_account acc;

	fill(f, &acc);
	for (size_t i = 0; i < LEN(rows); i++)
		check_row(f, l, &rows[i], &acc);
	lists_free(&l);
}

/* Who is no stranger to greylisting. */
static const struct known_row {
	const char *client, *host, *spf_domain, *sender, *domain, *entry;
} known_rows[] = {
	{ "192.0.2.1", "", "", "", "", "192.0.2.0/24" },
	{ "192.0.3.1", "mx.big.example", "", "", "", ".big.example" },
	{ "192.0.3.1", "", "big.example", "", "", NULL },
	{ "192.0.3.1", "", "Out.big.example", "", "", ".big.example" },
	{ "192.0.3.1", "", "paper.example", "", "", "paper.example" },
	{ "192.0.3.1", "", "", "x@paper.example", "", NULL },
	{ "192.0.3.1", "", "", "x@news.example", "", NULL },
	{ "192.0.3.1", "", "", "x@news.example", "a.example", "@news.example" },
	{ "192.0.3.1", "", "", "x@blocked.example", "", NULL },
};

static void
test_known(void **state)
{
	const struct site_scope site = { .domain = STR_NULL };
	const struct site_scope domain = { .domain = STR("a.example") };
	struct fixture *f = *state;
	struct lists *l = lists_new(f->site);

	add_domain(f, "a.example");
	put(f, SITE_LIST_KNOWN, "192.0.2.0/24", site, 0);
	put(f, SITE_LIST_KNOWN, ".big.example", site, 0);
	put(f, SITE_LIST_KNOWN, "paper.example", site, 0);
	put(f, SITE_LIST_KNOWN, "@news.example", domain, 0);
	put(f, SITE_LIST_BLOCK, "@blocked.example", site, 0);
	for (size_t i = 0; i < LEN(known_rows); i++) {
		const struct known_row *r = &known_rows[i];
		struct addr client;
		struct list_match m = { .entry = STR_NULL };
		const struct list_query q = {
			.client = &client,
			.host = str_of(r->host),
			.spf_domain = str_of(r->spf_domain),
			.sender = str_of(r->sender),
			.scope.domain = str_of(r->domain),
			.now = clock_now(),
		};

		print_message("%zu\n", i);
		assert_true(addr_parse(str_of(r->client), &client));
		assert_int_equal(
		    lists_find_known(l, f->a, &q, &m), r->entry != NULL);
		assert_true(str_eqc(m.entry, r->entry ? r->entry : ""));
		/* It gets through nothing else. */
		assert_false(
		    lists_find(l, f->a, &q, &m) && m.kind != SITE_LIST_BLOCK);
	}
	lists_free(&l);
}

/* What changes counts at once. */
static void
test_changes(void **state)
{
	const struct site_scope site = { .domain = STR_NULL };
	struct fixture *f = *state;
	struct lists *l = lists_new(f->site);
	const struct list_query q = { .sender = STR("a@b.example") };
	struct list_match m;

	assert_false(lists_find(l, f->a, &q, &m));
	put(f, SITE_LIST_BLOCK, "@b.example", site, 0);
	assert_true(lists_find(l, f->a, &q, &m));
	assert_int_equal(m.kind, SITE_LIST_BLOCK);
	put(f, SITE_LIST_ALLOW, "@b.example", site, 0);
	assert_true(lists_find(l, f->a, &q, &m));
	assert_int_equal(m.kind, SITE_LIST_ALLOW);
	ok(site_list_remove(
	    f->site, NULL, SITE_LIST_ALLOW, STR("@b.example"), site, &f->e));
	assert_false(lists_find(l, f->a, &q, &m));
	assert_false(lists_is_our_domain(l, f->a, STR("ours.example")));
	add_domain(f, "ours.example");
	assert_true(lists_is_our_domain(l, f->a, STR("Ours.Example")));
	assert_false(lists_is_our_domain(l, f->a, STR("mx.ours.example")));
	lists_free(&l);
}

/* A client whom the other daemons have blocked. */
static void
test_blocked(void **state)
{
	struct fixture *f = *state;
	struct blocked *b = blocked_new(f->site);
	struct site_credentials c = {
		.mechanism = STR("PLAIN"),
		.user = STR("nobody@a.example"),
		.password = STR("wrong"),
		.peer = { .address = "192.0.2.1", .service = "imap" },
	};
	struct site_account acc;
	struct addr client, other;
	int64_t now = clock_now();
	unsigned delay;

	addr_parse(STR("192.0.2.1"), &client);
	addr_parse(STR("192.0.2.2"), &other);
	assert_int_equal(blocked_until(b, &client, now), 0);
	ok(site_setting_set(f->site, NULL, STR("auth.block_after_address"),
	    (struct site_scope){ 0 }, STR("2"), &f->e));
	for (int i = 0; i < 2; i++)
		is(site_login(f->site, f->a, &c, &acc, &delay, &f->e),
		    SITE_DENIED);
	clock_shift(BLOCKED_SECONDS);
	now = clock_now();
	assert_true(blocked_until(b, &client, now) > now);
	assert_int_equal(blocked_until(b, &other, now), 0);
	assert_int_equal(blocked_until(b, &client, now + 3600), 0);
	blocked_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_find, fixture_up, fixture_down),
		cmocka_unit_test_setup_teardown(
		    test_known, fixture_up, fixture_down),
		cmocka_unit_test_setup_teardown(
		    test_changes, fixture_up, fixture_down),
		cmocka_unit_test_setup_teardown(
		    test_blocked, fixture_up, fixture_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
