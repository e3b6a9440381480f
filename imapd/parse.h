/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_PARSE_H
#define IMAPD_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * The grammar's small words (RFC 3501, section 9), taken off a framed
 * command one by one. Every function takes its word and returns true, or
 * returns false and leaves in `error` what was expected; the first error
 * stays. Slices point into the command or, where they had to be changed,
 * into the arena.
 */
struct parse {
	struct str in;
	size_t at;
	struct arena *arena;
	const char *error;
	bool utf8; /* mailbox names are UTF-8, else modified UTF-7 */
	/* A mailbox name was not so: an answer of NO, not BAD. */
	bool bad_mailbox;
};

#define PARSE_NAMES 256   /* flags, header fields, items in one list */
#define PARSE_KEYWORD 255 /* octets of a keyword */

bool parse_fail(struct parse *p, const char *expected); /* false */

bool parse_end(struct parse *p);          /* nothing is left */
bool parse_char(struct parse *p, char c); /* must be there */
bool parse_try(struct parse *p, char c);  /* no error if it is not */
bool parse_sp(struct parse *p);
char parse_peek(const struct parse *p); /* '\0' at the end */
/* The keyword WORD, any case, and no more letters behind it; no error if it
 * is another. */
bool parse_try_word(struct parse *p, const char *word);

bool parse_tag(struct parse *p, struct str *out);
bool parse_atom(struct parse *p, struct str *out);
bool parse_string(struct parse *p, struct str *out); /* quoted or literal */
bool parse_astring(struct parse *p, struct str *out);
bool parse_nstring(struct parse *p, struct str *out); /* NIL: p == NULL */
bool parse_literal(struct parse *p, bool *binary, struct str *out);
bool parse_u32(struct parse *p, uint32_t *out);
bool parse_nz(struct parse *p, uint32_t *out);
bool parse_u64(struct parse *p, uint64_t *out);
/* The characters of a sequence set, for seqset_parse(). */
bool parse_set(struct parse *p, struct str *out);
bool parse_mailbox(struct parse *p, struct str *utf8);
/* A LIST pattern: wildcards are allowed in the atom. In UTF-8. */
bool parse_pattern(struct parse *p, struct str *utf8);

/* "(\Seen $Forwarded)", or without parentheses when BARE is true. */
bool parse_flags(struct parse *p, bool bare, struct str **out, size_t *n);

/* 22-Nov-2026, as days since 1970-01-01. */
bool parse_date(struct parse *p, int64_t *days);
/* "22-Nov-2026 17:00:00 +0100" in quotes, as seconds since 1970 UTC. */
bool parse_datetime(struct parse *p, int64_t *epoch);

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
int64_t days_from_civil(int64_t year, unsigned month, unsigned day);
void civil_from_days(
    int64_t days, int64_t *year, unsigned *month, unsigned *day);
extern const char month_names[12][4];

bool is_atom_char(char c);
bool is_astring_char(char c);

#endif
