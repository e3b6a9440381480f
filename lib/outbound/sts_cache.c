/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/sts_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

struct entry {
	struct arena *a; /* of all below; NULL: no policy is known */
	struct str id;
	struct sts_policy policy;
	int64_t expires; /* wall clock */
	int64_t tried;   /* the last fetch began; 0: none since the start */
	bool busy;       /* a thread fetches it */
	unsigned users;  /* threads that hold it: it must stay */
};

struct sts_cache {
	struct filter_db *db;
	sts_fetcher *fetcher;
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t done; /* a fetch has ended */
	struct map *entries;
};

/* A policy as it comes from a file or a row. */
struct known {
	struct str id, text;
	int64_t expires;
};

struct sts_cache *
sts_cache_new(struct filter_db *db, sts_fetcher *fetcher, void *arg)
{
	struct sts_cache *c = mem_zalloc(sizeof(*c));

	*c = (struct sts_cache){ .db = db, .fetcher = fetcher, .arg = arg };
	pthread_mutex_init(&c->lock, NULL);
	cond_init(&c->done);
	c->entries = map_new();
	return c;
}

static void
entry_free(struct entry *n)
{
	if (n)
		arena_free(&n->a);
	free(n);
}

void
sts_cache_free(struct sts_cache **c)
{
	size_t at = 0;
	void *entry;

	if (!*c)
		return;
	while (map_next((*c)->entries, &at, NULL, &entry))
		entry_free(entry);
	map_free(&(*c)->entries);
	pthread_cond_destroy(&(*c)->done);
	pthread_mutex_destroy(&(*c)->lock);
	free(*c);
	*c = NULL;
}

/* ------------------------------------------------------------------------
 * Entries; all of it locked
 */

static void
make_room(struct sts_cache *c)
{
	size_t at = 0;
	struct str key;
	void *value;

	while (map_count(c->entries) >= STS_CACHE_MAX &&
	       map_next(c->entries, &at, &key, &value)) {
		struct entry *n = value;

		if (n->users > 0)
			continue;
		map_del(c->entries, key);
		entry_free(n);
	}
}

static bool
set_known(struct entry *n, const struct known *k, struct err *e)
{
	struct sts_policy policy;
	struct arena *a = arena_new();

	if (!sts_policy_parse(a, k->text, &policy, e)) {
		arena_free(&a);
		return false;
	}
	arena_free(&n->a);
	n->a = a;
	n->policy = policy;
	n->id = arena_str(a, k->id);
	n->expires = k->expires;
	return true;
}

static bool
read_row(struct sts_cache *c, struct arena *a, struct str domain,
    struct known *out, struct err *e)
{
	struct sq *q = filter_db_reader(c->db, e);
	struct sqlite3_stmt *s;
	enum sq_rc rc = SQ_ERROR;

	if (q)
		rc = sq_one(q, &s, e,
		    "SELECT id, text, expires FROM sts_policies"
		    " WHERE domain = ?",
		    SQ_T(domain));
	if (rc == SQ_ROW) {
		out->id = sq_dup(a, s, 0);
		out->text = sq_dup(a, s, 1);
		out->expires = sq_int(s, 2);
		sq_reset(s);
	}
	if (rc != SQ_ROW && rc != SQ_DONE)
		log_error("sts_cache", LOG_STR("domain", domain), LOG_ERR(e));
	filter_db_reader_done(c->db, &q);
	return rc == SQ_ROW;
}

static struct entry *
find(struct sts_cache *c, struct str domain)
{
	struct entry *n = map_get(c->entries, domain);
	struct arena *a;
	struct known row;
	struct err e = ERR_INIT;

	if (n)
		return n;
	make_room(c);
	n = mem_zalloc(sizeof(*n));
	map_set(c->entries, domain, n);
	a = arena_new();
	if (read_row(c, a, domain, &row, &e))
		set_known(n, &row, &e);
	arena_free(&a);
	return n;
}

static bool
is_known(const struct entry *n)
{
	return n->a && n->expires > clock_now();
}

static bool
tried_lately(const struct entry *n)
{
	return n->tried && clock_mono_ms() - n->tried < STS_RETRY * 1000;
}

static bool
wants_fetch(const struct entry *n, struct str id)
{
	if (id.n == 0 || n->busy || tried_lately(n))
		return false;
	return !is_known(n) || !str_eq(n->id, id);
}

/* ------------------------------------------------------------------------
 * Fetching
 */

static void
remember(struct sts_cache *c, struct str domain, const struct known *k)
{
	filter_db_run(c->db,
	    "INSERT OR REPLACE INTO sts_policies VALUES (?, ?, ?, ?, ?)",
	    SQ_VALUES(SQ_T(domain), SQ_T(k->id), SQ_T(k->text),
		SQ_I(clock_now()), SQ_I(k->expires)));
}

/* A policy for less than a moment would be asked for all the time. */
static int64_t
expiry_of(const struct sts_policy *p)
{
	return clock_now() + (p->max_age > STS_RETRY ? p->max_age : STS_RETRY);
}

static void
take(struct sts_cache *c, struct entry *n, struct str domain, struct str id,
    struct str text)
{
	struct known k = { .id = id, .text = text };
	struct err e = ERR_INIT;

	if (!set_known(n, &k, &e)) {
		log_warn("sts_policy_refused", LOG_STR("domain", domain),
		    LOG_ERR(&e));
		return;
	}
	n->expires = k.expires = expiry_of(&n->policy);
	log_info("sts_policy", LOG_STR("domain", domain), LOG_STR("id", id),
	    LOG_CSTR("mode", sts_mode_name(n->policy.mode)),
	    LOG_UINT("max_age", n->policy.max_age));
	remember(c, domain, &k);
}

/* Unlocks while it waits for the other side. */
static void
renew(struct sts_cache *c, struct entry *n, struct str domain, struct str id)
{
	struct buf text = { 0 };
	struct err e = ERR_INIT;
	bool ok;

	n->busy = true;
	n->tried = clock_mono_ms();
	pthread_mutex_unlock(&c->lock);
	ok = c->fetcher(c->arg, domain, &text, &e);
	if (!ok)
		log_warn(
		    "sts_fetch_failed", LOG_STR("domain", domain), LOG_ERR(&e));
	pthread_mutex_lock(&c->lock);
	if (ok)
		take(c, n, domain, id, buf_str(&text));
	n->busy = false;
	pthread_cond_broadcast(&c->done);
	buf_fini(&text);
}

/* ------------------------------------------------------------------------
 * Asking
 */

static void
wait_for(struct sts_cache *c, const struct entry *n, int64_t deadline)
{
	while (n->busy && !is_known(n)) {
		if (!cond_wait_until(&c->done, &c->lock, deadline))
			return;
	}
}

static void
copy(struct arena *a, const struct sts_policy *p, struct sts_policy *out)
{
	struct str *mx = arena_array(a, p->n, sizeof(*mx));

	*out = *p;
	for (size_t i = 0; i < p->n; i++)
		mx[i] = arena_str(a, p->mx[i]);
	out->mx = mx;
}

enum sts_rc
sts_cache_get(struct sts_cache *c, struct arena *a, struct str domain,
    struct str id, int64_t deadline, struct sts_policy *out)
{
	enum sts_rc rc = STS_UNKNOWN;
	struct entry *n;

	pthread_mutex_lock(&c->lock);
	n = find(c, domain);
	n->users++;
	if (wants_fetch(n, id))
		renew(c, n, domain, id);
	else
		wait_for(c, n, deadline);
	if (is_known(n)) {
		copy(a, &n->policy, out);
		rc = STS_FOUND;
	} else if (n->busy) {
		rc = STS_PENDING;
	}
	n->users--;
	pthread_mutex_unlock(&c->lock);
	return rc;
}

/* ------------------------------------------------------------------------
 * Renewing
 */

struct due {
	struct str domain, id;
};

static bool
list_due(struct sts_cache *c, struct arena *a, int64_t now, struct due *list,
    size_t *n, struct err *e)
{
	struct sq *q = filter_db_reader(c->db, e);
	struct sqlite3_stmt *s;
	enum sq_rc rc = SQ_ERROR;

	*n = 0;
	if (q)
		rc = sq_start(q, &s, e,
		    "SELECT domain, id FROM sts_policies WHERE fetched < ?"
		    " AND expires > ? ORDER BY fetched LIMIT ?",
		    SQ_I(now - STS_REFRESH), SQ_I(now),
		    SQ_I(STS_REFRESH_AT_ONCE));
	while (rc == SQ_OK && (rc = sq_step(s, e)) == SQ_ROW) {
		list[(*n)++] = (struct due){ sq_dup(a, s, 0), sq_dup(a, s, 1) };
		rc = SQ_OK;
	}
	filter_db_reader_done(c->db, &q);
	return rc == SQ_DONE;
}

static void
renew_one(struct sts_cache *c, const struct due *d)
{
	struct entry *n;

	pthread_mutex_lock(&c->lock);
	n = find(c, d->domain);
	n->users++;
	if (!n->busy && !tried_lately(n))
		renew(c, n, d->domain, d->id);
	n->users--;
	pthread_mutex_unlock(&c->lock);
}

bool
sts_cache_refresh(struct sts_cache *c, int64_t now, struct err *e)
{
	struct arena *a = arena_new();
	struct due *list = arena_array(a, STS_REFRESH_AT_ONCE, sizeof(*list));
	size_t n;
	bool ok = list_due(c, a, now, list, &n, e);

	for (size_t i = 0; ok && i < n; i++)
		renew_one(c, &list[i]);
	filter_db_run(c->db,
	    "DELETE FROM sts_policies WHERE expires <= ?1 OR domain IN"
	    " (SELECT domain FROM sts_policies ORDER BY fetched DESC"
	    "  LIMIT -1 OFFSET ?2)",
	    SQ_VALUES(SQ_I(now), SQ_I(STS_CACHE_ROWS)));
	arena_free(&a);
	return ok;
}
