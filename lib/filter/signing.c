/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/signing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "site/dkim.h"

#define MAX_DOMAINS 10000 /* remembered; who has more, reads them again */

struct entry {
	struct signing_keys keys; /* n is 0: nobody signs */
	atomic_uint references;
	struct arena *arena;
};

struct signing {
	struct site *site;
	pthread_mutex_t lock;
	uint64_t generation; /* of the directory, as ENTRIES has it */
	struct map *entries; /* author's domain -> struct entry */
};

static void
unref(struct entry *e)
{
	if (atomic_fetch_sub(&e->references, 1) != 1)
		return;
	for (size_t i = 0; i < e->keys.n; i++)
		private_key_free(&e->keys.v[i].key);
	arena_free(&e->arena);
	free(e);
}

struct signing *
signing_new(struct site *site)
{
	struct signing *s = mem_zalloc(sizeof(*s));

	s->site = site;
	pthread_mutex_init(&s->lock, NULL);
	s->entries = map_new();
	return s;
}

static void
forget(struct signing *s)
{
	size_t at = 0;
	void *e;

	while (map_next(s->entries, &at, NULL, &e))
		unref(e);
	map_free(&s->entries);
	s->entries = map_new();
}

void
signing_free(struct signing **sp)
{
	struct signing *s = *sp;

	if (!s)
		return;
	forget(s);
	map_free(&s->entries);
	pthread_mutex_destroy(&s->lock);
	free(s);
	*sp = NULL;
}

/* One that cannot be read is left out: the others still sign. */
static void
add_key(struct entry *e, const struct site_dkim_key *k)
{
	struct signing_key *to = &e->keys.v[e->keys.n];
	struct err why = ERR_INIT;

	if (!private_key_parse(k->pem, &to->key, &why)) {
		log_error("dkim_key", LOG_STR("domain", k->domain),
		    LOG_STR("selector", k->selector), LOG_ERR(&why));
		return;
	}
	to->selector = arena_str(e->arena, k->selector);
	e->keys.n++;
}

/* NULL: the directory cannot be read. */
static struct entry *
load(struct signing *s, struct str domain)
{
	struct arena *a = arena_new();
	struct site_dkim_key *list;
	struct err why = ERR_INIT;
	struct entry *e = NULL;
	size_t n;

	if (site_dkim_signing(s->site, a, domain, &list, &n, &why) != SITE_OK) {
		log_error(
		    "dkim_keys", LOG_STR("domain", domain), LOG_ERR(&why));
		arena_free(&a);
		return NULL;
	}
	e = mem_zalloc(sizeof(*e));
	e->arena = arena_new();
	atomic_init(&e->references, 1);
	e->keys.v = arena_array(e->arena, n, sizeof(*e->keys.v));
	for (size_t i = 0; i < n; i++)
		add_key(e, &list[i]);
	if (e->keys.n > 0)
		e->keys.domain = arena_str(e->arena, list[0].domain);
	arena_free(&a);
	return e;
}

static struct entry *
find(struct signing *s, struct str domain)
{
	uint64_t now = site_generation(s->site);
	struct entry *e;

	if (now != s->generation || map_count(s->entries) >= MAX_DOMAINS)
		forget(s);
	s->generation = now;
	e = map_get(s->entries, domain);
	if (!e && (e = load(s, domain)))
		map_set(s->entries, domain, e);
	return e;
}

const struct signing_keys *
signing_get(struct signing *s, struct str domain)
{
	const struct signing_keys *keys = NULL;
	struct entry *e;

	pthread_mutex_lock(&s->lock);
	e = find(s, domain);
	if (e && e->keys.n > 0) {
		atomic_fetch_add(&e->references, 1);
		keys = &e->keys;
	}
	pthread_mutex_unlock(&s->lock);
	return keys;
}

void
signing_put(const struct signing_keys **k)
{
	if (*k)
		unref((struct entry *)(uintptr_t)*k);
	*k = NULL;
}
