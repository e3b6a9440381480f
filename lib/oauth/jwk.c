/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/jwk.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/mem.h"

#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 16384
#define MAX_FIELD 2048 /* octets of a number */

struct jwks {
	atomic_uint refs;
	json_t *text; /* what strings of the keys point into */
	struct jwk list[JWKS_MAX_KEYS];
	size_t count;
};

static const char *
field(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static bool
octets(const json_t *o, const char *name, struct buf *out)
{
	const char *text = field(o, name);

	return text && base64url_decode(out, str_of(text)) && out->n > 0 &&
	       out->n <= MAX_FIELD;
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *b)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params && c && EVP_PKEY_fromdata_init(c) == 1)
		EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(c);
	OSSL_PARAM_free(params);
	return key;
}

static BIGNUM *
number(const json_t *o, const char *name)
{
	struct buf raw = { 0 };
	BIGNUM *n = NULL;

	if (octets(o, name, &raw))
		n = BN_bin2bn((const uint8_t *)raw.p, (int)raw.n, NULL);
	buf_fini(&raw);
	return n;
}

static EVP_PKEY *
rsa_key(const json_t *o)
{
	BIGNUM *n = number(o, "n"), *e = number(o, "e");
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;

	if (b && n && e && BN_num_bits(n) >= RSA_MIN_BITS &&
	    BN_num_bits(n) <= RSA_MAX_BITS && BN_num_bits(e) <= 64 &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		key = from_params("RSA", b);
	OSSL_PARAM_BLD_free(b);
	BN_free(n);
	BN_free(e);
	return key;
}

static const struct curve {
	const char *kty, *crv;
	size_t size; /* octets of a coordinate, or of the key */
	int id;      /* of OpenSSL, with OKP */
} curves[] = {
	{ "EC", "P-256", 32, 0 },
	{ "EC", "P-384", 48, 0 },
	{ "EC", "P-521", 66, 0 },
	{ "OKP", "Ed25519", 32, EVP_PKEY_ED25519 },
	{ "OKP", "Ed448", 57, EVP_PKEY_ED448 },
};

static const struct curve *
curve_of(const json_t *o, const char *kty)
{
	const char *crv = field(o, "crv");

	for (size_t i = 0; crv && i < LEN(curves); i++) {
		if (strcmp(curves[i].kty, kty) == 0 &&
		    strcmp(curves[i].crv, crv) == 0)
			return &curves[i];
	}
	return NULL;
}

/* fromdata() refuses points that are not on the curve. */
static EVP_PKEY *
ec_key(const json_t *o)
{
	const struct curve *curve = curve_of(o, "EC");
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	struct buf point = { 0 };
	EVP_PKEY *key = NULL;

	buf_putc(&point, 4); /* both coordinates, uncompressed */
	if (b && curve && octets(o, "x", &point) && octets(o, "y", &point) &&
	    point.n == 1 + 2 * curve->size &&
	    OSSL_PARAM_BLD_push_utf8_string(
		b, OSSL_PKEY_PARAM_GROUP_NAME, curve->crv, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(
		b, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n) == 1)
		key = from_params("EC", b);
	OSSL_PARAM_BLD_free(b);
	buf_fini(&point);
	return key;
}

static EVP_PKEY *
okp_key(const json_t *o)
{
	const struct curve *curve = curve_of(o, "OKP");
	struct buf raw = { 0 };
	EVP_PKEY *key = NULL;

	if (curve && octets(o, "x", &raw) && raw.n == curve->size)
		key = EVP_PKEY_new_raw_public_key(
		    curve->id, NULL, (const uint8_t *)raw.p, raw.n);
	buf_fini(&raw);
	return key;
}

static const struct {
	const char *kty;
	EVP_PKEY *(*make)(const json_t *o);
} kinds[] = {
	{ "RSA", rsa_key },
	{ "EC", ec_key },
	{ "OKP", okp_key },
};

static void
add_key(struct jwks *set, const json_t *o)
{
	const char *kty = field(o, "kty"), *use = field(o, "use");
	struct jwk *k = &set->list[set->count];

	if (!kty || (use && strcmp(use, "sig") != 0))
		return;
	for (size_t i = 0; i < LEN(kinds); i++) {
		if (strcmp(kinds[i].kty, kty) != 0)
			continue;
		*k = (struct jwk){ .kid = field(o, "kid"),
			.alg = field(o, "alg"),
			.kty = kinds[i].kty,
			.crv = field(o, "crv"),
			.key = kinds[i].make(o) };
		if (k->key)
			set->count++;
		ERR_clear_error();
	}
}

bool
jwks_parse(struct str text, struct jwks **out, struct err *e)
{
	json_error_t je;
	json_t *root = json_loadb(text.p, text.n, 0, &je), *keys, *o;
	struct jwks *set;
	size_t i;

	*out = NULL;
	keys = json_object_get(root, "keys");
	if (!json_is_array(keys)) {
		err_set(e, "no JSON Web Key Set: %s",
		    root ? "there is no array \"keys\"" : je.text);
		json_decref(root);
		return false;
	}
	set = mem_zalloc(sizeof(*set));
	set->refs = 1;
	set->text = root;
	json_array_foreach(keys, i, o)
	{
		if (set->count < JWKS_MAX_KEYS)
			add_key(set, o);
	}
	*out = set;
	return true;
}

struct jwks *
jwks_ref(struct jwks *set)
{
	atomic_fetch_add(&set->refs, 1);
	return set;
}

void
jwks_free(struct jwks **set)
{
	struct jwks *s = *set;

	*set = NULL;
	if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	for (size_t i = 0; i < s->count; i++)
		EVP_PKEY_free(s->list[i].key);
	json_decref(s->text);
	free(s);
}

const struct jwk *
jwks_list(const struct jwks *set, size_t *count)
{
	*count = set->count;
	return set->list;
}

bool
jwks_has(const struct jwks *set, const char *kid)
{
	for (size_t i = 0; kid && i < set->count; i++) {
		if (set->list[i].kid && strcmp(set->list[i].kid, kid) == 0)
			return true;
	}
	return kid == NULL;
}
