/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "store/store.h"

void
uids_add(struct uids_builder *b, uint32_t uid)
{
	uids_add_range(b, uid, uid);
}

void
uids_add_range(struct uids_builder *b, uint32_t lo, uint32_t hi)
{
	struct uid_range *last = b->n ? &b->r[b->n - 1] : NULL;

	if (last && lo <= (uint64_t)last->hi + 1) {
		if (hi > last->hi)
			last->hi = hi;
		return;
	}
	b->r = arena_grow(b->arena, b->r, b->n, &b->cap, sizeof(*b->r));
	b->r[b->n++] = (struct uid_range){ lo, hi };
}

struct uids
uids_done(const struct uids_builder *b)
{
	return (struct uids){ b->r, b->n };
}

uint64_t
uids_count(struct uids u)
{
	uint64_t count = 0;

	for (size_t i = 0; i < u.n; i++)
		count += (uint64_t)u.r[i].hi - u.r[i].lo + 1;
	return count;
}
