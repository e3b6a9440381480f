/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/message.h"

#include <string.h>

#include "mime/compose.h"
#include "mime/decode.h"
#include "sieve/sieve.h"

struct sieve_message *
sieve_message_new(struct arena *a, struct str raw)
{
	struct sieve_message *m = ARENA_NEW(a, struct sieve_message);

	m->arena = a;
	m->raw = raw.p ? raw : STR("");
	m->original = true;
	return m;
}

void
sieve_fields_read(struct arena *a, struct sieve_fields *f, struct str header)
{
	struct mime_field field;

	while (mime_field_next(&header, &field)) {
		f->v = arena_grow(a, f->v, f->n, &f->cap, sizeof(*f->v));
		f->v[f->n++] = (struct sieve_field){ .name = field.name,
			.value = field.value,
			.raw = field.raw };
	}
}

/* Where the body begins: after the empty line. *MISSING: there is none. */
static size_t
body_offset(struct str raw, bool *missing)
{
	struct str rest = raw;
	struct mime_field field;

	while (mime_field_next(&rest, &field))
		;
	*missing = rest.n == 0;
	if (rest.n > 0 && rest.p[0] == '\r')
		rest = str_sub(rest, 1, SIZE_MAX);
	if (rest.n > 0 && rest.p[0] == '\n')
		rest = str_sub(rest, 1, SIZE_MAX);
	return raw.n - rest.n;
}

static void
split(struct sieve_message *m)
{
	bool missing;
	size_t body;

	if (m->split)
		return;
	m->split = true;
	body = body_offset(m->raw, &missing);
	m->body = missing ? STR_NULL : str_sub(m->raw, body, SIZE_MAX);
	sieve_fields_read(m->arena, &m->fields, str_sub(m->raw, 0, body));
}

struct sieve_fields *
sieve_message_fields(struct sieve_message *m)
{
	split(m);
	return &m->fields;
}

struct str
sieve_message_body(struct sieve_message *m)
{
	split(m);
	return m->body;
}

static bool
ends_line(const struct sieve_field *f)
{
	return f->raw.n > 0 && f->raw.p[f->raw.n - 1] == '\n';
}

static char *
put(char *to, struct str s)
{
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

static void
build(struct sieve_message *m)
{
	size_t n = m->body.n + 2;
	char *start, *to;

	for (size_t i = 0; i < m->fields.n; i++)
		n += m->fields.v[i].raw.n + 2;
	start = to = arena_alloc(m->arena, n);
	for (size_t i = 0; i < m->fields.n; i++) {
		to = put(to, m->fields.v[i].raw);
		if (!ends_line(&m->fields.v[i]))
			to = put(to, STR("\r\n"));
	}
	to = put(to, STR("\r\n"));
	to = put(to, m->body);
	m->raw = (struct str){ start, (size_t)(to - start) };
	m->built = true;
}

struct str
sieve_message_raw(struct sieve_message *m)
{
	if (!m->raw.p)
		build(m);
	return m->raw;
}

size_t
sieve_message_size(struct sieve_message *m)
{
	return sieve_message_raw(m).n;
}

const struct mime_message *
sieve_message_mime(struct sieve_message *m)
{
	if (!m->mime)
		m->mime = mime_parse(m->arena, sieve_message_raw(m), NULL);
	return m->mime;
}

/* ------------------------------------------------------------------------
 * Fields
 */

struct str
sieve_field_decoded(struct arena *a, struct sieve_field *f)
{
	struct buf out = { 0 };

	if (!f->decoded.p) {
		mime_decode_words(&out, f->value);
		f->decoded = arena_str(a, str_trim(buf_str(&out)));
		buf_fini(&out);
	}
	return f->decoded;
}

size_t
sieve_field_addresses(
    struct arena *a, struct sieve_field *f, struct mime_address **out)
{
	if (!f->parsed)
		f->naddresses = mime_addresses(a, f->value, &f->addresses);
	f->parsed = true;
	*out = f->addresses;
	return f->naddresses;
}

/* ------------------------------------------------------------------------
 * Versions
 */

static struct sieve_message *
copy_of(struct sieve_message *m)
{
	struct sieve_message *v = ARENA_NEW(m->arena, struct sieve_message);

	split(m);
	v->arena = m->arena;
	v->body = m->body;
	v->split = true;
	v->fields.n = v->fields.cap = m->fields.n;
	v->fields.v = arena_array(m->arena, m->fields.n, sizeof(*m->fields.v));
	if (m->fields.n > 0)
		memcpy(v->fields.v, m->fields.v,
		    m->fields.n * sizeof(*m->fields.v));
	return v;
}

/* Who asked for the octets of a version holds slices of them. */
struct sieve_message *
sieve_message_version(struct sieve_message *m)
{
	return m->used || m->original || m->built ? copy_of(m) : m;
}

void
sieve_message_add_field(
    struct sieve_message *m, struct str name, struct str value, bool last)
{
	struct sieve_fields *f = &m->fields;
	struct buf raw = { 0 }, line = { 0 };
	struct compose c;
	size_t at = last ? f->n : 0;
	struct str text;

	mime_unfold(&line, value);
	value = arena_str(m->arena, str_trim(buf_str(&line)));
	buf_fini(&line);
	compose_init(&c, &raw);
	compose_text(&c, arena_cstr(m->arena, name), value);
	text = arena_str(m->arena, buf_str(&raw));
	buf_fini(&raw);
	f->v = arena_grow(m->arena, f->v, f->n, &f->cap, sizeof(*f->v));
	memmove(f->v + at + 1, f->v + at, (f->n - at) * sizeof(*f->v));
	f->n++;
	f->v[at] = (struct sieve_field){
		.name = arena_str(m->arena, name),
		.value = str_trim(str_sub(text, name.n + 1, SIZE_MAX)),
		.raw = text,
		.decoded = value,
	};
}

void
sieve_message_delete_field(struct sieve_message *m, size_t i)
{
	struct sieve_fields *f = &m->fields;

	memmove(f->v + i, f->v + i + 1, (f->n - i - 1) * sizeof(*f->v));
	f->n--;
}
