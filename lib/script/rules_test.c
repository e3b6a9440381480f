/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/rules.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script/source.h"
#include "site/test.h"

static const struct site_scope whole_site;

static struct sieve_caps
caps(const char *text)
{
	return rules_extensions(str_of(text));
}

static void
test_extensions(void **state)
{
	uint64_t all = sieve_caps_default().bits;
	uint64_t reject = UINT64_C(1) << CAP_REJECT, pipe = UINT64_C(1)
							    << CAP_DOVECOT_PIPE;

	(void)state;
	assert_true(all & reject);
	assert_false(all & pipe);
	assert_true(caps("*").bits == all);
	assert_true(caps("").bits == 0);
	assert_true(caps("* -reject").bits == (all & ~reject));
	assert_true(caps("-reject *").bits == all);
	assert_true(caps("* vnd.dovecot.pipe").bits == (all | pipe));
	assert_true(caps("reject nonsense").bits == reject);
	assert_true(caps("REJECT").bits == reject);
}

/* The setting takes what the engine knows, and nothing else. */
static void
test_choices_agree(void **state)
{
	const struct site_setting *k =
	    site_setting_find(STR("sieve.extensions"));
	struct str rest = str_of(k->choices), word;
	unsigned known = 0;
	enum sieve_cap cap;

	(void)state;
	assert_true(str_split(&rest, ' ', &word) && str_eqc(word, "*"));
	while (rest.n && str_split(&rest, ' ', &word)) {
		print_message("%.*s\n", STR_ARG(word));
		assert_true(sieve_cap_find(word, &cap));
		known++;
	}
	assert_int_equal(known, CAP_COUNT - 1);
}

static enum site_rc
set(struct fixture *f, const char *key, const char *value)
{
	return site_setting_set(
	    f->site, NULL, str_of(key), whole_site, str_of(value), &f->e);
}

static void
test_settings(void **state)
{
	struct fixture *f = *state;
	struct rules r;

	rules_of(f->site, whole_site, &r);
	assert_true(r.caps.bits == sieve_caps_default().bits);
	assert_int_equal(r.limits.nesting, sieve_limits_default.nesting);
	ok(set(f, "sieve.extensions", "* -Reject"));
	is(set(f, "sieve.extensions", "* -nonsense"), SITE_INVALID);
	is(set(f, "login.mechanisms", "-PLAIN"), SITE_INVALID);
	ok(set(f, "sieve.max_redirects", "7"));
	ok(set(f, "sieve.max_script_size", "2K"));
	ok(set(f, "sieve.max_scripts", "3"));
	ok(set(f, "sieve.max_storage", "5K"));
	rules_of(f->site, whole_site, &r);
	assert_false(sieve_caps_has(r.caps, CAP_REJECT));
	assert_true(sieve_caps_has(r.caps, CAP_FILEINTO));
	assert_int_equal(r.limits.redirects, 7);
	assert_int_equal(r.limits.script, 2048);
	assert_int_equal(r.store.scripts, 3);
	assert_int_equal(r.store.bytes, 5120);
}

/* ------------------------------------------------------------------------
 * Compiling with what an account may include
 */

static unsigned
warnings(struct fixture *f, struct script_source *s, const char *text)
{
	struct sieve_diags d;

	assert_true(script_check(s, f->a, STR("x"), str_of(text), &d));
	for (size_t i = 0; i < d.n;
	     i++) /* the program is gone, these are not */
		assert_str(d.v[i].script, "x");
	return d.warnings;
}

static void
test_include(void **state)
{
	static const char global[] =
	    "require \"include\";\r\ninclude :global \"g\";\r\n";
	static const char personal[] =
	    "require \"include\";\r\ninclude :personal \"p\";\r\n";
	struct fixture *f = *state;
	struct store_options o = { .data_dir = f->dir, .no_indexer = true };
	struct site_script g = { .place = SITE_SCRIPT_GLOBAL,
		.domain = STR("example.test"),
		.name = STR("g") };
	struct site_account acc;
	struct script_source s;
	struct account *a;
	struct store *st;

	add_domain(f, "example.test");
	ok(site_account_add(f->site, f->a, NULL, STR("a@example.test"),
	    STR_NULL, STR("password"), &acc, &f->e));
	assert_int_equal(store_open(&o, &st, &f->e), STORE_OK);
	assert_int_equal(account_create(st, str_of(acc.id), &f->e), STORE_OK);
	assert_int_equal(account_open(st, str_of(acc.id), &a, &f->e), STORE_OK);

	script_source_of(f->site, &acc, a, &s);
	assert_int_equal(warnings(f, &s, global), 1);
	assert_int_equal(warnings(f, &s, personal), 1);
	ok(site_script_put(f->site, NULL, &g, STR("keep;"), &f->e));
	assert_int_equal(
	    script_put(a, STR("p"), STR("keep;"), NULL, &f->e), STORE_OK);
	assert_int_equal(warnings(f, &s, global), 0);
	assert_int_equal(warnings(f, &s, personal), 0);
	s.account = NULL; /* a site script has no personal ones */
	assert_int_equal(warnings(f, &s, personal), 1);
	account_close(&a);
	store_close(&st);
}

static void
test_refused(void **state)
{
	struct fixture *f = *state;
	struct site_account acc;
	struct script_source s;
	struct sieve_diags d;
	struct str text = STR("require \"reject\";\r\nreject \"no\";\r\n");

	add_domain(f, "example.test");
	ok(site_account_add(f->site, f->a, NULL, STR("a@example.test"),
	    STR_NULL, STR("password"), &acc, &f->e));
	script_source_of(f->site, &acc, NULL, &s);
	assert_true(script_check(&s, f->a, STR("x"), text, &d));
	ok(set(f, "sieve.extensions", "* -reject"));
	script_source_of(f->site, &acc, NULL, &s);
	assert_false(script_check(&s, f->a, STR("x"), text, &d));
	assert_true(d.errors > 0);
	assert_int_equal(d.v[0].line, 1);
	/* What does not even parse leaves words behind as well. */
	assert_false(script_check(&s, f->a, STR("x"), STR("keep;\n["), &d));
	assert_int_equal(d.v[0].line, 2);
	assert_str(d.v[0].script, "x");
	assert_true(d.v[0].text.n > 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_choices_agree),
		T(test_settings),
		T(test_include),
		T(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
