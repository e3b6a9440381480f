/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_FIELDS_H
#define SIEVE_FIELDS_H

#include "sieve/match.h"
#include "sieve/run.h"

/* Which header fields a test is about: what header, address and exists share.
 */

/*
 * The fields called NAME: of the message, or with :mime of the part that
 * foreverypart is at, and with :anychild of all parts in it (RFC 5703, section
 * 4); of these only what :index and :last say (RFC 5260, section 6).
 */
struct sieve_found_fields {
	struct sieve_field **v;
	size_t n;
};
struct sieve_found_fields sieve_fields_named(
    struct sieve_run *r, const struct sieve_node *n, struct str name);

/* The tests header and address: MATCH is asked of each field with a name out of
 * the first list, until it says yes; the second list has the keys. */
typedef enum sieve_answer sieve_field_match(
    struct sieve_match *m, const struct sieve_node *n, struct sieve_field *f);
enum sieve_answer sieve_match_fields(
    struct sieve_run *r, const struct sieve_node *n, sieve_field_match *match);

/*
 * What :type, :subtype, :contenttype and :param make of a value (RFC 5703,
 * section 4.1): *out is a list of texts. Without such a tag it is VALUE.
 */
struct strs sieve_mime_values(
    struct sieve_run *r, const struct sieve_node *n, struct sieve_field *f);

/* For checks: :last needs :index, :anychild and the others need :mime. */
bool sieve_field_tags_check(struct sieve_checker *c, struct sieve_node *n);

/* The part that is looked at now: foreverypart's, or the whole message. */
const struct mime_part *sieve_current_part(
    struct sieve_run *r, struct sieve_message **of);

#endif
