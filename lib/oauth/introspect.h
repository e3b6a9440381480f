/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OAUTH_INTROSPECT_H
#define OAUTH_INTROSPECT_H

#include <jansson.h>

#include "oauth/config.h"

/* Ask the provider about TOKEN (RFC 7662). SITE_OK with its answer, the
 * caller's to free, or with a remembered one (remember.h); SITE_DENIED: not
 * valid; SITE_BUSY: it did not answer. */
enum site_rc introspect(const struct oauth_config *c, struct str token,
    json_t **claims, struct err *e);

#endif
