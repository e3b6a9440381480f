/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/mime.h"

#include <string.h>

#include "mime/internal.h"

static void
put_nonempty(struct buf *out, struct str s)
{
	imap_nstring(out, s.n ? s : STR_NULL);
}

static void
put_params(
    struct buf *out, const struct mime_params *params, bool default_charset)
{
	char sep = '(';

	for (size_t i = 0; i < params->n; i++) {
		buf_putc(out, sep);
		imap_nstring(out, params->v[i].name);
		buf_putc(out, ' ');
		imap_nstring(out, params->v[i].value);
		sep = ' ';
		if (str_istarts(params->v[i].name, STR("charset")))
			default_charset = false;
	}
	if (default_charset) {
		buf_putc(out, sep);
		BUF_LIT(out, "\"charset\" \"us-ascii\"");
		sep = ' ';
	}
	if (sep == '(')
		BUF_LIT(out, "NIL");
	else
		buf_putc(out, ')');
}

/* Disposition, language and location: the end of every form. */
static void
put_extension(struct buf *out, const struct mime_part *p)
{
	if (p->disposition.n) {
		BUF_LIT(out, " (");
		imap_nstring(out, p->disposition);
		buf_putc(out, ' ');
		put_params(out, &p->disposition_params, false);
		buf_putc(out, ')');
	} else {
		BUF_LIT(out, " NIL");
	}
	if (p->nlanguages) {
		for (size_t i = 0; i < p->nlanguages; i++) {
			buf_puts(out, i ? " " : " (");
			imap_nstring(out, p->languages[i]);
		}
		buf_putc(out, ')');
	} else {
		BUF_LIT(out, " NIL");
	}
	buf_putc(out, ' ');
	put_nonempty(out, p->location);
}

static void put_part(
    struct buf *out, const struct mime_message *m, const struct mime_part *p);

static void
put_multipart(
    struct buf *out, const struct mime_message *m, const struct mime_part *p)
{
	for (const struct mime_part *c = p->child; c; c = c->next)
		put_part(out, m, c);
	buf_putc(out, ' ');
	imap_nstring(out, p->subtype);
	buf_putc(out, ' ');
	put_params(out, &p->params, false);
}

/*
 * A multipart or message beyond the limits is a leaf; it must not be called
 * by its type then, since those have a grammar of their own.
 */
static void
put_type(struct buf *out, const struct mime_part *p)
{
	if (!p->message && (mime_part_is(p, "multipart", NULL) ||
			       mime_part_is(p, "message", "rfc822") ||
			       mime_part_is(p, "message", "global"))) {
		BUF_LIT(out, "\"application\" \"octet-stream\"");
		return;
	}
	imap_nstring(out, p->type);
	buf_putc(out, ' ');
	imap_nstring(out, p->subtype);
}

static void
put_single(
    struct buf *out, const struct mime_message *m, const struct mime_part *p)
{
	bool text = mime_part_is(p, "text", NULL);

	put_type(out, p);
	buf_putc(out, ' ');
	put_params(out, &p->params, mime_part_is(p, "text", "plain"));
	buf_putc(out, ' ');
	put_nonempty(out, p->id);
	buf_putc(out, ' ');
	put_nonempty(out, p->description);
	buf_putc(out, ' ');
	imap_nstring(out, p->encoding.n ? p->encoding : STR("7bit"));
	buf_putc(out, ' ');
	buf_putu(out, p->end - p->body);
	if (p->message) {
		buf_putc(out, ' ');
		mime_envelope_of(out, m, p->child);
		buf_putc(out, ' ');
		put_part(out, m, p->child);
	}
	if (p->message || text) {
		buf_putc(out, ' ');
		buf_putu(out, p->lines);
	}
	buf_putc(out, ' ');
	put_nonempty(out, p->md5);
}

static void
put_part(
    struct buf *out, const struct mime_message *m, const struct mime_part *p)
{
	buf_putc(out, '(');
	if (p->multipart)
		put_multipart(out, m, p);
	else
		put_single(out, m, p);
	put_extension(out, p);
	buf_putc(out, ')');
}

void
mime_bodystructure(struct buf *out, const struct mime_message *m)
{
	put_part(out, m, m->root);
}

/*
 * From BODYSTRUCTURE to BODY. The reader walks over values of three kinds
 * (atoms and numbers, strings and literals, lists) and copies those that BODY
 * has, leaving out the rest of each part's list.
 */
#define MAX_NESTING 1000 /* lists of a part at depth 200, and then some */

struct reader {
	const char *p, *end;
	struct buf *out;
	bool ok;
};

static bool
at(const struct reader *r, char c)
{
	return r->ok && r->p < r->end && *r->p == c;
}

static void
skip_quoted(struct reader *r)
{
	for (r->p++; r->p < r->end && *r->p != '"'; r->p++) {
		if (*r->p == '\\' && r->p + 1 < r->end)
			r->p++;
	}
	if (r->p < r->end)
		r->p++;
	else
		r->ok = false;
}

static void
skip_literal(struct reader *r)
{
	struct str left = { r->p + 1, (size_t)(r->end - r->p) - 1 };
	size_t brace = str_chr(left, '}');
	uint64_t n;

	if (brace == STR_NPOS || !str_u64(str_sub(left, 0, brace), &n) ||
	    left.n - brace < 3 || n > left.n - brace - 3) {
		r->ok = false;
		return;
	}
	r->p = left.p + brace + 3 + n;
}

/* Past one value; of a list, past its end. */
static void
skip_value(struct reader *r)
{
	unsigned depth = 0;

	do {
		if (!r->ok || r->p >= r->end) {
			r->ok = false;
			return;
		}
		if (*r->p == '(') {
			depth++;
			r->p++;
		} else if (*r->p == ')') {
			if (depth == 0) {
				r->ok = false;
				return;
			}
			depth--;
			r->p++;
		} else if (*r->p == '"') {
			skip_quoted(r);
		} else if (*r->p == '{') {
			skip_literal(r);
		} else if (*r->p == ' ') {
			r->p++;
		} else {
			while (r->p < r->end && !strchr(" ()\"{", *r->p))
				r->p++;
			if (r->p < r->end && *r->p == '\0')
				r->ok = false;
		}
	} while (depth);
}

static struct str
copy_value(struct reader *r)
{
	const char *start = r->p;
	struct str s;

	skip_value(r);
	if (!r->ok)
		return STR_NULL;
	s = (struct str){ start, (size_t)(r->p - start) };
	buf_putstr(r->out, s);
	return s;
}

static void
copy_space(struct reader *r)
{
	if (at(r, ' ')) {
		r->p++;
		buf_putc(r->out, ' ');
	} else {
		r->ok = false;
	}
}

/* Drop what is left of the list whose "(" was passed. */
static void
close_list(struct reader *r)
{
	while (at(r, ' ')) {
		r->p++;
		skip_value(r);
	}
	if (at(r, ')')) {
		r->p++;
		buf_putc(r->out, ')');
	} else {
		r->ok = false;
	}
}

static void
copy_part(struct reader *r, unsigned depth)
{
	struct str type, subtype;

	if (!at(r, '(') || depth > MAX_NESTING) {
		r->ok = false;
		return;
	}
	r->p++;
	buf_putc(r->out, '(');
	if (at(r, '(')) {
		while (at(r, '('))
			copy_part(r, depth + 1);
		copy_space(r);
		copy_value(r); /* the subtype */
		close_list(r);
		return;
	}
	type = copy_value(r);
	copy_space(r);
	subtype = copy_value(r);
	for (int i = 0; i < 5; i++) { /* params id description encoding size */
		copy_space(r);
		copy_value(r);
	}
	if (str_ieqc(type, "\"message\"") &&
	    (str_ieqc(subtype, "\"rfc822\"") ||
		str_ieqc(subtype, "\"global\""))) {
		copy_space(r);
		copy_value(r); /* the envelope */
		copy_space(r);
		copy_part(r, depth + 1);
		copy_space(r);
		copy_value(r); /* lines */
	} else if (str_ieqc(type, "\"text\"")) {
		copy_space(r);
		copy_value(r);
	}
	close_list(r);
}

bool
mime_body_of(struct buf *out, struct str bodystructure)
{
	struct reader r = { bodystructure.p, bodystructure.p, out, true };
	size_t before = out->n;

	if (bodystructure.n == 0)
		return false;
	r.end += bodystructure.n;
	copy_part(&r, 0);
	if (r.ok && r.p == r.end)
		return true;
	out->n = before;
	return false;
}

static struct str
take_value(struct reader *r)
{
	const char *start = r->p;

	skip_value(r);
	return r->ok ? (struct str){ start, (size_t)(r->p - start) } : STR_NULL;
}

static void
expect(struct reader *r, char c)
{
	r->ok = r->ok && at(r, c);
	r->p += r->ok;
}

static void
skip_parts(struct reader *r, uint32_t n)
{
	while (n-- > 0 && r->ok) {
		r->ok = at(r, '(');
		skip_value(r);
	}
	r->ok = r->ok && at(r, '(');
}

/* From a part's "(" to that of the message in it, if it is one. */
static bool
enter_message(struct reader *r)
{
	struct str type, subtype;

	expect(r, '(');
	type = take_value(r);
	expect(r, ' ');
	subtype = take_value(r);
	if (!r->ok || !str_ieqc(type, "\"message\"") ||
	    (!str_ieqc(subtype, "\"rfc822\"") &&
		!str_ieqc(subtype, "\"global\"")))
		return false;
	for (int i = 0; i < 6; i++) { /* params to size, and the envelope */
		expect(r, ' ');
		skip_value(r);
	}
	expect(r, ' ');
	return r->ok && at(r, '(');
}

static bool
is_multipart(const struct reader *r)
{
	return r->end - r->p > 1 && r->p[1] == '(';
}

/*
 * From a part to its N-th child. A message that is no multipart is its own
 * part 1, also where it stands in another message (RFC 9051, 6.4.5).
 */
static void
descend(struct reader *r, uint32_t n, bool top)
{
	if (!is_multipart(r) && !top && !enter_message(r))
		r->ok = false;
	if (!r->ok)
		return;
	if (is_multipart(r)) {
		r->p++;
		skip_parts(r, n - 1);
	} else {
		r->ok = n == 1;
	}
}

bool
mime_bodystructure_part(
    struct str bodystructure, const uint32_t *path, size_t n, struct str *out)
{
	struct reader r = { bodystructure.p, bodystructure.p, NULL, true };

	if (bodystructure.n == 0)
		return false;
	r.end += bodystructure.n;
	r.ok = at(&r, '(');
	for (size_t i = 0; i < n && r.ok; i++)
		descend(&r, path[i], i == 0);
	*out = take_value(&r);
	return r.ok;
}

static const char *
plain_encoding(struct str text)
{
	if (str_chr(text, '\0') != STR_NPOS)
		return "\"binary\"";
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] >= 0x80)
			return "\"8bit\"";
	}
	return "\"7bit\"";
}

/* Write N instead of the value that is there. */
static void
replace_number(struct reader *r, size_t n)
{
	copy_space(r);
	skip_value(r);
	buf_putu(r->out, n);
}

bool
mime_bodystructure_decoded(
    struct buf *out, struct str bodystructure, struct str decoded)
{
	struct reader r = { bodystructure.p, bodystructure.p, out, true };
	size_t before = out->n;
	struct str type;

	if (bodystructure.n == 0)
		return false;
	r.end += bodystructure.n;
	if (is_multipart(&r))
		return false;
	expect(&r, '(');
	buf_putc(out, '(');
	type = copy_value(&r);
	for (int i = 0; i < 4; i++) { /* subtype params id description */
		copy_space(&r);
		copy_value(&r);
	}
	copy_space(&r);
	skip_value(&r);
	buf_puts(out, plain_encoding(decoded));
	replace_number(&r, decoded.n);
	if (str_ieqc(type, "\"text\""))
		replace_number(
		    &r, 0); /* lines of what is decoded mean nothing */
	if (r.ok) {
		buf_put(out, r.p, (size_t)(r.end - r.p));
		return true;
	}
	out->n = before;
	return false;
}
