/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/edit.h"

#include <string.h>

static struct edit *
add(struct arena *a, struct edits *e)
{
	e->v = arena_grow(a, e->v, e->n, &e->cap, sizeof(*e->v));
	return &e->v[e->n++];
}

void
edits_delete(
    struct arena *a, struct edits *e, const struct fields *list, size_t i)
{
	unsigned which = 1;

	for (size_t k = 0; k < i; k++)
		which += str_ieq(list->v[k].name, list->v[i].name);
	*add(a, e) = (struct edit){ .name = list->v[i].name, .delete = which };
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
    struct arena *a, struct edits *e, struct str name, struct str value)
{
	*add(a, e) = (struct edit){ .name = name, .value = value };
}

static void
delete_field(struct fields *f, struct field *v, const struct edit *e)
{
	unsigned which = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (!str_ieq(v[i].name, e->name) || ++which < e->delete)
			continue;
		f->n--;
		memmove(v + i, v + i + 1, (f->n - i) * sizeof(*v));
		return;
	}
}

struct fields
edits_apply(struct arena *a, const struct edits *e, const struct fields *list)
{
	struct field *v = arena_array(a, list->n + e->n, sizeof(*v));
	struct fields f = { v, list->n };

	if (list->n > 0)
		memcpy(v, list->v, list->n * sizeof(*v));
	for (size_t i = 0; i < e->n; i++) {
		if (e->v[i].delete) {
			delete_field(&f, v, &e->v[i]);
			continue;
		}
		memmove(v + 1, v, f.n * sizeof(*v));
		v[0] = (struct field){ e->v[i].name, e->v[i].value };
		f.n++;
	}
	return f;
}
