/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/limits.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "filter/limit_rows.h"

#define MINUTE 60
#define HOUR 3600
#define DAY 86400

const struct limit limits_table[LIMITS] = {
	/* clang-format off */
	{ "limit.client_connections_minute",  LIMIT_CONNECTIONS, LIMIT_CLIENT,  MINUTE },
	{ "limit.client_connections_hour",    LIMIT_CONNECTIONS, LIMIT_CLIENT,  HOUR },
	{ "limit.client_messages_minute",     LIMIT_MESSAGES,    LIMIT_CLIENT,  MINUTE },
	{ "limit.client_messages_hour",       LIMIT_MESSAGES,    LIMIT_CLIENT,  HOUR },
	{ "limit.network_connections_minute", LIMIT_CONNECTIONS, LIMIT_NETWORK, MINUTE },
	{ "limit.network_connections_hour",   LIMIT_CONNECTIONS, LIMIT_NETWORK, HOUR },
	{ "limit.network_messages_minute",    LIMIT_MESSAGES,    LIMIT_NETWORK, MINUTE },
	{ "limit.network_messages_hour",      LIMIT_MESSAGES,    LIMIT_NETWORK, HOUR },
	{ "limit.account_messages_hour",      LIMIT_MESSAGES,    LIMIT_ACCOUNT, HOUR },
	{ "limit.account_messages_day",       LIMIT_MESSAGES,    LIMIT_ACCOUNT, DAY },
	{ "limit.account_recipients_hour",    LIMIT_RECIPIENTS,  LIMIT_ACCOUNT, HOUR },
	{ "limit.account_recipients_day",     LIMIT_RECIPIENTS,  LIMIT_ACCOUNT, DAY },
	{ "limit.domain_messages_hour",       LIMIT_MESSAGES,    LIMIT_DOMAIN,  HOUR },
	{ "limit.domain_messages_day",        LIMIT_MESSAGES,    LIMIT_DOMAIN,  DAY },
	{ "limit.domain_recipients_hour",     LIMIT_RECIPIENTS,  LIMIT_DOMAIN,  HOUR },
	{ "limit.domain_recipients_day",      LIMIT_RECIPIENTS,  LIMIT_DOMAIN,  DAY },
	{ "limit.host_messages_hour",         LIMIT_MESSAGES,    LIMIT_HOST,    HOUR },
	{ "limit.host_messages_day",          LIMIT_MESSAGES,    LIMIT_HOST,    DAY },
	{ "limit.host_recipients_hour",       LIMIT_RECIPIENTS,  LIMIT_HOST,    HOUR },
	{ "limit.host_recipients_day",        LIMIT_RECIPIENTS,  LIMIT_HOST,    DAY },
	{ "client.block_after",               LIMIT_REFUSALS,    LIMIT_CLIENT,  HOUR },
	/* clang-format on */
};

const struct limit *
limit_find(struct str setting)
{
	for (size_t i = 0; i < LIMITS; i++) {
		if (str_eqc(setting, limits_table[i].setting))
			return &limits_table[i];
	}
	return NULL;
}

bool
limit_is_outgoing(const struct limit *l)
{
	return l->subject >= LIMIT_ACCOUNT;
}

/* ------------------------------------------------------------------------
 * Counters, from the one that was used last to the one that was not for
 * longest: a ring through the table itself.
 */

struct counter {
	struct counter *newer, *older;
	struct limit_window w;
	int64_t told; /* number of the window in which somebody was */
	const struct limit *limit;
	size_t n;
	char subject[];
};

struct table {
	struct map *map;
	struct counter ring;
};

struct limits {
	struct filter_db *db;
	pthread_mutex_t lock;
	struct table tables[2]; /* of strangers, of our own */
	int64_t pruned;
};

static struct str
key_of(struct buf *out, const struct limit *l, struct str subject)
{
	buf_clear(out);
	buf_putc(out, (char)(l - limits_table));
	buf_putstr(out, subject);
	return buf_str(out);
}

static void
unlink_counter(struct counter *c)
{
	c->newer->older = c->older;
	c->older->newer = c->newer;
}

static void
make_newest(struct table *t, struct counter *c)
{
	c->older = t->ring.older;
	c->newer = &t->ring;
	t->ring.older->newer = c;
	t->ring.older = c;
}

static void
drop(struct table *t, struct counter *c)
{
	struct buf key = { 0 };

	map_del(
	    t->map, key_of(&key, c->limit, (struct str){ c->subject, c->n }));
	buf_fini(&key);
	unlink_counter(c);
	free(c);
}

static struct counter *
add(struct table *t, const struct limit *l, struct str subject, struct str key)
{
	struct counter *c = mem_zalloc(sizeof(*c) + subject.n);

	if (map_count(t->map) >= LIMITS_MAX)
		drop(t, t->ring.newer);
	c->limit = l;
	c->told = -1;
	c->n = subject.n;
	if (subject.n > 0)
		memcpy(c->subject, subject.p, subject.n);
	map_set(t->map, key, c);
	make_newest(t, c);
	return c;
}

static struct counter *
counter_of(struct limits *l, const struct limit *limit, struct str subject)
{
	struct table *t = &l->tables[limit_is_outgoing(limit)];
	struct buf key = { 0 };
	struct counter *c = map_get(t->map, key_of(&key, limit, subject));

	if (!c) {
		c = add(t, limit, subject, buf_str(&key));
	} else {
		unlink_counter(c);
		make_newest(t, c);
	}
	buf_fini(&key);
	return c;
}

/* ------------------------------------------------------------------------
 * filter.db
 */

/* One of a minute is not worth it. */
static bool
is_kept(const struct limit *l)
{
	return l->window >= HOUR;
}

static void
write_counter(struct limits *l, const struct counter *c, int64_t now)
{
	if (!l->db || !is_kept(c->limit))
		return;
	limit_row_put(l->db, c->limit, (struct str){ c->subject, c->n }, &c->w);
	if (now - l->pruned < HOUR && now >= l->pruned)
		return;
	l->pruned = now;
	limit_rows_prune(l->db, now);
}

static void
load_counter(void *arg, const struct limit *limit, struct str subject,
    const struct limit_window *w)
{
	counter_of(arg, limit, subject)->w = *w;
}

static void
load(struct limits *l, int64_t now)
{
	struct err e = ERR_INIT;
	struct sq *q = filter_db_reader(l->db, &e);

	if (!q || limit_rows_read(q, STR_NULL, now, LIMITS_MAX, load_counter, l,
		      &e) != SQ_OK)
		log_warn("limits_unread", LOG_ERR(&e));
	filter_db_reader_done(l->db, &q);
}

struct limits *
limits_new(struct filter_db *db, int64_t now)
{
	struct limits *l = mem_zalloc(sizeof(*l));

	l->db = db;
	pthread_mutex_init(&l->lock, NULL);
	for (int i = 0; i < 2; i++) {
		struct table *t = &l->tables[i];

		t->map = map_new();
		t->ring.newer = t->ring.older = &t->ring;
	}
	if (db)
		load(l, now);
	return l;
}

void
limits_free(struct limits **l)
{
	if (!*l)
		return;
	for (int i = 0; i < 2; i++) {
		struct table *t = &(*l)->tables[i];

		while (t->ring.newer != &t->ring)
			drop(t, t->ring.newer);
		map_free(&t->map);
	}
	pthread_mutex_destroy(&(*l)->lock);
	free(*l);
	*l = NULL;
}

/* ------------------------------------------------------------------------
 * Counting
 */

static bool
has_room(struct limits *l, const struct limit_ask *ask, int64_t now,
    struct limit_over *over)
{
	struct counter *c = counter_of(l, ask->limit, ask->subject);
	unsigned window = ask->limit->window;

	if (limit_window_used(&c->w, window, now) < ask->max)
		return true;
	*over = (struct limit_over){
		.limit = ask->limit,
		.subject = ask->subject,
		.max = ask->max,
		.wait = limit_window_wait(&c->w, window, ask->max, now),
		.first = c->told != c->w.number,
	};
	c->told = c->w.number;
	return false;
}

static void
count(struct limits *l, const struct limit_ask *ask, int64_t now)
{
	struct counter *c = counter_of(l, ask->limit, ask->subject);

	limit_window_used(&c->w, ask->limit->window, now);
	c->w.current++;
	write_counter(l, c, now);
}

bool
limits_take(struct limits *l, const struct limit_ask *list, size_t n,
    int64_t now, struct limit_over *over)
{
	bool ok = true;

	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; ok && i < n; i++)
		ok = list[i].max == 0 || has_room(l, &list[i], now, over);
	for (size_t i = 0; ok && i < n; i++) {
		if (list[i].max > 0)
			count(l, &list[i], now);
	}
	pthread_mutex_unlock(&l->lock);
	return ok;
}

void
limits_reset(struct limits *l, const struct limit *limit, struct str subject,
    int64_t now)
{
	struct counter *c;

	pthread_mutex_lock(&l->lock);
	c = counter_of(l, limit, subject);
	c->w = (struct limit_window){ .number = c->w.number };
	write_counter(l, c, now);
	pthread_mutex_unlock(&l->lock);
}
