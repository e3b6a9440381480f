/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/jwt.h"

#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/buf.h"
#include "base/codec.h"

static const struct alg {
	const char *name, *kty;
	const char *crv;    /* the one that goes with it; NULL: any */
	const char *digest; /* NULL: the algorithm has its own */
	bool pss;
	size_t length; /* of an ECDSA signature */
} algs[] = {
	/* clang-format off */
	{ "RS256",   "RSA", NULL,      "SHA256", false, 0 },
	{ "RS384",   "RSA", NULL,      "SHA384", false, 0 },
	{ "RS512",   "RSA", NULL,      "SHA512", false, 0 },
	{ "PS256",   "RSA", NULL,      "SHA256", true,  0 },
	{ "PS384",   "RSA", NULL,      "SHA384", true,  0 },
	{ "PS512",   "RSA", NULL,      "SHA512", true,  0 },
	{ "ES256",   "EC",  "P-256",   "SHA256", false, 64 },
	{ "ES384",   "EC",  "P-384",   "SHA384", false, 96 },
	{ "ES512",   "EC",  "P-521",   "SHA512", false, 132 },
	{ "EdDSA",   "OKP", NULL,      NULL,     false, 0 },
	{ "Ed25519", "OKP", "Ed25519", NULL,     false, 0 },
	{ "Ed448",   "OKP", "Ed448",   NULL,     false, 0 },
	/* clang-format on */
};

static const struct alg *
find_alg(const char *name)
{
	for (size_t i = 0; name && i < LEN(algs); i++) {
		if (strcmp(algs[i].name, name) == 0)
			return &algs[i];
	}
	return NULL;
}

/* ------------------------------------------------------------------------
 * Taking it apart
 */

bool
jwt_shape(struct str text)
{
	size_t dots = 0;

	for (size_t i = 0; i < text.n; i++)
		dots += text.p[i] == '.';
	return dots == 2 && text.p[0] != '.' && text.p[text.n - 1] != '.';
}

static json_t *
object(struct str base64)
{
	struct buf text = { 0 };
	json_t *o = NULL;

	if (base64url_decode(&text, base64))
		o = json_loadb(
		    text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, NULL);
	buf_fini(&text);
	if (!json_is_object(o)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static bool
take_header(struct jwt *t, struct err *e)
{
	t->kid = json_string_value(json_object_get(t->header, "kid"));
	t->alg = json_string_value(json_object_get(t->header, "alg"));
	if (!find_alg(t->alg))
		err_set(e, "the token's algorithm \"%.32s\" is not taken",
		    t->alg ? t->alg : "");
	/* RFC 7515, section 4.1.11: extensions that must be understood. */
	else if (json_object_get(t->header, "crit"))
		err_set(e, "the token needs an extension (\"crit\")");
	else
		return true;
	return false;
}

bool
jwt_parse(struct str text, struct jwt *out, struct err *e)
{
	size_t first = str_chr(text, '.'), last = str_rchr(text, '.');

	*out = (struct jwt){ 0 };
	if (!jwt_shape(text)) {
		err_set(e, "the token is not a JWT");
		return false;
	}
	out->header = object(str_sub(text, 0, first));
	out->claims = object(str_sub(text, first + 1, last - first - 1));
	out->signed_part = str_sub(text, 0, last);
	out->signature = str_sub(text, last + 1, text.n);
	if (!out->header || !out->claims)
		err_set(e, "the token's parts are not JSON");
	else if (take_header(out, e))
		return true;
	jwt_fini(out);
	return false;
}

void
jwt_fini(struct jwt *t)
{
	json_decref(t->header);
	json_decref(t->claims);
	*t = (struct jwt){ 0 };
}

/* ------------------------------------------------------------------------
 * The signature
 */

/* JWS has the two numbers of ECDSA one after the other; OpenSSL wants DER. */
static bool
ecdsa_to_der(struct buf *signature, size_t length)
{
	int half = (int)(length / 2);
	const uint8_t *raw = (const uint8_t *)signature->p;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	uint8_t *der = NULL;
	int n = -1;

	if (sig && signature->n == length &&
	    ECDSA_SIG_set0(sig, BN_bin2bn(raw, half, NULL),
		BN_bin2bn(raw + half, half, NULL)) == 1)
		n = i2d_ECDSA_SIG(sig, &der);
	ECDSA_SIG_free(sig);
	if (n <= 0)
		return false;
	buf_clear(signature);
	buf_put(signature, der, (size_t)n);
	OPENSSL_free(der);
	return true;
}

static bool
set_padding(EVP_PKEY_CTX *c, const struct alg *alg)
{
	return !alg->pss ||
	       (EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) == 1 &&
		   EVP_PKEY_CTX_set_rsa_pss_saltlen(
		       c, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static bool
verify(const struct alg *alg, EVP_PKEY *key, struct str text,
    const struct buf *signature)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pc = NULL;
	bool ok = c &&
		  EVP_DigestVerifyInit_ex(
		      c, &pc, alg->digest, NULL, NULL, key, NULL) == 1 &&
		  set_padding(pc, alg) &&
		  EVP_DigestVerify(c, (const uint8_t *)signature->p,
		      signature->n, (const uint8_t *)text.p, text.n) == 1;

	EVP_MD_CTX_free(c);
	ERR_clear_error();
	return ok;
}

static bool
fits(const struct jwt *t, const struct alg *alg, const struct jwk *k)
{
	return strcmp(k->kty, alg->kty) == 0 &&
	       (!alg->crv || (k->crv && strcmp(k->crv, alg->crv) == 0)) &&
	       (!k->alg || strcmp(k->alg, alg->name) == 0) &&
	       (!t->kid || (k->kid && strcmp(k->kid, t->kid) == 0));
}

bool
jwt_verify(const struct jwt *t, const struct jwks *set, struct err *e)
{
	const struct alg *alg = find_alg(t->alg);
	struct buf signature = { 0 };
	size_t count, tried = 0;
	const struct jwk *list = jwks_list(set, &count);
	bool ok = false;

	if (alg && base64url_decode(&signature, t->signature) &&
	    (!alg->length || ecdsa_to_der(&signature, alg->length))) {
		for (size_t i = 0; !ok && i < count; i++) {
			if (!fits(t, alg, &list[i]))
				continue;
			tried++;
			ok = verify(
			    alg, list[i].key, t->signed_part, &signature);
		}
	}
	buf_fini(&signature);
	if (!ok)
		err_set(e, tried ? "the token's signature is wrong"
				 : "no key goes with the token");
	return ok;
}
