/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/rotation.h"

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
#include "dns/zone.h"
#include "filter/dkim_record.h"
#include "site/test.h"

#define DAY 86400

static struct zone *zone;
static struct rotation rotation;
static char told[512];
static int64_t shifted;

static int
up(void **state)
{
	struct fixture *f;

	if (fixture_up(state) != 0)
		return -1;
	f = *state;
	zone = zone_new();
	rotation = (struct rotation){ f->site, zone_resolver(zone) };
	add_domain(f, "a.example");
	return 0;
}

static int
down(void **state)
{
	zone_free(&zone);
	clock_shift(-shifted);
	shifted = 0;
	return fixture_down(state);
}

static void
pass(int64_t seconds)
{
	shifted += seconds;
	clock_shift(seconds);
}

static void
set(struct fixture *f, const char *key, const char *value)
{
	ok(site_setting_set(f->site, NULL, str_of(key),
	    (struct site_scope){ .domain = STR("a.example") }, str_of(value),
	    &f->e));
}

static void
add_key(struct fixture *f, const char *selector, enum key_type type,
    enum site_dkim_state state)
{
	struct site_dkim_key k;

	assert_true(dkim_generate(f->a, STR("a.example"), str_of(selector),
	    type, 2048, clock_now(), &k, &f->e));
	k.state = state;
	ok(site_dkim_add(f->site, NULL, &k, &f->e));
}

static struct site_dkim_key *
key_in(struct fixture *f, enum site_dkim_state state)
{
	struct site_dkim_key *list;
	size_t n;

	ok(site_dkim_list(f->site, f->a, STR("a.example"), &list, &n, &f->e));
	for (size_t i = 0; i < n; i++) {
		if (list[i].state == state)
			return &list[i];
	}
	return NULL;
}

static void
publish(struct fixture *f, const struct site_dkim_key *k)
{
	struct buf text = { 0 };

	assert_true(dkim_record(k, &text, &f->e));
	assert_true(zone_add(zone, key_name(f->a, k->selector, k->domain),
	    DNS_TXT, buf_str(&text), &f->e));
	buf_fini(&text);
}

static void
remember(void *arg, enum rotation_event v, const struct site_dkim_key *k,
    struct str why)
{
	(void)arg;
	(void)k;
	(void)why;
	strcat(told, rotation_event_name(v));
	strcat(told, " ");
}

static const char *
step(struct fixture *f, bool make)
{
	*told = '\0';
	ok(rotation_step(&rotation, NULL, STR("a.example"), make, clock_now(),
	    remember, NULL, &f->e));
	return told;
}

/* A life of a key, and how it ends. */
static void
test_life(void **state)
{
	struct fixture *f = *state;
	struct site_dkim_key *k;

	add_key(f, "first", KEY_RSA, SITE_DKIM_ACTIVE);
	assert_string_equal(step(f, false), ""); /* dkim.rotate is 0 */
	set(f, "dkim.rotate", "90d");
	assert_string_equal(step(f, false), "");
	pass(90 * DAY);
	assert_string_equal(step(f, false), "publish ");
	assert_string_equal(step(f, false), "waiting ");
	pass(30 * DAY); /* nobody publishes it: it never signs */
	assert_string_equal(step(f, false), "waiting ");
	assert_str(key_in(f, SITE_DKIM_ACTIVE)->selector, "first");
	k = key_in(f, SITE_DKIM_PENDING);
	publish(f, k);
	assert_string_equal(step(f, false), "seen ");
	pass(2 * DAY - 1);
	assert_string_equal(step(f, false), "seen ");
	pass(1);
	assert_string_equal(step(f, false), "active retired ");
	assert_true(str_eq(key_in(f, SITE_DKIM_ACTIVE)->selector, k->selector));
	assert_str(key_in(f, SITE_DKIM_RETIRED)->selector, "first");
	pass(14 * DAY - 1);
	assert_string_equal(step(f, false), "");
	pass(1);
	assert_string_equal(step(f, false), "removed ");
	assert_null(key_in(f, SITE_DKIM_RETIRED));
	pass(90 * DAY - 14 * DAY);
	assert_string_equal(step(f, false), "publish ");
}

/* Another key's record under the name is none. */
static void
test_different(void **state)
{
	struct fixture *f = *state;
	struct site_dkim_key *k, other;

	set(f, "dkim.rotate", "1d");
	add_key(f, "new", KEY_ED25519, SITE_DKIM_PENDING);
	k = key_in(f, SITE_DKIM_PENDING);
	assert_true(dkim_generate(f->a, k->domain, k->selector, KEY_ED25519, 0,
	    clock_now(), &other, &f->e));
	publish(f, &other);
	assert_string_equal(step(f, false), "waiting ");
	pass(30 * DAY);
	assert_string_equal(step(f, false), "waiting ");
	assert_null(key_in(f, SITE_DKIM_ACTIVE));
}

/* It was there, and is gone: the wait begins anew. */
static void
test_gone(void **state)
{
	struct fixture *f = *state;

	set(f, "dkim.rotate", "1d");
	add_key(f, "new", KEY_ED25519, SITE_DKIM_PENDING);
	publish(f, key_in(f, SITE_DKIM_PENDING));
	assert_string_equal(step(f, false), "seen ");
	zone_free(&zone);
	zone = zone_new();
	rotation.resolver = zone_resolver(zone);
	pass(3 * DAY);
	assert_string_equal(step(f, false), "waiting ");
	publish(f, key_in(f, SITE_DKIM_PENDING));
	assert_string_equal(step(f, false), "seen ");
	assert_null(key_in(f, SITE_DKIM_ACTIVE));
}

static void
test_dns_is_down(void **state)
{
	struct fixture *f = *state;
	int64_t seen;

	set(f, "dkim.rotate", "1d");
	add_key(f, "new", KEY_ED25519, SITE_DKIM_PENDING);
	publish(f, key_in(f, SITE_DKIM_PENDING));
	step(f, false);
	seen = key_in(f, SITE_DKIM_PENDING)->seen;
	zone_free(&zone);
	zone = zone_new();
	rotation.resolver = zone_resolver(zone);
	zone_add_timeout(zone, STR("new._domainkey.a.example"));
	pass(3 * DAY);
	assert_string_equal(step(f, false), "waiting ");
	assert_int_equal(key_in(f, SITE_DKIM_PENDING)->seen, seen);
}

/* Each algorithm has its own line; a second key of a day another name. */
static void
test_now(void **state)
{
	struct fixture *f = *state;
	struct site_dkim_key *list;
	size_t n;

	add_key(f, "", KEY_RSA, SITE_DKIM_ACTIVE);
	add_key(f, "", KEY_ED25519, SITE_DKIM_ACTIVE);
	assert_string_equal(step(f, true), "publish publish ");
	assert_string_equal(step(f, true), "waiting waiting ");
	ok(site_dkim_list(f->site, f->a, STR("a.example"), &list, &n, &f->e));
	assert_int_equal(n, 4);
	assert_true(str_iends(list[0].selector, STR("-2")));
	assert_true(str_iends(list[1].selector, STR("-2")));
}

static void
test_chore(void **state)
{
	struct fixture *f = *state;

	set(f, "dkim.rotate", "90d");
	add_key(f, "first", KEY_RSA, SITE_DKIM_ACTIVE);
	add_domain(f, "b.example");
	pass(91 * DAY);
	assert_true(rotation_chore(&rotation, clock_now(), &f->e));
	assert_non_null(key_in(f, SITE_DKIM_PENDING));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		TEST(test_life),
		TEST(test_different),
		TEST(test_gone),
		TEST(test_dns_is_down),
		TEST(test_now),
		TEST(test_chore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
