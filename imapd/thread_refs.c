/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "imapd/thread.h"

/* From the id of a message to its node: open addressing, a power of two. */
struct ids {
	struct slot {
		int64_t id; /* 0: free */
		uint32_t node;
	} * v;
	size_t size, n;
};

/* The ids are hashes already. */
static struct slot *
find(const struct ids *ids, int64_t id)
{
	size_t i = (size_t)((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) >> 32);

	for (;; i++) {
		struct slot *s = &ids->v[i & (ids->size - 1)];

		if (s->id == id || s->id == 0)
			return s;
	}
}

static void
grow(struct ids *ids)
{
	struct ids old = *ids;

	ids->size *= 2;
	ids->v = mem_zalloc(ids->size * sizeof(*ids->v));
	for (size_t i = 0; i < old.size; i++) {
		if (old.v[i].id)
			*find(ids, old.v[i].id) = old.v[i];
	}
	free(old.v);
}

/* Where ID is or, after this, is to be put: look up, then fill in. */
static struct slot *
place(struct ids *ids, int64_t id)
{
	struct slot *s;

	if (ids->n * 2 >= ids->size)
		grow(ids);
	s = find(ids, id);
	ids->n += s->id == 0;
	return s;
}

/* Of messages with the same id the first has it. */
static void
add_messages(struct forest *f, struct ids *ids)
{
	for (uint32_t i = 0; i < f->messages; i++) {
		const struct email_key *k = f->v[i].key;
		struct slot *s;

		if (!k || !k->msgid)
			continue;
		s = place(ids, k->msgid);
		if (!s->id)
			*s = (struct slot){ k->msgid, i };
	}
}

static uint32_t
node_of(struct forest *f, struct ids *ids, int64_t id)
{
	struct slot *s = place(ids, id);

	if (!s->id)
		*s = (struct slot){ id, forest_dummy(f) };
	return s->node;
}

/* Would PARENT above CHILD be a loop? Who was never a parent is above none;
 * `child` notes who was, before there are lists. */
static bool
loops(const struct forest *f, uint32_t parent, uint32_t child)
{
	uint32_t at = parent;

	if (f->v[child].child == NO_NODE)
		return parent == child;
	while (at != NO_NODE && at != child)
		at = f->v[at].parent;
	return at == child;
}

static void
set_parent(struct forest *f, uint32_t parent, uint32_t child)
{
	if (loops(f, parent, child))
		return;
	f->v[child].parent = parent;
	f->v[parent].child = child;
}

/* Step 1: a chain of the references, where they say something new; then the
 * message below the last one, whatever others said. */
static void
refer(struct forest *f, struct ids *ids, uint32_t node)
{
	const struct email_key *k = f->v[node].key;
	uint32_t up = NO_NODE;

	for (size_t i = 0; k && i < k->nrefs; i++) {
		uint32_t ref = node_of(f, ids, k->refs[i]);

		if (up != NO_NODE && f->v[ref].parent == NO_NODE)
			set_parent(f, up, ref);
		up = ref;
	}
	f->v[node].parent = NO_NODE;
	if (up != NO_NODE)
		set_parent(f, up, node);
}

void
thread_by_references(struct forest *f)
{
	struct ids ids = { .size = 1024 };

	ids.v = mem_zalloc(ids.size * sizeof(*ids.v));
	for (size_t i = 0; i < f->n; i++)
		f->v[i].child = NO_NODE;
	add_messages(f, &ids);
	for (uint32_t i = 0; i < f->messages; i++)
		refer(f, &ids, i);
	free(ids.v);
}
