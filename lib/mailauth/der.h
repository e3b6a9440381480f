/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_DER_H
#define MAILAUTH_DER_H

#include "base/buf.h"

/*
 * As much of DER as an RSA public key is written in: OpenSSL 3 takes 160
 * microseconds to read one and 130 to write it, more than to verify with it
 * five times.
 */

enum { DER_INTEGER = 0x02, DER_BITS = 0x03, DER_SEQUENCE = 0x30 };

/* Take one element of that tag off the front of *in. */
bool der_take(struct str *in, unsigned char tag, struct str *content);
void der_put(struct buf *out, unsigned char tag, struct str content);

struct rsa_numbers {
	struct str n, e; /* as DER has them: a zero in front of a high bit */
	unsigned bits;   /* of n */
};
/* SubjectPublicKeyInfo or RSAPublicKey, and nothing behind it. The numbers are
 * odd and positive, slices of DER. */
bool der_rsa(struct str der, struct rsa_numbers *out);
/* SubjectPublicKeyInfo. */
void der_put_rsa(struct buf *out, const struct rsa_numbers *r);

#endif
