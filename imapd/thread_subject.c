/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "imapd/thread.h"

/* From a subject to a node: open addressing, a power of two. */
struct subjects {
	uint32_t *v; /* NO_NODE: free */
	size_t size;
};

static struct str
subject_of(const struct forest *f, uint32_t node)
{
	const struct email_key *k = f->v[forest_face(f, node)].key;

	return k ? key_text(k, KEY_BASE) : STR_NULL;
}

static bool
is_reply(const struct forest *f, uint32_t node)
{
	const struct email_key *k = f->v[forest_face(f, node)].key;

	return k && k->reply;
}

static bool
is_dummy(const struct forest *f, uint32_t node)
{
	return f->v[node].seq == 0;
}

/* Room for every message. */
static void
init(struct subjects *t, const struct forest *f)
{
	t->size = 64;
	while (t->size < f->messages * 2)
		t->size *= 2;
	t->v = mem_array(NULL, t->size, sizeof(*t->v));
	memset(t->v, 0xff, t->size * sizeof(*t->v));
}

/* The nodes in the table are told apart by the subject of their face. */
static uint32_t *
find(const struct subjects *t, const struct forest *f, struct str subject)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < subject.n; i++)
		h = (h ^ (uint8_t)subject.p[i]) * UINT64_C(0x100000001b3);
	for (size_t i = (size_t)(h ^ h >> 32);; i++) {
		uint32_t *at = &t->v[i & (t->size - 1)];

		if (*at == NO_NODE || str_eq(subject_of(f, *at), subject))
			return at;
	}
}

/* Step 5.B: who stands for a subject. */
static void
nominate(const struct subjects *t, const struct forest *f, uint32_t root)
{
	struct str subject = subject_of(f, root);
	uint32_t *at;

	if (subject.n == 0)
		return;
	at = find(t, f, subject);
	if (*at == NO_NODE || (is_dummy(f, root) && !is_dummy(f, *at)) ||
	    (is_reply(f, *at) && !is_reply(f, root)))
		*at = root;
}

static void
adopt_all(struct forest *f, uint32_t from, uint32_t to)
{
	uint32_t at = f->v[from].child;

	for (; at != NO_NODE; at = f->v[at].next)
		f->v[at].parent = to;
}

/* Step 5.C. The lists stay as they are: faces and children are asked for. */
static void
join(const struct subjects *t, struct forest *f, uint32_t root)
{
	struct str subject = subject_of(f, root);
	uint32_t *at, other;

	if (subject.n == 0)
		return;
	at = find(t, f, subject);
	other = *at;
	if (other == root || other == NO_NODE)
		return;
	if (is_dummy(f, other) && is_dummy(f, root)) {
		adopt_all(f, root, other);
	} else if (is_dummy(f, other) ||
		   (is_reply(f, root) && !is_reply(f, other))) {
		f->v[root].parent = other;
	} else {
		*at = forest_dummy(f);
		f->v[*at].child = other;
		f->v[*at].next = NO_NODE;
		f->v[root].parent = f->v[other].parent = *at;
	}
}

void
thread_join_subjects(struct forest *f)
{
	struct subjects t;

	init(&t, f);
	for (uint32_t at = f->first; at != NO_NODE; at = f->v[at].next)
		nominate(&t, f, at);
	for (uint32_t at = f->first; at != NO_NODE; at = f->v[at].next)
		join(&t, f, at);
	free(t.v);
}

/* The first message of a subject, by date, is the parent of all others. */
void
thread_by_subject(struct forest *f)
{
	struct subjects t;

	init(&t, f);
	for (size_t i = 0; i < f->messages; i++) {
		uint32_t node = f->order[i];
		uint32_t *at = find(&t, f, subject_of(f, node));

		if (*at == NO_NODE)
			*at = node;
		else
			f->v[node].parent = *at;
	}
	free(t.v);
}
