/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rnd.h"

/* Open addressing with linear probing; removal shifts entries back. */
struct entry {
	uint64_t hash;
	void *value; /* NULL: free slot */
	char *key;
	size_t n;
};

struct map {
	struct entry *slots;
	size_t cap, count; /* cap is a power of two, at least 4/3 count */
};

static uint64_t seed[2];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
make_seed(void)
{
	rnd_bytes(seed, sizeof(seed));
}

/* A keyed multiply-and-fold hash: eight bytes a step. */
static uint64_t
hash(struct str key)
{
	uint64_t h = seed[0] ^ key.n;

	for (size_t i = 0; i < key.n; i += 8) {
		uint64_t word = 0;
		unsigned __int128 m;

		memcpy(&word, key.p + i, key.n - i < 8 ? key.n - i : 8);
		m = (unsigned __int128)(h ^ word) *
		    (seed[1] | UINT64_C(0x9e3779b97f4a7c15));
		h = (uint64_t)m ^ (uint64_t)(m >> 64);
	}
	return h ^ h >> 32;
}

struct map *
map_new(void)
{
	pthread_once(&once, make_seed);
	return mem_zalloc(sizeof(struct map));
}

void
map_free(struct map **m)
{
	if (!*m)
		return;
	for (size_t i = 0; i < (*m)->cap; i++) {
		if ((*m)->slots[i].value)
			free((*m)->slots[i].key);
	}
	free((*m)->slots);
	free(*m);
	*m = NULL;
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

/* The slot of KEY, or the free slot where it would go. */
static struct entry *
slot(const struct map *m, struct str key, uint64_t h)
{
	size_t i = h & (m->cap - 1);

	while (m->slots[i].value &&
	       (m->slots[i].hash != h || m->slots[i].n != key.n ||
		   (key.n && memcmp(m->slots[i].key, key.p, key.n) != 0)))
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

static void
resize(struct map *m, size_t cap)
{
	struct entry *old = m->slots;
	size_t old_cap = m->cap;

	m->slots = mem_zalloc(cap * sizeof(*m->slots));
	m->cap = cap;
	for (size_t i = 0; i < old_cap; i++) {
		struct entry *e = &old[i];

		if (e->value)
			*slot(m, (struct str){ e->key, e->n }, e->hash) = *e;
	}
	free(old);
}

void *
map_get(const struct map *m, struct str key)
{
	return m->count ? slot(m, key, hash(key))->value : NULL;
}

void *
map_set(struct map *m, struct str key, void *value)
{
	uint64_t h = hash(key);
	struct entry *e;
	void *old;

	if (m->count + 1 > m->cap / 4 * 3)
		resize(m, m->cap ? m->cap * 2 : 8);
	e = slot(m, key, h);
	old = e->value;
	if (!old) {
		*e = (struct entry){
			.hash = h, .n = key.n, .key = mem_alloc(key.n)
		};
		if (key.n)
			memcpy(e->key, key.p, key.n);
		m->count++;
	}
	e->value = value;
	return old;
}

void *
map_del(struct map *m, struct str key)
{
	struct entry *e;
	void *old;
	size_t hole, i;

	if (!m->count)
		return NULL;
	e = slot(m, key, hash(key));
	if (!e->value)
		return NULL;
	old = e->value;
	free(e->key);
	hole = i = (size_t)(e - m->slots);
	for (;;) {
		size_t home;

		i = (i + 1) & (m->cap - 1);
		if (!m->slots[i].value)
			break;
		home = m->slots[i].hash & (m->cap - 1);
		/* Move it back unless its home lies after the hole. */
		if (((i - home) & (m->cap - 1)) >=
		    ((i - hole) & (m->cap - 1))) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct entry){ 0 };
	m->count--;
	return old;
}

bool
map_next(const struct map *m, size_t *at, struct str *key, void **value)
{
	/*
	 * Walk downwards: removal pulls entries back only from higher slots,
	 * so removing the entry just returned never hides one not yet seen,
	 * except across the wrap, where it would be seen twice instead.
	 */
	while (*at < m->cap) {
		const struct entry *e = &m->slots[m->cap - 1 - (*at)++];

		if (!e->value)
			continue;
		if (key)
			*key = (struct str){ e->key, e->n };
		if (value)
			*value = e->value;
		return true;
	}
	return false;
}
