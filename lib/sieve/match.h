/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_MATCH_H
#define SIEVE_MATCH_H

#include "sieve/run.h"

/*
 * Comparing values with keys: match types (RFC 5228, section 2.7; RFC 5231;
 * draft-ietf-sieve-regex; RFC 6134) under comparators (RFC 4790).
 *
 *	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_2));
 *	while (there is a VALUE && (answer = sieve_match_value(&m, VALUE)) ==
 *SIEVE_NO)
 *		;
 *	return sieve_match_end(&m);
 */

enum sieve_match_type {
	MATCH_IS,
	MATCH_CONTAINS,
	MATCH_MATCHES,
	MATCH_REGEX,
	MATCH_LIST,
	MATCH_COUNT,
	MATCH_VALUE,
};

struct sieve_comparator;

struct sieve_match {
	struct sieve_run *run;
	enum sieve_match_type type;
	const struct sieve_comparator *comparator;
	int relation; /* of :count and :value */
	struct strs keys;
	const struct sieve_arg *arg; /* the keys */
	uint64_t count;
	enum sieve_answer answer;
};

/* For the check of a test that takes sieve_tags_match; KEYS may be NULL. */
bool sieve_match_check(struct sieve_checker *c, struct sieve_node *n,
    const struct sieve_arg *keys);

void sieve_match_init(struct sieve_match *m, struct sieve_run *r,
    const struct sieve_node *n, const struct sieve_arg *keys);
/* Not NO: no more values are needed. */
enum sieve_answer sieve_match_value(struct sieve_match *m, struct str value);
enum sieve_answer sieve_match_end(struct sieve_match *m);

/*
 * Does VALUE match PATTERN ("*" and "?") under a comparator? What each
 * wildcard stands for is the run's match values from 1 on, the whole is 0.
 */
bool sieve_glob(struct sieve_run *r, const struct sieve_comparator *c,
    struct str pattern, struct str value);

/* Regular expressions (regex.c). */
struct sieve_regex;
/* NULL: OUT says why. */
struct sieve_regex *sieve_regex_new(
    struct str pattern, bool caseless, struct buf *why);
void sieve_regex_free(struct sieve_regex **re);
/* The match values of R are set. R NULL: see sieve_regex_group(). */
enum sieve_answer sieve_regex_match(
    struct sieve_run *r, const struct sieve_regex *re, struct str value);
/* What group 1 (or all, if there is none) of RE matches in VALUE. */
bool sieve_regex_group(
    const struct sieve_regex *re, struct str value, struct str *out);

/* Set the match values: all empty. */
void sieve_match_clear(struct sieve_run *r);
void sieve_match_add(struct sieve_run *r, struct str value);

#endif
