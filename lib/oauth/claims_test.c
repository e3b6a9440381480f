/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "fetch/fetch.h"
#include "oauth/claims.h"

#define NOW 1000000

static const struct {
	const char *issuer, *audience, *scopes;
	bool self;
	const char *claims;
	enum site_rc rc;
} cases[] = {
	/* clang-format off */
	{ "i", "a b", "", true, "{\"iss\":\"i\",\"aud\":\"b\",\"exp\":1000001}", SITE_OK },
	{ "i", "a", "", true, "{\"iss\":\"i\",\"aud\":[\"x\",\"a\"],\"exp\":1000001.5}", SITE_OK },
	{ "i", "*", "", true, "{\"iss\":\"i\",\"exp\":1000001}", SITE_OK },
	{ "*", "*", "", true, "{\"exp\":1000001}", SITE_OK },
	{ "i", "a", "", true, "{\"iss\":\"j\",\"aud\":\"a\",\"exp\":1000001}", SITE_DENIED },
	{ "i", "a", "", true, "{\"iss\":[\"i\"],\"aud\":\"a\",\"exp\":1000001}", SITE_DENIED },
	{ "i", "a", "", true, "{\"aud\":\"a\",\"exp\":1000001}", SITE_DENIED },
	{ "i", "a", "", true, "{\"iss\":\"i\",\"aud\":\"ab\",\"exp\":1000001}", SITE_DENIED },
	{ "i", "a", "", true, "{\"iss\":\"i\",\"exp\":1000001}", SITE_DENIED },
	{ "i", "a", "", true, "{\"iss\":\"i\",\"aud\":1,\"exp\":1000001}", SITE_DENIED },
	/* Not set up: nobody's fault but ours. */
	{ "", "a", "", true, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1000001}", SITE_BUSY },
	{ "i", "", "", true, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1000001}", SITE_BUSY },
	/* Times, with a minute of leeway. */
	{ "*", "*", "", true, "{}", SITE_DENIED },
	{ "*", "*", "", true, "{\"exp\":999940}", SITE_OK },
	{ "*", "*", "", true, "{\"exp\":999939}", SITE_DENIED },
	{ "*", "*", "", true, "{\"exp\":\"1000001\"}", SITE_DENIED },
	{ "*", "*", "", true, "{\"exp\":null}", SITE_DENIED },
	{ "*", "*", "", true, "{\"exp\":1000001,\"nbf\":1000060}", SITE_OK },
	{ "*", "*", "", true, "{\"exp\":2000001,\"nbf\":1000061}", SITE_DENIED },
	/* Scopes: all of them. */
	{ "*", "*", "imap", true, "{\"exp\":1000001,\"scope\":\"smtp imap\"}", SITE_OK },
	{ "*", "*", "imap smtp", true, "{\"exp\":1000001,\"scp\":[\"smtp\",\"imap\"]}", SITE_OK },
	{ "*", "*", "imap smtp", true, "{\"exp\":1000001,\"scope\":\"imap\"}", SITE_DISABLED },
	{ "*", "*", "imap", true, "{\"exp\":1000001,\"scope\":\"imaps\"}", SITE_DISABLED },
	{ "*", "*", "imap", true, "{\"exp\":1000001}", SITE_DISABLED },
	/* What the provider itself says need not have all. */
	{ "", "", "", false, "{\"active\":true}", SITE_OK },
	{ "i", "a", "", false, "{\"active\":true}", SITE_OK },
	{ "i", "a", "", false, "{\"iss\":\"j\"}", SITE_DENIED },
	{ "i", "a", "", false, "{\"aud\":\"b\"}", SITE_DENIED },
	{ "", "", "", false, "{\"exp\":1}", SITE_DENIED },
	{ "", "", "imap", false, "{}", SITE_DISABLED },
	/* clang-format on */
};

static void
test_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct oauth_config c = { .issuer = str_of(cases[i].issuer),
			.audience = str_of(cases[i].audience),
			.scopes = str_of(cases[i].scopes),
			.leeway = 60 };
		json_t *o = json_loads(cases[i].claims, 0, NULL);
		struct err e = ERR_INIT;
		enum site_rc rc = claims_check(&c, o, cases[i].self, NOW, &e);

		print_message("%zu: %s: %s\n", i, cases[i].claims, e.msg);
		assert_int_equal(rc, cases[i].rc);
		assert_int_equal(rc == SITE_OK, e.msg[0] == '\0');
		json_decref(o);
	}
}

static const struct {
	const char *names, *claims, *domain;
	const char *user; /* NULL: none */
} users[] = {
	/* clang-format off */
	{ "email", "{\"email\":\"a@b.example\"}", "", "a@b.example" },
	{ "email", "{\"email\":\"a@b.example\",\"email_verified\":true}", "", "a@b.example" },
	{ "email", "{\"email\":\"a@b.example\",\"email_verified\":false}", "", NULL },
	{ "email", "{\"email\":\"a@b.example\",\"email_verified\":\"false\"}", "", NULL },
	{ "upn email", "{\"email\":\"a@b.example\",\"upn\":\"c@b.example\"}", "", "c@b.example" },
	{ "upn email", "{\"email\":\"a@b.example\",\"upn\":\"\"}", "", "a@b.example" },
	{ "username", "{\"username\":\"a\"}", "b.example", "a@b.example" },
	{ "username", "{\"username\":\"a\"}", "", "a" },
	{ "email", "{\"email\":1}", "", NULL },
	{ "email", "{}", "", NULL },
	{ "", "{\"email\":\"a@b.example\"}", "", NULL },
	/* clang-format on */
};

static void
test_user(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(users); i++) {
		struct oauth_config c = { .claims = str_of(users[i].names) };
		json_t *o = json_loads(users[i].claims, 0, NULL);
		struct err e = ERR_INIT;
		struct str user;
		enum site_rc rc =
		    claims_user(&c, a, o, str_of(users[i].domain), &user, &e);

		print_message("%s\n", users[i].claims);
		assert_int_equal(rc, users[i].user ? SITE_OK : SITE_DENIED);
		if (users[i].user)
			assert_true(str_eqc(user, users[i].user));
		json_decref(o);
	}
	arena_free(&a);
}

static void
test_urls(void **state)
{
	static const struct {
		const char *url;
		bool ok;
	} urls[] = {
		{ "https://id.example/keys", true },
		{ "http://id.example/keys", false },
		{ "http://127.0.0.1:8080/x", true },
		{ "http://localhost", true },
		{ "http://[::1]/x", true },
		{ "http://localhost.example/x", false },
		{ "http://127.0.0.1@id.example/", false },
		{ "file:///etc/passwd", false },
		{ "", false },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(urls); i++) {
		print_message("%s\n", urls[i].url);
		assert_int_equal(fetch_url_ok(str_of(urls[i].url)), urls[i].ok);
	}
	fetch_escape(&b, STR("aZ9-._~ +/=&%\xc3\xa4"));
	assert_string_equal(buf_cstr(&b), "aZ9-._~%20%2B%2F%3D%26%25%C3%A4");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_user),
		cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
