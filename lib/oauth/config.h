/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OAUTH_CONFIG_H
#define OAUTH_CONFIG_H

#include "site/site.h"

/* The settings oauth.* of a domain, or of the site if DOMAIN is empty. All
 * texts end in NUL and live in the arena. */
struct oauth_config {
	struct str jwks, introspection, issuer, audience, scopes, claims;
	struct str client_id, client_secret_file, ca_file;
	int64_t leeway, cache_time; /* seconds */
	int64_t remember;           /* auth.cache_time */
	unsigned timeout;           /* seconds, at least 1 */
};

void oauth_config_read(struct site *s, struct arena *a, struct str domain,
    struct oauth_config *out);
/* Do both believe the same tokens? */
bool oauth_config_agree(
    const struct oauth_config *x, const struct oauth_config *y);

#endif
