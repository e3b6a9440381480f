/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_SIGNED_H
#define MAILAUTH_SIGNED_H

#include "base/codec.h"
#include "mailauth/canon.h"
#include "mailauth/field.h"
#include "mailauth/key.h"

/*
 * What DKIM-Signature, ARC-Message-Signature and ARC-Seal have in common (RFC
 * 6376, sections 3.5, 3.7 and 5.4).
 */

/* ------------------------------------------------------------------------
 * Reading
 */

/* Names in h= that are looked at; nobody needs more. */
#define SIGNED_NAMES_MAX 1000

/* "relaxed/simple"; STR_NULL: "simple/simple". */
bool canon_parse(struct str c, enum canon *header, enum canon *body);
/* Digits only, as t=, x= and l= want it. */
bool tag_number(struct str text, uint64_t *out);
/* How often NAME stands in the list "a:b:c", compared without case. */
size_t names_count(struct str list, const char *name);
size_t names_total(struct str list);

/*
 * The fields of a message by name: what a thousand names in h= choose costs
 * one look for each, however many fields there are.
 */
struct header;
struct header *header_index(struct arena *a, const struct fields *f);
/* Nothing is taken. */
void header_rewind(struct header *h);
/* The lowest field of that name that was not taken yet, or NULL. */
const struct field *header_take(struct header *h, struct str name);

/* The value of a field with b= emptied. */
void put_without_b(struct buf *out, struct str value);

/* Add a field in its relaxed form. */
void sha256_field(struct sha256 *sha, struct str name, struct str value);
/* The one that holds the signature: without its b= and final CRLF. */
void sha256_last_field(
    struct sha256 *sha, enum canon c, struct str name, struct str value);

/* The SHA-256 of the fields that NAMES choose, which SELF is not among, and of
 * SELF itself without its b= and final CRLF. Returns how many octets that was.
 */
uint64_t header_hash(struct header *h, struct str names,
    const struct field *self, enum canon c, uint8_t out[32]);

/* ------------------------------------------------------------------------
 * Writing
 */

/*
 * A value of tags, folded: it begins with a space, b= stands on lines of its
 * own, and in the relaxed form it is "a=1; b=; c=2" wherever it is folded,
 * except for names in h= that need several lines.
 */
struct tag_writer {
	struct buf *out;
	size_t line, b; /* where the current line and the text of b= begin */
};
void tags_begin(struct tag_writer *w, struct buf *out);
void tags_put(struct tag_writer *w, const char *name, struct str value);
void tags_put_number(struct tag_writer *w, const char *name, uint64_t n);
/* i= of ARC, never at the start of a line: dkimpy looks for a space before it,
 * and ends with an exception if there is none. */
void tags_put_instance(struct tag_writer *w, unsigned instance);
void tags_put_base64(struct tag_writer *w, const char *name, struct str octets);
void tags_put_b(struct tag_writer *w); /* empty until tags_sign() */
/* Put the signature of what has this hash into b=: folded, or on one line. */
bool tags_sign(struct tag_writer *w, const struct private_key *k,
    const uint8_t sha256[32], bool folded, struct err *e);

/* "From:From:To": the fields that are usually signed, each as often as it is
 * there; those of OVERSIGN, a list of the same form, once more. */
void names_signed(struct buf *out, const struct fields *f, struct str oversign);

#endif
