/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/decode.h"

#include <string.h>

#include "mime/internal.h"

enum mime_cte
mime_cte_parse(struct str name)
{
	static const struct {
		const char *name;
		enum mime_cte cte;
	} names[] = {
		{ "7bit", MIME_7BIT },
		{ "8bit", MIME_8BIT },
		{ "binary", MIME_BINARY },
		{ "quoted-printable", MIME_QP },
		{ "base64", MIME_BASE64 },
		{ "7-bit", MIME_7BIT },
		{ "8-bit", MIME_8BIT },
		{ "", MIME_7BIT },
	};

	for (size_t i = 0; i < LEN(names); i++) {
		if (str_ieqc(name, names[i].name))
			return names[i].cte;
	}
	return MIME_CTE_UNKNOWN;
}

/* The value of a base64 character; JUNK is skipped. */
#define JUNK 64
#define PAD 65

static const unsigned char values[256] = {
	/* clang-format off */
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 65, 64, 64,
	64,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
	64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	/* clang-format on */
};

/*
 * Groups of four good characters go the fast way; padding ends a group, and
 * what follows starts a new one (attachments glued together exist).
 */
static bool
decode_base64(struct buf *out, struct str s, size_t max)
{
	const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
	unsigned char *to, *start, *stop;
	uint32_t bits = 0;
	unsigned have = 0;
	bool clean = true;

	if (max > s.n / 4 * 3 + 3)
		max = s.n / 4 * 3 + 3;
	start = to = (unsigned char *)buf_reserve(out, max + 3);
	stop = to + max;
	while (p < end && to < stop) {
		unsigned char v;

		while (have == 0 && end - p >= 4 && to < stop) {
			uint32_t a = values[p[0]], b = values[p[1]];
			uint32_t c = values[p[2]], d = values[p[3]];

			if ((a | b | c | d) & 0xc0)
				break;
			a = a << 18 | b << 12 | c << 6 | d;
			to[0] = (unsigned char)(a >> 16);
			to[1] = (unsigned char)(a >> 8);
			to[2] = (unsigned char)a;
			to += 3;
			p += 4;
		}
		if (p == end || to >= stop)
			break;
		v = values[*p++];
		if (v == PAD) {
			have = 0;
		} else if (v == JUNK) {
			clean = clean && mime_is_space((char)p[-1]);
		} else {
			bits = bits << 6 | v;
			if (have++)
				*to++ = (unsigned char)(bits >> (have == 2 ? 4
								    : have == 3
									? 2
									: 0));
			have &= 3;
		}
	}
	out->n += to < stop ? (size_t)(to - start) : max;
	return clean;
}

/* At "=": what it stands for. Moves *p past it. */
static bool
decode_escape(struct buf *out, const char **p, const char *end)
{
	const char *q = *p + 1;
	int hi, lo;

	if (end - q >= 2 && (hi = ascii_hex(q[0])) >= 0 &&
	    (lo = ascii_hex(q[1])) >= 0) {
		buf_putc(out, (char)(hi << 4 | lo));
		*p = q + 2;
		return true;
	}
	while (q < end && (*q == ' ' || *q == '\t'))
		q++;
	if (q < end && *q == '\r')
		q++;
	if (q == end || *q == '\n') { /* a soft line break */
		*p = q + (q < end);
		return true;
	}
	buf_putc(out, '=');
	++*p;
	return false;
}

/* One line [p, end) with its line end; white space before that is padding. */
static bool
decode_qp_line(struct buf *out, const char *p, const char *end)
{
	const char *text = end, *eol;
	bool clean = true;

	if (text > p && text[-1] == '\n')
		text--;
	if (text > p && text[-1] == '\r')
		text--;
	eol = text;
	while (text > p && (text[-1] == ' ' || text[-1] == '\t'))
		text--;
	while (p < text) {
		const char *eq = memchr(p, '=', (size_t)(text - p));

		buf_put(out, p, (size_t)((eq ? eq : text) - p));
		if (!eq)
			break;
		p = eq;
		if (!decode_escape(out, &p, end))
			clean = false;
		if (p > text)
			return clean; /* the line end was soft */
		if (p == text && eq + 1 == text)
			return clean;
	}
	buf_put(out, eol, (size_t)(end - eol));
	return clean;
}

static bool
decode_qp(struct buf *out, struct str s, size_t max)
{
	const char *p = s.p, *end = p + s.n;
	size_t start = out->n;
	bool clean = true;

	while (p < end && out->n - start < max) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *next = lf ? lf + 1 : end;

		if (!decode_qp_line(out, p, next))
			clean = false;
		p = next;
	}
	if (out->n - start > max)
		out->n = start + max;
	return clean;
}

bool
mime_decode_cte(struct buf *out, enum mime_cte cte, struct str body, size_t max)
{
	if (body.n == 0)
		return true;
	switch (cte) {
	case MIME_BASE64:
		return decode_base64(out, body, max);
	case MIME_QP:
		return decode_qp(out, body, max);
	default:
		buf_putstr(out, str_sub(body, 0, max));
		return cte != MIME_CTE_UNKNOWN;
	}
}
