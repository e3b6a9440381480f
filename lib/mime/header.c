/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/header.h"

#include <string.h>

#include "mime/internal.h"

/* The end of the line at P, after its LF. */
static const char *
line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf ? lf + 1 : end;
}

static bool
is_empty_line(const char *p, const char *end)
{
	return *p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n');
}

/* The length of the field name at the start of S, colon excluded, or 0. */
static size_t
name_length(struct str s, size_t *colon)
{
	size_t i = 0, n;

	while (i < s.n && (unsigned char)s.p[i] > ' ' &&
	       (unsigned char)s.p[i] < 0x7f && s.p[i] != ':')
		i++;
	n = i;
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	*colon = i;
	return i < s.n && s.p[i] == ':' ? n : 0;
}

bool
mime_field_next(struct str *header, struct mime_field *f)
{
	const char *p = header->p, *end, *q;
	size_t colon;

	if (header->n == 0)
		return false;
	end = p + header->n;
	if (is_empty_line(p, end))
		return false;
	q = line_end(p, end);
	while (q < end && (*q == ' ' || *q == '\t'))
		q = line_end(q, end);
	f->raw = (struct str){ p, (size_t)(q - p) };
	f->name = (struct str){ p, name_length(f->raw, &colon) };
	f->value = f->raw;
	if (f->name.n)
		f->value = str_sub(f->raw, colon + 1, SIZE_MAX);
	if (f->value.n && f->value.p[f->value.n - 1] == '\n')
		f->value.n--;
	if (f->value.n && f->value.p[f->value.n - 1] == '\r')
		f->value.n--;
	*header = (struct str){ q, (size_t)(end - q) };
	return true;
}

bool
mime_field_find(struct str header, const char *name, struct mime_field *f)
{
	struct str want = str_of(name);

	while (mime_field_next(&header, f)) {
		if (str_ieq(f->name, want))
			return true;
	}
	return false;
}

struct str
mime_header_value(struct arena *a, struct str header, const char *name)
{
	struct mime_field f;

	if (!mime_field_find(header, name, &f))
		return STR_NULL;
	return mime_unfolded(a, f.value);
}

void
mime_unfold(struct buf *out, struct str value)
{
	char *to;
	size_t n = 0;

	value = str_trim(value);
	to = buf_reserve(out, value.n);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c != '\r' && c != '\n' && c != '\0')
			to[n++] = c;
	}
	out->n += n;
}

static const struct {
	const char *name;
	size_t n;
} known[F_COUNT] = {
#define NAME(s)                                                                \
	{                                                                      \
		s, sizeof(s) - 1                                               \
	}
	[F_DATE] = NAME("date"),
	[F_SUBJECT] = NAME("subject"),
	[F_FROM] = NAME("from"),
	[F_SENDER] = NAME("sender"),
	[F_REPLY_TO] = NAME("reply-to"),
	[F_TO] = NAME("to"),
	[F_CC] = NAME("cc"),
	[F_BCC] = NAME("bcc"),
	[F_IN_REPLY_TO] = NAME("in-reply-to"),
	[F_MESSAGE_ID] = NAME("message-id"),
	[F_REFERENCES] = NAME("references"),
#undef NAME
};

/* Of a field that stands there twice the first counts. */
void
known_fields_read(struct known_fields *k, struct str header)
{
	struct mime_field f;

	*k = (struct known_fields){ 0 };
	while (mime_field_next(&header, &f)) {
		for (size_t i = 0; i < F_COUNT; i++) {
			if (f.name.n != known[i].n || k->v[i].p ||
			    ascii_lower(f.name.p[0]) != known[i].name[0] ||
			    !str_ieqc(f.name, known[i].name))
				continue;
			k->v[i] = f.value;
			break;
		}
	}
}

static void
add_id(struct arena *a, struct str **ids, size_t *n, size_t *cap, struct str id)
{
	if (*n == *cap) {
		size_t more = *cap ? *cap * 2 : 8;
		struct str *v = arena_array(a, more, sizeof(*v));

		if (*n)
			memcpy(v, *ids, *n * sizeof(*v));
		*ids = v;
		*cap = more;
	}
	(*ids)[(*n)++] = id;
}

/* What stands in <>, without the white space that folding put there. */
static struct str
id_text(struct arena *a, const char *p, const char *end)
{
	struct str s = str_trim((struct str){ p, (size_t)(end - p) });
	char *copy;
	size_t n = 0, i = 0;

	while (i < s.n && !mime_is_space(s.p[i]) && s.p[i])
		i++;
	if (i == s.n)
		return s;
	copy = arena_alloc(a, s.n);
	for (i = 0; i < s.n; i++) {
		if (!mime_is_space(s.p[i]) && s.p[i])
			copy[n++] = s.p[i];
	}
	return (struct str){ copy, n };
}

size_t
mime_msgids(struct arena *a, struct str value, size_t max, struct str **out)
{
	struct lexer l = lex_of(value);
	size_t n = 0, cap = 0;

	*out = NULL;
	while (n < max) {
		const char *start;
		struct str id;

		lex_space(&l);
		if (l.p >= l.end)
			break;
		if (*l.p == '<') {
			start = ++l.p;
			while (l.p < l.end && *l.p != '>' && *l.p != '<')
				l.p++;
			id = id_text(a, start, l.p);
			if (l.p < l.end && *l.p == '>')
				l.p++;
			if (id.n)
				add_id(a, out, &n, &cap, id);
			continue;
		}
		start = l.p;
		while (l.p < l.end && !mime_is_space(*l.p) && *l.p != '<')
			l.p++;
		id = (struct str){ start, (size_t)(l.p - start) };
		if (str_chr(id, '@') != STR_NPOS && id.n > 2)
			add_id(a, out, &n, &cap, id);
	}
	return n;
}
