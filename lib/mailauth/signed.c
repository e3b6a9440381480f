/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/signed.h"

#include <stdlib.h>

bool
tag_number(struct str text, uint64_t *out)
{
	for (size_t i = 0; i < text.n; i++) {
		if (!ascii_digit(text.p[i]))
			return false;
	}
	return str_u64(text, out);
}

static bool
canon_name(struct str s, enum canon *out)
{
	if (str_ieqc(s, "simple"))
		*out = CANON_SIMPLE;
	else if (str_ieqc(s, "relaxed"))
		*out = CANON_RELAXED;
	else
		return false;
	return true;
}

bool
canon_parse(struct str c, enum canon *header, enum canon *body)
{
	size_t slash = str_chr(c, '/');

	*header = CANON_SIMPLE;
	*body = CANON_SIMPLE;
	if (!c.p)
		return true;
	return canon_name(str_sub(c, 0, slash), header) &&
	       (slash == STR_NPOS ||
		   canon_name(str_sub(c, slash + 1, STR_NPOS), body));
}

size_t
names_count(struct str list, const char *name)
{
	struct str part;
	size_t n = 0;

	while (str_split(&list, ':', &part)) {
		if (str_ieqc(str_trim(part), name))
			n++;
	}
	return n;
}

size_t
names_total(struct str list)
{
	size_t n = 1;

	for (size_t i = 0; i < list.n; i++)
		n += list.p[i] == ':';
	return n;
}

/* ------------------------------------------------------------------------
 * Fields by name
 */

struct group {
	struct str name;
	const struct field **v; /* top to bottom */
	size_t n, left;         /* the last LEFT - 1 is the next to take */
};

struct header {
	struct group *v; /* sorted by name */
	size_t n;
};

static int
by_name(const void *a, const void *b)
{
	const struct field *x = *(const struct field *const *)a;
	const struct field *y = *(const struct field *const *)b;
	int order = str_icmp(x->name, y->name);

	return order ? order : (x > y) - (x < y);
}

static int
by_group(const void *key, const void *element)
{
	const struct str *name = key;
	const struct group *g = element;

	return str_icmp(*name, g->name);
}

struct header *
header_index(struct arena *a, const struct fields *f)
{
	struct header *h = ARENA_NEW(a, struct header);
	const struct field **v = arena_array(a, f->n + 1, sizeof(const void *));

	for (size_t i = 0; i < f->n; i++)
		v[i] = &f->v[i];
	qsort(v, f->n, sizeof(const void *), by_name);
	h->v = arena_array(a, f->n + 1, sizeof(*h->v));
	for (size_t i = 0; i < f->n; i++) {
		if (i == 0 || !str_ieq(v[i]->name, v[i - 1]->name))
			h->v[h->n++] =
			    (struct group){ v[i]->name, v + i, 0, 0 };
		h->v[h->n - 1].n++;
	}
	header_rewind(h);
	return h;
}

void
header_rewind(struct header *h)
{
	for (size_t i = 0; i < h->n; i++)
		h->v[i].left = h->v[i].n;
}

const struct field *
header_take(struct header *h, struct str name)
{
	struct group *g =
	    h->n ? bsearch(&name, h->v, h->n, sizeof(*h->v), by_group) : NULL;

	return g && g->left ? g->v[--g->left] : NULL;
}

/* ------------------------------------------------------------------------
 * What is signed
 */

/* Section 3.7: the value "including all surrounding whitespace". */
void
put_without_b(struct buf *out, struct str value)
{
	struct str rest = value, spec;
	bool first = true;

	while (str_split(&rest, ';', &spec)) {
		size_t eq = str_chr(spec, '=');

		if (!first)
			buf_putc(out, ';');
		first = false;
		if (eq != STR_NPOS &&
		    str_eqc(str_trim(str_sub(spec, 0, eq)), "b"))
			spec.n = eq + 1;
		buf_putstr(out, spec);
	}
}

void
sha256_field(struct sha256 *sha, struct str name, struct str value)
{
	struct buf text = { 0 };

	canon_field(&text, CANON_RELAXED, name, value);
	sha256_add(sha, buf_str(&text));
	buf_fini(&text);
}

void
sha256_last_field(
    struct sha256 *sha, enum canon c, struct str name, struct str value)
{
	struct buf rest = { 0 }, text = { 0 };

	put_without_b(&rest, value);
	canon_field(&text, c, name, buf_str(&rest));
	sha256_add(sha, str_sub(buf_str(&text), 0, text.n - 2));
	buf_fini(&rest);
	buf_fini(&text);
}

uint64_t
header_hash(struct header *h, struct str names, const struct field *self,
    enum canon c, uint8_t out[32])
{
	struct sha256 *sha = sha256_new();
	struct buf text = { 0 };
	uint64_t n = self->value.n;
	struct str name;

	header_rewind(h);
	while (str_split(&names, ':', &name)) {
		const struct field *f = header_take(h, str_trim(name));

		if (f == self)
			f = header_take(h, str_trim(name));
		if (!f)
			continue;
		buf_clear(&text);
		canon_field(&text, c, f->name, f->value);
		sha256_add(sha, buf_str(&text));
		n += text.n;
	}
	buf_fini(&text);
	sha256_last_field(sha, c, self->name, self->value);
	sha256_final(&sha, out);
	return n;
}
