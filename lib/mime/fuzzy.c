/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/fuzzy.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include "mime/decode.h"
#include "mime/internal.h"

/* What a text word is worth, by how it matches. */
enum { SAME = 100, BEGINS = 85, CONTAINS = 60, TYPO = 50 };
#define LATER_TEXTS 90 /* per cent */
#define SCATTERED 90   /* the words are not side by side */
#define LONGEST 32     /* letters of a word that may have a typo */

/* ------------------------------------------------------------------------
 * The plain form
 */

#define TABLE 0x2000 /* letters with diacritics are below */

static const UNormalizer2 *nfd;
static int16_t table[TABLE]; /* what bare() says */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Marks above, below and through a letter, as Latin, Greek and Cyrillic have
 * them. Signs that make another letter or a vowel have lower classes. */
static bool
is_diacritic(UChar32 c)
{
	return u_getCombiningClass(c) >= 200;
}

/* Letters with a stroke do not decompose. */
static UChar32
without_stroke(UChar32 c)
{
	static const struct {
		UChar32 c;
		char plain;
	} rows[] = {
		{ 0xf8, 'o' },
		{ 0x111, 'd' },
		{ 0x127, 'h' },
		{ 0x131, 'i' },
		{ 0x142, 'l' },
		{ 0x167, 't' },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		if (rows[i].c == c)
			return rows[i].plain;
	}
	return c;
}

/* The letter that C is with diacritics; else C; -1: nothing. */
static UChar32
look_up(UChar32 c)
{
	UChar units[32];
	UErrorCode rc = U_ZERO_ERROR;
	int32_t n = unorm2_getDecomposition(nfd, c, units, 32, &rc), i = 0;
	UChar32 letter, mark;

	if (is_diacritic(c))
		return -1;
	if (n <= 0 || U_FAILURE(rc))
		return without_stroke(c);
	U16_NEXT(units, i, n, letter);
	while (i < n) {
		U16_NEXT(units, i, n, mark);
		if (!is_diacritic(mark))
			return c;
	}
	return without_stroke(letter);
}

static void
make_table(void)
{
	UErrorCode rc = U_ZERO_ERROR;

	nfd = unorm2_getNFDInstance(&rc);
	if (U_FAILURE(rc))
		abort(); /* ICU without its data */
	for (UChar32 c = 0; c < TABLE; c++)
		table[c] = (int16_t)look_up(c);
}

/* Kana, ideographs and Hangul, of which there may be much, are as they are. */
static UChar32
bare(UChar32 c)
{
	if (c < TABLE)
		return table[c];
	if ((c >= 0x3040 && c < 0xa000) || (c >= 0xac00 && c < 0xd800))
		return c;
	return look_up(c);
}

void
mime_plain(struct buf *out, struct str utf8)
{
	size_t start = out->n, ascii;
	struct buf folded = { 0 };
	const uint8_t *p;
	int32_t i, n;

	mime_fold(out, utf8);
	ascii = ascii_prefix(str_sub(buf_str(out), start, SIZE_MAX));
	if (start + ascii == out->n)
		return;
	pthread_once(&once, make_table);
	buf_putstr(&folded, str_sub(buf_str(out), start + ascii, SIZE_MAX));
	out->n = start + ascii;
	p = (const uint8_t *)folded.p;
	for (i = 0, n = (int32_t)folded.n; i < n;) {
		UChar32 c;

		if (p[i] < 0x80) {
			buf_putc(out, folded.p[i++]);
			continue;
		}
		U8_NEXT(p, i, n, c);
		c = bare(c < 0 ? 0xfffd : c);
		if (c >= 0)
			utf8_put(out, (uint32_t)c);
	}
	buf_fini(&folded);
}

/* ------------------------------------------------------------------------
 * Words
 */

static bool
in_word(UChar32 c)
{
	if (c < 0x80)
		return c >= 0 && (ascii_digit((char)c) ||
				     (ascii_lower((char)c) >= 'a' &&
					 ascii_lower((char)c) <= 'z'));
	return u_isUAlphabetic(c) || u_isdigit(c) ||
	       (U_GET_GC_MASK(c) & U_GC_M_MASK);
}

/* The next word of what is left of TEXT. */
static bool
next_word(struct str *text, struct str *word)
{
	const uint8_t *p = (const uint8_t *)text->p;
	int32_t n = (int32_t)text->n, at = 0, start = -1, end = n;

	while (at < n) {
		int32_t before = at;
		UChar32 c;

		U8_NEXT(p, at, n, c);
		if (in_word(c)) {
			if (start < 0)
				start = before;
		} else if (start >= 0) {
			end = before;
			break;
		}
	}
	if (start < 0)
		return false;
	*word = str_sub(*text, (size_t)start, (size_t)(end - start));
	*text = str_sub(*text, (size_t)end, SIZE_MAX);
	return true;
}

void
fuzzy_parse(struct arena *a, struct str utf8, struct fuzzy *out)
{
	struct buf plain = { 0 };
	struct str rest;

	*out = (struct fuzzy){ 0 };
	mime_plain(&plain, utf8);
	out->phrase = arena_str(a, str_trim(buf_str(&plain)));
	buf_fini(&plain);
	rest = out->phrase;
	while (out->n < FUZZY_WORDS && next_word(&rest, &out->words[out->n]))
		out->n++;
}

/* Its code points; 0: too many. */
static size_t
letters(struct str word, UChar32 out[LONGEST])
{
	const uint8_t *p = (const uint8_t *)word.p;
	int32_t i = 0, n = (int32_t)word.n;
	size_t count = 0;

	while (i < n) {
		if (count == LONGEST)
			return 0;
		U8_NEXT(p, i, n, out[count]);
		count++;
	}
	return count;
}

static size_t
bytes(const UChar32 *v, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (size_t)U8_LENGTH(v[i]);
	return sum;
}

/* Two letters are in doubt, since they may have been swapped. */
bool
fuzzy_parts(struct str word, size_t i, struct str parts[2])
{
	UChar32 v[LONGEST];
	size_t n = letters(word, v);

	if (n < FUZZY_TYPO) {
		parts[0] = word;
		parts[1] = STR("");
		return i == 0;
	}
	if (i + 2 > n)
		return false;
	parts[0] = str_sub(word, 0, bytes(v, i));
	parts[1] = str_sub(word, bytes(v, i + 2), SIZE_MAX);
	return true;
}

/* ------------------------------------------------------------------------
 * Matching
 */

/* One step of editing makes X of Y; they differ. */
static bool
one_edit(const UChar32 *x, size_t n, const UChar32 *y, size_t m)
{
	size_t first = 0, last = 0, least = n < m ? n : m;

	if (n > m + 1 || m > n + 1)
		return false;
	while (first < least && x[first] == y[first])
		first++;
	while (last < least - first && x[n - 1 - last] == y[m - 1 - last])
		last++;
	if (n != m) /* one too many */
		return first + last == least;
	n -= first + last;
	return n == 1 ||
	       (n == 2 && x[first] == y[first + 1] && x[first + 1] == y[first]);
}

static bool
is_typo(struct str word, struct str text)
{
	UChar32 x[LONGEST], y[LONGEST];
	size_t n, m;

	if (word.n < FUZZY_TYPO || text.n > word.n + 4 || word.n > text.n + 4)
		return false;
	n = letters(word, x);
	m = letters(text, y);
	return n >= FUZZY_TYPO && m > 0 && one_edit(x, n, y, m);
}

static unsigned
word_score(struct str word, struct str text)
{
	size_t at = str_find(text, word);

	if (at == 0)
		return text.n == word.n ? SAME : BEGINS;
	if (at != STR_NPOS)
		return CONTAINS;
	return is_typo(word, text) ? TYPO : 0;
}

unsigned
fuzzy_score(const struct fuzzy *f, const struct str *texts, size_t n)
{
	unsigned best[FUZZY_WORDS] = { 0 }, sum = 0;
	bool together = f->n == 1;

	for (size_t t = 0; t < n; t++) {
		struct str rest = texts[t], word;

		while (next_word(&rest, &word)) {
			for (size_t i = 0; i < f->n; i++) {
				unsigned now = word_score(f->words[i], word);

				if (t > 0)
					now = now * LATER_TEXTS / 100;
				if (now > best[i])
					best[i] = now;
			}
		}
		together =
		    together || str_find(texts[t], f->phrase) != STR_NPOS;
	}
	for (size_t i = 0; i < f->n; i++) {
		if (best[i] == 0)
			return 0;
		sum += best[i];
	}
	if (!together)
		sum = sum * SCATTERED / 100;
	return f->n ? sum / (unsigned)f->n : 0;
}
