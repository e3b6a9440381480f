/* SPDX-License-Identifier: BSD-2-Clause */
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/codec.h"
#include "mailauth/key.h"

/* Key records, which whoever signs publishes. What we take for an RSA key,
 * OpenSSL can read. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_rsa(struct str base64, unsigned bits)
{
	struct buf der = { 0 };
	const unsigned char *p;
	EVP_PKEY *pkey;

	if (!base64_decode(&der, base64))
		abort();
	p = (const unsigned char *)der.p;
	pkey = d2i_PUBKEY(NULL, &p, (long)der.n);
	if (!pkey || (unsigned)EVP_PKEY_get_bits(pkey) != bits ||
	    p != (const unsigned char *)der.p + der.n)
		abort();
	EVP_PKEY_free(pkey);
	buf_fini(&der);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size }, why = STR_NULL;
	static const uint8_t hash[32];
	struct arena *a = arena_new();
	struct key_record r;
	enum key_rc rc = key_record_parse(a, text, &r, &why);

	if ((rc == KEY_OK) != (r.key != NULL) || (rc == KEY_OK) == (why.n > 0))
		abort();
	if (rc == KEY_OK) {
		struct buf b = { 0 };

		public_key_base64(r.key, &b);
		if (b.n == 0)
			abort();
		public_key_verify(r.key, hash, text);
		if (r.type == KEY_RSA)
			check_rsa(buf_str(&b), r.bits);
		buf_fini(&b);
	}
	public_key_free(&r.key);
	arena_free(&a);
	return 0;
}
