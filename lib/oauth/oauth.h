/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OAUTH_OAUTH_H
#define OAUTH_OAUTH_H

#include "site/site.h"

/*
 * Access tokens (RFC 6750): whose they are. A token that is a JWT (RFC 9068)
 * is checked here with the keys of oauth.jwks, if that is set; any other is
 * shown to the provider at oauth.introspection (RFC 7662).
 *
 *	check.c       the way through what follows
 *	config.c      the settings of a domain
 *	jwk.c, jwt.c  keys and signatures; bytes in, answers out
 *	keys.c        key sets, kept until they are old or a key is missing
 *	claims.c      issuer, audience, times, scopes, and the user
 *	introspect.c  asking the provider
 *	remember.c    what it said, for a minute
 *	fetch.c       HTTP
 *
 * For site_set_token_check(). Any thread; blocks for up to oauth.timeout when
 * the provider must be asked. Of a provider that hangs, at most half of the
 * workers wait (net/gate.h).
 */
enum site_rc oauth_check(struct site *s, struct arena *a, struct str token,
    struct str domain, struct str *user, struct err *e);

/* Can tokens be checked with the settings of DOMAIN? Asks the provider; E says
 * what is wrong. */
bool oauth_probe(
    struct site *s, struct arena *a, struct str domain, struct err *e);

#endif
