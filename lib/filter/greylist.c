/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/greylist.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "filter/greylist_key.h"
#include "filter/greylist_rows.h"

#define DAY 86400

/* A row is not written for every message of one who is known. */
#define WRITE_EVERY 60

/* The tables of filter.db are swept after so many changes, or after an hour;
 * what expires was a change once, so sweeping keeps up. */
#define PRUNE_CHANGES 1000
#define PRUNE_MOST 2000
#define PRUNE_SECONDS 3600

struct greylist {
	struct filter_db *db;
	pthread_mutex_t lock;
	struct greylist_table *tables[GREYLIST_KINDS];
	unsigned changes; /* of filter.db since PRUNED */
	int64_t pruned;
};

const char *
greylist_answer_name(enum greylist_answer a)
{
	static const char *const names[] = { "known", "returned", "new",
		"early" };

	return names[a];
}

/* ------------------------------------------------------------------------
 * Changes. Jobs are left with the lock held, so that those of one row stay in
 * order.
 */

static void
changed(struct greylist *g, int64_t now)
{
	if (++g->changes < PRUNE_CHANGES && now - g->pruned < PRUNE_SECONDS)
		return;
	g->changes = 0;
	g->pruned = now;
	greylist_rows_prune(g->db, now, PRUNE_MOST);
}

static void
forget(struct greylist *g, enum greylist_kind kind, struct greylist_entry *e,
    int64_t now)
{
	greylist_row_drop(g->db, kind, &e->id);
	greylist_table_remove(g->tables[kind], e);
	changed(g, now);
}

/* One goes if the table is full, and one that is of no use any more. */
static void
make_room(struct greylist *g, enum greylist_kind kind, int64_t now)
{
	struct greylist_table *t = g->tables[kind];
	struct greylist_entry *e = greylist_table_oldest(t);

	if (e && greylist_table_full(t)) {
		forget(g, kind, e, now);
		e = greylist_table_oldest(t);
	}
	if (e && e->expires <= now)
		forget(g, kind, e, now);
}

static void
write_row(struct greylist *g, enum greylist_kind kind, struct greylist_entry *e,
    const struct str *texts, int64_t now)
{
	e->written = e->last;
	greylist_row_put(g->db, kind, e, texts);
	changed(g, now);
}

static void
add(struct greylist *g, enum greylist_kind kind, const struct greylist_id *id,
    const struct str *texts, int64_t now, int64_t lifetime)
{
	struct greylist_entry *e;

	make_room(g, kind, now);
	e = greylist_table_add(g->tables[kind], id);
	e->first = e->last = now;
	e->expires = now + lifetime;
	e->count = 1;
	write_row(g, kind, e, texts, now);
}

static void
seen(struct greylist *g, enum greylist_kind kind, struct greylist_entry *e,
    const struct str *texts, int64_t now)
{
	e->last = now;
	e->count += e->count < UINT32_MAX;
	if (now - e->written >= WRITE_EVERY || now < e->written)
		write_row(g, kind, e, texts, now);
}

/* The same of one that lasts a lifetime from when it was seen last. */
static void
seen_again(struct greylist *g, enum greylist_kind kind,
    struct greylist_entry *e, const struct str *texts, int64_t now,
    int64_t lifetime)
{
	e->expires = now + lifetime;
	greylist_table_make_newest(g->tables[kind], e);
	seen(g, kind, e, texts, now);
}

/* ------------------------------------------------------------------------
 * Strangers and places
 */

/* PLACE and STRANGER: what is remembered of them, or NULL. */
static enum greylist_answer
judge(const struct greylist_entry *place, const struct greylist_entry *stranger,
    int64_t now, const struct greylist_rules *rules, unsigned *wait)
{
	int64_t age =
	    stranger && now > stranger->first ? now - stranger->first : 0;

	*wait = 0;
	if (place && now - place->last <= rules->lifetime)
		return GREYLIST_KNOWN;
	if (stranger && age >= rules->delay && age <= rules->retry)
		return GREYLIST_RETURNED;
	*wait = rules->delay;
	if (!stranger || age >= rules->delay)
		return GREYLIST_NEW;
	*wait -= (unsigned)age;
	return GREYLIST_EARLY;
}

struct found {
	struct greylist_entry *place, *stranger;
};

static struct found
find(struct greylist *g, const struct greylist_key *k)
{
	return (struct found){
		greylist_table_find(g->tables[GREYLIST_PLACES], &k->place),
		greylist_table_find(
		    g->tables[GREYLIST_STRANGERS], &k->stranger),
	};
}

/* What of it is not as it is remembered any more. */
static void
remember(struct greylist *g, const struct greylist_key *k, struct found f,
    enum greylist_answer a, int64_t now, const struct greylist_rules *rules)
{
	if (a == GREYLIST_KNOWN) {
		seen_again(g, GREYLIST_PLACES, f.place, k->texts, now,
		    rules->lifetime);
		return;
	}
	if (f.place)
		forget(g, GREYLIST_PLACES, f.place, now);
	if (a == GREYLIST_EARLY) {
		seen(g, GREYLIST_STRANGERS, f.stranger, k->texts, now);
		return;
	}
	if (f.stranger)
		forget(g, GREYLIST_STRANGERS, f.stranger, now);
	if (a == GREYLIST_RETURNED)
		add(g, GREYLIST_PLACES, &k->place, k->texts, now,
		    rules->lifetime);
	else
		add(g, GREYLIST_STRANGERS, &k->stranger, k->texts, now,
		    rules->retry);
}

enum greylist_answer
greylist_ask(struct greylist *g, const struct greylist_query *q,
    const struct greylist_rules *rules, unsigned *wait)
{
	enum greylist_answer a;
	struct greylist_key k;
	struct found f;

	greylist_key_init(&k, q);
	pthread_mutex_lock(&g->lock);
	f = find(g, &k);
	/* A clock that was set back begins anew. */
	if (f.stranger && q->now < f.stranger->first)
		f.stranger->first = q->now;
	a = judge(f.place, f.stranger, q->now, rules, wait);
	remember(g, &k, f, a, q->now, rules);
	pthread_mutex_unlock(&g->lock);
	greylist_key_fini(&k);
	return a;
}

enum greylist_answer
greylist_peek(struct greylist *g, const struct greylist_query *q,
    const struct greylist_rules *rules, unsigned *wait)
{
	enum greylist_answer a;
	struct greylist_key k;
	struct found f;

	greylist_key_init(&k, q);
	pthread_mutex_lock(&g->lock);
	f = find(g, &k);
	a = judge(f.place, f.stranger, q->now, rules, wait);
	pthread_mutex_unlock(&g->lock);
	greylist_key_fini(&k);
	return a;
}

/* ------------------------------------------------------------------------
 * Correspondents and domains
 */

static void
note(struct greylist *g, enum greylist_kind kind, struct str name, int64_t now,
    int64_t lifetime)
{
	struct buf folded = { 0 };
	struct greylist_entry *e;
	struct greylist_id id;
	struct str text;

	greylist_put_folded(&folded, name);
	text = buf_str(&folded);
	id = greylist_id_of(text);
	pthread_mutex_lock(&g->lock);
	e = greylist_table_find(g->tables[kind], &id);
	if (e)
		seen_again(g, kind, e, &text, now, lifetime);
	else
		add(g, kind, &id, &text, now, lifetime);
	pthread_mutex_unlock(&g->lock);
	buf_fini(&folded);
}

static bool
is_noted(
    struct greylist *g, enum greylist_kind kind, struct str name, int64_t now)
{
	struct buf folded = { 0 };
	const struct greylist_entry *e;
	struct greylist_id id;
	bool yes;

	greylist_put_folded(&folded, name);
	id = greylist_id_of(buf_str(&folded));
	pthread_mutex_lock(&g->lock);
	e = greylist_table_find(g->tables[kind], &id);
	yes = e && e->expires > now;
	pthread_mutex_unlock(&g->lock);
	buf_fini(&folded);
	return yes;
}

void
greylist_note_correspondent(struct greylist *g, struct str address, int64_t now)
{
	note(g, GREYLIST_CORRESPONDENTS, address, now,
	    (int64_t)GREYLIST_CORRESPONDENT_DAYS * DAY);
}

void
greylist_note_domain(struct greylist *g, struct str domain, int64_t now)
{
	note(g, GREYLIST_DOMAINS, domain, now,
	    (int64_t)GREYLIST_DOMAIN_DAYS * DAY);
}

bool
greylist_is_correspondent(struct greylist *g, struct str address, int64_t now)
{
	return is_noted(g, GREYLIST_CORRESPONDENTS, address, now);
}

bool
greylist_is_domain(struct greylist *g, struct str domain, int64_t now)
{
	return is_noted(g, GREYLIST_DOMAINS, domain, now);
}

/* ------------------------------------------------------------------------
 * Beginning and end
 */

static bool
load(struct greylist *g, int64_t now, struct err *e)
{
	struct sq *q = filter_db_reader(g->db, e);
	enum sq_rc rc = q ? SQ_OK : SQ_IO;

	for (int i = 0; i < GREYLIST_KINDS && rc == SQ_OK; i++)
		rc = greylist_rows_load(
		    q, (enum greylist_kind)i, g->tables[i], now, e);
	filter_db_reader_done(g->db, &q);
	return rc == SQ_OK;
}

struct greylist *
greylist_new(struct filter_db *db, unsigned entries, int64_t now)
{
	struct greylist *g = mem_zalloc(sizeof(*g));
	struct err e = ERR_INIT;

	g->db = db;
	g->pruned = now;
	pthread_mutex_init(&g->lock, NULL);
	for (int i = 0; i < GREYLIST_KINDS; i++)
		g->tables[i] = greylist_table_new(entries);
	if (!load(g, now, &e))
		log_warn("greylist_unread", LOG_ERR(&e));
	greylist_rows_prune(db, now, PRUNE_MOST);
	return g;
}

void
greylist_free(struct greylist **g)
{
	if (!*g)
		return;
	for (int i = 0; i < GREYLIST_KINDS; i++)
		greylist_table_free(&(*g)->tables[i]);
	pthread_mutex_destroy(&(*g)->lock);
	free(*g);
	*g = NULL;
}

void
greylist_count(struct greylist *g, struct greylist_counts *out)
{
	pthread_mutex_lock(&g->lock);
	*out = (struct greylist_counts){
		.strangers =
		    greylist_table_count(g->tables[GREYLIST_STRANGERS]),
		.places = greylist_table_count(g->tables[GREYLIST_PLACES]),
		.correspondents =
		    greylist_table_count(g->tables[GREYLIST_CORRESPONDENTS]),
		.domains = greylist_table_count(g->tables[GREYLIST_DOMAINS]),
	};
	for (int i = 0; i < GREYLIST_KINDS; i++)
		out->bytes += greylist_table_bytes(g->tables[i]);
	pthread_mutex_unlock(&g->lock);
}
