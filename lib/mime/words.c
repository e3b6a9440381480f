/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/decode.h"

#include <string.h>

#include "mime/internal.h"

/*
 * Octets of adjacent encoded words of one charset are gathered and converted
 * together, since programs split characters between words.
 */
struct gather {
	struct buf *out;
	struct buf bytes;
	struct str charset;
	bool open; /* the last thing read was an encoded word */
};

static void
flush(struct gather *g)
{
	if (g->open)
		mime_to_utf8(g->out, g->charset, buf_str(&g->bytes));
	buf_clear(&g->bytes);
	g->open = false;
}

struct word {
	struct str charset, text;
	char encoding; /* 'q' or 'b' */
	size_t n;      /* length of it all */
};

/* Characters of charset names; "*" starts the language (RFC 2231). */
static bool
is_charset_char(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f &&
	       !strchr("()<>@,;:\"/[]?=", c);
}

/* "=?", but not the padding before a word's end: "==?=". */
static bool
starts_word(struct str s)
{
	return str_starts(s, STR("=?")) && (s.n < 3 || s.p[2] != '=');
}

/* Is there "=?charset?Q?text?=" at the start of S? */
static bool
read_word(struct str s, struct word *w)
{
	size_t i = 2, start, star;

	if (s.n < 8 || s.p[0] != '=' || s.p[1] != '?')
		return false;
	while (i < s.n && i < 80 && is_charset_char(s.p[i]))
		i++;
	if (i == 2 || s.n - i < 5 || s.p[i] != '?' || s.p[i + 2] != '?')
		return false;
	w->charset = str_sub(s, 2, i - 2);
	if ((star = str_chr(w->charset, '*')) != STR_NPOS)
		w->charset.n = star;
	w->encoding = ascii_lower(s.p[i + 1]);
	if (w->encoding != 'q' && w->encoding != 'b')
		return false;
	start = i += 3;
	/*
	 * RFC 2047 ends the text at white space, but programs leave spaces in
	 * it; a line end or another "=?" shows that the word is broken.
	 */
	for (; i + 1 < s.n; i++) {
		if (s.p[i] == '?' && s.p[i + 1] == '=') {
			w->text = str_sub(s, start, i - start);
			w->n = i + 2;
			return true;
		}
		if (s.p[i] == '\n' || starts_word(str_sub(s, i, 3)))
			return false;
	}
	return false;
}

static void
decode_q(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int hi, lo;

		if (s.p[i] == '=' && i + 2 < s.n &&
		    (hi = ascii_hex(s.p[i + 1])) >= 0 &&
		    (lo = ascii_hex(s.p[i + 2])) >= 0) {
			buf_putc(out, (char)(hi << 4 | lo));
			i += 2;
		} else {
			buf_putc(out, s.p[i] == '_' ? ' ' : s.p[i]);
		}
	}
}

static void
add_word(struct gather *g, const struct word *w)
{
	if (g->open && !str_ieq(g->charset, w->charset))
		flush(g);
	g->charset = w->charset;
	g->open = true;
	if (w->encoding == 'b')
		mime_decode_cte(&g->bytes, MIME_BASE64, w->text, SIZE_MAX / 8);
	else
		decode_q(&g->bytes, w->text);
}

/* Text between encoded words, without the line ends of folding. */
static void
put_plain(struct buf *out, struct str s)
{
	struct buf copy = { 0 };

	if (!memchr(s.p, '\n', s.n) && !memchr(s.p, '\r', s.n)) {
		mime_to_utf8(out, STR_NULL, s);
		return;
	}
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\r' && s.p[i] != '\n')
			buf_putc(&copy, s.p[i]);
	}
	mime_to_utf8(out, STR_NULL, buf_str(&copy));
	buf_fini(&copy);
}

void
mime_decode_words(struct buf *out, struct str value)
{
	struct gather g = { .out = out };
	struct str s = str_trim(value);
	size_t from = 0, at = 0; /* text from `from` on is not written yet */

	while (at < s.n) {
		const char *eq = memchr(s.p + at, '=', s.n - at);
		struct str between;
		struct word w;

		if (!eq)
			break;
		at = (size_t)(eq - s.p);
		if (!read_word(str_sub(s, at, SIZE_MAX), &w)) {
			at++;
			continue;
		}
		between = str_sub(s, from, at - from);
		if (!g.open || str_trim(between).n) {
			flush(&g);
			if (between.n)
				put_plain(out, between);
		}
		add_word(&g, &w);
		from = at += w.n;
	}
	flush(&g);
	if (from < s.n)
		put_plain(out, str_sub(s, from, SIZE_MAX));
	buf_fini(&g.bytes);
}
