/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "site/sasl.h"
#include "site/test.h"

static const struct site_scope whole_site;

/* Tokens that say what they are: "alice@a.example", "denied", ... */
static enum site_rc
check(struct site *s, struct arena *a, struct str token, struct str domain,
    struct str *user, struct err *e)
{
	(void)s;
	err_set(e, "the token is %.*s", STR_ARG(token));
	if (str_eqc(token, "denied"))
		return SITE_DENIED;
	if (str_eqc(token, "weak"))
		return SITE_DISABLED;
	if (str_eqc(token, "down"))
		return SITE_BUSY;
	if (str_eqc(token, "domain") && !str_eqc(domain, "a.example"))
		return SITE_DENIED;
	*user = arena_str(
	    a, str_eqc(token, "domain") ? STR("alice@a.example") : token);
	return SITE_OK;
}

static int
up(void **state)
{
	struct fixture *f;

	if (fixture_up(state) != 0)
		return -1;
	f = *state;
	add_domain(f, "a.example");
	add_account(f, "alice@a.example");
	add_account(f, "bob@a.example");
	ok(site_setting_set(f->site, NULL, STR("login.mechanisms"), whole_site,
	    STR("OAUTHBEARER XOAUTH2"), &f->e));
	ok(site_setting_set(f->site, NULL, STR("oauth.scopes"), whole_site,
	    STR("imap"), &f->e));
	ok(site_setting_set(f->site, NULL, STR("oauth.discovery"),
	    (struct site_scope){ .domain = STR("a.example") },
	    STR("https://id.example/x"), &f->e));
	site_set_token_check(f->site, check);
	return 0;
}

#define A "\1"
#define BAD                                                                    \
	"{\"status\":\"invalid_token\",\"openid-configuration\":\"https://"    \
	"id.example/x\",\"scope\":\"imap\"}"
#define BAD_SITE "{\"status\":\"invalid_token\",\"scope\":\"imap\"}"
#define WEAK                                                                   \
	"{\"status\":\"insufficient_scope\",\"openid-configuration\":\"https:" \
	"//id.example/x\",\"scope\":\"imap\"}"
#define GOOGLE "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"imap\"}"

static const struct {
	const char *mechanism, *in;
	const char *challenge; /* NULL: over at once */
	enum site_rc rc;
} cases[] = {
	/* clang-format off */
	{ "OAUTHBEARER", "n,a=alice@a.example," A "host=h" A "port=143" A "auth=Bearer alice@a.example" A A, NULL, SITE_OK },
	{ "OAUTHBEARER", "n,," A "auth=Bearer alice@a.example" A A, NULL, SITE_OK },
	{ "OAUTHBEARER", "y,," A "auth=bearer alice@a.example" A A, NULL, SITE_OK },
	{ "OAUTHBEARER", "n,a=alice@a.example," A "auth=Bearer domain" A A, NULL, SITE_OK },
	{ "OAUTHBEARER", "n,a=bob@a.example," A "auth=Bearer alice@a.example" A A, NULL, SITE_DENIED },
	{ "OAUTHBEARER", "n,," A "auth=Bearer nobody@a.example" A A, NULL, SITE_DENIED },
	{ "OAUTHBEARER", "n,a=alice@a.example," A "auth=Bearer denied" A A, BAD, SITE_DENIED },
	{ "OAUTHBEARER", "n,," A "auth=Bearer denied" A A, BAD_SITE, SITE_DENIED },
	{ "OAUTHBEARER", "n,," A "auth=Bearer domain" A A, BAD_SITE, SITE_DENIED },
	{ "OAUTHBEARER", "n,a=alice@a.example," A "auth=Bearer weak" A A, WEAK, SITE_DISABLED },
	{ "OAUTHBEARER", "n,a=alice@a.example," A "auth=Bearer down" A A, NULL, SITE_BUSY },
	{ "OAUTHBEARER", "n,," A A, BAD_SITE, SITE_DENIED },
	{ "OAUTHBEARER", "n,," A "auth=" A A, NULL, SITE_INVALID },
	{ "OAUTHBEARER", "n,," A "auth=Basic x" A A, NULL, SITE_INVALID },
	{ "OAUTHBEARER", "p=tls-exporter,," A "auth=Bearer alice@a.example" A A, NULL, SITE_INVALID },
	{ "OAUTHBEARER", "n,a==," A "auth=Bearer alice@a.example" A A, NULL, SITE_INVALID },
	{ "OAUTHBEARER", "n,," A "auth=Bearer alice@a.example" A, NULL, SITE_INVALID },
	{ "OAUTHBEARER", "n,," A "auth=Bearer alice@a.example", NULL, SITE_INVALID },
	{ "OAUTHBEARER", "n,," A "auth=Bearer alice@a.example" A A "x", NULL, SITE_INVALID },
	{ "OAUTHBEARER", "n,,auth=Bearer alice@a.example" A A, NULL, SITE_INVALID },
	{ "OAUTHBEARER", "n", NULL, SITE_INVALID },
	{ "OAUTHBEARER", "", NULL, SITE_INVALID },
	{ "XOAUTH2", "user=alice@a.example" A "auth=Bearer alice@a.example" A A, NULL, SITE_OK },
	{ "XOAUTH2", "user=bob@a.example" A "auth=Bearer alice@a.example" A A, NULL, SITE_DENIED },
	{ "XOAUTH2", "user=alice@a.example" A "auth=Bearer denied" A A, GOOGLE, SITE_DENIED },
	{ "XOAUTH2", "user=alice@a.example" A "auth=Bearer down" A A, NULL, SITE_BUSY },
	{ "XOAUTH2", "auth=Bearer alice@a.example" A A, NULL, SITE_INVALID },
	{ "XOAUTH2", "user=alice@a.example" A "auth=Bearer alice@a.example", NULL, SITE_INVALID },
	{ "XOAUTH2", "", NULL, SITE_INVALID },
	/* clang-format on */
};

static void
test_messages(void **state)
{
	struct fixture *f = *state;
	struct sasl_options o = { .site = f->site,
		.peer = { "127.0.0.1", "imap", true, true } };

	for (size_t i = 0; i < LEN(cases); i++) {
		struct str in = { cases[i].in, strlen(cases[i].in) };
		struct buf out = { 0 };
		enum sasl_rc rc;
		unsigned delay;
		struct sasl *x;

		print_message("case %zu\n", i);
		assert_true(sasl_start(&o, str_of(cases[i].mechanism), &x));
		rc = sasl_step(x, in, &out);
		if (cases[i].challenge) {
			assert_int_equal(rc, SASL_CONTINUE);
			assert_string_equal(buf_cstr(&out), cases[i].challenge);
			rc = sasl_step(x, STR("\1"), &out);
		}
		assert_int_equal(out.n, 0);
		assert_int_equal(
		    rc, cases[i].rc == SITE_OK ? SASL_OK : SASL_FAIL);
		is(sasl_result(x, &delay, &f->e), cases[i].rc);
		if (rc == SASL_OK)
			assert_str(sasl_account(x)->address, "alice@a.example");
		assert_int_equal(sasl_password(x).n, 0);
		sasl_free(&x);
		buf_fini(&out);
	}
}

/* Bad tokens count like wrong passwords, and the delay comes last. */
static void
test_throttled(void **state)
{
	struct fixture *f = *state;
	struct sasl_options o = { .site = f->site,
		.peer = { "192.0.2.1", "imap", false, true } };
	unsigned delay = 0;

	for (int i = 0; i < 3; i++) {
		struct buf out = { 0 };
		struct sasl *x;

		assert_true(sasl_start(&o, STR("XOAUTH2"), &x));
		assert_int_equal(
		    sasl_step(x,
			STR("user=alice@a.example" A "auth=Bearer denied" A A),
			&out),
		    SASL_CONTINUE);
		assert_int_equal(sasl_step(x, STR(""), &out), SASL_FAIL);
		sasl_result(x, &delay, &f->e);
		assert_int_equal(delay, i * 1000);
		assert_non_null(strstr(f->e.msg, "the token is denied"));
		sasl_free(&x);
		buf_fini(&out);
	}
}

static void
test_offer(void **state)
{
	struct fixture *f = *state;
	struct sasl_options o = { .site = f->site,
		.peer = { "192.0.2.1", "imap", false, true } };

	assert_str(sasl_mechanisms(&o, f->a), "OAUTHBEARER XOAUTH2");
	o.peer.tls = false; /* tokens are secrets */
	assert_str(sasl_mechanisms(&o, f->a), "");
	o.peer.tls = true;
	site_set_token_check(f->site, NULL);
	assert_str(sasl_mechanisms(&o, f->a), "");
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, fixture_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_messages),
		T(test_throttled),
		T(test_offer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
