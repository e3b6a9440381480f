/* SPDX-License-Identifier: BSD-2-Clause */
/* What of the site's scripts applies to an account. The lists of domains are
 * kept until the directory changes. */
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "site/script_row.h"

#define CACHE_MAX 10000

/* The domain and those above it, nearest first. */
#define UP                                                                     \
	"WITH RECURSIVE up(id, parent, depth) AS ("                            \
	" SELECT id, parent, 1 FROM domains WHERE name = ?1"                   \
	" UNION ALL SELECT d.id, d.parent, up.depth + 1"                       \
	"  FROM up JOIN domains d ON d.id = up.parent WHERE up.depth < 32)"

struct applied {
	struct site_script *v;
	size_t n;
};

struct scripts_cache {
	pthread_mutex_t lock;
	uint64_t generation;
	struct arena *arena; /* of this generation */
	struct map *lists;   /* domain -> struct applied */
};

struct scripts_cache *
scripts_cache_new(void)
{
	struct scripts_cache *c = mem_zalloc(sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	c->arena = arena_new();
	c->lists = map_new();
	return c;
}

void
scripts_cache_free(struct scripts_cache **c)
{
	if (!*c)
		return;
	map_free(&(*c)->lists);
	arena_free(&(*c)->arena);
	pthread_mutex_destroy(&(*c)->lock);
	free(*c);
	*c = NULL;
}

static struct applied
copy(struct arena *a, struct applied from)
{
	struct applied to = { arena_array(a, from.n, sizeof(*to.v)), from.n };

	for (size_t i = 0; i < from.n; i++) {
		to.v[i] = from.v[i];
		to.v[i].domain = arena_str(a, from.v[i].domain);
		to.v[i].name = arena_str(a, from.v[i].name);
	}
	return to;
}

static bool
cache_get(struct scripts_cache *c, uint64_t generation, struct str domain,
    struct arena *a, struct applied *out)
{
	const struct applied *kept;

	pthread_mutex_lock(&c->lock);
	if (c->generation != generation || map_count(c->lists) >= CACHE_MAX) {
		map_free(&c->lists);
		c->lists = map_new();
		arena_reset(c->arena);
		c->generation = generation;
	}
	kept = map_get(c->lists, domain);
	if (kept)
		*out = copy(a, *kept);
	pthread_mutex_unlock(&c->lock);
	return kept != NULL;
}

/* GENERATION was read before the rows, so what is kept is never older. */
static void
cache_put(struct scripts_cache *c, uint64_t generation, struct str domain,
    struct applied list)
{
	struct applied *kept;

	pthread_mutex_lock(&c->lock);
	if (c->generation == generation && !map_get(c->lists, domain)) {
		kept = ARENA_NEW(c->arena, struct applied);
		*kept = copy(c->arena, list);
		map_set(c->lists, domain, kept);
	}
	pthread_mutex_unlock(&c->lock);
}

static enum sq_rc
read_applied(struct sq *q, struct arena *a, struct str domain,
    struct applied *out, struct err *e)
{
	struct sqlite3_stmt *st;
	struct buf rows = { 0 };
	enum sq_rc sq = sq_start(q, &st, e,
	    UP "SELECT " SCRIPT_COLUMNS " FROM scripts s"
	       " LEFT JOIN domains d ON d.id = s.domain"
	       " WHERE place IN ('before', 'after') OR (place = 'domain'"
	       "  AND s.domain = (SELECT up.id FROM up JOIN scripts o"
	       "   ON ifnull(o.domain, 0) = up.id AND o.place = 'domain'"
	       "   ORDER BY up.depth LIMIT 1))"
	       " ORDER BY " SCRIPT_ORDER ", s.name",
	    SQ_T(domain));

	if (sq == SQ_OK)
		sq = script_rows(st, a, &rows, e);
	out->v = site_rows(a, &rows, sizeof(*out->v), &out->n);
	return sq;
}

enum site_rc
site_scripts_of(struct site *s, struct arena *a, struct str domain,
    struct site_script **list, size_t *count, struct err *e)
{
	struct reader_slot *r;
	struct applied found = { 0 };
	uint64_t generation;
	enum site_rc rc = site_reader(s, &r, e);

	if (rc == SITE_OK) {
		generation = site_reader_generation(r);
		if (!cache_get(s->scripts, generation, domain, a, &found)) {
			rc = site_rc_of(
			    read_applied(r->q, a, domain, &found, e));
			if (rc == SITE_OK)
				cache_put(
				    s->scripts, generation, domain, found);
		}
		site_reader_done(s, r);
	}
	*list = found.v;
	*count = found.n;
	return rc;
}

static enum site_rc
find_global(struct sq *q, struct arena *a, struct str domain, struct str name,
    struct site_script *out, struct buf *source, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc sq = sq_one(q, &st, e,
	    UP "SELECT " SCRIPT_COLUMNS
	       ", s.source, 0 AS place_of_site, up.depth"
	       " FROM up JOIN scripts s ON ifnull(s.domain, 0) = up.id"
	       "  AND place = 'global' AND s.name = ?2"
	       " JOIN domains d ON d.id = up.id"
	       " UNION ALL SELECT s.place, '', s.name, s.hash, s.size,"
	       "  s.changed, s.source, 1, 0 FROM scripts s"
	       "  WHERE ifnull(domain, 0) = 0 AND place = 'global'"
	       "  AND s.name = ?2 ORDER BY 8, 9 LIMIT 1",
	    SQ_T(domain), SQ_T(name));

	if (sq != SQ_ROW)
		return sq == SQ_DONE
			   ? script_missing(
				 &(struct site_script){ SITE_SCRIPT_GLOBAL,
				     domain, name, { 0 }, 0, 0 },
				 e)
			   : site_rc_of(sq);
	script_row(st, a, out);
	if (source)
		buf_putstr(source, sq_blob(st, 6));
	sq_reset(st);
	return SITE_OK;
}

enum site_rc
site_script_global(struct site *s, struct arena *a, struct str domain,
    struct str name, struct site_script *out, struct buf *source, struct err *e)
{
	struct reader_slot *r;
	enum site_rc rc = site_reader(s, &r, e);

	if (rc != SITE_OK)
		return rc;
	rc = find_global(r->q, a, domain, name, out, source, e);
	site_reader_done(s, r);
	return rc;
}
