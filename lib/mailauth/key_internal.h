/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_KEY_INTERNAL_H
#define MAILAUTH_KEY_INTERNAL_H

#include <openssl/evp.h>

#include "base/buf.h"

/* The public half as p= has it: SubjectPublicKeyInfo for RSA, the 32 octets
 * for Ed25519. */
void pkey_base64(const EVP_PKEY *pkey, struct buf *out);

#endif
