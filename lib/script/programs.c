/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/programs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

#define PROGRAMS_MAX 1000

struct entry {
	uint8_t key[SHA256_LEN];
	struct sieve_program *program;
	struct entry *newer, *older;
};

struct programs {
	pthread_mutex_t lock;
	struct map *by_key;
	struct entry *newest, *oldest;
};

struct programs *
programs_new(void)
{
	struct programs *ps = mem_zalloc(sizeof(*ps));

	pthread_mutex_init(&ps->lock, NULL);
	ps->by_key = map_new();
	return ps;
}

static struct str
key_of(const struct entry *en)
{
	return (struct str){ (const char *)en->key, SHA256_LEN };
}

static void
unlink_entry(struct programs *ps, struct entry *en)
{
	*(en->newer ? &en->newer->older : &ps->newest) = en->older;
	*(en->older ? &en->older->newer : &ps->oldest) = en->newer;
	en->newer = en->older = NULL;
}

static void
link_newest(struct programs *ps, struct entry *en)
{
	en->older = ps->newest;
	*(ps->newest ? &ps->newest->newer : &ps->oldest) = en;
	ps->newest = en;
}

static void
drop(struct programs *ps, struct entry *en)
{
	unlink_entry(ps, en);
	map_del(ps->by_key, key_of(en));
	sieve_program_unref(&en->program);
	free(en);
}

void
programs_free(struct programs **ps)
{
	struct programs *it = *ps;

	if (!it)
		return;
	while (it->newest)
		drop(it, it->newest);
	map_free(&it->by_key);
	pthread_mutex_destroy(&it->lock);
	free(it);
	*ps = NULL;
}

static void
make_key(const struct script_source *source, const struct script_name *script,
    uint8_t out[SHA256_LEN])
{
	struct sha256 *h = sha256_new();

	sha256_add(h, (struct str){ (const char *)script->hash, SHA256_LEN });
	sha256_add(h, script->name);
	sha256_add(h, (struct str){ (const char *)&source->rules.caps,
			  sizeof(source->rules.caps) });
	sha256_add(h, (struct str){ (const char *)&source->rules.limits,
			  sizeof(source->rules.limits) });
	sha256_add(h, (struct str){ (const char *)&source->rules.nmethods,
			  sizeof(source->rules.nmethods) });
	sha256_final(&h, out);
}

static struct sieve_program *
find(struct programs *ps, const uint8_t key[SHA256_LEN])
{
	struct sieve_program *p = NULL;
	struct entry *en;

	pthread_mutex_lock(&ps->lock);
	en = map_get(ps->by_key, (struct str){ (const char *)key, SHA256_LEN });
	if (en) {
		unlink_entry(ps, en);
		link_newest(ps, en);
		p = sieve_program_ref(en->program);
	}
	pthread_mutex_unlock(&ps->lock);
	return p;
}

static void
keep(
    struct programs *ps, const uint8_t key[SHA256_LEN], struct sieve_program *p)
{
	struct entry *en = mem_zalloc(sizeof(*en)), *old;

	memcpy(en->key, key, SHA256_LEN);
	en->program = sieve_program_ref(p);
	pthread_mutex_lock(&ps->lock);
	old = map_get(ps->by_key, key_of(en));
	if (old)
		drop(ps, old);
	else if (map_count(ps->by_key) >= PROGRAMS_MAX)
		drop(ps, ps->oldest);
	map_set(ps->by_key, key_of(en), en);
	link_newest(ps, en);
	pthread_mutex_unlock(&ps->lock);
}

/* Are the scripts it includes what they were? */
static bool
is_current(struct script_source *source, const struct sieve_program *p)
{
	struct sieve_compiler c = script_compiler(source, false);
	const struct sieve_dependency *d;
	size_t n = sieve_program_dependencies(p, &d);
	bool same = true;

	for (size_t i = 0; i < n && same; i++) {
		struct buf text = { 0 };
		uint8_t hash[SHA256_LEN];
		enum sieve_found found =
		    c.load(c.load_arg, d[i].where, d[i].name, &text);

		same = d[i].missing == (found != SIEVE_FOUND);
		if (same && found == SIEVE_FOUND) {
			sha256(buf_str(&text), hash);
			same = memcmp(hash, d[i].hash, SHA256_LEN) == 0;
		}
		buf_fini(&text);
	}
	return same;
}

struct sieve_program *
programs_get(struct programs *ps, struct script_source *source,
    const struct script_name *script, struct arena *arena,
    struct sieve_diags *diags, struct err *e)
{
	struct sieve_compiler c = script_compiler(source, false);
	uint8_t key[SHA256_LEN];
	struct sieve_program *p;
	struct buf text = { 0 };

	*diags = (struct sieve_diags){ 0 };
	make_key(source, script, key);
	p = find(ps, key);
	if (p && is_current(source, p))
		return p;
	sieve_program_unref(&p);
	if (script->read(script->arg, &text, e))
		p = sieve_compile(
		    &c, script->name, buf_str(&text), arena, diags);
	buf_fini(&text);
	if (p)
		keep(ps, key, p);
	return p;
}
