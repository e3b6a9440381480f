/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OAUTH_CLAIMS_H
#define OAUTH_CLAIMS_H

#include <jansson.h>

#include "oauth/config.h"

/*
 * What a token says of itself (RFC 7519, section 4.1; RFC 7662, section 2.2):
 * is it for us, and whose is it?
 */

/*
 * SELF: a JWT, which nobody but its signature vouches for; issuer, audience
 * and end are then demanded. The provider's answer about a token need not have
 * them, but what it has must be right. SITE_OK; SITE_DENIED; SITE_DISABLED: a
 * scope is missing.
 */
enum site_rc claims_check(const struct oauth_config *c, const json_t *claims,
    bool self, int64_t now, struct err *e);

/* The address in the first claim of oauth.claims that is there, completed
 * with DOMAIN if it has none. SITE_DENIED: there is no usable one. */
enum site_rc claims_user(const struct oauth_config *c, struct arena *a,
    const json_t *claims, struct str domain, struct str *user, struct err *e);

#endif
