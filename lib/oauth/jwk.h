/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OAUTH_JWK_H
#define OAUTH_JWK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Key sets (RFC 7517) of public keys to check signatures with: RSA of 2048 to
 * 16384 bits, EC over P-256, P-384 and P-521 (RFC 7518), and OKP with Ed25519
 * and Ed448 (RFC 8037). Keys of other kinds, for encryption, or that are
 * broken are left out, as section 5 wants it. Immutable and counted.
 */

struct evp_pkey_st;
struct jwks;

struct jwk {
	const char *kid; /* NULL: none */
	const char *alg; /* NULL: any that goes with the key */
	const char *kty; /* "RSA", "EC", "OKP" */
	const char *crv; /* NULL with RSA */
	struct evp_pkey_st *key;
};

#define JWKS_MAX_KEYS 100

/* False: TEXT is not a key set. One without usable keys is fine. */
bool jwks_parse(struct str text, struct jwks **out, struct err *e);
struct jwks *jwks_ref(struct jwks *set);
void jwks_free(struct jwks **set);
const struct jwk *jwks_list(const struct jwks *set, size_t *count);
/* Is there a key with this id? Always true of KID == NULL. */
bool jwks_has(const struct jwks *set, const char *kid);

#endif
