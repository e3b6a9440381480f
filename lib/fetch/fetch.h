/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct sockaddr;

/*
 * One HTTP request, within one deadline. Only https, and http to this host
 * unless more is allowed; no redirects, since a secret may be in the request.
 * Blocks.
 */

#define FETCH_MAX (1024 * 1024) /* octets of an answer */

struct fetch {
	const char *url;
	const char *ca_file; /* empty: the system's authorities */
	unsigned timeout;    /* seconds */
	const char *post;    /* a form (RFC 6749, appendix B); NULL: GET */
	size_t post_size;    /* of POST; 0: up to its NUL */
	const char *user, *password; /* Basic; an empty user: none */
	const char *type;            /* of POST, if it is no form */
	const char *name;            /* for sentences; NULL: the URL */
	bool http;                   /* may go to any host */
	/* Not to this host and its neighbours, whatever a name leads to, and
	 * through no proxy; *refused is set if it was for that. */
	bool public_only;
	bool *refused;
	const char *accept; /* the media type that an answer must have; NULL:
			     * any, and JSON is asked for */
	size_t max;         /* octets of the answer; 0: FETCH_MAX */
	/* "HOST:PORT:ADDRESS,ADDRESS": where HOST is; NULL: the system knows */
	const char *resolve;
};

bool fetch_url_ok(struct str url);
/* Is it an address of the public Internet? */
bool fetch_is_public(const struct sockaddr *sa);
/* The status of the answer, 0 if there was none; its body is appended. */
unsigned fetch_any(const struct fetch *f, struct buf *out, struct err *e);
/* Append the body of an answer with status 200. */
bool fetch(const struct fetch *f, struct buf *out, struct err *e);
/* Append TEXT in the coding of forms. */
void fetch_escape(struct buf *out, struct str text);

#endif
