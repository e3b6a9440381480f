/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OAUTH_JWT_H
#define OAUTH_JWT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "oauth/jwk.h"

/*
 * JSON Web Tokens (RFC 7519) in the compact form of JWS (RFC 7515), signed
 * with RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 (RFC
 * 7518) or EdDSA (RFC 8037, 9864). "none" and the shared-secret algorithms are
 * not among them, and the algorithm must be one of the key's kind (RFC 8725).
 */

struct jwt {
	json_t *header, *claims; /* objects */
	const char *kid;         /* NULL: none */
	const char *alg;
	struct str signed_part, signature; /* of the text, still in base64 */
};

/* Does TEXT look like one: three parts with dots between them? */
bool jwt_shape(struct str text);
/* TEXT must outlive the token. False: not a JWT that we could check. Nothing
 * in it is to be believed before jwt_verify(). */
bool jwt_parse(struct str text, struct jwt *out, struct err *e);
void jwt_fini(struct jwt *t);
/* With any key of the set that has the token's key id, if it names one. */
bool jwt_verify(const struct jwt *t, const struct jwks *set, struct err *e);

#endif
