/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/clean.h"

#include "base/buf.h"
#include "mime/decode.h"

/* How many octets the character at P has; the text is good UTF-8. */
static size_t
width(const unsigned char *p)
{
	return *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
}

static uint32_t
code_of(const unsigned char *p, size_t n)
{
	static const unsigned char bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = *p & bits[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* Controls of both sets, line ends of Unicode, marks and overrides of the
 * direction, what has no width. */
static const struct {
	uint32_t first, last;
} unwanted[] = {
	{ 0x00, 0x1f },
	{ 0x7f, 0x9f },
	{ 0x061c, 0x061c },
	{ 0x200b, 0x200f },
	{ 0x2028, 0x202e },
	{ 0x2060, 0x206f },
	{ 0xfeff, 0xfeff },
	{ 0xe0000, 0xe007f },
};

static bool
is_unwanted(uint32_t c)
{
	for (size_t i = 0; i < LEN(unwanted); i++) {
		if (c >= unwanted[i].first && c <= unwanted[i].last)
			return true;
	}
	return false;
}

static void
put_clean(struct buf *out, struct str utf8, size_t max)
{
	const unsigned char *p = (const unsigned char *)utf8.p;

	for (size_t at = 0, n; at < utf8.n; at += n) {
		n = width(p + at);
		if (at + n > utf8.n || out->n + n > max)
			break;
		if (is_unwanted(code_of(p + at, n)))
			buf_putc(out, ' ');
		else
			buf_put(out, p + at, n);
	}
}

/* Decoding makes text shorter or, of windows-1252, three times as long: more
 * than a part of a huge value is never seen. */
#define LOOK_AT 16

struct str
clean_text(struct arena *a, struct str value, size_t max)
{
	struct buf utf8 = { 0 }, out = { 0 };
	struct str result;

	mime_decode_words(&utf8, str_sub(value, 0, max * LOOK_AT));
	put_clean(&out, buf_str(&utf8), max);
	result = arena_str(a, str_trim(buf_str(&out)));
	buf_fini(&utf8);
	buf_fini(&out);
	return result;
}
