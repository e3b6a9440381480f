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

static bool
is_known(struct greylist *g, const struct greylist_key *k, int64_t now,
    const struct greylist_rules *rules)
{
	struct greylist_entry *e =
	    greylist_table_find(g->tables[GREYLIST_PLACES], &k->place);

	if (!e)
		return false;
	if (now - e->last > rules->lifetime) {
		forget(g, GREYLIST_PLACES, e, now);
		return false;
	}
	seen_again(g, GREYLIST_PLACES, e, k->texts, now, rules->lifetime);
	return true;
}

/* How long ago E began to wait. A clock that was set back begins anew. */
static int64_t
waited(struct greylist_entry *e, int64_t now)
{
	if (now < e->first)
		e->first = now;
	return now - e->first;
}

static enum greylist_answer
ask_stranger(struct greylist *g, const struct greylist_key *k, int64_t now,
    const struct greylist_rules *rules, unsigned *wait)
{
	struct greylist_entry *e =
	    greylist_table_find(g->tables[GREYLIST_STRANGERS], &k->stranger);
	int64_t age = e ? waited(e, now) : 0;
	bool in_time = e && age <= rules->retry;

	if (e && age < rules->delay) {
		*wait = rules->delay - (unsigned)age;
		seen(g, GREYLIST_STRANGERS, e, k->texts, now);
		return GREYLIST_EARLY;
	}
	if (e)
		forget(g, GREYLIST_STRANGERS, e, now);
	if (in_time) {
		add(g, GREYLIST_PLACES, &k->place, k->texts, now,
		    rules->lifetime);
		return GREYLIST_RETURNED;
	}
	*wait = rules->delay;
	add(g, GREYLIST_STRANGERS, &k->stranger, k->texts, now, rules->retry);
	return GREYLIST_NEW;
}

enum greylist_answer
greylist_ask(struct greylist *g, const struct greylist_query *q,
    const struct greylist_rules *rules, unsigned *wait)
{
	enum greylist_answer a = GREYLIST_KNOWN;
	struct greylist_key k;

	*wait = 0;
	greylist_key_init(&k, q);
	pthread_mutex_lock(&g->lock);
	if (!is_known(g, &k, q->now, rules))
		a = ask_stranger(g, &k, q->now, rules, wait);
	pthread_mutex_unlock(&g->lock);
	greylist_key_fini(&k);
	return a;
}

static enum greylist_answer
peek(const struct greylist *g, const struct greylist_key *k, int64_t now,
    const struct greylist_rules *rules, unsigned *wait)
{
	const struct greylist_entry *place =
	    greylist_table_find(g->tables[GREYLIST_PLACES], &k->place);
	const struct greylist_entry *stranger =
	    greylist_table_find(g->tables[GREYLIST_STRANGERS], &k->stranger);
	int64_t age =
	    stranger && now > stranger->first ? now - stranger->first : 0;

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

enum greylist_answer
greylist_peek(struct greylist *g, const struct greylist_query *q,
    const struct greylist_rules *rules, unsigned *wait)
{
	enum greylist_answer a;
	struct greylist_key k;

	*wait = 0;
	greylist_key_init(&k, q);
	pthread_mutex_lock(&g->lock);
	a = peek(g, &k, q->now, rules, wait);
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
