/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/greylist_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rnd.h"

/*
 * Entries refer to each other by their place in the array, so that it may move
 * when it grows. Place 0 holds no entry: it closes the ring from newest to
 * oldest, and ends chains. Ids are no secret, and somebody might look for many
 * that share a chain; hence the seed.
 */

#define FIRST_SIZE 256
#define LIMIT_MAX (UINT32_C(1) << 30)

struct greylist_table {
	struct greylist_entry *slots;
	uint32_t *heads; /* of chains */
	uint32_t size;   /* of the heads; a power of two */
	uint32_t room;   /* of the slots */
	uint32_t used;   /* slots that ever were, with place 0 */
	uint32_t unused; /* chain of those that were removed */
	uint32_t count, limit;
	uint64_t seed[2];
};

static uint32_t *
head_of(const struct greylist_table *t, const struct greylist_id *id)
{
	uint64_t word;
	unsigned __int128 m;

	memcpy(&word, id->octets, sizeof(word));
	m = (unsigned __int128)(word ^ t->seed[0]) * (t->seed[1] | 1);
	return &t->heads[((uint64_t)m ^ (uint64_t)(m >> 64)) & (t->size - 1)];
}

static void
chain(struct greylist_table *t, uint32_t i)
{
	uint32_t *head = head_of(t, &t->slots[i].id);

	t->slots[i].chained = *head;
	*head = i;
}

static void
unchain(struct greylist_table *t, uint32_t i)
{
	uint32_t *at = head_of(t, &t->slots[i].id);

	while (*at != i)
		at = &t->slots[*at].chained;
	*at = t->slots[i].chained;
}

static void
allocate(struct greylist_table *t, uint32_t size)
{
	t->size = size;
	t->room = size <= t->limit ? size : t->limit + 1;
	t->slots = mem_array(t->slots, t->room, sizeof(*t->slots));
	free(t->heads);
	t->heads = mem_zalloc(t->size * sizeof(*t->heads));
}

/* Only when every slot holds an entry. */
static void
grow(struct greylist_table *t)
{
	allocate(t, t->size * 2);
	for (uint32_t i = 1; i < t->used; i++)
		chain(t, i);
}

static void
unlink_slot(struct greylist_table *t, uint32_t i)
{
	const struct greylist_entry *e = &t->slots[i];

	t->slots[e->newer].older = e->older;
	t->slots[e->older].newer = e->newer;
}

/* As the next older one of NEWER. */
static void
link_slot(struct greylist_table *t, uint32_t i, uint32_t newer)
{
	uint32_t older = t->slots[newer].older;

	t->slots[i].newer = newer;
	t->slots[i].older = older;
	t->slots[newer].older = i;
	t->slots[older].newer = i;
}

static uint32_t
take_slot(struct greylist_table *t)
{
	uint32_t i = t->unused;

	if (i) {
		t->unused = t->slots[i].chained;
		return i;
	}
	if (t->used == t->room)
		grow(t);
	return t->used++;
}

struct greylist_table *
greylist_table_new(unsigned limit)
{
	struct greylist_table *t = mem_zalloc(sizeof(*t));

	t->limit = limit < 1 ? 1 : limit < LIMIT_MAX ? limit : LIMIT_MAX;
	t->used = 1;
	allocate(t, FIRST_SIZE);
	t->slots[0] = (struct greylist_entry){ 0 };
	rnd_bytes(t->seed, sizeof(t->seed));
	return t;
}

void
greylist_table_free(struct greylist_table **t)
{
	if (!*t)
		return;
	free((*t)->slots);
	free((*t)->heads);
	free(*t);
	*t = NULL;
}

unsigned
greylist_table_limit(const struct greylist_table *t)
{
	return t->limit;
}

unsigned
greylist_table_count(const struct greylist_table *t)
{
	return t->count;
}

size_t
greylist_table_bytes(const struct greylist_table *t)
{
	return sizeof(*t) + t->room * sizeof(*t->slots) +
	       t->size * sizeof(*t->heads);
}

bool
greylist_table_full(const struct greylist_table *t)
{
	return t->count >= t->limit;
}

struct greylist_entry *
greylist_table_find(struct greylist_table *t, const struct greylist_id *id)
{
	uint32_t i = *head_of(t, id);

	while (i && memcmp(&t->slots[i].id, id, sizeof(*id)) != 0)
		i = t->slots[i].chained;
	return i ? &t->slots[i] : NULL;
}

struct greylist_entry *
greylist_table_oldest(struct greylist_table *t)
{
	return t->count ? &t->slots[t->slots[0].newer] : NULL;
}

struct greylist_entry *
greylist_table_add(struct greylist_table *t, const struct greylist_id *id)
{
	uint32_t i = take_slot(t);

	t->slots[i] = (struct greylist_entry){ .id = *id };
	chain(t, i);
	link_slot(t, i, 0);
	t->count++;
	return &t->slots[i];
}

void
greylist_table_remove(struct greylist_table *t, struct greylist_entry *e)
{
	uint32_t i = (uint32_t)(e - t->slots);

	unchain(t, i);
	unlink_slot(t, i);
	e->chained = t->unused;
	t->unused = i;
	t->count--;
}

void
greylist_table_make_newest(struct greylist_table *t, struct greylist_entry *e)
{
	uint32_t i = (uint32_t)(e - t->slots);

	unlink_slot(t, i);
	link_slot(t, i, 0);
}

void
greylist_table_make_oldest(struct greylist_table *t, struct greylist_entry *e)
{
	uint32_t i = (uint32_t)(e - t->slots);

	unlink_slot(t, i);
	link_slot(t, i, t->slots[0].newer);
}
