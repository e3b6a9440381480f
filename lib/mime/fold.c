/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/decode.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "mime/internal.h"

/*
 * ASCII is folded eight octets at a time. Characters below U+0800 (Latin,
 * Greek, Cyrillic, Hebrew, Arabic) come from a table made once from ICU, as
 * long as nothing near them composes. All else goes through ICU in pieces
 * that are cut where Unicode says that normalisation may be cut, so that the
 * result does not depend on the cuts.
 */

#define TABLE 0x800
#define PIECE 128 /* UTF-16 units; longer without a boundary: cut anyway */

struct folded {
	unsigned char n;    /* octets */
	unsigned char lone; /* does not combine with what is before it */
	char text[6];
};

static struct folded table[TABLE];
static const UNormalizer2 *nfkc_cf;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
fill(struct folded *f, UChar32 c)
{
	UChar in[2] = { (UChar)c, 0 }, folded[16];
	UErrorCode rc = U_ZERO_ERROR;
	int32_t n, utf8 = 0;

	n = unorm2_normalize(nfkc_cf, in, 1, folded, 16, &rc);
	u_strToUTF8(f->text, sizeof(f->text), &utf8, folded, n, &rc);
	if (U_FAILURE(rc))
		return; /* too long: left to the slow way */
	f->n = (unsigned char)utf8;
	f->lone =
	    unorm2_hasBoundaryBefore(nfkc_cf, c) && u_getCombiningClass(c) == 0;
}

static void
make_table(void)
{
	UErrorCode rc = U_ZERO_ERROR;

	nfkc_cf = unorm2_getNFKCCasefoldInstance(&rc);
	if (U_FAILURE(rc))
		abort(); /* ICU without its data */
	for (UChar32 c = 0; c < TABLE; c++)
		fill(&table[c], c);
}

/* Eight octets, all ASCII: upper case letters get bit 0x20. */
static uint64_t
lower8(uint64_t v)
{
	uint64_t from_a = v + UINT64_C(0x3f3f3f3f3f3f3f3f);
	uint64_t past_z = v + UINT64_C(0x2525252525252525);
	uint64_t upper = (from_a & ~past_z) & UINT64_C(0x8080808080808080);

	return v | upper >> 2;
}

/* Fold leading ASCII; returns how much of S it was. */
static size_t
fold_ascii(struct buf *out, struct str s)
{
	char *to = buf_reserve(out, s.n);
	size_t i = 0;

	for (; i + 16 <= s.n; i += 16) {
		uint64_t a, b;

		memcpy(&a, s.p + i, 8);
		memcpy(&b, s.p + i + 8, 8);
		if ((a | b) & UINT64_C(0x8080808080808080))
			break;
		a = lower8(a);
		b = lower8(b);
		memcpy(to + i, &a, 8);
		memcpy(to + i + 8, &b, 8);
	}
	for (; i < s.n && !((unsigned char)s.p[i] & 0x80); i++)
		to[i] = ascii_lower(s.p[i]);
	out->n += i;
	return i;
}

/* Decode the character at *i and move past it; U+FFFD for a bad octet. */
static UChar32
next_char(struct str s, size_t *i)
{
	int32_t at = 0;
	int32_t left = s.n - *i < 4 ? (int32_t)(s.n - *i) : 4;
	const uint8_t *p = (const uint8_t *)s.p + *i;
	UChar32 c;

	U8_NEXT(p, at, left, c);
	*i += (size_t)at;
	return c < 0 ? 0xfffd : c;
}

static bool
starts_afresh(UChar32 c)
{
	if (c < TABLE)
		return table[c].lone;
	return unorm2_hasBoundaryBefore(nfkc_cf, c);
}

static void
fold_units(struct buf *out, const UChar *in, int32_t n)
{
	UChar folded[PIECE * 18 + 2]; /* U+FDFA is the longest: 18 for 1 */
	UErrorCode rc = U_ZERO_ERROR;
	int32_t len, utf8 = 0, room;

	len = unorm2_normalize(nfkc_cf, in, n, folded, PIECE * 18 + 2, &rc);
	if (U_FAILURE(rc))
		return;
	room = len * 3;
	u_strToUTF8(buf_reserve(out, (size_t)room + 1), room + 1, &utf8, folded,
	    len, &rc);
	if (U_SUCCESS(rc))
		out->n += (size_t)utf8;
}

/* Can the character that starts at FROM be looked up? Moves *i past it. */
static bool
fold_by_table(struct buf *out, struct str s, size_t *i)
{
	size_t after = *i;
	UChar32 c = next_char(s, &after);
	size_t ahead = after;

	if (c >= TABLE || !table[c].lone)
		return false;
	if (after < s.n && !starts_afresh(next_char(s, &ahead)))
		return false;
	buf_put(out, table[c].text, table[c].n);
	*i = after;
	return true;
}

/* From *i up to a place where the table can take over again. */
static void
fold_slowly(struct buf *out, struct str s, size_t *i)
{
	UChar units[PIECE + 2];
	int32_t n = 0;

	while (*i < s.n && n < PIECE) {
		size_t after = *i;
		UChar32 c = next_char(s, &after);

		if (n && starts_afresh(c) && (c < TABLE || n > PIECE / 2))
			break;
		U16_APPEND_UNSAFE(units, n, c);
		*i = after;
	}
	fold_units(out, units, n);
}

void
mime_fold(struct buf *out, struct str s)
{
	size_t i = 0;

	pthread_once(&once, make_table);
	while (i < s.n) {
		size_t n = fold_ascii(out, str_sub(s, i, SIZE_MAX));
		size_t ahead;

		i += n;
		if (i == s.n)
			break;
		ahead = i;
		if (n && !starts_afresh(next_char(s, &ahead))) {
			out->n--; /* the letter may combine: "e" + U+0301 */
			i--;
			fold_slowly(out, s, &i);
			continue;
		}
		while (i < s.n && (s.p[i] & 0x80)) {
			if (!fold_by_table(out, s, &i))
				fold_slowly(out, s, &i);
		}
	}
}
