/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/dsn.h"

#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "mime/decode.h"

#define MAX_ORCPT 500 /* RFC 3461, section 4.2 */

bool
xtext_decode(struct arena *a, struct str in, struct str *out)
{
	char *p = arena_alloc(a, in.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];

		if (c <= ' ' || c >= 0x7f || c == '=')
			return false;
		if (c != '+') {
			p[n++] = (char)c;
			continue;
		}
		if (!hex_decode(str_sub(in, i + 1, 2), &p[n], 1))
			return false;
		n++;
		i += 2;
	}
	*out = (struct str){ p, n };
	return true;
}

static struct str
finish(struct arena *a, struct buf *b)
{
	struct str out = arena_str(a, buf_str(b));

	buf_fini(b);
	return out;
}

struct str
xtext_encode(struct arena *a, struct str in)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];

		if (c > ' ' && c < 0x7f && c != '+' && c != '=')
			buf_putc(&b, in.p[i]);
		else
			buf_printf(&b, "+%02X", c);
	}
	return finish(a, &b);
}

/* ------------------------------------------------------------------------
 * Addresses outside of ASCII (RFC 6533, section 3)
 */

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	}
	return true;
}

/* "\x{E4}" at the beginning of S; how long it is, or 0. */
static size_t
take_point(struct str s, uint32_t *point)
{
	size_t end;

	if (!str_istarts(s, STR("\\x{")))
		return 0;
	end = str_chr(str_sub(s, 0, 10), '}');
	if (end == STR_NPOS || end == 3)
		return 0;
	*point = 0;
	for (size_t i = 3; i < end; i++) {
		const char *digits = "0123456789ABCDEF";
		const char *at = memchr(digits, ascii_upper(s.p[i]), 16);

		if (!at)
			return 0;
		*point = *point << 4 | (uint32_t)(at - digits);
	}
	return end + 1;
}

static struct str
plain(struct arena *a, struct str in)
{
	struct buf b = { 0 };
	uint32_t point;

	while (in.n > 0) {
		size_t n = take_point(in, &point);

		if (n > 0)
			utf8_put(&b, point);
		else
			buf_putc(&b, in.p[0]);
		in = str_sub(in, n ? n : 1, STR_NPOS);
	}
	return finish(a, &b);
}

/* The first character of valid UTF-8, which is taken off. */
static uint32_t
next_point(struct str *s)
{
	static const unsigned char masks[] = { 0x7f, 0x3f, 0x1f, 0x0f, 0x07 };
	unsigned char c = (unsigned char)s->p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t point = c & masks[n == 1 ? 0 : n];

	for (size_t i = 1; i < n && i < s->n; i++)
		point = point << 6 | ((unsigned char)s->p[i] & 0x3f);
	*s = str_sub(*s, n, STR_NPOS);
	return point;
}

/* utf-8-addr-xtext, which is xtext as well. */
static void
put_points(struct buf *b, struct str s)
{
	while (s.n > 0) {
		uint32_t c = next_point(&s);

		if (c > ' ' && c < 0x7f && !strchr("+=\\", (int)c))
			buf_putc(b, (char)c);
		else
			buf_printf(b, "\\x{%02X}", c);
	}
}

/* ------------------------------------------------------------------------
 * Original recipients
 */

static bool
is_type(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"/[]?=+", c))
			return false;
	}
	return s.n > 0;
}

/* "utf-8;" for what is not ASCII, whatever it was called. */
static bool
is_utf8_type(struct str full)
{
	return str_istarts(full, STR("utf-8;")) || !is_ascii(full);
}

bool
dsn_orcpt_parse(
    struct arena *a, struct str in, struct str *full, struct str *address)
{
	size_t semicolon = str_chr(in, ';');
	struct str type = str_sub(in, 0, semicolon);
	struct str rest;

	if (semicolon == STR_NPOS || in.n > MAX_ORCPT || !is_type(type) ||
	    !str_is_utf8(in))
		return false;
	rest = str_sub(in, semicolon + 1, STR_NPOS);
	if (is_ascii(rest) && !xtext_decode(a, rest, &rest))
		return false;
	if (str_ieqc(type, "utf-8"))
		rest = plain(a, rest);
	*address = rest;
	*full = arena_printf(a, "%.*s;%.*s", STR_ARG(type), STR_ARG(rest));
	return str_is_utf8(rest);
}

struct str
dsn_orcpt(struct arena *a, struct str full)
{
	struct buf b = { 0 };

	if (!is_utf8_type(full))
		return xtext_encode(a, full);
	BUF_LIT(&b, "utf-8;");
	put_points(&b, str_sub(full, str_chr(full, ';') + 1, STR_NPOS));
	full = finish(a, &b);
	return full.n > MAX_ORCPT ? STR_NULL : full;
}

struct str
dsn_recipient(struct arena *a, struct str full)
{
	size_t semicolon = str_chr(full, ';');
	struct str address = str_sub(full, semicolon + 1, STR_NPOS);
	struct buf b = { 0 };

	if (is_utf8_type(full)) {
		BUF_LIT(&b, "utf-8; ");
		put_points(&b, address);
		return finish(a, &b);
	}
	buf_putstr(&b, str_sub(full, 0, semicolon));
	BUF_LIT(&b, "; ");
	for (size_t i = 0; i < address.n; i++)
		buf_putc(&b, address.p[i] >= ' ' && address.p[i] != 0x7f
				 ? address.p[i]
				 : '?');
	return finish(a, &b);
}

/* ------------------------------------------------------------------------
 * NOTIFY
 */

bool
dsn_wants_success(struct str notify)
{
	struct str word;

	while (str_split(&notify, ',', &word)) {
		if (str_ieqc(word, "SUCCESS"))
			return true;
	}
	return false;
}

struct str
dsn_without_success(struct arena *a, struct str notify)
{
	struct buf b = { 0 };
	struct str word;

	if (!dsn_wants_success(notify))
		return notify;
	while (str_split(&notify, ',', &word)) {
		if (str_ieqc(word, "SUCCESS"))
			continue;
		if (b.n > 0)
			buf_putc(&b, ',');
		buf_putstr(&b, word);
	}
	/* Who wants to know of success alone wants to know of nothing now. */
	if (b.n == 0)
		BUF_LIT(&b, "NEVER");
	return finish(a, &b);
}
