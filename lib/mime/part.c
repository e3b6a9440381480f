/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/mime.h"

#include <string.h>

#include "mime/decode.h"
#include "mime/internal.h"

#define MAX_SECTIONS 256 /* RFC 2231 continuations of one parameter */

struct str
mime_part_header(const struct mime_message *m, const struct mime_part *p)
{
	return (struct str){ m->raw.p + p->header, p->body - p->header };
}

struct str
mime_part_body(const struct mime_message *m, const struct mime_part *p)
{
	return (struct str){ m->raw.p + p->body, p->end - p->body };
}

const struct mime_part *
mime_part_next(const struct mime_part *p)
{
	if (p->child)
		return p->child;
	while (p && !p->next)
		p = p->parent;
	return p ? p->next : NULL;
}

bool
mime_part_is(const struct mime_part *p, const char *type, const char *subtype)
{
	return str_ieqc(p->type, type) &&
	       (!subtype || str_ieqc(p->subtype, subtype));
}

/*
 * RFC 2231: the pieces name*0, name*1* ... in order, or name* alone. A
 * trailing star means percent-encoded.
 */
struct piece {
	struct str value;
	bool encoded, there;
};

/*
 * Is NAME a piece of the parameter WANT? *INDEX is its number; a lone name*
 * is number 0.
 */
static bool
piece_of(struct str name, struct str want, uint32_t *index, bool *encoded)
{
	struct str rest;

	if (name.n <= want.n || name.p[want.n] != '*' ||
	    !str_istarts(name, want))
		return false;
	rest = str_sub(name, want.n + 1, SIZE_MAX);
	*encoded = rest.n == 0 || rest.p[rest.n - 1] == '*';
	if (rest.n && *encoded)
		rest.n--;
	*index = 0;
	return rest.n == 0 || str_u32(rest, index);
}

static void
percent_decode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int hi = -1, lo = -1;

		if (s.p[i] == '%' && i + 2 < s.n) {
			hi = ascii_hex(s.p[i + 1]);
			lo = ascii_hex(s.p[i + 2]);
		}
		if (hi >= 0 && lo >= 0) {
			buf_putc(out, (char)(hi << 4 | lo));
			i += 2;
		} else {
			buf_putc(out, s.p[i]);
		}
	}
}

static struct str
join_pieces(struct arena *a, const struct piece *pieces)
{
	struct str charset = STR_NULL, value, result;
	struct buf bytes = { 0 }, text = { 0 };

	for (size_t i = 0; i < MAX_SECTIONS && pieces[i].there; i++) {
		value = pieces[i].value;
		if (i == 0 && pieces[i].encoded) {
			size_t q = str_chr(value, '\''), q2 = STR_NPOS;
			struct str rest = str_sub(value, q + 1, SIZE_MAX);

			if (q != STR_NPOS)
				q2 = str_chr(rest, '\'');
			if (q2 != STR_NPOS) {
				charset = str_sub(value, 0, q);
				value = str_sub(rest, q2 + 1, SIZE_MAX);
			}
		}
		if (pieces[i].encoded)
			percent_decode(&bytes, value);
		else
			buf_putstr(&bytes, value);
	}
	mime_to_utf8(&text, charset, buf_str(&bytes));
	result = arena_str(a, buf_str(&text));
	buf_fini(&bytes);
	buf_fini(&text);
	return result;
}

static struct str
decode_plain(struct arena *a, struct str value)
{
	struct buf text = { 0 };
	struct str result;

	if (ascii_prefix(value) == value.n &&
	    str_find(value, STR("=?")) == STR_NPOS)
		return value;
	mime_decode_words(&text, value);
	result = arena_str(a, buf_str(&text));
	buf_fini(&text);
	return result;
}

struct str
mime_param(struct arena *a, const struct mime_params *params, const char *name)
{
	struct piece pieces[MAX_SECTIONS];
	struct str want = str_of(name), plain = STR_NULL;
	bool any = false;

	for (size_t i = 0; i < params->n; i++) {
		const struct mime_param *p = &params->v[i];
		uint32_t index;
		bool encoded;

		if (!plain.p && str_ieq(p->name, want))
			plain = p->value;
		if (!piece_of(p->name, want, &index, &encoded) ||
		    index >= MAX_SECTIONS)
			continue;
		if (!any)
			memset(pieces, 0, sizeof(pieces));
		any = true;
		if (!pieces[index].there)
			pieces[index] =
			    (struct piece){ p->value, encoded, true };
	}
	if (any && pieces[0].there)
		return join_pieces(a, pieces);
	return plain.n ? decode_plain(a, plain) : plain;
}

struct str
mime_part_filename(struct arena *a, const struct mime_part *p)
{
	struct str name = mime_param(a, &p->disposition_params, "filename");

	return name.n ? name : mime_param(a, &p->params, "name");
}

static bool
has_param(const struct mime_params *params, struct str name)
{
	for (size_t i = 0; i < params->n; i++) {
		if (str_istarts(params->v[i].name, name) &&
		    (params->v[i].name.n == name.n ||
			params->v[i].name.p[name.n] == '*'))
			return true;
	}
	return false;
}

bool
mime_part_is_attachment(const struct mime_part *p)
{
	bool named;

	if (p->multipart)
		return false;
	if (str_ieqc(p->disposition, "attachment"))
		return true;
	named = has_param(&p->disposition_params, STR("filename")) ||
		has_param(&p->params, STR("name"));
	/* An image that the text shows (Content-ID) is not a file. */
	return named && !(str_ieqc(p->disposition, "inline") || p->id.n);
}
