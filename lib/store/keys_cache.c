/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/keys_cache.h"

#include <stdlib.h>

struct keys_slot {
	struct account *a;
	int64_t mailbox;
	struct keys *keys;
	size_t bytes;
	struct keys_slot *newer, *older;
};

/* The functions up to free_slots() run under store->lock. */

static void
unlink_slot(struct store *st, struct keys_slot *s)
{
	*(s->newer ? &s->newer->older : &st->newest_keys) = s->older;
	*(s->older ? &s->older->newer : &st->oldest_keys) = s->newer;
	st->keys_bytes -= s->bytes;
}

static void
link_slot(struct store *st, struct keys_slot *s)
{
	s->newer = NULL;
	s->older = st->newest_keys;
	*(s->older ? &s->older->newer : &st->oldest_keys) = s;
	st->newest_keys = s;
	st->keys_bytes += s->bytes;
}

static struct keys_slot *
find_slot(const struct account *a, int64_t mailbox)
{
	struct keys_slot *s = a->st->newest_keys;

	while (s && (s->a != a || s->mailbox != mailbox))
		s = s->older;
	return s;
}

static void
free_slots(struct keys_slot *list)
{
	while (list) {
		struct keys_slot *next = list->older;

		keys_unref(&list->keys);
		free(list);
		list = next;
	}
}

void
keys_cache_forget(struct account *a)
{
	struct keys_slot *s = a->st->newest_keys;

	while (s) {
		struct keys_slot *older = s->older;

		if (s->a == a) {
			unlink_slot(a->st, s);
			s->older = NULL;
			free_slots(s);
		}
		s = older;
	}
}

struct keys *
keys_cache_get(struct account *a, int64_t mailbox)
{
	struct store *st = a->st;
	struct keys *k = NULL;
	struct keys_slot *s;

	pthread_mutex_lock(&st->lock);
	s = find_slot(a, mailbox);
	if (s) {
		unlink_slot(st, s);
		link_slot(st, s);
		k = keys_ref(s->keys);
	}
	pthread_mutex_unlock(&st->lock);
	return k;
}

void
keys_cache_put(struct account *a, int64_t mailbox, struct keys *k, size_t bytes)
{
	struct store *st = a->st;
	struct keys_slot *s, *gone = NULL, *new = mem_zalloc(sizeof(*new));

	*new = (struct keys_slot){
		.a = a, .mailbox = mailbox, .keys = keys_ref(k), .bytes = bytes
	};
	pthread_mutex_lock(&st->lock);
	if ((s = find_slot(a, mailbox))) {
		unlink_slot(st, s);
		s->older = gone;
		gone = s;
	}
	link_slot(st, new);
	while (st->keys_bytes > KEYS_BUDGET) {
		s = st->oldest_keys;
		unlink_slot(st, s);
		s->older = gone;
		gone = s;
	}
	pthread_mutex_unlock(&st->lock);
	free_slots(gone);
}
