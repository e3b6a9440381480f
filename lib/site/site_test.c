/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/site.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fs.h"
#include "site/setting.h"
#include "site/test.h"
#include "sqlite/sq.h"

/* ------------------------------------------------------------------------
 * Addresses
 */

static const struct {
	const char *text;
	const char *local, *domain, *key; /* local NULL: malformed */
} addresses[] = {
	/* clang-format off */
	{ "Alice@Example.TEST", "Alice", "example.test", "alice@example.test" },
	{ "a.b+c@example.test.", "a.b+c", "example.test", "a.b+c@example.test" },
	{ "@example.test", "", "example.test", "@example.test" },
	{ "\"a b\"@example.test", "a b", "example.test", "a b@example.test" },
	{ "\"a\\\"@b\"@example.test", "a\"@b", "example.test", "a\"@b@example.test" },
	{ "\xc3\x84nne@b\xc3\xbc" "cher.example", "\xc3\x84nne", "xn--bcher-kva.example", "\xc3\xa4nne@xn--bcher-kva.example" },
	{ "A\xcc\x88nne@XN--BCHER-KVA.example", "\xc3\x84nne", "xn--bcher-kva.example", "\xc3\xa4nne@xn--bcher-kva.example" },
	{ "x@fa\xc3\x9f.example", "x", "xn--fa-hia.example", "x@xn--fa-hia.example" },
	{ "stra\xc3\x9f" "e@a.example", "stra\xc3\x9f" "e", "a.example", "strasse@a.example" },
	{ "x@_srv.example", "x", "_srv.example", "x@_srv.example" },
	{ "alice", NULL, NULL, NULL },
	{ "", NULL, NULL, NULL },
	{ "a@", NULL, NULL, NULL },
	{ "a b@example.test", NULL, NULL, NULL },
	{ "a@b@example.test", NULL, NULL, NULL },
	{ "a@exa mple.test", NULL, NULL, NULL },
	{ "a@-x.test", NULL, NULL, NULL },
	{ "a@x..test", NULL, NULL, NULL },
	{ "a\r\n@x.test", NULL, NULL, NULL },
	{ "\"\"@x.test", NULL, NULL, NULL },
	{ "a@[192.0.2.1]", NULL, NULL, NULL },
	{ "a\xff@x.test", NULL, NULL, NULL },
	{ "a@xn--a.test", NULL, NULL, NULL }, /* not punycode of anything */
	/* clang-format on */
};

static void
test_addresses(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(addresses); i++) {
		struct site_address out;

		print_message("%s\n", addresses[i].text);
		if (!addresses[i].local) {
			assert_false(site_address_parse(
			    a, str_of(addresses[i].text), &out));
			continue;
		}
		assert_true(
		    site_address_parse(a, str_of(addresses[i].text), &out));
		assert_str(out.local, addresses[i].local);
		assert_str(out.domain, addresses[i].domain);
		assert_str(out.key, addresses[i].key);
	}
	assert_str(site_domain_display(a, STR("xn--bcher-kva.example")),
	    "b\xc3\xbc"
	    "cher.example");
	assert_str(
	    site_domain_display(a, STR("plain.example")), "plain.example");
	arena_free(&a);
}

/* ------------------------------------------------------------------------
 * The directory
 */

static void
test_domains(void **state)
{
	struct fixture *f = *state;
	struct site_domain d, *list;
	size_t n;
	bool yes = true;

	ok(site_domain_add(f->site, NULL, STR("A.example"), STR_NULL, &f->e));
	ok(site_domain_add(
	    f->site, NULL, STR("x.y.a.example"), STR_NULL, &f->e));
	is(site_domain_add(f->site, NULL, STR("a.EXAMPLE"), STR_NULL, &f->e),
	    SITE_EXISTS);
	is(site_domain_add(f->site, NULL, STR("not a domain"), STR_NULL, &f->e),
	    SITE_INVALID);
	is(site_domain_add(
	       f->site, NULL, STR("b.example"), STR("no.example"), &f->e),
	    SITE_NOTFOUND);
	ok(site_domain_get(f->site, f->a, STR("x.y.a.example"), &d, &f->e));
	assert_str(d.parent, "a.example");

	/* One in between becomes the nearer parent, and gives it back. */
	ok(site_domain_add(f->site, NULL, STR("y.a.example"), STR_NULL, &f->e));
	ok(site_domain_get(f->site, f->a, STR("x.y.a.example"), &d, &f->e));
	assert_str(d.parent, "y.a.example");
	ok(site_domain_remove(f->site, NULL, STR("y.a.example"), &f->e));
	ok(site_domain_get(f->site, f->a, STR("x.y.a.example"), &d, &f->e));
	assert_str(d.parent, "a.example");

	ok(site_domain_add(
	    f->site, NULL, STR("b.example"), STR("a.example"), &f->e));
	is(site_domain_add(
	       f->site, NULL, STR("c.example"), STR("b.example"), &f->e),
	    SITE_INVALID);
	is(site_domain_remove(f->site, NULL, STR("a.example"), &f->e),
	    SITE_EXISTS);
	ok(site_domain_set(
	    f->site, NULL, STR("b.example"), &yes, STR_NULL, &f->e));
	ok(site_domain_list(f->site, f->a, &list, &n, &f->e));
	assert_int_equal(n, 3);
	assert_str(list[1].name, "b.example");
	assert_str(list[1].alias_of, "a.example");
	assert_true(list[1].disabled);
	is(site_domain_remove(f->site, NULL, STR("nosuch"), &f->e),
	    SITE_NOTFOUND);
}

static void
test_accounts(void **state)
{
	struct fixture *f = *state;
	struct site_account acc, got, *list;
	uint64_t g = site_generation(f->site);
	size_t n;

	is(site_account_add(f->site, f->a, NULL, STR("x@a.example"), STR("X"),
	       STR("password"), &acc, &f->e),
	    SITE_NOTFOUND);
	add_domain(f, "a.example");
	assert_true(site_generation(f->site) > g);
	ok(site_account_add(f->site, f->a, NULL, STR("Xaver@a.example"),
	    STR("X"), STR("password"), &acc, &f->e));
	assert_int_equal(strlen(acc.id), 16);
	assert_int_equal(strspn(acc.id, "0123456789abcdef"), 16);
	assert_str(acc.address, "Xaver@a.example");
	assert_true(acc.has_password);
	is(site_account_add(f->site, f->a, NULL, STR("xAVER@a.example"),
	       STR_NULL, STR_NULL, &got, &f->e),
	    SITE_EXISTS);
	is(site_account_add(f->site, f->a, NULL, STR("y@a.example"), STR_NULL,
	       STR("short"), &got, &f->e),
	    SITE_INVALID);
	is(site_account_add(f->site, f->a, NULL, STR("@a.example"), STR_NULL,
	       STR_NULL, &got, &f->e),
	    SITE_INVALID);
	ok(site_account_find(
	    f->site, f->a, STR("XAVER@A.example"), &got, &f->e));
	assert_string_equal(got.id, acc.id);
	ok(site_account_get(f->site, f->a, str_of(acc.id), &got, &f->e));

	got.name = STR("New");
	got.state = SITE_SUSPENDED;
	got.backend = STR("old.example:143");
	got.address = STR("yves@a.example");
	ok(site_account_set(f->site, NULL,
	    SITE_SET_NAME | SITE_SET_STATE | SITE_SET_BACKEND |
		SITE_SET_ADDRESS,
	    &got, &f->e));
	is(site_account_find(
	       f->site, f->a, STR("xaver@a.example"), &got, &f->e),
	    SITE_NOTFOUND);
	ok(site_account_find(
	    f->site, f->a, STR("yves@a.example"), &got, &f->e));
	assert_string_equal(got.id, acc.id);
	assert_str(got.name, "New");
	assert_int_equal(got.state, SITE_SUSPENDED);
	assert_str(got.backend, "old.example:143");
	assert_true(got.revision > acc.revision);

	add_account(f, "a@a.example");
	add_account(f, "b@a.example");
	ok(site_account_list(
	    f->site, f->a, STR("a.example"), STR_NULL, 2, &list, &n, &f->e));
	assert_int_equal(n, 2);
	assert_str(list[1].address, "b@a.example");
	ok(site_account_list(
	    f->site, f->a, STR_NULL, STR("b@a.example"), 0, &list, &n, &f->e));
	assert_int_equal(n, 1);
	is(site_domain_remove(f->site, NULL, STR("a.example"), &f->e),
	    SITE_EXISTS);
	ok(site_account_remove(f->site, NULL, str_of(acc.id), &f->e));
	is(site_account_get(f->site, f->a, str_of(acc.id), &got, &f->e),
	    SITE_NOTFOUND);
	is(site_account_remove(f->site, NULL, str_of(acc.id), &f->e),
	    SITE_NOTFOUND);
}

static void
test_aliases(void **state)
{
	struct fixture *f = *state;
	struct site_alias al, *list;
	size_t n;

	add_domain(f, "a.example");
	add_alias(f, "Info@a.example", "x@a.example", "y@other.example");
	ok(site_alias_get(f->site, f->a, STR("info@A.example"), &al, &f->e));
	assert_str(al.address, "Info@a.example");
	assert_int_equal(al.count, 2);
	assert_str(al.targets[1], "y@other.example");
	is(site_alias_set(f->site, NULL, &al, true, &f->e), SITE_EXISTS);
	al.count = 1;
	al.disabled = true;
	ok(site_alias_set(f->site, NULL, &al, false, &f->e));
	ok(site_alias_list(f->site, f->a, STR("a.example"), &list, &n, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].count, 1);
	assert_true(list[0].disabled);
	al.count = 0;
	is(site_alias_set(f->site, NULL, &al, false, &f->e), SITE_INVALID);
	al.address = STR("info@elsewhere.example");
	al.count = 1;
	is(site_alias_set(f->site, NULL, &al, false, &f->e), SITE_NOTFOUND);
	ok(site_alias_remove(f->site, NULL, STR("INFO@a.example"), &f->e));
	is(site_alias_get(f->site, f->a, STR("info@a.example"), &al, &f->e),
	    SITE_NOTFOUND);
}

/* ------------------------------------------------------------------------
 * Resolving
 */

static void
make_directory(struct fixture *f)
{
	add_domain(f, "a.example");
	add_domain(f, "b.example");
	add_domain(f, "off.example");
	add_domain(f, "b\xc3\xbc"
		      "cher.example");
	ok(site_domain_add(
	    f->site, NULL, STR("alias.example"), STR("a.example"), &f->e));
	ok(site_domain_set(f->site, NULL, STR("off.example"), &(bool){ true },
	    STR_NULL, &f->e));
	add_account(f, "alice@a.example");
	add_account(f, "bob@a.example");
	add_account(f, "bob+x@a.example");
	add_account(f, "carl@b.example");
	add_account(f, "\xc3\xa4nne@b\xc3\xbc"
		       "cher.example");
	add_alias(f, "info@a.example", "alice@a.example", "bob@a.example");
	add_alias(f, "all@a.example", "info@a.example", "carl@b.example");
	add_alias(f, "keep@a.example", "keep@a.example", "r@far.example");
	add_account(f, "keep@a.example");
	add_alias(f, "loop1@a.example", "loop2@a.example", NULL);
	add_alias(f, "loop2@a.example", "loop1@a.example", NULL);
	add_alias(f, "lost@a.example", "nobody@a.example", "bob@a.example");
	add_alias(f, "lost2@a.example", "nobody@a.example", NULL);
	add_alias(f, "mut1@a.example", "mut2@a.example", NULL);
	add_account(f, "mut1@a.example");
	add_alias(f, "mut2@a.example", "mut1@a.example", NULL);
	add_alias(f, "two@a.example", "info@a.example", "INFO@a.example");
	add_alias(f, "rmt@a.example", "r@far.example", "r@far.example");
	add_alias(f, "@b.example", "bob@a.example", NULL);
	add_alias(f, "map@a.example", "@b.example", NULL);
	add_alias(f, "d@a.example", "alice@a.example", NULL);
}

static const struct {
	const char *address;
	enum site_rc rc;
	const char *targets; /* "address(detail) ..." */
	size_t missing;
} resolutions[] = {
	/* clang-format off */
	{ "alice@a.example", SITE_OK, "alice@a.example", 0 },
	{ "ALICE@a.EXAMPLE", SITE_OK, "alice@a.example", 0 },
	{ "alice@alias.example", SITE_OK, "alice@a.example", 0 },
	{ "alice+news@a.example", SITE_OK, "alice@a.example(news)", 0 },
	{ "alice+a+b@a.example", SITE_OK, "alice@a.example(a+b)", 0 },
	{ "bob+x@a.example", SITE_OK, "bob+x@a.example", 0 },
	{ "bob+x+y@a.example", SITE_OK, "bob+x@a.example(y)", 0 },
	{ "bob+z@a.example", SITE_OK, "bob@a.example(z)", 0 },
	{ "bob-z@a.example", SITE_NOTFOUND, "", 0 },
	{ "+x@a.example", SITE_NOTFOUND, "", 0 },
	{ "\xc3\x84NNE@xn--bcher-kva.example", SITE_OK, "\xc3\xa4nne@xn--bcher-kva.example", 0 },
	{ "info@a.example", SITE_OK, "alice@a.example bob@a.example", 0 },
	{ "info+q@a.example", SITE_OK, "alice@a.example(q) bob@a.example(q)", 0 },
	{ "all@a.example", SITE_OK, "alice@a.example bob@a.example carl@b.example", 0 },
	{ "two@a.example", SITE_OK, "alice@a.example bob@a.example", 0 },
	{ "keep@a.example", SITE_OK, "keep@a.example >r@far.example", 0 },
	{ "rmt@a.example", SITE_OK, ">r@far.example", 0 },
	{ "loop1@a.example", SITE_NOTFOUND, "", 1 },
	{ "mut1@a.example", SITE_OK, "mut1@a.example", 0 },
	{ "lost@a.example", SITE_OK, "bob@a.example", 1 },
	{ "lost2@a.example", SITE_NOTFOUND, "", 1 },
	{ "anything@b.example", SITE_OK, "bob@a.example", 0 },
	{ "carl@b.example", SITE_OK, "carl@b.example", 0 },
	{ "map@a.example", SITE_OK, "bob@a.example", 0 },
	{ "nobody@a.example", SITE_NOTFOUND, "", 0 },
	{ "x@far.example", SITE_OK, ">x@far.example", 0 },
	{ "x@off.example", SITE_DISABLED, "", 0 },
	{ "no address", SITE_INVALID, "", 0 },
	{ "@b.example", SITE_INVALID, "", 0 },
	/* clang-format on */
};

static void
write_targets(const struct site_targets *t, struct buf *b)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct site_target *x = &t->list[i];

		buf_puts(b, b->n ? " " : "");
		buf_puts(b, x->local ? "" : ">");
		buf_putstr(b, x->address);
		if (x->detail.n)
			buf_printf(b, "(%.*s)", STR_ARG(x->detail));
	}
}

static void
test_resolve(void **state)
{
	struct fixture *f = *state;

	make_directory(f);
	for (size_t i = 0; i < LEN(resolutions); i++) {
		struct site_targets t;
		struct buf got = { 0 };

		print_message("%s\n", resolutions[i].address);
		is(site_resolve(f->site, f->a, str_of(resolutions[i].address),
		       &t, &f->e),
		    resolutions[i].rc);
		write_targets(&t, &got);
		assert_string_equal(buf_cstr(&got), resolutions[i].targets);
		assert_int_equal(t.missing, resolutions[i].missing);
		buf_fini(&got);
	}
}

static void
test_resolve_settings(void **state)
{
	struct fixture *f = *state;
	struct site_scope a = { .domain = STR("a.example") };
	struct site_targets t;

	make_directory(f);
	ok(site_setting_set(
	    f->site, NULL, STR("address.separators"), a, STR("-+"), &f->e));
	ok(site_resolve(f->site, f->a, STR("alice-x@a.example"), &t, &f->e));
	assert_str(t.list[0].detail, "x");
	assert_false(t.direct);
	ok(site_setting_set(
	    f->site, NULL, STR("address.separators"), a, STR(""), &f->e));
	is(site_resolve(f->site, f->a, STR("alice+x@a.example"), &t, &f->e),
	    SITE_NOTFOUND);
	ok(site_setting_set(f->site, NULL, STR("address.case_sensitive"), a,
	    STR("yes"), &f->e));
	is(site_resolve(f->site, f->a, STR("Alice@a.example"), &t, &f->e),
	    SITE_NOTFOUND);
	ok(site_resolve(f->site, f->a, STR("alice@a.example"), &t, &f->e));
	assert_true(t.direct);
}

/* A chain of aliases too long to be meant, and one with many targets. */
static void
test_resolve_limits(void **state)
{
	struct fixture *f = *state;
	struct str targets[SITE_MAX_TARGETS];
	struct site_alias many = { .address = STR("m1@a.example"),
		.targets = targets,
		.count = SITE_MAX_TARGETS };
	struct site_targets t;

	add_domain(f, "a.example");
	for (int i = 0; i < 30; i++)
		add_alias(f, arena_printf(f->a, "c%d@a.example", i).p,
		    arena_printf(f->a, "c%d@a.example", i + 1).p, NULL);
	is(site_resolve(f->site, f->a, STR("c0@a.example"), &t, &f->e),
	    SITE_INVALID);
	for (int i = 0; i < SITE_MAX_TARGETS; i++)
		targets[i] = arena_printf(f->a, "u%d@far.example", i);
	ok(site_alias_set(f->site, NULL, &many, true, &f->e));
	for (int i = 0; i < SITE_MAX_TARGETS; i++)
		targets[i] = arena_printf(f->a, "v%d@far.example", i);
	many.address = STR("m2@a.example");
	ok(site_alias_set(f->site, NULL, &many, true, &f->e));
	add_alias(f, "both@a.example", "m1@a.example", "m2@a.example");
	ok(site_resolve(f->site, f->a, STR("m1@a.example"), &t, &f->e));
	assert_int_equal(t.count, SITE_MAX_TARGETS);
	is(site_resolve(f->site, f->a, STR("both@a.example"), &t, &f->e),
	    SITE_INVALID);
}

static void
test_senders(void **state)
{
	static const struct {
		const char *account, *address;
		bool yes;
	} cases[] = {
		{ "alice@a.example", "alice@a.example", true },
		{ "alice@a.example", "alice+x@a.example", true },
		{ "alice@a.example", "ALICE@alias.example", true },
		{ "alice@a.example", "info@a.example", true },
		{ "alice@a.example", "bob@a.example", false },
		{ "alice@a.example", "x@far.example", false },
		{ "carl@b.example", "info@a.example", false },
		{ "carl@b.example", "all@a.example", true },
		{ "keep@a.example", "keep@a.example", true },
		{ "bob@a.example", "anything@b.example", false },
	};
	struct fixture *f = *state;
	struct site_account acc;
	bool yes;

	make_directory(f);
	for (size_t i = 0; i < LEN(cases); i++) {
		print_message("%s as %s\n", cases[i].account, cases[i].address);
		ok(site_account_find(
		    f->site, f->a, str_of(cases[i].account), &acc, &f->e));
		ok(site_may_send_as(
		    f->site, &acc, str_of(cases[i].address), &yes, &f->e));
		assert_int_equal(yes, cases[i].yes);
	}
	ok(site_setting_set(f->site, NULL, STR("sender.catchall"),
	    (struct site_scope){ .domain = STR("b.example") }, STR("yes"),
	    &f->e));
	ok(site_may_send_as(
	    f->site, &acc, STR("anything@b.example"), &yes, &f->e));
	assert_true(yes);
}

/* ------------------------------------------------------------------------
 * Settings
 */

static void
test_setting_table(void **state)
{
	const struct site_setting *k = site_settings();

	(void)state;
	for (; k->key; k++) {
		assert_ptr_equal(site_setting_find(str_of(k->key)), k);
		assert_true(strlen(k->help) > 10);
		if (k[1].key)
			assert_true(strcmp(k->key, k[1].key) < 0);
	}
	assert_null(site_setting_find(STR("no.such")));
}

static void
test_scores(void **state)
{
	static const struct {
		const char *text;
		int64_t thousandths;
	} good[] = { { "5", 5000 }, { "-2.5", -2500 }, { "0", 0 },
		{ "7.125", 7125 }, { "-0.05", -50 } };
	static const char *const bad[] = { "", "-", "five", "1.2345",
		"1234567890", "1e3", "--1" };
	struct fixture *f = *state;
	const struct site_scope site = { 0 };

	for (size_t i = 0; i < LEN(good); i++) {
		ok(site_setting_set(f->site, NULL, STR("spam.tag"), site,
		    str_of(good[i].text), &f->e));
		assert_int_equal(
		    (int64_t)site_setting_uint(f->site, "spam.tag", site),
		    good[i].thousandths);
	}
	for (size_t i = 0; i < LEN(bad); i++)
		is(site_setting_set(f->site, NULL, STR("spam.tag"), site,
		       str_of(bad[i]), &f->e),
		    SITE_INVALID);
	assert_non_null(strstr(f->e.msg, "such as 5 or -2.5"));
}

static void
test_settings(void **state)
{
	static const struct {
		const char *key, *domain, *value;
		enum site_rc rc;
	} sets[] = {
		{ "no.such", "", "x", SITE_NOTFOUND },
		{ "quota.bytes", "", "much", SITE_INVALID },
		{ "auth.rehash", "", "perhaps", SITE_INVALID },
		{ "auth.window", "", "1y", SITE_INVALID },
		{ "delivery.over_quota", "", "explode", SITE_INVALID },
		{ "auth.rehash", "a.example", "no", SITE_INVALID },
		{ "quota.bytes", "nosuch.example", "1G", SITE_NOTFOUND },
		{ "delivery.over_quota", "", "reject", SITE_OK },
		{ "login.mechanisms", "", "PLAIN SCRAM-SHA-265", SITE_INVALID },
		{ "login.mechanisms", "", "PLAIN,LOGIN", SITE_INVALID },
		{ "login.mechanisms", "", "plain  EXTERNAL", SITE_OK },
		{ "login.mechanisms", "", "", SITE_OK },
		{ "login.mechanisms", "", "PLAIN", SITE_OK },
	};
	struct fixture *f = *state;
	struct site_scope site = { 0 };
	struct site_scope dom = { .domain = STR("a.example") };
	struct site_scope sub = { .domain = STR("s.a.example") };
	struct site_scope acc;
	struct site_setting_row *rows;
	struct site_account x;
	size_t n;
	struct site_value several[] = { { .key = "quota.bytes" },
		{ .key = "quota.messages" }, { .key = "sieve.redirect_from" } };

	add_domain(f, "a.example");
	add_domain(f, "s.a.example");
	add_account(f, "x@s.a.example");
	ok(site_account_find(f->site, f->a, STR("x@s.a.example"), &x, &f->e));
	acc = site_scope_of(&x);
	for (size_t i = 0; i < LEN(sets); i++)
		is(site_setting_set(f->site, NULL, str_of(sets[i].key),
		       (struct site_scope){ .domain = str_of(sets[i].domain) },
		       str_of(sets[i].value), &f->e),
		    sets[i].rc);

	assert_int_equal(site_setting_uint(f->site, "quota.bytes", acc), 0);
	ok(site_setting_set(
	    f->site, NULL, STR("quota.bytes"), site, STR("1K"), &f->e));
	assert_int_equal(site_setting_uint(f->site, "quota.bytes", acc), 1024);
	ok(site_setting_set(
	    f->site, NULL, STR("quota.bytes"), dom, STR("2K"), &f->e));
	assert_int_equal(site_setting_uint(f->site, "quota.bytes", acc), 2048);
	assert_int_equal(site_setting_uint(f->site, "quota.bytes", sub), 2048);
	ok(site_setting_set(
	    f->site, NULL, STR("quota.bytes"), sub, STR("3K"), &f->e));
	assert_int_equal(site_setting_uint(f->site, "quota.bytes", acc), 3072);
	ok(site_setting_set(f->site, NULL, STR("quota.bytes"),
	    (struct site_scope){ .account = str_of(x.id) }, STR("4K"), &f->e));
	assert_int_equal(site_setting_uint(f->site, "quota.bytes", acc), 4096);
	assert_int_equal(site_setting_uint(f->site, "quota.bytes",
			     (struct site_scope){ .account = str_of(x.id) }),
	    4096);
	assert_int_equal(site_setting_uint(f->site, "quota.bytes", dom), 2048);
	site_settings_read(f->site, f->a, acc, several, 3);
	assert_int_equal(several[0].number, 4096);
	assert_int_equal(several[1].number, 0);
	assert_str(several[2].text, "sender");
	ok(site_account_get(f->site, f->a, str_of(x.id), &x, &f->e));
	assert_int_equal(x.quota_bytes, 4096);

	ok(site_setting_list(f->site, f->a, sub, false, &rows, &n, &f->e));
	assert_int_equal(n, 1);
	assert_str(rows[0].value, "3K");
	ok(site_setting_list(f->site, f->a, site, true, &rows, &n, &f->e));
	assert_int_equal(n, 7); /* one is the fixture's */
	assert_str(rows[6].scope.account, x.id);

	ok(site_setting_set(
	    f->site, NULL, STR("quota.bytes"), acc, STR_NULL, &f->e));
	ok(site_setting_set(
	    f->site, NULL, STR("quota.bytes"), sub, STR_NULL, &f->e));
	assert_int_equal(site_setting_uint(f->site, "quota.bytes", acc), 2048);
	assert_str(
	    site_setting(f->site, f->a, "delivery.over_quota", acc), "reject");
	assert_str(site_setting(f->site, f->a, "no.such", acc), "");
}

/* Another process is another handle: it sees changes at once. */
static void
test_two_handles(void **state)
{
	struct fixture *f = *state;
	struct site_scope site = { 0 };
	struct site_domain d;
	struct site *other;

	ok(site_open(f->dir, &other, &f->e));
	assert_int_equal(site_setting_uint(other, "quota.bytes", site), 0);
	is(site_domain_get(other, f->a, STR("a.example"), &d, &f->e),
	    SITE_NOTFOUND);
	ok(site_setting_set(
	    f->site, NULL, STR("quota.bytes"), site, STR("7K"), &f->e));
	add_domain(f, "a.example");
	assert_int_equal(site_setting_uint(other, "quota.bytes", site), 7168);
	ok(site_domain_get(other, f->a, STR("a.example"), &d, &f->e));
	site_close(&other);
}

/* ------------------------------------------------------------------------
 * The rest
 */

static void
test_certificates(void **state)
{
	static const struct {
		const char *name, *chain;
	} cases[] = { { "mail.a.example", "C1" }, { "MAIL.a.example", "C1" },
		{ "x.a.example", "C2" }, { "a.example", NULL },
		{ "y.x.a.example", NULL }, { "b.example", NULL } };
	struct fixture *f = *state;

	ok(site_certificate_set(
	    f->site, NULL, STR("mail.a.example"), STR("C1"), STR("K1"), &f->e));
	ok(site_certificate_set(
	    f->site, NULL, STR("*.a.example"), STR("C2"), STR("K2"), &f->e));
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf chain = { 0 }, key = { 0 };

		is(site_certificate(
		       f->site, str_of(cases[i].name), &chain, &key, &f->e),
		    cases[i].chain ? SITE_OK : SITE_NOTFOUND);
		if (cases[i].chain)
			assert_string_equal(buf_cstr(&chain), cases[i].chain);
		buf_fini(&chain);
		buf_fini(&key);
	}
	ok(site_certificate_set(
	    f->site, NULL, STR("*.a.example"), STR_NULL, STR_NULL, &f->e));
	is(site_certificate_set(
	       f->site, NULL, STR("*.a.example"), STR_NULL, STR_NULL, &f->e),
	    SITE_NOTFOUND);
}

static void
test_audit(void **state)
{
	struct fixture *f = *state;
	struct site_by by = { STR("cli:root"), STR("192.0.2.1") };
	struct site_audit_row *rows;
	size_t n;

	ok(site_domain_add(f->site, &by, STR("a.example"), STR_NULL, &f->e));
	is(site_domain_add(f->site, &by, STR("a.example"), STR_NULL, &f->e),
	    SITE_EXISTS); /* a failure leaves no row */
	ok(site_audit(f->site, NULL, STR("test"), STR("o"), STR("d"), &f->e));
	ok(site_audit_list(f->site, f->a, 0, 10, &rows, &n, &f->e));
	assert_int_equal(n, 3); /* one is the fixture's */
	assert_str(rows[0].who, "system");
	assert_str(rows[0].detail, "d");
	assert_str(rows[1].who, "cli:root");
	assert_str(rows[1].from, "192.0.2.1");
	assert_str(rows[1].action, "domain.add");
	assert_str(rows[1].object, "a.example");
	ok(site_audit_list(f->site, f->a, rows[0].id, 10, &rows, &n, &f->e));
	assert_int_equal(n, 2);
}

static void
count_problem(void *arg, const char *problem)
{
	print_message("%s\n", problem);
	++*(int *)arg;
}

static void
test_check_and_backup(void **state)
{
	struct fixture *f = *state;
	struct sq_options o = { 0 };
	struct site_domain d;
	struct site *copy;
	struct sq *q;
	int problems = 0;

	add_domain(f, "a.example");
	ok(site_check(f->site, count_problem, &problems, &f->e));
	assert_int_equal(problems, 0);
	assert_int_equal(
	    mkdir(arena_printf(f->a, "%s/copy", f->dir).p, 0700), 0);
	ok(site_backup(
	    f->site, arena_printf(f->a, "%s/copy/site.db", f->dir).p, &f->e));
	is(site_backup(
	       f->site, arena_printf(f->a, "%s/copy/site.db", f->dir).p, &f->e),
	    SITE_EXISTS);
	ok(site_open(arena_printf(f->a, "%s/copy", f->dir).p, &copy, &f->e));
	ok(site_domain_get(copy, f->a, STR("a.example"), &d, &f->e));
	site_close(&copy);

	o.path = arena_printf(f->a, "%s/site.db", f->dir).p;
	assert_int_equal(sq_open(&o, &q, &f->e), SQ_OK);
	assert_int_equal(sq_script(q,
			     "PRAGMA foreign_keys = OFF;"
			     "INSERT INTO aliases (key, address, domain,"
			     " created) VALUES ('x', 'x', 99, 0)",
			     &f->e),
	    SQ_OK);
	sq_close(&q);
	ok(site_check(f->site, count_problem, &problems, &f->e));
	assert_int_equal(problems, 1);
}

/* More threads than readers, reading while one writes. */
static void *
read_much(void *arg)
{
	struct fixture *f = arg;

	for (int i = 0; i < 200; i++) {
		struct arena *a = arena_new();
		struct site_targets t;
		struct err e;

		if (site_resolve(f->site, a, STR("info@a.example"), &t, &e) !=
			SITE_OK ||
		    t.count != 2)
			f->failed = true;
		arena_free(&a);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[20];

	make_directory(f);
	for (int i = 0; i < 20; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, read_much, f), 0);
	for (int i = 0; i < 20; i++)
		ok(site_setting_set(f->site, NULL, STR("quota.bytes"),
		    (struct site_scope){ 0 }, STR("1G"), &f->e));
	for (int i = 0; i < 20; i++)
		pthread_join(threads[i], NULL);
	assert_false(f->failed);
}

static void
test_open_failures(void **state)
{
	struct fixture *f = *state;
	struct buf path = { 0 };
	struct site *s;

	is(site_open("/nonexistent", &s, &f->e), SITE_IO);
	assert_null(s);
	site_close(&f->site);
	buf_printf(&path, "%s/site.db", f->dir);
	assert_true(fs_write_durable(buf_cstr(&path),
	    STR("garbage garbage garbage garbage garbage garbage garbage "
		"garbage garbage garbage garbage garbage"),
	    0600, &f->e));
	is(site_open(f->dir, &s, &f->e), SITE_CORRUPT);
	assert_non_null(strstr(f->e.msg, "site.db"));
	buf_fini(&path);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_setting_table),
		T(test_domains),
		T(test_accounts),
		T(test_aliases),
		T(test_resolve),
		T(test_resolve_settings),
		T(test_resolve_limits),
		T(test_senders),
		T(test_scores),
		T(test_settings),
		T(test_two_handles),
		T(test_certificates),
		T(test_audit),
		T(test_check_and_backup),
		T(test_threads),
		T(test_open_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
