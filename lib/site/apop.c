/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/apop.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "site/credentials.h"
#include "site/login.h"

#define NONCE_LEN 12
#define TAG_LEN 16

static bool
seal_key(struct site *s, uint8_t key[32])
{
	struct err e = ERR_INIT;

	return site_secret_for(s, STR("apop verifier"), key, &e) == SITE_OK;
}

static bool
encrypt(const uint8_t key[32], struct str plain, uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t *text = out + NONCE_LEN;
	int n = 0, last = 0;
	bool ok;

	rnd_bytes(out, NONCE_LEN);
	ok = c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, out) &&
	     EVP_EncryptUpdate(
		 c, text, &n, (const uint8_t *)plain.p, (int)plain.n) &&
	     EVP_EncryptFinal_ex(c, text + n, &last) &&
	     EVP_CIPHER_CTX_ctrl(
		 c, EVP_CTRL_GCM_GET_TAG, TAG_LEN, text + plain.n);
	EVP_CIPHER_CTX_free(c);
	return ok;
}

struct str
apop_seal(struct site *s, struct arena *a, struct str password)
{
	size_t n = NONCE_LEN + password.n + TAG_LEN;
	uint8_t key[32], *raw;
	struct buf text = { 0 };
	struct str out = STR_NULL;

	if (password.n > PASSWORD_MAX || !seal_key(s, key))
		return out;
	raw = arena_alloc(a, n);
	if (encrypt(key, password, raw)) {
		base64_encode(&text, (struct str){ (const char *)raw, n });
		out = arena_str(a, buf_str(&text));
	}
	buf_fini(&text);
	mem_wipe(key, sizeof(key));
	return out;
}

static bool
decrypt(const uint8_t key[32], struct str raw, struct buf *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	const uint8_t *in = (const uint8_t *)raw.p;
	size_t len = raw.n - NONCE_LEN - TAG_LEN;
	uint8_t *plain = (uint8_t *)buf_reserve(out, len + 1), tag[TAG_LEN];
	int n = 0, last = 0;
	bool ok;

	memcpy(tag, in + NONCE_LEN + len, TAG_LEN);
	ok = c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, in) &&
	     EVP_DecryptUpdate(c, plain, &n, in + NONCE_LEN, (int)len) &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) &&
	     EVP_DecryptFinal_ex(c, plain + n, &last) > 0;
	if (ok)
		out->n += len;
	EVP_CIPHER_CTX_free(c);
	return ok;
}

bool
apop_open(struct site *s, struct str sealed, struct buf *out)
{
	struct buf raw = { 0 };
	uint8_t key[32];
	bool ok = sealed.n && base64_decode(&raw, sealed) &&
		  raw.n >= NONCE_LEN + TAG_LEN && seal_key(s, key) &&
		  decrypt(key, buf_str(&raw), out);

	mem_wipe(key, sizeof(key));
	buf_fini(&raw);
	return ok;
}

/* ------------------------------------------------------------------------
 * Logging in
 */

static bool
digest_matches(struct str challenge, struct str password, struct str digest)
{
	uint8_t want[16], got[16];
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && hex_decode(digest, got, sizeof(got)) &&
		  EVP_DigestInit_ex(c, EVP_md5(), NULL) &&
		  EVP_DigestUpdate(c, challenge.p, challenge.n) &&
		  EVP_DigestUpdate(c, password.p, password.n) &&
		  EVP_DigestFinal_ex(c, want, NULL) &&
		  mem_ct_cmp(want, got, sizeof(got)) == 0;

	EVP_MD_CTX_free(c);
	return ok;
}

bool
site_apop_on(struct site *s)
{
	return mechanism_on(s, "APOP");
}

enum site_rc
site_login_apop(struct site *s, struct arena *a,
    const struct site_credentials *c, struct str challenge,
    struct site_account *out, unsigned *delay_ms, struct err *e)
{
	struct login l = {
		.site = s,
		.arena = a,
		.peer = c->peer,
		.mechanism = STR("APOP"),
		.user = c->user,
		.authzid = c->authzid,
		.challenge = true,
	};
	struct buf password = { 0 };
	enum site_rc rc;
	bool proved;

	*delay_ms = 0;
	if (!site_apop_on(s))
		return site_fail(
		    e, SITE_DENIED, "APOP is not among login.mechanisms");
	if ((rc = login_find(&l, e)) != SITE_OK)
		return rc;
	proved = l.known && apop_open(s, l.verifier, &password) &&
		 digest_matches(challenge, buf_str(&password), c->password);
	if (password.p)
		mem_wipe(password.p, password.cap);
	buf_fini(&password);
	rc = login_verdict(&l, proved, delay_ms, e);
	if (rc == SITE_OK)
		*out = l.account;
	return rc;
}
