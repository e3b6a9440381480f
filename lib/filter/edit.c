/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/edit.h"

static struct edit *
add(struct arena *a, struct edits *e)
{
	e->v = arena_grow(a, e->v, e->n, &e->cap, sizeof(*e->v));
	return &e->v[e->n++];
}

void
edits_delete(struct arena *a, struct edits *e, struct str name, unsigned which)
{
	*add(a, e) = (struct edit){ .name = name, .delete = which };
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
