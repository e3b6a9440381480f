/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "store/store.h"

void
uids_add(struct uids_builder *b, uint32_t uid)
{
	if (b->n && b->r[b->n - 1].hi + 1 == uid) {
		b->r[b->n - 1].hi = uid;
		return;
	}
	if (b->n == b->cap) {
		struct uid_range *old = b->r;

		b->cap = b->cap ? b->cap * 2 : 8;
		b->r = arena_array(b->arena, b->cap, sizeof(*b->r));
		if (b->n)
			memcpy(b->r, old, b->n * sizeof(*old));
	}
	b->r[b->n++] = (struct uid_range){ uid, uid };
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
