/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/mem.h"

struct private_key {
	EVP_PKEY *pkey;
	enum key_type type;
};

static const char *const type_names[] = {
	[KEY_RSA] = "rsa",
	[KEY_ED25519] = "ed25519",
};

const char *
key_type_name(enum key_type t)
{
	return type_names[t];
}

bool
key_type_parse(struct str s, enum key_type *out)
{
	for (size_t i = 0; i < LEN(type_names); i++) {
		if (!str_ieqc(s, type_names[i]))
			continue;
		*out = (enum key_type)i;
		return true;
	}
	return false;
}

/* What OpenSSL says of its last failure; its queue is empty then. */
static bool
fail(struct err *e, const char *what)
{
	unsigned long code = ERR_get_error();

	err_set(e, "%s: %s", what, code ? ERR_reason_error_string(code) : "?");
	ERR_clear_error();
	return false;
}

/* ------------------------------------------------------------------------
 * Where they come from
 */

/* Takes PKEY over. */
static bool
wrap(EVP_PKEY *pkey, struct private_key **out, struct err *e)
{
	int id = EVP_PKEY_get_base_id(pkey), bits = EVP_PKEY_get_bits(pkey);
	enum key_type t = id == EVP_PKEY_RSA ? KEY_RSA : KEY_ED25519;

	if (id != EVP_PKEY_RSA && id != EVP_PKEY_ED25519) {
		err_set(e, "the private key is neither RSA nor Ed25519");
	} else if (t == KEY_RSA && bits < KEY_MIN_BITS) {
		err_set(e, "an RSA key needs %d bits, this one has %d",
		    KEY_MIN_BITS, bits);
	} else {
		*out = mem_zalloc(sizeof(**out));
		**out = (struct private_key){ pkey, t };
		return true;
	}
	EVP_PKEY_free(pkey);
	return false;
}

/* Instead of OpenSSL's, which would ask on the terminal. */
static int
no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

bool
private_key_parse(struct str pem, struct private_key **out, struct err *e)
{
	BIO *in;
	EVP_PKEY *pkey;

	*out = NULL;
	if (pem.n == 0 || pem.n > 65536) {
		err_set(e, "no private key");
		return false;
	}
	in = BIO_new_mem_buf(pem.p, (int)pem.n);
	pkey = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;
	BIO_free(in);
	if (!pkey)
		return fail(e, "cannot read the private key");
	return wrap(pkey, out, e);
}

bool
private_key_generate(
    enum key_type t, unsigned bits, struct private_key **out, struct err *e)
{
	EVP_PKEY *pkey;

	*out = NULL;
	if (t == KEY_RSA && bits != 2048 && bits != 4096) {
		err_set(e, "RSA keys are made with 2048 or 4096 bits");
		return false;
	}
	pkey = t == KEY_RSA ? EVP_RSA_gen(bits)
			    : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!pkey)
		return fail(e, "cannot make a key");
	return wrap(pkey, out, e);
}

void
private_key_free(struct private_key **k)
{
	if (!*k)
		return;
	EVP_PKEY_free((*k)->pkey);
	free(*k);
	*k = NULL;
}

/* ------------------------------------------------------------------------
 * What they are
 */

enum key_type
private_key_type(const struct private_key *k)
{
	return k->type;
}

unsigned
private_key_bits(const struct private_key *k)
{
	return k->type == KEY_RSA ? (unsigned)EVP_PKEY_get_bits(k->pkey) : 256;
}

const char *
private_key_algorithm(const struct private_key *k)
{
	return k->type == KEY_RSA ? "rsa-sha256" : "ed25519-sha256";
}

void
private_key_pem(const struct private_key *k, struct buf *out)
{
	BIO *mem = BIO_new(BIO_s_secmem());
	char *p = NULL;
	long n;

	if (!mem ||
	    !PEM_write_bio_PrivateKey(mem, k->pkey, NULL, NULL, 0, NULL, NULL))
		abort(); /* only for want of memory */
	n = BIO_get_mem_data(mem, &p);
	buf_put(out, p, (size_t)n);
	BIO_free(mem);
}

/* What p= has: SubjectPublicKeyInfo for RSA, the 32 octets for Ed25519. */
static void
put_public(const EVP_PKEY *pkey, struct buf *out)
{
	unsigned char raw[32], *made = NULL;
	size_t n = sizeof(raw);
	int size;

	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA) {
		size = i2d_PUBKEY(pkey, &made);
		n = size > 0 ? (size_t)size : 0;
	} else if (EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1) {
		n = 0;
	}
	base64_encode(out, (struct str){ (char *)(made ? made : raw), n });
	OPENSSL_free(made);
}

void
private_key_record(const struct private_key *k, struct buf *out)
{
	buf_printf(out, "v=DKIM1; k=%s; p=", key_type_name(k->type));
	put_public(k->pkey, out);
}

/* ------------------------------------------------------------------------
 * Signatures
 */

static bool
sign_rsa(EVP_PKEY_CTX *ctx, const uint8_t *hash, unsigned char *to, size_t *n)
{
	return EVP_PKEY_sign_init(ctx) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
	       EVP_PKEY_sign(ctx, to, n, hash, SHA256_LEN) == 1;
}

static bool
sign_ed25519(EVP_PKEY *pkey, const uint8_t *hash, unsigned char *to, size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		  EVP_DigestSign(ctx, to, n, hash, SHA256_LEN) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

bool
private_key_sign(const struct private_key *k, const uint8_t hash[32],
    struct buf *out, struct err *e)
{
	size_t n = (size_t)EVP_PKEY_get_size(k->pkey);
	unsigned char *to = (unsigned char *)buf_reserve(out, n);
	EVP_PKEY_CTX *ctx = NULL;
	bool ok;

	if (k->type == KEY_ED25519) {
		ok = sign_ed25519(k->pkey, hash, to, &n);
	} else {
		ctx = EVP_PKEY_CTX_new(k->pkey, NULL);
		ok = ctx && sign_rsa(ctx, hash, to, &n);
		EVP_PKEY_CTX_free(ctx);
	}
	if (!ok)
		return fail(e, "cannot sign");
	out->n += n;
	return true;
}
