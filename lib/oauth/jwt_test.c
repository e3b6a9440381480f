/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/buf.h"
#include "base/codec.h"
#include "oauth/jwt.h"

/* ------------------------------------------------------------------------
 * The other side: keys, their JWK form, and signing
 */

static void
put_base64url(struct buf *out, const void *p, size_t n)
{
	size_t at = out->n;

	base64_encode(out, (struct str){ p, n });
	for (; at < out->n; at++) {
		if (out->p[at] == '+')
			out->p[at] = '-';
		else if (out->p[at] == '/')
			out->p[at] = '_';
		else if (out->p[at] == '=')
			out->n = at;
	}
}

static void
put_number(struct buf *out, const char *name, EVP_PKEY *key, const char *param,
    size_t size)
{
	BIGNUM *n = NULL;
	uint8_t raw[1024];

	assert_int_equal(EVP_PKEY_get_bn_param(key, param, &n), 1);
	if (size == 0)
		size = (size_t)BN_num_bytes(n);
	assert_int_equal(BN_bn2binpad(n, raw, (int)size), size);
	buf_printf(out, ",\"%s\":\"", name);
	put_base64url(out, raw, size);
	BUF_LIT(out, "\"");
	BN_free(n);
}

struct kind {
	const char *name; /* for tests */
	const char *kty, *crv;
	size_t size; /* of a coordinate or key; bits with RSA */
};

static const struct kind rsa = { "RSA", "RSA", NULL, 2048 };
static const struct kind small_rsa = { "small RSA", "RSA", NULL, 1024 };
static const struct kind p256 = { "P-256", "EC", "P-256", 32 };
static const struct kind p384 = { "P-384", "EC", "P-384", 48 };
static const struct kind p521 = { "P-521", "EC", "P-521", 66 };
static const struct kind ed25519 = { "Ed25519", "OKP", "Ed25519", 32 };
static const struct kind ed448 = { "Ed448", "OKP", "Ed448", 57 };

static EVP_PKEY *
make_key(const struct kind *k)
{
	if (strcmp(k->kty, "RSA") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", k->size);
	if (strcmp(k->kty, "EC") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", k->crv);
	return EVP_PKEY_Q_keygen(NULL, NULL, k->crv);
}

/* A key set with one key; MORE: further members of it. */
static struct jwks *
make_set(const struct kind *k, EVP_PKEY *key, const char *more)
{
	struct buf b = { 0 };
	struct jwks *set;
	struct err e = ERR_INIT;
	uint8_t raw[64];
	size_t n = sizeof(raw);

	buf_printf(&b, "{\"keys\":[{\"kty\":\"%s\"", k->kty);
	if (k->crv)
		buf_printf(&b, ",\"crv\":\"%s\"", k->crv);
	if (strcmp(k->kty, "RSA") == 0) {
		put_number(&b, "n", key, OSSL_PKEY_PARAM_RSA_N, 0);
		put_number(&b, "e", key, OSSL_PKEY_PARAM_RSA_E, 0);
	} else if (strcmp(k->kty, "EC") == 0) {
		put_number(&b, "x", key, OSSL_PKEY_PARAM_EC_PUB_X, k->size);
		put_number(&b, "y", key, OSSL_PKEY_PARAM_EC_PUB_Y, k->size);
	} else {
		assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &n), 1);
		BUF_LIT(&b, ",\"x\":\"");
		put_base64url(&b, raw, n);
		BUF_LIT(&b, "\"");
	}
	buf_printf(&b, "%s}]}", more);
	if (!jwks_parse(buf_str(&b), &set, &e))
		fail_msg("%s: %s", buf_cstr(&b), e.msg);
	buf_fini(&b);
	return set;
}

static void
put_ecdsa(struct buf *out, const uint8_t *der, size_t n, size_t size)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	uint8_t raw[132];

	BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)size);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + size, (int)size);
	put_base64url(out, raw, 2 * size);
	ECDSA_SIG_free(sig);
}

static void
sign(const struct kind *k, EVP_PKEY *key, const char *digest, bool pss,
    struct buf *token)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pc;
	uint8_t sig[1024];
	size_t n = sizeof(sig);

	assert_int_equal(
	    EVP_DigestSignInit_ex(c, &pc, digest, NULL, NULL, key, NULL), 1);
	if (pss) {
		EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pc, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_int_equal(
	    EVP_DigestSign(c, sig, &n, (uint8_t *)token->p, token->n), 1);
	buf_putc(token, '.');
	if (strcmp(k->kty, "EC") == 0)
		put_ecdsa(token, sig, n, k->size);
	else
		put_base64url(token, sig, n);
	EVP_MD_CTX_free(c);
}

static void
make_token(const struct kind *k, EVP_PKEY *key, const char *header,
    const char *digest, bool pss, struct buf *out)
{
	static const char claims[] = "{\"sub\":\"alice\"}";

	put_base64url(out, header, strlen(header));
	buf_putc(out, '.');
	put_base64url(out, claims, sizeof(claims) - 1);
	sign(k, key, digest, pss, out);
}

static bool
believed(struct str token, const struct jwks *set)
{
	struct err e = ERR_INIT;
	struct jwt t;
	bool ok;

	if (!jwt_parse(token, &t, &e))
		return false;
	ok = jwt_verify(&t, set, &e);
	assert_int_equal(ok, e.msg[0] == '\0');
	jwt_fini(&t);
	return ok;
}

/* ------------------------------------------------------------------------
 * Tests
 */

static const struct {
	const char *header;
	const struct kind *kind;
	const char *digest;
	bool pss;
	const char *more; /* in the key */
	bool good;
} cases[] = {
	/* clang-format off */
	{ "{\"alg\":\"RS256\"}", &rsa, "SHA256", false, "", true },
	{ "{\"alg\":\"RS384\"}", &rsa, "SHA384", false, "", true },
	{ "{\"alg\":\"RS512\"}", &rsa, "SHA512", false, "", true },
	{ "{\"alg\":\"PS256\"}", &rsa, "SHA256", true, "", true },
	{ "{\"alg\":\"PS384\"}", &rsa, "SHA384", true, "", true },
	{ "{\"alg\":\"PS512\"}", &rsa, "SHA512", true, "", true },
	{ "{\"alg\":\"ES256\"}", &p256, "SHA256", false, "", true },
	{ "{\"alg\":\"ES384\"}", &p384, "SHA384", false, "", true },
	{ "{\"alg\":\"ES512\"}", &p521, "SHA512", false, "", true },
	{ "{\"alg\":\"EdDSA\"}", &ed25519, NULL, false, "", true },
	{ "{\"alg\":\"EdDSA\"}", &ed448, NULL, false, "", true },
	{ "{\"alg\":\"Ed25519\"}", &ed25519, NULL, false, "", true },
	{ "{\"alg\":\"Ed25519\"}", &ed448, NULL, false, "", false },
	/* Algorithm and key must go together. */
	{ "{\"alg\":\"RS256\"}", &rsa, "SHA512", false, "", false },
	{ "{\"alg\":\"PS256\"}", &rsa, "SHA256", false, "", false },
	{ "{\"alg\":\"ES256\"}", &p384, "SHA256", false, "", false },
	{ "{\"alg\":\"RS256\"}", &p256, "SHA256", false, "", false },
	{ "{\"alg\":\"RS256\"}", &rsa, "SHA256", false, ",\"alg\":\"PS256\"", false },
	{ "{\"alg\":\"RS256\"}", &rsa, "SHA256", false, ",\"alg\":\"RS256\",\"use\":\"sig\"", true },
	{ "{\"alg\":\"RS256\"}", &rsa, "SHA256", false, ",\"use\":\"enc\"", false },
	{ "{\"alg\":\"RS256\"}", &small_rsa, "SHA256", false, "", false },
	{ "{\"alg\":\"none\"}", &rsa, "SHA256", false, "", false },
	{ "{\"alg\":\"HS256\"}", &rsa, "SHA256", false, "", false },
	{ "{}", &rsa, "SHA256", false, "", false },
	{ "[]", &rsa, "SHA256", false, "", false },
	/* Key ids. */
	{ "{\"alg\":\"RS256\",\"kid\":\"a\"}", &rsa, "SHA256", false, ",\"kid\":\"a\"", true },
	{ "{\"alg\":\"RS256\",\"kid\":\"b\"}", &rsa, "SHA256", false, ",\"kid\":\"a\"", false },
	{ "{\"alg\":\"RS256\",\"kid\":\"b\"}", &rsa, "SHA256", false, "", false },
	{ "{\"alg\":\"RS256\"}", &rsa, "SHA256", false, ",\"kid\":\"a\"", true },
	/* What must be understood and is not; what may be ignored. */
	{ "{\"alg\":\"RS256\",\"crit\":[\"x\"],\"x\":1}", &rsa, "SHA256", false, "", false },
	{ "{\"alg\":\"RS256\",\"x\":1}", &rsa, "SHA256", false, "", true },
	{ "{\"alg\":\"none\",\"alg\":\"RS256\"}", &rsa, "SHA256", false, "", false },
	/* clang-format on */
};

static void
test_signatures(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		EVP_PKEY *key = make_key(cases[i].kind);
		struct jwks *set = make_set(cases[i].kind, key, cases[i].more);
		struct buf token = { 0 };

		print_message(
		    "%s with %s\n", cases[i].header, cases[i].kind->name);
		make_token(cases[i].kind, key, cases[i].header, cases[i].digest,
		    cases[i].pss, &token);
		assert_int_equal(believed(buf_str(&token), set), cases[i].good);
		buf_fini(&token);
		jwks_free(&set);
		EVP_PKEY_free(key);
	}
}

/* Any change of it, and any other key. */
static void
test_forged(void **state)
{
	static const struct kind *const kinds[] = { &rsa, &p256, &ed25519 };
	static const char *const headers[] = { "{\"alg\":\"RS256\"}",
		"{\"alg\":\"ES256\"}", "{\"alg\":\"EdDSA\"}" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		EVP_PKEY *key = make_key(kinds[i]), *other = make_key(kinds[i]);
		struct jwks *set = make_set(kinds[i], key, "");
		struct jwks *others = make_set(kinds[i], other, "");
		struct buf token = { 0 };

		make_token(kinds[i], key, headers[i], i < 2 ? "SHA256" : NULL,
		    false, &token);
		assert_true(believed(buf_str(&token), set));
		assert_false(believed(buf_str(&token), others));
		for (size_t at = 0; at < token.n; at += 7) {
			char was = token.p[at];

			token.p[at] = was == 'A' ? 'B' : 'A';
			if (at + 1 < token.n) /* its last bits may be unused */
				assert_false(believed(buf_str(&token), set));
			token.p[at] = was;
		}
		token.n--;
		assert_false(believed(buf_str(&token), set));
		buf_fini(&token);
		jwks_free(&set);
		jwks_free(&others);
		EVP_PKEY_free(key);
		EVP_PKEY_free(other);
	}
}

static void
test_shapes(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a.b", "a.b.", ".b.c",
		"a.b.c.d", "a.b.c", "e30.e30.e30", "eyJhIjox.e30.e30" };
	struct err e = ERR_INIT;
	struct jwt t;

	(void)state;
	assert_true(jwt_shape(STR("a.b.c")));
	for (size_t i = 0; i < LEN(bad); i++) {
		print_message("%s\n", bad[i]);
		assert_false(jwt_parse(str_of(bad[i]), &t, &e));
		assert_true(e.msg[0] != '\0');
	}
}

static void
test_sets(void **state)
{
	static const struct {
		const char *text;
		int keys; /* -1: no key set */
	} sets[] = {
		{ "", -1 },
		{ "[]", -1 },
		{ "{}", -1 },
		{ "{\"keys\":1}", -1 },
		{ "{\"keys\":[]}", 0 },
		{ "{\"keys\":[1,null,{},{\"kty\":1},{\"kty\":\"oct\","
		  "\"k\":\"AAAA\"}]}",
		    0 },
		{ "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
		  "\"AAAA\"}]}",
		    0 },
		{ "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
		  "\"AAAA\",\"y\":\"AAAA\"}]}",
		    0 },
		{ "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}"
		  "]}",
		    0 },
		/* RFC 8037, appendix A.2 */
		{ "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
		  "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
		    1 },
	};

	(void)state;
	for (size_t i = 0; i < LEN(sets); i++) {
		struct err e = ERR_INIT;
		struct jwks *set;
		bool ok = jwks_parse(str_of(sets[i].text), &set, &e);
		size_t n = 0;

		print_message("%s\n", sets[i].text);
		assert_int_equal(ok, sets[i].keys >= 0);
		if (ok) {
			jwks_list(set, &n);
			assert_int_equal(n, sets[i].keys);
		}
		jwks_free(&set);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
