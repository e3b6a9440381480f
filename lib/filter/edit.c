/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/edit.h"

static struct edit *
add(struct arena *a, struct edits *e)
{
	e->v = arena_grow(a, e->v, e->n, &e->cap, sizeof(*e->v));
	return &e->v[e->n++];
}

void
edits_delete(struct arena *a, struct edits *e, struct str name, unsigned which,
    size_t field)
{
	*add(a, e) =
	    (struct edit){ .name = name, .delete = which, .field = field };
}

void
edits_deleted(struct edits *e)
{
	for (size_t i = 0; i < e->n / 2; i++) {
		struct edit other = e->v[i];

		e->v[i] = e->v[e->n - 1 - i];
		e->v[e->n - 1 - i] = other;
	}
}

void
edits_insert(
    struct arena *a, struct edits *e, const char *name, struct buf *value)
{
	*add(a, e) = (struct edit){ .name = str_of(name),
		.value = arena_str(a, buf_str(value)) };
	buf_fini(value);
}

/* ------------------------------------------------------------------------
 * As text
 */

/* Folded lines come with LF alone from a milter. */
static void
put_value(struct buf *out, struct str value)
{
	struct str line;

	while (value.n > 0 && str_split(&value, '\n', &line)) {
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		buf_putstr(out, line);
		if (value.n > 0)
			BUF_LIT(out, "\r\n");
	}
}

static void
put_field(struct buf *out, struct str name, struct str value)
{
	buf_putstr(out, name);
	buf_putc(out, ':');
	put_value(out, value);
	BUF_LIT(out, "\r\n");
}

void
header_write(struct buf *out, const struct fields *h)
{
	for (size_t i = 0; i < h->n; i++)
		put_field(out, h->v[i].name, h->v[i].value);
}

/* Deletions are in the order of the header, from its end. */
static size_t
last_deletion(const struct edits *e)
{
	size_t n = 0;

	while (n < e->n && e->v[n].delete)
		n++;
	return n;
}

void
edits_apply(struct buf *out, const struct fields *h, const struct edits *e)
{
	size_t next = last_deletion(e);

	for (size_t i = e->n; i-- > 0 && !e->v[i].delete;)
		put_field(out, e->v[i].name, e->v[i].value);
	for (size_t i = 0; i < h->n; i++) {
		if (next > 0 && e->v[next - 1].field == i)
			next--;
		else
			put_field(out, h->v[i].name, h->v[i].value);
	}
}
