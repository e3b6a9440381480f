/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/codec.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/mem.h"

struct sha256 {
	EVP_MD_CTX *ctx;
};

struct sha256 *
sha256_new(void)
{
	struct sha256 *h = mem_alloc(sizeof(*h));

	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || !EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL))
		abort(); /* only for want of memory */
	return h;
}

void
sha256_add(struct sha256 *h, struct str s)
{
	EVP_DigestUpdate(h->ctx, s.p, s.n);
}

struct sha256 *
sha256_copy(const struct sha256 *h)
{
	struct sha256 *copy = mem_alloc(sizeof(*copy));

	copy->ctx = EVP_MD_CTX_new();
	if (!copy->ctx || !EVP_MD_CTX_copy_ex(copy->ctx, h->ctx))
		abort(); /* only for want of memory */
	return copy;
}

void
sha256_final(struct sha256 **h, uint8_t out[SHA256_LEN])
{
	EVP_DigestFinal_ex((*h)->ctx, out, NULL);
	EVP_MD_CTX_free((*h)->ctx);
	free(*h);
	*h = NULL;
}

void
sha256(struct str s, uint8_t out[SHA256_LEN])
{
	struct sha256 *h = sha256_new();

	sha256_add(h, s);
	sha256_final(&h, out);
}

int64_t
hash63(struct str s)
{
	uint8_t sum[SHA256_LEN];
	uint64_t v = 0;

	sha256(s, sum);
	for (int i = 0; i < 8; i++)
		v = v << 8 | sum[i];
	return (int64_t)(v >> 1);
}

void
hex_encode(struct buf *out, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = p;
	char *at = buf_reserve(out, n * 2);

	for (size_t i = 0; i < n; i++) {
		*at++ = digits[b[i] >> 4];
		*at++ = digits[b[i] & 15];
	}
	out->n += n * 2;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
hex_decode(struct str s, void *out, size_t n)
{
	unsigned char *b = out;

	if (s.n != n * 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		int hi = hex_digit(s.p[2 * i]), lo = hex_digit(s.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		b[i] = (unsigned char)(hi << 4 | lo);
	}
	return true;
}

void
base64_encode(struct buf *out, struct str s)
{
	char *at = buf_reserve(out, (s.n + 2) / 3 * 4 + 1);

	/* OpenSSL counts in int; three bytes at a time keep pieces joined. */
	while (s.n) {
		size_t piece = s.n > 3 << 20 ? 3 << 20 : s.n;
		int n = EVP_EncodeBlock((unsigned char *)at,
		    (const unsigned char *)s.p, (int)piece);

		at += n;
		out->n += (size_t)n;
		s = str_sub(s, piece, s.n);
	}
}

static bool
base64_alphabet(struct str s, size_t *pad)
{
	size_t i = 0;

	for (; i < s.n && s.p[i] != '='; i++) {
		char c = s.p[i], l = ascii_lower(c);

		if (!ascii_digit(c) && (l < 'a' || l > 'z') && c != '+' &&
		    c != '/')
			return false;
	}
	*pad = s.n - i;
	return *pad == 0 || str_eqc(str_sub(s, i, s.n), "=") ||
	       str_eqc(str_sub(s, i, s.n), "==");
}

bool
base64_decode(struct buf *out, struct str s)
{
	size_t pad;
	int n;

	if (s.n % 4 || s.n > INT32_MAX || !base64_alphabet(s, &pad))
		return false;
	if (s.n == 0)
		return true;
	n = EVP_DecodeBlock((unsigned char *)buf_reserve(out, s.n / 4 * 3),
	    (const unsigned char *)s.p, (int)s.n);
	if (n < 0)
		return false;
	out->n += (size_t)n - pad;
	return true;
}

bool
base64url_decode(struct buf *out, struct str s)
{
	struct buf plain = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < s.n; i++) {
		char c = s.p[i];

		ok = c != '+' && c != '/' && c != '=';
		buf_putc(&plain, c == '-' ? '+' : c == '_' ? '/' : c);
	}
	while (plain.n % 4)
		buf_putc(&plain, '=');
	ok = ok && base64_decode(out, buf_str(&plain));
	buf_fini(&plain);
	return ok;
}
