/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OAUTH_KEYS_H
#define OAUTH_KEYS_H

#include "oauth/config.h"
#include "oauth/jwk.h"

/*
 * The key set of oauth.jwks, kept in memory. A file is read again when it has
 * changed. A URL is fetched again when the set is older than cache_time, or
 * lacks the key KID (at most once in KEYS_RETRY seconds), by one thread; the
 * others go on with the old set, or wait for the first. A set that cannot be
 * fetched anew stays in use. The result is a counted reference.
 */

#define KEYS_RETRY 30 /* seconds between two attempts */

enum site_rc keys_get(const struct oauth_config *c, const char *kid,
    struct jwks **out, struct err *e);

#endif
