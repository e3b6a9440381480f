/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <unicode/usprep.h>
#include <unicode/ustring.h>

#include "base/codec.h"
#include "base/mem.h"

#define MAX_ITERATIONS 1000000

static const EVP_MD *
md_of(enum scram_hash h)
{
	return h == SCRAM_SHA1 ? EVP_sha1() : EVP_sha256();
}

size_t
scram_key_len(enum scram_hash h)
{
	return h == SCRAM_SHA1 ? 20 : 32;
}

void
scram_hmac(enum scram_hash h, const uint8_t *key, struct str data, uint8_t *out)
{
	unsigned n;

	HMAC(md_of(h), key, (int)scram_key_len(h), (const uint8_t *)data.p,
	    data.n, out, &n);
}

void
scram_digest(enum scram_hash h, struct str data, uint8_t *out)
{
	EVP_Digest(data.p ? data.p : "", data.n, out, NULL, md_of(h), NULL);
}

void
scram_derive(enum scram_hash h, struct str password, struct str salt,
    uint32_t iterations, struct scram_verifier *out)
{
	uint8_t salted[SCRAM_MAX_KEY], client[SCRAM_MAX_KEY];
	size_t n = scram_key_len(h);

	*out = (struct scram_verifier){ .iterations = iterations,
		.salt_len =
		    salt.n < sizeof(out->salt) ? salt.n : sizeof(out->salt) };
	memcpy(out->salt, salt.p, out->salt_len);
	PKCS5_PBKDF2_HMAC(password.p ? password.p : "", (int)password.n,
	    (const uint8_t *)salt.p, (int)salt.n, (int)iterations, md_of(h),
	    (int)n, salted);
	scram_hmac(h, salted, STR("Client Key"), client);
	scram_digest(
	    h, (struct str){ (const char *)client, n }, out->stored_key);
	scram_hmac(h, salted, STR("Server Key"), out->server_key);
	mem_wipe(salted, sizeof(salted));
	mem_wipe(client, sizeof(client));
}

void
scram_write(enum scram_hash h, const struct scram_verifier *v, struct buf *out)
{
	size_t n = scram_key_len(h);

	buf_putu(out, v->iterations);
	buf_putc(out, ',');
	base64_encode(out, (struct str){ v->salt, v->salt_len });
	buf_putc(out, ',');
	base64_encode(out, (struct str){ (const char *)v->stored_key, n });
	buf_putc(out, ',');
	base64_encode(out, (struct str){ (const char *)v->server_key, n });
}

static bool
take_base64(struct str *rest, void *out, size_t max, size_t *n)
{
	struct buf raw = { 0 };
	struct str part;
	bool ok = str_split(rest, ',', &part) && base64_decode(&raw, part) &&
		  raw.n <= max;

	if (ok) {
		memcpy(out, raw.n ? raw.p : "", raw.n);
		*n = raw.n;
	}
	buf_fini(&raw);
	return ok;
}

bool
scram_parse(enum scram_hash h, struct str text, struct scram_verifier *out)
{
	size_t n = scram_key_len(h), got;
	struct str part;

	return str_split(&text, ',', &part) &&
	       str_u32(part, &out->iterations) && out->iterations > 0 &&
	       out->iterations <= MAX_ITERATIONS &&
	       take_base64(
		   &text, out->salt, sizeof(out->salt), &out->salt_len) &&
	       take_base64(&text, out->stored_key, n, &got) && got == n &&
	       take_base64(&text, out->server_key, n, &got) && got == n;
}

void
scram_saslprep(struct str in, struct buf *out)
{
	UErrorCode err = U_ZERO_ERROR;
	UChar from[512], to[1024];
	char text[3072];
	UStringPrepProfile *prep;
	int32_t n;

	prep = usprep_openByType(USPREP_RFC4013_SASLPREP, &err);
	u_strFromUTF8(from, 512, &n, in.p ? in.p : "", (int32_t)in.n, &err);
	n = usprep_prepare(
	    prep, from, n, to, 1024, USPREP_ALLOW_UNASSIGNED, NULL, &err);
	u_strToUTF8(text, sizeof(text), &n, to, n, &err);
	usprep_close(prep);
	if (U_FAILURE(err))
		buf_putstr(out, in);
	else
		buf_put(out, text, (size_t)n);
	mem_wipe(from, sizeof(from));
	mem_wipe(to, sizeof(to));
	mem_wipe(text, sizeof(text));
}

/* ------------------------------------------------------------------------
 * CRAM-MD5
 *
 * Keeping HMAC's two states means entering MD5 in the middle, which the
 * EVP functions do not offer; hence this MD5 (RFC 1321) of our own.
 */

static void
md5_block(uint32_t state[4], const uint8_t *p)
{
	/* floor(2^32 * |sin(i + 1)|) */
	static const uint32_t k[64] = {
		/* clang-format off */
		0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee,
		0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
		0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be,
		0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
		0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa,
		0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
		0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
		0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
		0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c,
		0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
		0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05,
		0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
		0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039,
		0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
		0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1,
		0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
		/* clang-format on */
	};
	static const uint8_t turn[4][4] = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 },
		{ 4, 11, 16, 23 }, { 6, 10, 15, 21 } };
	static const uint8_t step[4][2] = { { 1, 0 }, { 5, 1 }, { 3, 5 },
		{ 7, 0 } };
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

	for (unsigned i = 0; i < 64; i++) {
		unsigned round = i / 16;
		unsigned g = (step[round][0] * i + step[round][1]) % 16;
		uint32_t m = (uint32_t)p[4 * g] | (uint32_t)p[4 * g + 1] << 8 |
			     (uint32_t)p[4 * g + 2] << 16 |
			     (uint32_t)p[4 * g + 3] << 24;
		unsigned r = turn[round][i % 4];
		uint32_t f;

		if (round == 0)
			f = (b & c) | (~b & d);
		else if (round == 1)
			f = (d & b) | (~d & c);
		else if (round == 2)
			f = b ^ c ^ d;
		else
			f = c ^ (b | ~d);
		f += a + k[i] + m;
		a = d;
		d = c;
		c = b;
		b += f << r | f >> (32 - r);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

static void
put_le(const uint32_t state[4], uint8_t out[16])
{
	for (unsigned i = 0; i < 16; i++)
		out[i] = (uint8_t)(state[i / 4] >> 8 * (i % 4));
}

static void
get_le(const uint8_t in[16], uint32_t state[4])
{
	memset(state, 0, 16);
	for (unsigned i = 0; i < 16; i++)
		state[i / 4] |= (uint32_t)in[i] << 8 * (i % 4);
}

/* MD5 of 64 bytes that made STATE and then DATA. */
static void
md5_finish(const uint8_t in[16], struct str data, uint8_t out[16])
{
	uint32_t state[4];
	uint8_t block[64];
	uint64_t bits = (64 + (uint64_t)data.n) * 8;
	size_t n = 0;

	get_le(in, state);
	for (; data.n - n >= 64; n += 64)
		md5_block(state, (const uint8_t *)data.p + n);
	memset(block, 0, sizeof(block));
	if (data.n > n)
		memcpy(block, data.p + n, data.n - n);
	block[data.n - n] = 0x80;
	if (data.n - n >= 56) {
		md5_block(state, block);
		memset(block, 0, sizeof(block));
	}
	for (unsigned i = 0; i < 8; i++)
		block[56 + i] = (uint8_t)(bits >> 8 * i);
	md5_block(state, block);
	put_le(state, out);
}

void
cram_md5_make(struct str password, struct buf *hex)
{
	static const uint8_t pads[2] = { 0x5c, 0x36 }; /* outer, inner */
	uint8_t key[64] = { 0 }, block[64], state[CRAM_STATE_LEN];

	if (password.n > sizeof(key))
		EVP_Digest(password.p, password.n, key, NULL, EVP_md5(), NULL);
	else if (password.n)
		memcpy(key, password.p, password.n);
	for (unsigned i = 0; i < 2; i++) {
		uint32_t s[4] = { 0x67452301, 0xefcdab89, 0x98badcfe,
			0x10325476 };

		for (unsigned j = 0; j < sizeof(key); j++)
			block[j] = key[j] ^ pads[i];
		md5_block(s, block);
		put_le(s, state + 16 * (size_t)i);
	}
	hex_encode(hex, state, sizeof(state));
	mem_wipe(key, sizeof(key));
	mem_wipe(block, sizeof(block));
	mem_wipe(state, sizeof(state));
}

bool
cram_md5_answer(struct str state_hex, struct str challenge, char answer[33])
{
	uint8_t state[CRAM_STATE_LEN], inner[16], outer[16];
	struct buf hex = { 0 };

	if (!hex_decode(state_hex, state, sizeof(state)))
		return false;
	md5_finish(state + 16, challenge, inner);
	md5_finish(state, (struct str){ (const char *)inner, 16 }, outer);
	hex_encode(&hex, outer, sizeof(outer));
	memcpy(answer, buf_cstr(&hex), 33);
	buf_fini(&hex);
	mem_wipe(state, sizeof(state));
	return true;
}
