/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/bodies.h"

#include <string.h>

struct body *
bodies_get(struct bodies *b, enum canon c, uint64_t limit)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->v[i].canon == c && b->v[i].limit == limit)
			return &b->v[i];
	}
	if (b->n == BODIES_MAX)
		return NULL;
	b->v[b->n] = (struct body){
		.canon = c, .limit = limit, .hash = body_hash_new(c, limit)
	};
	return &b->v[b->n++];
}

void
bodies_add(struct bodies *b, struct str chunk)
{
	for (size_t i = 0; i < b->n; i++)
		body_hash_add(b->v[i].hash, chunk);
}

void
bodies_end(struct bodies *b)
{
	for (size_t i = 0; i < b->n; i++)
		body_hash_end(
		    b->v[i].hash, b->v[i].sum, &b->v[i].length, &b->v[i].more);
}

void
bodies_fini(struct bodies *b)
{
	for (size_t i = 0; i < b->n; i++)
		body_hash_free(&b->v[i].hash);
	b->n = 0;
}

bool
body_matches(const struct body *b, struct str bh, struct str *why)
{
	if (bh.n != SHA256_LEN || memcmp(bh.p, b->sum, SHA256_LEN) != 0) {
		*why = STR("the body was changed");
		return false;
	}
	if (b->limit != UINT64_MAX && b->length < b->limit) {
		*why = STR("l= is more than the body has");
		return false;
	}
	return true;
}
