/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OAUTH_FETCH_H
#define OAUTH_FETCH_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * One HTTP request, within one deadline. Only https, and http to this host;
 * no redirects, since a secret may be in the request. Blocks.
 */

#define FETCH_MAX (1024 * 1024) /* octets of an answer */

struct fetch {
	const char *url;
	const char *ca_file; /* empty: the system's authorities */
	unsigned timeout;    /* seconds */
	const char *post;    /* a form (RFC 6749, appendix B); NULL: GET */
	const char *user, *password; /* Basic; an empty user: none */
};

bool fetch_url_ok(struct str url);
/* Append the body of an answer with status 200. */
bool fetch(const struct fetch *f, struct buf *out, struct err *e);
/* Append TEXT in the coding of forms. */
void fetch_escape(struct buf *out, struct str text);

#endif
