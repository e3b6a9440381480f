/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/der.h"

/* AlgorithmIdentifier: rsaEncryption, NULL (RFC 8017, appendix A.1). */
static const struct str rsa_encryption =
    STR("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00");

static unsigned char
octet(struct str s, size_t i)
{
	return (unsigned char)s.p[i];
}

/* Lengths above 127 in as few octets as they need, at most two. */
static bool
take_length(struct str *in, size_t *n)
{
	unsigned char first;
	size_t more;

	if (in->n == 0)
		return false;
	first = octet(*in, 0);
	*in = str_sub(*in, 1, STR_NPOS);
	*n = first;
	if (first < 0x80)
		return true;
	more = first & 0x7f;
	if (more < 1 || more > 2 || in->n < more)
		return false;
	*n = octet(*in, 0);
	if (more == 2)
		*n = *n << 8 | octet(*in, 1);
	*in = str_sub(*in, more, STR_NPOS);
	return *n >= (more == 2 ? 0x100u : 0x80u);
}

bool
der_take(struct str *in, unsigned char tag, struct str *content)
{
	struct str rest = *in;
	size_t n;

	if (rest.n == 0 || octet(rest, 0) != tag)
		return false;
	rest = str_sub(rest, 1, STR_NPOS);
	if (!take_length(&rest, &n) || n > rest.n)
		return false;
	*content = str_sub(rest, 0, n);
	*in = str_sub(rest, n, STR_NPOS);
	return true;
}

void
der_put(struct buf *out, unsigned char tag, struct str content)
{
	buf_putc(out, (char)tag);
	if (content.n >= 0x100) {
		buf_putc(out, (char)0x82);
		buf_putc(out, (char)(content.n >> 8));
	} else if (content.n >= 0x80) {
		buf_putc(out, (char)0x81);
	}
	buf_putc(out, (char)(content.n & 0xff));
	buf_putstr(out, content);
}

/* ------------------------------------------------------------------------
 * RSA
 */

/* Positive, odd, without zeros that say nothing. */
static bool
take_number(struct str *in, struct str *out)
{
	if (!der_take(in, DER_INTEGER, out) || out->n == 0 ||
	    octet(*out, 0) >= 0x80 || (octet(*out, out->n - 1) & 1) == 0)
		return false;
	return octet(*out, 0) != 0 || (out->n > 1 && octet(*out, 1) >= 0x80);
}

static unsigned
count_bits(struct str number)
{
	unsigned top, bits;

	if (octet(number, 0) == 0)
		number = str_sub(number, 1, STR_NPOS);
	bits = (unsigned)(number.n - 1) * 8;
	for (top = octet(number, 0); top; top >>= 1)
		bits++;
	return bits;
}

static bool
take_rsa(struct str *in, struct rsa_numbers *out)
{
	struct str key;

	if (!der_take(in, DER_SEQUENCE, &key) || !take_number(&key, &out->n) ||
	    !take_number(&key, &out->e) || key.n != 0)
		return false;
	out->bits = count_bits(out->n);
	return true;
}

bool
der_rsa(struct str der, struct rsa_numbers *out)
{
	struct str in = der, info, algorithm, key;

	if (take_rsa(&in, out))
		return in.n == 0;
	if (!der_take(&der, DER_SEQUENCE, &info) || der.n != 0 ||
	    !der_take(&info, DER_SEQUENCE, &algorithm) ||
	    !str_eq(algorithm, rsa_encryption) ||
	    !der_take(&info, DER_BITS, &key) || info.n != 0)
		return false;
	if (key.n == 0 || octet(key, 0) != 0) /* bits that are not used */
		return false;
	key = str_sub(key, 1, STR_NPOS);
	return take_rsa(&key, out) && key.n == 0;
}

void
der_put_rsa(struct buf *out, const struct rsa_numbers *r)
{
	struct buf numbers = { 0 }, key = { 0 }, info = { 0 };

	der_put(&numbers, DER_INTEGER, r->n);
	der_put(&numbers, DER_INTEGER, r->e);
	buf_putc(&key, '\0');
	der_put(&key, DER_SEQUENCE, buf_str(&numbers));
	der_put(&info, DER_SEQUENCE, rsa_encryption);
	der_put(&info, DER_BITS, buf_str(&key));
	der_put(out, DER_SEQUENCE, buf_str(&info));
	buf_fini(&numbers);
	buf_fini(&key);
	buf_fini(&info);
}
