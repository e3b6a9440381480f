/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OAUTH_REMEMBER_H
#define OAUTH_REMEMBER_H

#include <jansson.h>

#include "oauth/config.h"

/*
 * What the provider said of tokens, for as long as verified passwords are
 * remembered (auth.cache_time): mail programs open several connections at
 * once. Tokens are kept as an HMAC under a key of the process. Any thread.
 */

/* The claims, the caller's to free; NULL: not known. */
json_t *remember_get(const struct oauth_config *c, struct str token);
void remember_put(
    const struct oauth_config *c, struct str token, json_t *claims);

#endif
