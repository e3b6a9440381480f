/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"

/*
 * A slice: N bytes at P that somebody else owns. It is never assumed to end
 * in NUL. An empty slice may have P == NULL.
 *
 * Case-insensitive comparisons fold ASCII letters only, as protocol keywords
 * want it; text in human languages goes through ICU (lib/mime).
 */
struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })
#define STR_NULL ((struct str){ NULL, 0 })
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

struct str str_of(const char *cstr); /* NULL gives STR_NULL */
struct str str_sub(struct str s, size_t from, size_t len); /* clamps */

bool str_eq(struct str a, struct str b);
bool str_ieq(struct str a, struct str b);
bool str_eqc(struct str a, const char *b);
bool str_ieqc(struct str a, const char *b);
int str_cmp(struct str a, struct str b);  /* bytewise; shorter first */
int str_icmp(struct str a, struct str b); /* the same, ASCII case folded */
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_iends(struct str s, struct str suffix);

#define STR_NPOS ((size_t)-1)
size_t str_chr(struct str s, char c);             /* first C, or STR_NPOS */
size_t str_rchr(struct str s, char c);            /* last C, or STR_NPOS */
size_t str_find(struct str s, struct str needle); /* or STR_NPOS */

/* Without ASCII white space (SP, HT, CR, LF) at both ends. */
struct str str_trim(struct str s);

/*
 * Take the part of *rest before the first SEP, and move *rest past it.
 * Returns false when *rest is exhausted (P == NULL).
 */
bool str_split(struct str *rest, char sep, struct str *part);

/* "yes", "true", "on", "1", or "no", "false", "off", "0", in any case: 1 or 0.
 */
bool str_bool(struct str s, uint64_t *out);

/* The whole of S as a decimal number; false if it is none or too large. */
bool str_u64(struct str s, uint64_t *out);
bool str_u32(struct str s, uint32_t *out);

/* "10K", "5M", "2G", "1T" or plain bytes (powers of 1024). */
bool str_size(struct str s, uint64_t *out);

/* "90" (seconds), "90s", "15m", "2h", "7d", "3w": seconds. */
bool str_duration(struct str s, uint64_t *seconds);

/* Well-formed UTF-8 without NUL (RFC 3629: no surrogates, no overlongs). */
bool str_is_utf8(struct str s);

static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline char
ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static inline bool
ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 0 to 15, or -1: the value of a hexadecimal digit. */
static inline int
ascii_hex(char c)
{
	if (ascii_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
