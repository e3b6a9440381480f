/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/cache.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

#define OVERHEAD 64 /* octets that the map takes for an entry, about */

struct entry {
	struct entry *newer, *older;
	struct dns_key key;
	struct dns_answer *answer;
	size_t bytes;
	int64_t expires;
};

struct dns_cache {
	struct map *entries;
	struct entry *newest, *oldest;
	size_t bytes, max_bytes, max_entries;
};

static void
unlink_entry(struct dns_cache *c, struct entry *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void
link_newest(struct dns_cache *c, struct entry *e)
{
	e->newer = NULL;
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static void
drop(struct dns_cache *c, struct entry *e)
{
	unlink_entry(c, e);
	map_del(c->entries, dns_key_str(&e->key));
	c->bytes -= e->bytes;
	free(e->answer);
	free(e);
}

struct dns_cache *
dns_cache_new(size_t max_entries, size_t max_bytes)
{
	struct dns_cache *c = mem_zalloc(sizeof(*c));

	c->entries = map_new();
	c->max_entries = max_entries;
	c->max_bytes = max_bytes;
	return c;
}

void
dns_cache_clear(struct dns_cache *c)
{
	while (c->oldest)
		drop(c, c->oldest);
}

void
dns_cache_free(struct dns_cache **c)
{
	if (!*c)
		return;
	dns_cache_clear(*c);
	map_free(&(*c)->entries);
	free(*c);
	*c = NULL;
}

size_t
dns_cache_count(const struct dns_cache *c)
{
	return map_count(c->entries);
}

bool
dns_cache_has(const struct dns_cache *c, const struct dns_key *key, int64_t now)
{
	const struct entry *e = map_get(c->entries, dns_key_str(key));

	return e && e->expires > now;
}

bool
dns_cache_get(struct dns_cache *c, const struct dns_key *key, int64_t now,
    struct arena *a, struct dns_answer *out)
{
	struct entry *e = map_get(c->entries, dns_key_str(key));

	if (!e)
		return false;
	if (e->expires <= now) {
		drop(c, e);
		return false;
	}
	unlink_entry(c, e);
	link_newest(c, e);
	dns_answer_copy(a, e->answer, out);
	out->ttl = (uint32_t)((e->expires - now + 999) / 1000);
	return true;
}

void
dns_cache_put(struct dns_cache *c, const struct dns_key *key, int64_t now,
    const struct dns_answer *answer)
{
	struct entry *e = map_get(c->entries, dns_key_str(key));

	if (e)
		drop(c, e);
	e = mem_alloc(sizeof(*e));
	*e = (struct entry){ .key = *key,
		.expires = now + (int64_t)answer->ttl * 1000 };
	e->answer = dns_answer_pack(answer, &e->bytes);
	e->bytes += sizeof(*e) + key->n + OVERHEAD;
	c->bytes += e->bytes;
	map_set(c->entries, dns_key_str(key), e);
	link_newest(c, e);
	while (c->oldest && (c->bytes > c->max_bytes ||
				map_count(c->entries) > c->max_entries))
		drop(c, c->oldest);
}
