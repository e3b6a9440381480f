/* SPDX-License-Identifier: BSD-2-Clause */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base/codec.h"
#include "mailauth/canon.h"
#include "mailauth/der.h"
#include "mailauth/key.h"
#include "mailauth/psl.h"

#define RECORDS_MAX 8 /* of one name, that are looked at */
#define ED25519_LEN 32
#define EXPONENT_LEN 9 /* more makes verifying as dear as signing */

struct public_key {
	enum key_type type;
	struct str octets; /* Ed25519 */
	struct rsa_numbers rsa;
	EVP_PKEY *pkey; /* made when it is first needed */
};

/* ------------------------------------------------------------------------
 * Public keys
 */

/* Slices of OCTETS. */
static bool
decode(struct public_key *k, struct str octets)
{
	k->octets = octets;
	return k->type == KEY_RSA ? der_rsa(octets, &k->rsa)
				  : octets.n == ED25519_LEN;
}

static const unsigned char *
bytes(struct str s)
{
	return (const unsigned char *)s.p;
}

static EVP_PKEY *
make_rsa(const struct rsa_numbers *r)
{
	BIGNUM *n = BN_bin2bn(bytes(r->n), (int)r->n.n, NULL);
	BIGNUM *e = BN_bin2bn(bytes(r->e), (int)r->e.n, NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (n && e && b && ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) &&
	    (params = OSSL_PARAM_BLD_to_param(b)) != NULL)
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return pkey;
}

/* NULL: OpenSSL does not want it. */
static EVP_PKEY *
pkey_of(struct public_key *k)
{
	if (!k->pkey && k->type == KEY_RSA)
		k->pkey = make_rsa(&k->rsa);
	else if (!k->pkey)
		k->pkey = EVP_PKEY_new_raw_public_key(
		    EVP_PKEY_ED25519, NULL, bytes(k->octets), k->octets.n);
	return k->pkey;
}

void
public_key_free(struct public_key **k)
{
	if (*k)
		EVP_PKEY_free((*k)->pkey);
	*k = NULL;
}

void
public_key_base64(const struct public_key *k, struct buf *out)
{
	struct buf der = { 0 };

	if (k->type == KEY_RSA)
		der_put_rsa(&der, &k->rsa);
	else
		buf_putstr(&der, k->octets);
	base64_encode(out, buf_str(&der));
	buf_fini(&der);
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
    struct public_key *k, const uint8_t hash[32], struct str signature)
{
	EVP_PKEY *pkey = pkey_of(k);
	bool ok = pkey &&
		  (k->type == KEY_RSA ? verify_rsa(pkey, hash, signature)
				      : verify_ed25519(pkey, hash, signature));

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
	struct public_key *k = ARENA_NEW(a, struct public_key);
	struct str octets;

	k->type = out->type;
	if (!tag_base64(a, p, &octets))
		return bad(why, "p= of the key is not base64");
	if (!decode(k, octets))
		return bad(why, "p= of the key is no such key");
	if (k->rsa.bits > KEY_MAX_BITS || k->rsa.e.n > EXPONENT_LEN)
		return bad(why, "the key is too large");
	out->bits = k->type == KEY_RSA ? k->rsa.bits : 256;
	out->key = k;
	return KEY_OK;
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

/* What has none stands as it is: no such name will be there. */
struct str
key_ascii(struct arena *a, struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if ((unsigned char)name.p[i] >= 0x80) {
			struct str ascii = domain_to_ascii(a, name);

			return ascii.n ? ascii : name;
		}
	}
	return name;
}

struct str
key_name(struct arena *a, struct str selector, struct str domain)
{
	return arena_printf(a, "%.*s._domainkey.%.*s",
	    STR_ARG(key_ascii(a, selector)), STR_ARG(key_ascii(a, domain)));
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
