/* SPDX-License-Identifier: BSD-2-Clause */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/codec.h"
#include "mailauth/canon.h"
#include "mailauth/key.h"
#include "mailauth/key_internal.h"

#define RECORDS_MAX 8 /* of one name, that are looked at */
#define ED25519_LEN 32
#define EXPONENT_BITS 64 /* more makes verifying as dear as signing */

struct public_key {
	EVP_PKEY *pkey;
	enum key_type type;
};

/* ------------------------------------------------------------------------
 * Public keys
 */

/* RFC 6376 says RSAPublicKey, its examples are SubjectPublicKeyInfo: either,
 * and nothing behind it. */
static EVP_PKEY *
decode_rsa(struct str der)
{
	const unsigned char *p = (const unsigned char *)der.p, *end = p + der.n;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)der.n);

	if (!pkey) {
		p = (const unsigned char *)der.p;
		pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)der.n);
	}
	ERR_clear_error();
	if (pkey && (p != end || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return pkey;
}

static EVP_PKEY *
decode(enum key_type t, struct str octets)
{
	if (t == KEY_RSA)
		return decode_rsa(octets);
	if (octets.n != ED25519_LEN)
		return NULL;
	return EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, (const unsigned char *)octets.p, octets.n);
}

static bool
is_cheap(const EVP_PKEY *pkey)
{
	BIGNUM *e = NULL;
	bool cheap;

	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
		return true;
	cheap = EVP_PKEY_get_bits(pkey) <= KEY_MAX_BITS &&
		EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
		BN_num_bits(e) <= EXPONENT_BITS;
	BN_free(e);
	return cheap;
}

void
public_key_free(struct public_key **k)
{
	if (*k)
		EVP_PKEY_free((*k)->pkey);
	*k = NULL;
}

void
pkey_base64(const EVP_PKEY *pkey, struct buf *out)
{
	unsigned char raw[ED25519_LEN], *der = raw, *made = NULL;
	size_t n = sizeof(raw);

	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA) {
		n = (size_t)i2d_PUBKEY(pkey, &made);
		der = made;
	} else if (EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1) {
		n = 0;
	}
	base64_encode(out, (struct str){ (const char *)der, n });
	OPENSSL_free(made);
}

void
public_key_base64(const struct public_key *k, struct buf *out)
{
	pkey_base64(k->pkey, out);
}

static bool
verify_rsa(EVP_PKEY *pkey, const uint8_t *hash, struct str signature)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	bool ok = ctx && EVP_PKEY_verify_init(ctx) == 1 &&
		  EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		  EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		  EVP_PKEY_verify(ctx, (const unsigned char *)signature.p,
		      signature.n, hash, SHA256_LEN) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool
verify_ed25519(EVP_PKEY *pkey, const uint8_t *hash, struct str signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx &&
		  EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		  EVP_DigestVerify(ctx, (const unsigned char *)signature.p,
		      signature.n, hash, SHA256_LEN) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

bool
public_key_verify(
    const struct public_key *k, const uint8_t hash[32], struct str signature)
{
	bool ok = k->type == KEY_RSA ? verify_rsa(k->pkey, hash, signature)
				     : verify_ed25519(k->pkey, hash, signature);

	ERR_clear_error();
	return ok;
}

/* ------------------------------------------------------------------------
 * Records
 */

static enum key_rc
bad(struct str *why, const char *what)
{
	*why = str_of(what);
	return KEY_BAD;
}

/* Is WORD in the list "a:b:c"? */
static bool
lists(struct str list, const char *word)
{
	struct str part;

	while (str_split(&list, ':', &part)) {
		if (str_ieqc(str_trim(part), word))
			return true;
	}
	return false;
}

/* A list that is not there allows everything. */
static bool
allows(const struct tags *t, const char *tag, const char *word)
{
	struct str list = tags_get(t, tag);

	return !list.p || lists(list, word);
}

static void
take_flags(const struct tags *t, struct key_record *out)
{
	struct str flags = tags_get(t, "t");

	out->testing = flags.p && lists(flags, "y");
	out->strict = flags.p && lists(flags, "s");
	out->sha256 = allows(t, "h", "sha256");
	out->email = allows(t, "s", "email") || allows(t, "s", "*");
}

static enum key_rc
take_key(struct arena *a, struct str p, struct key_record *out, struct str *why)
{
	struct str octets;
	EVP_PKEY *pkey;

	if (!tag_base64(a, p, &octets))
		return bad(why, "p= of the key is not base64");
	pkey = decode(out->type, octets);
	if (!pkey)
		return bad(why, "p= of the key is no such key");
	out->key = ARENA_NEW(a, struct public_key);
	*out->key = (struct public_key){ pkey, out->type };
	out->bits =
	    out->type == KEY_RSA ? (unsigned)EVP_PKEY_get_bits(pkey) : 256;
	if (is_cheap(pkey))
		return KEY_OK;
	public_key_free(&out->key);
	return bad(why, "the key is too large");
}

/* Section 3.6.1. */
enum key_rc
key_record_parse(
    struct arena *a, struct str text, struct key_record *out, struct str *why)
{
	struct tags t;
	struct str v, k, p;

	*out = (struct key_record){ 0 };
	if (!tags_parse(a, text, &t, why)) {
		*why =
		    arena_printf(a, "the key record has %.*s", STR_ARG(*why));
		return KEY_BAD;
	}
	v = tags_get(&t, "v");
	if (v.p && (!str_eqc(v, "DKIM1") || !str_eqc(t.v[0].name, "v")))
		return bad(why, "the key record is of another version");
	k = tags_get(&t, "k");
	if (k.p && !key_type_parse(k, &out->type))
		return bad(why, "the key is of an unknown type");
	p = tags_get(&t, "p");
	if (!p.p)
		return bad(why, "the key record has no p=");
	take_flags(&t, out);
	if (p.n == 0) {
		*why = STR("the key was revoked");
		return KEY_REVOKED;
	}
	return take_key(a, p, out, why);
}

/* ------------------------------------------------------------------------
 * In the DNS
 */

struct str
key_name(struct arena *a, struct str selector, struct str domain)
{
	return arena_printf(
	    a, "%.*s._domainkey.%.*s", STR_ARG(selector), STR_ARG(domain));
}

/* RFC 6376, section 6.1.2, step 4 leaves it to us which of several; if none is
 * a key, the first says why. */
static enum key_rc
choose(struct arena *a, const struct dns_answer *answer, struct key_record *out,
    struct str *why)
{
	enum key_rc rc = KEY_BAD;

	*why = STR("the key record is malformed");
	for (size_t i = 0; i < answer->n && i < RECORDS_MAX; i++) {
		struct str text, reason = *why;
		enum key_rc got = KEY_BAD;

		if (dns_rdata_txt(a, answer->rdata[i], &text))
			got = key_record_parse(a, text, out, &reason);
		if (i == 0 || got == KEY_OK) {
			rc = got;
			*why = reason;
		}
		if (got == KEY_OK)
			break;
	}
	if (rc == KEY_OK)
		*why = STR_NULL;
	return rc;
}

enum key_rc
key_lookup(struct resolver *r, struct arena *a, struct str selector,
    struct str domain, struct key_record *out, struct str *why)
{
	struct dns_answer answer;
	enum key_rc rc;

	*out = (struct key_record){ 0 };
	dns_ask(r, a, key_name(a, selector, domain), DNS_TXT, &answer);
	if (answer.rc == DNS_FAILED) {
		*why = arena_printf(a, "the key could not be asked for: %s",
		    answer.why ? answer.why : "no answer");
		return KEY_FAILED;
	}
	if (answer.rc != DNS_OK) {
		*why = STR("there is no key");
		return KEY_NONE;
	}
	rc = choose(a, &answer, out, why);
	out->secure = answer.secure;
	return rc;
}
