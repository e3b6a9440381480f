/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/decode.h"

#include <string.h>

#include "mime/header.h"
#include "mime/internal.h"

#define DEFAULT_TEXT ((size_t)4 << 20)
#define PREVIEW_SOURCE 32768 /* octets of text looked at for a preview */

static struct str
charset_of(const struct mime_part *p)
{
	for (size_t i = 0; i < p->params.n; i++) {
		if (str_ieqc(p->params.v[i].name, "charset"))
			return p->params.v[i].value;
	}
	return STR_NULL;
}

/* The content in UTF-8, HTML with its markup. */
static void
put_decoded(struct buf *out, const struct mime_message *m,
    const struct mime_part *p, size_t max)
{
	struct str body = mime_part_body(m, p);
	struct buf octets = { 0 };
	size_t start = out->n;

	if (p->cte == MIME_QP || p->cte == MIME_BASE64) {
		/* At most three octets are written for one of output. */
		if (max < body.n / 4)
			body.n = max * 4;
		mime_decode_cte(&octets, p->cte, body, max);
		body = buf_str(&octets);
	}
	mime_to_utf8(out, charset_of(p), utf8_cut(body, max));
	out->n = start + utf8_cut(buf_since(out, start), max).n;
	buf_fini(&octets);
}

void
mime_part_text(struct buf *out, const struct mime_message *m,
    const struct mime_part *p, size_t max)
{
	struct buf html = { 0 };

	if (!mime_part_is(p, "text", "html")) {
		put_decoded(out, m, p, max);
		return;
	}
	put_decoded(&html, m, p, max);
	mime_html_to_text(out, buf_str(&html));
	buf_fini(&html);
}

/* ------------------------------------------------------------------------
 * Search text
 */

struct collector {
	struct arena *a;
	struct buf *headers, *body;
	size_t headers_end, body_end; /* what the buffers may grow to */
	size_t part;
	bool markup;
};

static size_t
room(const struct buf *b, size_t end)
{
	return b->n < end ? end - b->n : 0;
}

static void
put_value(struct buf *out, struct str value)
{
	if (ascii_prefix(value) == value.n &&
	    (value.n == 0 || !memmem(value.p, value.n, "=?", 2)))
		mime_unfold(out, value);
	else
		mime_decode_words(out, value);
}

/* Of what B got since START keep what fits below END, and end the line. */
static void
end_text(struct buf *b, size_t start, size_t end)
{
	size_t n =
	    utf8_cut(buf_since(b, start), end > start ? end - start : 0).n;

	b->n = start + n;
	if (n)
		buf_putc(b, '\n');
}

static void
collect_header(struct collector *c, struct str header)
{
	struct mime_field f;
	size_t left;

	while ((left = room(c->headers, c->headers_end)) &&
	       mime_field_next(&header, &f)) {
		size_t start = c->headers->n;

		buf_putstr(c->headers, str_sub(f.name, 0, left));
		BUF_LIT(c->headers, ": ");
		put_value(c->headers, str_sub(f.value, 0, left));
		/* "user (who)@host" is to be found as user@host, too. */
		if (str_chr(f.value, '(') != STR_NPOS &&
		    mime_is_address_field(f.name)) {
			buf_putc(c->headers, ' ');
			mime_address_text(
			    c->headers, str_sub(f.value, 0, left));
		}
		end_text(c->headers, start, c->headers_end);
	}
}

static void
collect_html(struct collector *c, const struct mime_message *m,
    const struct mime_part *p, size_t max)
{
	struct buf html = { 0 };
	size_t start = c->body->n;

	put_decoded(&html, m, p, max);
	mime_html_to_text(c->body, buf_str(&html));
	end_text(c->body, start, c->body_end);
	if (c->markup) {
		start = c->body->n;
		buf_putstr(c->body, buf_str(&html));
		end_text(c->body, start, c->body_end);
	}
	buf_fini(&html);
}

static void
collect_part(struct collector *c, const struct mime_message *m,
    const struct mime_part *p)
{
	size_t left = room(c->body, c->body_end), start = c->body->n;
	struct str name;

	if (left == 0)
		return;
	if (left > c->part)
		left = c->part;
	if (mime_part_is(p, "text", "html")) {
		collect_html(c, m, p, left);
	} else if (mime_part_is(p, "text", NULL)) {
		put_decoded(c->body, m, p, left);
		end_text(c->body, start, c->body_end);
	}
	if (p->params.n || p->disposition_params.n) {
		name = mime_part_filename(c->a, p);
		start = c->body->n;
		if (name.n) {
			buf_putstr(c->body, name);
			end_text(c->body, start, c->body_end);
		}
	}
}

void
mime_search_text(struct buf *headers, struct buf *body,
    const struct mime_message *m, const struct mime_text_limits *limits)
{
	size_t total = limits && limits->total ? limits->total : DEFAULT_TEXT;
	struct collector c = { .a = arena_new(),
		.headers = headers,
		.body = body,
		.headers_end = headers->n + total,
		.body_end = body->n + total,
		.part = limits && limits->part ? limits->part : DEFAULT_TEXT,
		.markup = !limits || !limits->no_markup };

	for (const struct mime_part *p = m->root; p; p = mime_part_next(p)) {
		collect_header(&c, mime_part_header(m, p));
		collect_part(&c, m, p);
	}
	arena_free(&c.a);
}

/* ------------------------------------------------------------------------
 * Preview
 */

/* The first part people read: plain before HTML, not an attachment. */
static const struct mime_part *
readable_part(const struct mime_message *m, const char *subtype)
{
	for (const struct mime_part *p = m->root; p; p = mime_part_next(p)) {
		if (mime_part_is(p, "text", subtype) && p->end > p->body &&
		    !mime_part_is_attachment(p))
			return p;
	}
	return NULL;
}

/*
 * What newsletters fill their previews with: no width, no meaning. At P are N
 * octets of UTF-8; returns the length of such a character or 0.
 */
static size_t
invisible(const char *p, size_t n)
{
	static const char *const filler[] = { "\xc2\xad", "\xcd\x8f",
		"\xe2\x80\x8b", "\xe2\x80\x8c", "\xe2\x80\x8d", "\xe2\x80\x8e",
		"\xe2\x80\x8f", "\xe2\x81\xa0", "\xef\xbb\xbf" };

	for (size_t i = 0; i < LEN(filler); i++) {
		size_t len = strlen(filler[i]);

		if (n >= len && memcmp(p, filler[i], len) == 0)
			return len;
	}
	return 0;
}

/* Controls and spaces become one space; MIME_PREVIEW characters at most. */
static void
squeeze(struct buf *out, struct str s)
{
	size_t chars = 0, i = 0, start = out->n, skip;
	bool space = false;

	while (i < s.n && chars < MIME_PREVIEW) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == 0x7f) {
			space = true;
			i++;
			continue;
		}
		if (c >= 0x80 && (skip = invisible(s.p + i, s.n - i))) {
			i += skip;
			continue;
		}
		if (c == 0xc2 && i + 1 < s.n && s.p[i + 1] == '\xa0') {
			space = true;
			i += 2;
			continue;
		}
		if (space && out->n > start) {
			buf_putc(out, ' ');
			chars++;
		}
		space = false;
		do
			buf_putc(out, s.p[i++]);
		while (i < s.n && (s.p[i] & 0xc0) == 0x80);
		chars++;
	}
	if (chars > MIME_PREVIEW) /* the space took the last place */
		out->n = start +
			 utf8_cut(buf_since(out, start), out->n - start - 1).n;
}

void
mime_preview(struct buf *out, const struct mime_message *m)
{
	static const char *const subtypes[] = { "plain", "html" };
	struct buf text = { 0 };
	size_t start = out->n;

	for (size_t i = 0; i < 2 && out->n == start; i++) {
		const struct mime_part *p = readable_part(m, subtypes[i]);

		if (!p)
			continue;
		buf_clear(&text);
		mime_part_text(&text, m, p, i ? PREVIEW_SOURCE : 4096);
		squeeze(out, buf_str(&text));
	}
	buf_fini(&text);
}
