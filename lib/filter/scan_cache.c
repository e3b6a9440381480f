/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/scan_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define ASK_EVERY_MS 60000
#define KEEP_MS 3600000
/* Seconds for the version: there is still a scan to wait for. */
#define PATIENCE 5

struct verdict {
	uint8_t hash[SHA256_LEN];
	bool taken;
	char *found; /* its name; NULL: clean */
};

struct scan_cache {
	pthread_mutex_t lock;
	struct verdict *table;
	size_t n;
	uint64_t age;      /* grows with each change of the signatures */
	bool known, asked; /* is it still that version? */
	int64_t asked_at;
	int64_t began; /* the table, empty */
	char *server;
	char version[128];
};

struct scan_cache *
scan_cache_new(void)
{
	struct scan_cache *c = mem_zalloc(sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	c->age = 1;
	return c;
}

static void
forget(struct scan_cache *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->table[i].found);
	if (c->n > 0)
		memset(c->table, 0, c->n * sizeof(*c->table));
	c->age++;
	c->began = clock_mono_ms();
}

void
scan_cache_free(struct scan_cache **cp)
{
	struct scan_cache *c = *cp;

	*cp = NULL;
	if (!c)
		return;
	forget(c);
	pthread_mutex_destroy(&c->lock);
	free(c->table);
	free(c->server);
	free(c);
}

/* ------------------------------------------------------------------------
 * Whose verdicts these are
 */

/* Another scanner or another size: begin anew. */
static void
settle(struct scan_cache *c, const struct antivirus_options *o)
{
	size_t n = o->cache < SCAN_CACHE_MAX ? o->cache : SCAN_CACHE_MAX;

	if (c->n == n && c->server && strcmp(c->server, o->server) == 0)
		return;
	forget(c);
	free(c->server);
	c->server = mem_strdup(o->server);
	c->table = mem_array(c->table, n, sizeof(*c->table));
	memset(c->table, 0, n * sizeof(*c->table));
	c->n = n;
	c->known = c->asked = false;
}

/* Of those who come at the same time, one asks. */
static bool
my_turn(struct scan_cache *c)
{
	int64_t now = clock_mono_ms();

	if (c->asked && now - c->asked_at < ASK_EVERY_MS)
		return false;
	c->asked = true;
	c->asked_at = now;
	return true;
}

static void
learn_version(struct scan_cache *c, bool known, const char *version)
{
	c->known = known;
	if (!known)
		return;
	if (strcmp(c->version, version) != 0 ||
	    clock_mono_ms() - c->began >= KEEP_MS)
		forget(c);
	snprintf(c->version, sizeof(c->version), "%s", version);
}

uint64_t
scan_cache_age(struct scan_cache *c, const struct antivirus_options *o)
{
	struct antivirus_options hasty = *o;
	char version[128];
	uint64_t age;
	struct err e;
	bool ask;

	if (o->cache == 0)
		return 0;
	if (hasty.timeout > PATIENCE)
		hasty.timeout = PATIENCE;
	pthread_mutex_lock(&c->lock);
	settle(c, o);
	ask = my_turn(c);
	if (ask) {
		bool known;

		/* Nobody waits for it with the lock. */
		pthread_mutex_unlock(&c->lock);
		known = antivirus_version(&hasty, version, &e);
		pthread_mutex_lock(&c->lock);
		if (strcmp(c->server, o->server) == 0)
			learn_version(c, known, version);
	}
	age = c->known ? c->age : 0;
	pthread_mutex_unlock(&c->lock);
	return age;
}

/* ------------------------------------------------------------------------
 * Verdicts
 */

static struct verdict *
place(struct scan_cache *c, const uint8_t hash[static SHA256_LEN])
{
	uint64_t h;

	memcpy(&h, hash, sizeof(h));
	return &c->table[h % c->n];
}

bool
scan_cache_get(struct scan_cache *c, uint64_t age,
    const uint8_t hash[static SHA256_LEN], enum scan_result *r,
    char name[static 128])
{
	struct verdict *v;
	bool hit = false;

	pthread_mutex_lock(&c->lock);
	if (age != 0 && age == c->age) {
		v = place(c, hash);
		hit = v->taken && memcmp(v->hash, hash, SHA256_LEN) == 0;
	}
	if (hit) {
		*r = v->found ? SCAN_FOUND : SCAN_CLEAN;
		snprintf(name, 128, "%s", v->found ? v->found : "");
	}
	pthread_mutex_unlock(&c->lock);
	return hit;
}

void
scan_cache_put(struct scan_cache *c, uint64_t age,
    const uint8_t hash[static SHA256_LEN], enum scan_result r, const char *name)
{
	struct verdict *v;

	if (age == 0 || (r != SCAN_CLEAN && r != SCAN_FOUND))
		return;
	pthread_mutex_lock(&c->lock);
	if (age == c->age) {
		v = place(c, hash);
		memcpy(v->hash, hash, SHA256_LEN);
		v->taken = true;
		free(v->found);
		v->found = r == SCAN_FOUND ? mem_strdup(name) : NULL;
	}
	pthread_mutex_unlock(&c->lock);
}
