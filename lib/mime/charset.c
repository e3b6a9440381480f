/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/decode.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/ucnv.h>

#include "base/mem.h"
#include "mime/internal.h"

#define NAME_MAX_LEN 48
#define CACHE 8

void
utf8_put(struct buf *out, uint32_t c)
{
	char *p = buf_reserve(out, 4);

	if (c < 0x80) {
		p[0] = (char)c;
		out->n += 1;
	} else if (c < 0x800) {
		p[0] = (char)(0xc0 | c >> 6);
		p[1] = (char)(0x80 | (c & 0x3f));
		out->n += 2;
	} else if (c < 0x10000) {
		p[0] = (char)(0xe0 | c >> 12);
		p[1] = (char)(0x80 | (c >> 6 & 0x3f));
		p[2] = (char)(0x80 | (c & 0x3f));
		out->n += 3;
	} else {
		p[0] = (char)(0xf0 | c >> 18);
		p[1] = (char)(0x80 | (c >> 12 & 0x3f));
		p[2] = (char)(0x80 | (c >> 6 & 0x3f));
		p[3] = (char)(0x80 | (c & 0x3f));
		out->n += 4;
	}
}

size_t
ascii_prefix(struct str s)
{
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		uint64_t v, zero;

		memcpy(&v, s.p + i, 8);
		zero = (v - UINT64_C(0x0101010101010101)) & ~v;
		if ((v | zero) & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < s.n && s.p[i] != '\0' && !((unsigned char)s.p[i] & 0x80))
		i++;
	return i;
}

struct str
utf8_cut(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max && ((unsigned char)s.p[max] & 0xc0) == 0x80)
		max--;
	return (struct str){ s.p, max };
}

/* The length of the character at the start of S, or 0 if it is none. */
static size_t
utf8_char(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return n <= s.n && str_is_utf8(str_sub(s, 0, n)) ? n : 0;
}

void
utf8_clean(struct buf *out, struct str s)
{
	while (s.n) {
		size_t n = ascii_prefix(s);

		buf_put(out, s.p, n);
		s = str_sub(s, n, SIZE_MAX);
		while (s.n && (s.p[0] == '\0' || (s.p[0] & 0x80))) {
			n = utf8_char(s);
			if (n)
				buf_put(out, s.p, n);
			else if (s.p[0])
				utf8_put(out, 0xfffd);
			s = str_sub(s, n ? n : 1, SIZE_MAX);
		}
	}
}

/* 0x80 to 0x9f of windows-1252; the five holes are C1 controls. */
static const uint16_t cp1252[32] = { 0x20ac, 0x81, 0x201a, 0x192, 0x201e,
	0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d,
	0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013,
	0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178 };

static void
from_1252(struct buf *out, struct str s)
{
	while (s.n) {
		size_t n = ascii_prefix(s);

		buf_put(out, s.p, n);
		for (; n < s.n && (s.p[n] == '\0' || (s.p[n] & 0x80)); n++) {
			unsigned char c = (unsigned char)s.p[n];

			if (c)
				utf8_put(out, c < 0xa0 ? cp1252[c - 0x80] : c);
		}
		s = str_sub(s, n, SIZE_MAX);
	}
}

/* UTF-8 if it is that (NULs aside), else windows-1252. */
static void
guess(struct buf *out, struct str s)
{
	if (ascii_prefix(s) == s.n)
		buf_putstr(out, s);
	else if (str_is_utf8(s))
		utf8_clean(out, s);
	else
		from_1252(out, s);
}

/* Names that mail uses for what another name describes better. */
static const struct {
	const char *name, *means;
} aliases[] = {
	{ "gb2312", "gb18030" },
	{ "gbk", "gb18030" },
	{ "cp936", "gb18030" },
	{ "x-gbk", "gb18030" },
	{ "ks_c_5601-1987", "windows-949" },
	{ "euc-kr", "windows-949" },
	{ "iso-8859-9", "windows-1254" },
	{ "iso-8859-11", "windows-874" },
	{ "tis-620", "windows-874" },
	{ "iso-8859-8-i", "iso-8859-8" },
	{ "iso-8859-8-e", "iso-8859-8" },
	{ "unicode-1-1-utf-7", "utf-7" },
	{ "x-sjis", "shift_jis" },
	{ "shift-jis", "shift_jis" },
	{ "x-mac-roman", "macintosh" },
};

/* Opened converters of one thread, the most recent first. */
struct converters {
	UConverter *utf8;
	struct {
		char name[NAME_MAX_LEN];
		UConverter *cnv; /* NULL: ICU does not know the name */
	} v[CACHE];
	unsigned n;
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
close_converters(void *arg)
{
	struct converters *c = arg;

	for (unsigned i = 0; i < c->n; i++) {
		if (c->v[i].cnv)
			ucnv_close(c->v[i].cnv);
	}
	if (c->utf8)
		ucnv_close(c->utf8);
	free(c);
}

static void
make_key(void)
{
	if (pthread_key_create(&key, close_converters) != 0)
		abort();
}

static struct converters *
converters_of_thread(void)
{
	struct converters *c;

	pthread_once(&once, make_key);
	c = pthread_getspecific(key);
	if (!c) {
		UErrorCode rc = U_ZERO_ERROR;

		c = mem_zalloc(sizeof(*c));
		c->utf8 = ucnv_open("UTF-8", &rc);
		pthread_setspecific(key, c);
	}
	return c;
}

/*
 * Lower case and NUL-terminated; false for what cannot be a charset's name.
 * A comma would start ICU options.
 */
static bool
normal_name(struct str charset, char name[NAME_MAX_LEN])
{
	charset = str_trim(charset);
	if (charset.n == 0 || charset.n >= NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < charset.n; i++) {
		char c = ascii_lower(charset.p[i]);

		if (!ascii_digit(c) && !(c >= 'a' && c <= 'z') &&
		    !strchr("-_.:()+", c))
			return false;
		if (c == '\0')
			return false;
		name[i] = c;
	}
	name[charset.n] = '\0';
	for (size_t i = 0; i < LEN(aliases); i++) {
		if (strcmp(name, aliases[i].name) == 0)
			strcpy(name, aliases[i].means);
	}
	return true;
}

/* The cached converter for NAME, opened if need be; NULL if unknown. */
static UConverter *
converter(struct converters *c, const char *name)
{
	UErrorCode rc = U_ZERO_ERROR;
	unsigned i = 0;

	while (i < c->n && strcmp(c->v[i].name, name) != 0)
		i++;
	if (i == c->n) {
		UConverter *cnv = ucnv_open(name, &rc);

		if (U_FAILURE(rc))
			cnv = NULL;
		if (c->n == CACHE) {
			i = CACHE - 1;
			if (c->v[i].cnv)
				ucnv_close(c->v[i].cnv);
		} else {
			c->n++;
		}
		strcpy(c->v[i].name, name);
		c->v[i].cnv = cnv;
	}
	if (i) { /* to the front */
		char tmp[sizeof(c->v[0])];

		memcpy(tmp, &c->v[i], sizeof(tmp));
		memmove(&c->v[1], &c->v[0], i * sizeof(c->v[0]));
		memcpy(&c->v[0], tmp, sizeof(tmp));
	}
	return c->v[0].cnv;
}

static void
convert(struct buf *out, struct converters *c, UConverter *cnv, struct str s)
{
	UChar pivot[1024], *source = pivot, *target = pivot;
	const char *p = s.p, *end = s.p + s.n;
	bool first = true;

	ucnv_reset(cnv);
	for (;;) {
		UErrorCode rc = U_ZERO_ERROR;
		size_t room = (size_t)(end - p) * 2 + 64;
		char *start = buf_reserve(out, room), *to = start;

		ucnv_convertEx(c->utf8, cnv, &to, start + room, &p, end, pivot,
		    &source, &target, pivot + 1024, first, true, &rc);
		out->n += (size_t)(to - start);
		first = false;
		if (rc != U_BUFFER_OVERFLOW_ERROR)
			return;
	}
}

enum family { FAMILY_GUESS, FAMILY_UTF8, FAMILY_1252, FAMILY_ICU };

static enum family
family_of(const char *name)
{
	static const struct {
		const char *name;
		enum family family;
	} names[] = {
		{ "utf-8", FAMILY_UTF8 },
		{ "utf8", FAMILY_UTF8 },
		{ "us-ascii", FAMILY_GUESS },
		{ "ascii", FAMILY_GUESS },
		{ "ansi_x3.4-1968", FAMILY_GUESS },
		{ "iso-8859-1", FAMILY_1252 },
		{ "iso8859-1", FAMILY_1252 },
		{ "iso_8859-1", FAMILY_1252 },
		{ "latin1", FAMILY_1252 },
		{ "latin-1", FAMILY_1252 },
		{ "windows-1252", FAMILY_1252 },
		{ "cp1252", FAMILY_1252 },
		{ "unknown-8bit", FAMILY_GUESS },
		{ "x-unknown", FAMILY_GUESS },
	};

	for (size_t i = 0; i < LEN(names); i++) {
		if (strcmp(name, names[i].name) == 0)
			return names[i].family;
	}
	return FAMILY_ICU;
}

/* The converter for FAMILY_ICU, with NUL octets taken out afterwards. */
static bool
through_icu(struct buf *out, const char *name, struct str bytes)
{
	struct converters *c = converters_of_thread();
	UConverter *cnv = c->utf8 ? converter(c, name) : NULL;
	size_t start = out->n, n;

	if (!cnv)
		return false;
	convert(out, c, cnv, bytes);
	n = out->n - start;
	if (n && memchr(out->p + start, '\0', n)) {
		char *to = out->p + start;

		for (size_t i = start; i < out->n; i++) {
			if (out->p[i])
				*to++ = out->p[i];
		}
		out->n = (size_t)(to - out->p);
	}
	return true;
}

bool
mime_to_utf8(struct buf *out, struct str charset, struct str bytes)
{
	char name[NAME_MAX_LEN];

	if (charset.n == 0) {
		guess(out, bytes);
		return true;
	}
	if (!normal_name(charset, name)) {
		guess(out, bytes);
		return false;
	}
	switch (family_of(name)) {
	case FAMILY_UTF8:
		utf8_clean(out, bytes);
		return true;
	case FAMILY_1252:
		from_1252(out, bytes);
		return true;
	case FAMILY_GUESS:
		guess(out, bytes);
		return true;
	case FAMILY_ICU:
		break;
	}
	if (bytes.n == 0 || through_icu(out, name, bytes))
		return true;
	guess(out, bytes);
	return false;
}

bool
mime_charset_known(struct str charset)
{
	char name[NAME_MAX_LEN];

	if (!normal_name(charset, name))
		return false;
	return family_of(name) != FAMILY_ICU ||
	       converter(converters_of_thread(), name);
}
