/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/blocked.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

struct blocked {
	struct site *site;
	pthread_mutex_t lock;
	bool known;
	int64_t read; /* clock_mono_ms() */
	struct arena *arena;
	struct map *peers; /* -> struct site_block */
};

struct blocked *
blocked_new(struct site *s)
{
	struct blocked *b = mem_zalloc(sizeof(*b));

	b->site = s;
	b->arena = arena_new();
	b->peers = map_new();
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

void
blocked_free(struct blocked **b)
{
	if (!*b)
		return;
	map_free(&(*b)->peers);
	arena_free(&(*b)->arena);
	pthread_mutex_destroy(&(*b)->lock);
	free(*b);
	*b = NULL;
}

static void
refresh(struct blocked *b, int64_t now)
{
	int64_t mono = clock_mono_ms();
	struct err e = ERR_INIT;
	struct site_block *list;
	size_t n;

	if (b->known && mono - b->read < 1000 * BLOCKED_SECONDS)
		return;
	b->known = true;
	b->read = mono;
	map_free(&b->peers);
	b->peers = map_new();
	arena_reset(b->arena);
	if (site_blocked(b->site, b->arena, now, &list, &n, &e) != SITE_OK) {
		log_error("blocked_addresses", LOG_ERR(&e));
		return;
	}
	for (size_t i = 0; i < n; i++)
		map_set(b->peers, list[i].peer, &list[i]);
}

int64_t
blocked_until(struct blocked *b, const struct addr *client, int64_t now)
{
	const struct site_block *found;
	struct conn_peer peer;
	int64_t until = 0;
	char name[64];

	addr_peer(client, 0, &peer);
	site_block_peer(peer.address, name);
	pthread_mutex_lock(&b->lock);
	refresh(b, now);
	found = map_get(b->peers, str_of(name));
	if (found && found->until > now)
		until = found->until;
	pthread_mutex_unlock(&b->lock);
	return until;
}
