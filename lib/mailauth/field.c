/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/field.h"

#include "mime/header.h"

/* Past the empty line that ends the header, if there is one. */
static size_t
skip_empty_line(struct str raw, size_t at)
{
	if (at < raw.n && raw.p[at] == '\r')
		at++;
	if (at < raw.n && raw.p[at] == '\n')
		at++;
	return at;
}

/* A line without a name ("From " of mailboxes, garbage) is no field, but it
 * does not end the header. */
struct fields
fields_of(struct arena *a, struct str raw, size_t *body)
{
	struct field *v = NULL;
	struct str rest = raw;
	struct mime_field f;
	size_t n = 0, cap = 0;

	while (mime_field_next(&rest, &f)) {
		if (f.name.n == 0)
			continue;
		if (n == cap)
			v = arena_grow(a, v, n, &cap, sizeof(*v));
		v[n++] = (struct field){ f.name, f.value };
	}
	*body = skip_empty_line(raw, raw.n - rest.n);
	return (struct fields){ v, n };
}

const struct field *
fields_next(const struct fields *f, const char *name, size_t *i)
{
	while (*i < f->n) {
		const struct field *at = &f->v[(*i)++];

		if (str_ieqc(at->name, name))
			return at;
	}
	return NULL;
}

size_t
fields_count(const struct fields *f, const char *name)
{
	size_t i = 0, n = 0;

	while (fields_next(f, name, &i))
		n++;
	return n;
}
