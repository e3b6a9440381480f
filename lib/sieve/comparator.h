/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_COMPARATOR_H
#define SIEVE_COMPARATOR_H

#include "base/arena.h"
#include "mime/collate.h"
#include "sieve/capability.h"

/* Comparators (RFC 4790): a collation, or numbers. */
struct sieve_comparator {
	const char *name;
	enum sieve_cap cap;
	bool numeric; /* i;ascii-numeric: no substrings */
	bool octets;  /* i;octet: a character is an octet */
	const struct mime_collation *collation;
};

/* NULL: there is none of that name. */
const struct sieve_comparator *sieve_comparator_find(struct str name);
/* i;ascii-casemap (RFC 5228, section 2.7.3). */
const struct sieve_comparator *sieve_comparator_default(void);

/* Less than, equal to, greater than 0. */
int sieve_compare(const struct sieve_comparator *c, struct str a, struct str b);
/* A: for what is only needed meanwhile. */
bool sieve_contains(struct arena *a, const struct sieve_comparator *c,
    struct str value, struct str key);

/*
 * Text rewritten so that octets can be compared. AT, of N + 1 entries, tells
 * for each octet where its character begins in the original; NULL: the same
 * places.
 */
struct sieve_folded {
	struct str text;
	const size_t *at;
};
struct sieve_folded sieve_fold(
    struct arena *a, const struct sieve_comparator *c, struct str text);
/* Octets of the folded text that the character at I has. */
size_t sieve_folded_char(
    const struct sieve_comparator *c, const struct sieve_folded *f, size_t i);

#endif
