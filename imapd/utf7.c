/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/utf7.h"

#include <stdint.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == ',' ? 63 : -1;
}

static bool
direct(uint32_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

static void
put_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_putc(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_putc(out, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buf_putc(out, (char)(0xe0 | c >> 12));
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		buf_putc(out, (char)(0xf0 | c >> 18));
		buf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_putc(out, (char)(0x80 | (c & 0x3f)));
}

/* One UTF-16 unit; HIGH holds a high surrogate waiting for its low one. */
static bool
put_unit(struct buf *out, uint32_t unit, uint32_t *high)
{
	if (*high) {
		if (unit < 0xdc00 || unit > 0xdfff)
			return false;
		put_utf8(
		    out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
		*high = 0;
		return true;
	}
	if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
		return true;
	}
	if ((unit >= 0xdc00 && unit <= 0xdfff) || direct(unit) || unit == 0)
		return false;
	put_utf8(out, unit);
	return true;
}

/* The base64 between "&" and "-". */
static bool
put_run(struct buf *out, struct str run)
{
	uint32_t bits = 0, high = 0;
	unsigned have = 0;

	for (size_t i = 0; i < run.n; i++) {
		int d = digit(run.p[i]);

		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have < 16)
			continue;
		have -= 16;
		if (!put_unit(out, bits >> have & 0xffff, &high))
			return false;
	}
	/* Less than a digit is left over, and it is zero. */
	return !high && have < 6 && (bits & ((1u << have) - 1)) == 0;
}

bool
utf7_decode(struct buf *out, struct str name)
{
	size_t start = out->n, i = 0, run_end = STR_NPOS;

	if (!str_is_utf8(name))
		return false;
	while (i < name.n) {
		struct str rest = str_sub(name, i + 1, name.n);
		size_t n;

		if (name.p[i] != '&') {
			buf_putc(out, name.p[i++]);
			continue;
		}
		n = str_chr(rest, '-');
		if (n == STR_NPOS || (n && i == run_end)) /* "&..-&..-" */
			goto bad;
		if (n == 0)
			buf_putc(out, '&');
		else if (!put_run(out, str_sub(rest, 0, n)))
			goto bad;
		i += n + 2;
		run_end = n ? i : STR_NPOS;
	}
	return true;
bad:
	out->n = start;
	return false;
}

void
utf7_decode_lax(struct buf *out, struct str name)
{
	if (!utf7_decode(out, name))
		buf_putstr(out, name);
}

/* Decode one character of well-formed UTF-8. */
static uint32_t
next_char(struct str s, size_t *i)
{
	unsigned char c = (unsigned char)s.p[(*i)++];
	unsigned more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	uint32_t v = more == 0 ? c : c & (0x3fu >> more);

	while (more-- && *i < s.n)
		v = v << 6 | ((unsigned char)s.p[(*i)++] & 0x3f);
	return v;
}

struct encoder {
	struct buf *out;
	uint32_t bits;
	unsigned have;
	bool open;
};

static void
encode_unit(struct encoder *e, uint32_t unit)
{
	if (!e->open) {
		buf_putc(e->out, '&');
		e->open = true;
	}
	e->bits = e->bits << 16 | unit;
	e->have += 16;
	while (e->have >= 6) {
		e->have -= 6;
		buf_putc(e->out, alphabet[e->bits >> e->have & 0x3f]);
	}
	e->bits &= 0x3f;
}

static void
encode_close(struct encoder *e)
{
	if (!e->open)
		return;
	if (e->have)
		buf_putc(e->out, alphabet[e->bits << (6 - e->have) & 0x3f]);
	buf_putc(e->out, '-');
	*e = (struct encoder){ .out = e->out };
}

void
utf7_encode(struct buf *out, struct str utf8)
{
	struct encoder e = { .out = out };

	for (size_t i = 0; i < utf8.n;) {
		uint32_t c = next_char(utf8, &i);

		if (direct(c)) {
			encode_close(&e);
			buf_putc(out, (char)c);
			if (c == '&')
				buf_putc(out, '-');
		} else if (c < 0x10000) {
			encode_unit(&e, c);
		} else {
			encode_unit(&e, 0xd800 + ((c - 0x10000) >> 10));
			encode_unit(&e, 0xdc00 + ((c - 0x10000) & 0x3ff));
		}
	}
	encode_close(&e);
}
