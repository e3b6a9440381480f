/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/codec.h"
#include "site/apop.h"
#include "site/test.h"

#include <openssl/evp.h>

static const struct site_scope whole_site;

static const char challenge[] = "<1896.697170952@dbc.mtview.ca.us>";

static int
up(void **state)
{
	struct fixture *f;

	if (fixture_up(state) != 0)
		return -1;
	f = *state;
	add_domain(f, "a.example");
	add_account(f, "before@a.example");
	ok(site_setting_set(f->site, NULL, STR("login.mechanisms"), whole_site,
	    STR("PLAIN APOP"), &f->e));
	add_account(f, "alice@a.example");
	return 0;
}

static struct str
digest(struct fixture *f, const char *password)
{
	struct str text = arena_printf(f->a, "%s%s", challenge, password), out;
	struct buf hex = { 0 };
	uint8_t md5[16];

	assert_int_equal(
	    EVP_Digest(text.p, text.n, md5, NULL, EVP_md5(), NULL), 1);
	hex_encode(&hex, md5, sizeof(md5));
	out = arena_str(f->a, buf_str(&hex));
	buf_fini(&hex);
	return out;
}

static enum site_rc
try(struct fixture *f, const char *user, struct str proof)
{
	struct site_credentials c = { .mechanism = STR("APOP"),
		.user = str_of(user),
		.password = proof,
		.peer = { "127.0.0.1", "pop3", true, false } };
	struct site_account acc;
	unsigned delay;
	enum site_rc rc = site_login_apop(
	    f->site, f->a, &c, str_of(challenge), &acc, &delay, &f->e);

	if (rc == SITE_OK)
		assert_str(acc.address, user);
	return rc;
}

static void
test_apop(void **state)
{
	static const struct {
		const char *user, *password; /* or the digest, in hex */
		enum site_rc rc;
	} cases[] = {
		{ "alice@a.example", "password", SITE_OK },
		{ "alice@a.example", "wrong", SITE_DENIED },
		{ "alice@a.example", "", SITE_DENIED },
		{ "nobody@a.example", "password", SITE_DENIED },
		{ "before@a.example", "password", SITE_DENIED },
	};
	struct fixture *f = *state;

	assert_true(site_apop_on(f->site));
	/* RFC 1939's own example. */
	assert_str(digest(f, "tanstaaf"), "c4c9334bac560ecc979e58001b3e22fb");
	for (size_t i = 0; i < LEN(cases); i++) {
		print_message("case %zu\n", i);
		is(try(f, cases[i].user, digest(f, cases[i].password)),
		    cases[i].rc);
	}
	is(try(f, "alice@a.example", STR("not hex")), SITE_DENIED);
	is(try(f, "alice@a.example", STR("")), SITE_DENIED);
}

/* A login with the password makes what was missing. */
static void
test_made_at_login(void **state)
{
	struct fixture *f = *state;
	struct site_credentials c = { .mechanism = STR("PLAIN"),
		.user = STR("before@a.example"),
		.password = STR("password"),
		.peer = { "127.0.0.1", "pop3", true, true } };
	struct site_account acc;
	unsigned delay;

	ok(site_login(f->site, f->a, &c, &acc, &delay, &f->e));
	is(try(f, "before@a.example", digest(f, "password")), SITE_OK);
}

static void
test_off(void **state)
{
	struct fixture *f = *state;

	ok(site_setting_set(f->site, NULL, STR("login.mechanisms"), whole_site,
	    STR("PLAIN"), &f->e));
	assert_false(site_apop_on(f->site));
	is(try(f, "alice@a.example", digest(f, "password")), SITE_DENIED);
}

/* What is stored shows no password, and one changed bit spoils it. */
static void
test_seal(void **state)
{
	struct fixture *f = *state;
	struct str one = apop_seal(f->site, f->a, STR("secret password")),
		   two = apop_seal(f->site, f->a, STR("secret password"));
	struct buf out = { 0 };
	char *bent = arena_alloc(f->a, one.n);

	assert_true(one.n > 0 && !str_eq(one, two));
	assert_true(apop_open(f->site, one, &out));
	assert_str(buf_str(&out), "secret password");
	buf_clear(&out);
	memcpy(bent, one.p, one.n);
	bent[20] = bent[20] == 'A' ? 'B' : 'A';
	assert_false(apop_open(f->site, (struct str){ bent, one.n }, &out));
	assert_int_equal(out.n, 0);
	assert_false(apop_open(f->site, STR("AAAA"), &out));
	assert_false(apop_open(f->site, STR(""), &out));
	buf_fini(&out);
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, fixture_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_apop),
		T(test_made_at_login),
		T(test_off),
		T(test_seal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
