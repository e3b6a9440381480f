/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_CANON_H
#define MAILAUTH_CANON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * The canonical forms of RFC 6376, section 3.4, and the tag lists of section
 * 3.2, which DKIM, ARC and DMARC share.
 */

enum canon { CANON_SIMPLE, CANON_RELAXED };

/* Append the header field in that form, with its CRLF. NAME and VALUE as they
 * stand (VALUE after the colon, with its space); lines may end in LF or CRLF.
 */
void canon_field(
    struct buf *out, enum canon c, struct str name, struct str value);

/* The SHA-256 of a body that comes in chunks of any size. */
struct body_hash;
/* LIMIT: octets that count (l=); UINT64_MAX: all. */
struct body_hash *body_hash_new(enum canon c, uint64_t limit);
void body_hash_add(struct body_hash *h, struct str chunk);
/* 32 octets; *length: octets hashed; *more: the body has some after LIMIT. */
void body_hash_end(
    struct body_hash *h, unsigned char out[32], uint64_t *length, bool *more);
void body_hash_free(struct body_hash **h);

struct tag {
	struct str name, value; /* without white space around them */
};
struct tags {
	const struct tag *v;
	size_t n;
};
/* "a=b; c=d": false if it is none or a tag stands twice; *why says which. */
bool tags_parse(
    struct arena *a, struct str text, struct tags *out, struct str *why);
/* The value, P == NULL if it is missing. */
struct str tags_get(const struct tags *t, const char *name);
/* Base64 in which white space may stand. */
bool tag_base64(struct arena *a, struct str text, struct str *out);

#endif
