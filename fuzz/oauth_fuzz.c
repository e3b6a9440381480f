/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "oauth/claims.h"
#include "oauth/jwt.h"
#include "site/sasl_mech.h"

/*
 * The input is a SASL message of OAUTHBEARER and of XOAUTH2; its first line is
 * a token, the rest a key set to check it with. Nobody can sign here, so no
 * token may be believed.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "not true: %s\n", what);
		abort();
	}
}

static void
check_message(struct arena *a, struct str in, bool gs2)
{
	struct sasl_bearer b;

	if (!sasl_parse_bearer(a, in, gs2, &b))
		return;
	check(b.user.n + b.token.n < in.n, "parts of the message");
	check(str_chr(b.token, '\1') == STR_NPOS, "one token");
}

static void
check_claims(struct arena *a, const json_t *claims)
{
	static const struct oauth_config c = { .issuer = STR("i"),
		.audience = STR("a b"),
		.scopes = STR("imap"),
		.claims = STR("upn email") };
	struct err e = ERR_INIT;
	struct str user;

	claims_check(&c, claims, true, 1000000, &e);
	claims_check(&c, claims, false, 1000000, &e);
	claims_user(&c, a, claims, STR("a.example"), &user, &e);
}

static void
check_token(struct arena *a, struct str token, struct str keys)
{
	struct jwks *set = NULL;
	struct err e = ERR_INIT;
	struct jwt t;

	jwks_parse(keys, &set, &e);
	if (jwt_parse(token, &t, &e)) {
		check(!set || !jwt_verify(&t, set, &e), "nobody signed it");
		check_claims(a, t.claims);
		jwt_fini(&t);
	}
	jwks_free(&set);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, rest = in, token;
	struct arena *a = arena_new();

	check_message(a, in, true);
	check_message(a, in, false);
	if (str_split(&rest, '\n', &token))
		check_token(a, token, rest);
	arena_free(&a);
	return 0;
}
