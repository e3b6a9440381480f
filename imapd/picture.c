/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/picture.h"

#include <stdlib.h>
#include <string.h>

static int
compare(const struct seen *a, const char *owner, int64_t id)
{
	int c = strcmp(a->owner, owner);

	return c != 0 ? c : a->m.id < id ? -1 : a->m.id > id;
}

static int
by_id(const void *a, const void *b)
{
	const struct seen *y = b;

	return compare(a, y->owner, y->m.id);
}

static void
see(struct picture *out, const struct place *p)
{
	struct seen *x = &out->v[out->n++];

	memcpy(x->owner, p->owner, sizeof(x->owner));
	x->m = p->m;
	x->rights = p->rights;
	x->name = arena_str(out->arena, p->name);
	x->m.path = x->name;
}

enum store_rc
picture_take(struct session *s, bool others, struct picture *out,
    struct place **places, size_t *n, struct err *e)
{
	enum store_rc rc = place_list(s, others, places, n, e);

	*out = (struct picture){ 0 };
	if (rc != STORE_OK)
		return rc;
	out->arena = arena_new();
	out->v = arena_array(out->arena, *n + 1, sizeof(*out->v));
	for (size_t i = 0; i < *n; i++)
		see(out, &(*places)[i]);
	qsort(out->v, out->n, sizeof(*out->v), by_id);
	rc = mailbox_subscriptions(
	    s->account, out->arena, &out->subscribed, &out->nsubscribed, e);
	if (rc != STORE_OK)
		arena_free(&out->arena);
	return rc;
}

const struct seen *
picture_find(const struct picture *p, const char *owner, int64_t id)
{
	size_t lo = 0, hi = p->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = compare(&p->v[mid], owner, id);

		if (c == 0)
			return &p->v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static int
by_name(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

bool
picture_subscribed(const struct picture *p, struct str path)
{
	return p->nsubscribed && bsearch(&path, p->subscribed, p->nsubscribed,
				     sizeof(path), by_name);
}
