/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbox/outbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/peer.h"
#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "outbox/row.h"
#include "store/outgoing.h"

/*
 * A few threads take accounts from a list. With `scan` one more looks through
 * the markers for those that are due. What is known of an account is only when
 * it is to be looked at next; what it has to send is in its database.
 */

#define SENDERS 4
#define SCAN_MS 1000
#define BATCH 100         /* rows between two looks at the list */
#define BUSY_S 5          /* somebody else sends: look again then */
#define TROUBLE_S 60      /* the store cannot be read */
#define GRACE_MS 5000     /* of what is being sent at the end */
#define DOWN_MAX_MS 60000 /* between two attempts to reach the MTA */

struct place {
	char id[17];
	int64_t next;  /* wall clock; what is known of it */
	int64_t stamp; /* of its marker */
	unsigned seen; /* by which scan */
	bool queued, busy, again;
	struct place *after; /* on the list */
};

struct outbox {
	struct outbox_options o;
	pthread_mutex_t lock;
	pthread_cond_t more, ended;
	struct map *places;
	struct place *head, **tail;
	struct peer *talking[SENDERS];
	pthread_t senders[SENDERS], scanner;
	unsigned running; /* senders */
	bool scanning;
	_Atomic bool stopping;
	unsigned scan;
	/* The MTA cannot be reached. */
	int64_t down_until; /* monotonic */
	int64_t down_ms;
};

struct sender {
	struct outbox *b;
	unsigned n;
};

/* ------------------------------------------------------------------------
 * The list; under the lock
 */

static struct place *
place_of(struct outbox *b, struct str id)
{
	struct place *p = map_get(b->places, id);

	if (!p) {
		p = mem_zalloc(sizeof(*p));
		memcpy(p->id, id.p, id.n);
		map_set(b->places, id, p);
	}
	return p;
}

static void
enqueue(struct outbox *b, struct place *p)
{
	p->again = p->busy;
	if (p->queued || p->busy)
		return;
	p->queued = true;
	p->after = NULL;
	*b->tail = p;
	b->tail = &p->after;
	pthread_cond_signal(&b->more);
}

static struct place *
dequeue(struct outbox *b)
{
	struct place *p = b->head;

	b->head = p->after;
	if (!b->head)
		b->tail = &b->head;
	p->queued = false;
	p->busy = true;
	return p;
}

void
outbox_wake(struct outbox *b, struct str account)
{
	if (!account_id_valid(account))
		return;
	pthread_mutex_lock(&b->lock);
	enqueue(b, place_of(b, account));
	pthread_mutex_unlock(&b->lock);
}

/* ------------------------------------------------------------------------
 * The MTA
 */

bool
row_mta_is_down(struct outbox *b)
{
	bool down;

	pthread_mutex_lock(&b->lock);
	down = b->down_until > clock_mono_ms();
	pthread_mutex_unlock(&b->lock);
	return down;
}

void
row_mta_was(struct outbox *b, bool up, const struct err *e)
{
	int64_t wait = 0;

	pthread_mutex_lock(&b->lock);
	if (up) {
		b->down_ms = b->down_until = 0;
	} else if (b->down_until <= clock_mono_ms()) {
		b->down_ms = b->down_ms ? b->down_ms * 2 : 1000;
		if (b->down_ms > DOWN_MAX_MS)
			b->down_ms = DOWN_MAX_MS;
		wait = b->down_ms;
		b->down_until = clock_mono_ms() + wait;
	}
	pthread_mutex_unlock(&b->lock);
	if (wait)
		log_warn("mta_down", LOG_INT("pause_ms", wait), LOG_ERR(e));
}

bool
row_may_wait(struct outbox *b, int64_t ms)
{
	pthread_mutex_lock(&b->lock);
	if (!b->stopping)
		cond_wait_ms(&b->ended, &b->lock, ms);
	pthread_mutex_unlock(&b->lock);
	return !b->stopping;
}

const struct outbox_options *
row_options(const struct outbox *b)
{
	return &b->o;
}

/* ------------------------------------------------------------------------
 * An account
 */

/* All rows that are due; *busy if somebody else has one of them. */
static enum store_rc
send_due(struct outbox *b, struct account *a, struct row_sender *rs, bool *busy,
    struct err *e)
{
	struct arena *arena = arena_new();
	int64_t *ids;
	size_t n = BATCH;
	bool moved = true;
	enum store_rc rc = STORE_OK;

	while (rc == STORE_OK && n == BATCH && moved && !b->stopping) {
		moved = false;
		rc = outgoing_due(a, arena, BATCH, &ids, &n, e);
		for (size_t i = 0; i < n && rc == STORE_OK && !b->stopping;
		     i++) {
			rc = row_send(rs, a, ids[i], &moved, e);
			*busy |= rc == STORE_BUSY;
			if (rc == STORE_BUSY || rc == STORE_NOTFOUND)
				rc = STORE_OK;
		}
		arena_reset(arena);
	}
	arena_free(&arena);
	return rc;
}

/* When to look again; 0: as soon as there is a marker. */
static int64_t
visit(struct outbox *b, struct str id, struct row_sender *rs)
{
	struct outgoing_state left = { 0 };
	struct err e = ERR_INIT;
	struct account *a;
	bool busy = false;
	enum store_rc rc = account_open(b->o.store, id, &a, &e);

	if (rc == STORE_NOTFOUND) {
		outgoing_unmark(b->o.store, id);
		return 0;
	}
	if (rc == STORE_OK) {
		rc = send_due(b, a, rs, &busy, &e);
		if (rc == STORE_OK)
			rc = outgoing_tidy(a, &e);
		if (rc == STORE_OK)
			rc = outgoing_state(a, &left, &e);
		account_close(&a);
	}
	if (rc != STORE_OK) {
		log_error("outbox", LOG_STR("account", id),
		    LOG_CSTR("result", store_rc_name(rc)), LOG_ERR(&e));
		return clock_now() + TROUBLE_S;
	}
	if (left.count == 0)
		return 0;
	return busy && left.next <= clock_now() ? clock_now() + BUSY_S
						: left.next;
}

/* For outbox_free(): what can be interrupted. */
static void
talking(void *arg, struct peer *p)
{
	struct sender *s = arg;

	pthread_mutex_lock(&s->b->lock);
	s->b->talking[s->n] = p;
	pthread_mutex_unlock(&s->b->lock);
}

static void *
sender_loop(void *arg)
{
	struct sender *s = arg;
	struct outbox *b = s->b;
	struct row_sender rs = { .b = b, .talking = talking, .arg = s };

	pthread_mutex_lock(&b->lock);
	while (!b->stopping) {
		struct place *p;
		int64_t next;

		if (!b->head) {
			pthread_cond_wait(&b->more, &b->lock);
			continue;
		}
		p = dequeue(b);
		pthread_mutex_unlock(&b->lock);
		next = visit(b, str_of(p->id), &rs);
		pthread_mutex_lock(&b->lock);
		p->next = next;
		p->busy = false;
		if (p->again)
			enqueue(b, p);
		else if (!b->o.scan)
			free(map_del(b->places, str_of(p->id)));
	}
	b->running--;
	pthread_cond_broadcast(&b->ended);
	pthread_mutex_unlock(&b->lock);
	free(s);
	return NULL;
}

/* ------------------------------------------------------------------------
 * Looking after all
 */

static bool
look_at(void *arg, struct str id, int64_t stamp)
{
	struct outbox *b = arg;
	struct place *p;
	bool down;

	pthread_mutex_lock(&b->lock);
	p = place_of(b, id);
	p->seen = b->scan;
	down = b->down_until > clock_mono_ms();
	if (!p->busy && !p->queued &&
	    (p->stamp != stamp || (!down && p->next <= clock_now()))) {
		p->stamp = stamp;
		enqueue(b, p);
	}
	pthread_mutex_unlock(&b->lock);
	return !b->stopping;
}

/* Those whose marker is gone. */
static void
forget_rest(struct outbox *b)
{
	size_t at = 0;
	void *value;

	pthread_mutex_lock(&b->lock);
	while (!b->stopping && map_next(b->places, &at, NULL, &value)) {
		struct place *p = value;

		if (p->seen != b->scan && !p->queued && !p->busy)
			free(map_del(b->places, str_of(p->id)));
	}
	pthread_mutex_unlock(&b->lock);
}

static void *
scanner_loop(void *arg)
{
	struct outbox *b = arg;

	pthread_mutex_lock(&b->lock);
	while (!b->stopping) {
		struct err e = ERR_INIT;

		b->scan++;
		pthread_mutex_unlock(&b->lock);
		if (outgoing_accounts(b->o.store, look_at, b, &e) != STORE_OK)
			log_error("outbox", LOG_ERR(&e));
		else
			forget_rest(b);
		pthread_mutex_lock(&b->lock);
		if (!b->stopping)
			cond_wait_ms(&b->ended, &b->lock, SCAN_MS);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* ------------------------------------------------------------------------
 * Life
 */

static const char *const result_names[] = { "sent", "deferred", "failed" };

const char *
outbox_result_name(enum outbox_result r)
{
	return result_names[r];
}

static bool
start(struct outbox *b)
{
	for (unsigned i = 0; i < SENDERS; i++) {
		struct sender *s = mem_zalloc(sizeof(*s));

		*s = (struct sender){ b, i };
		if (pthread_create(&b->senders[i], NULL, sender_loop, s) != 0) {
			free(s);
			return false;
		}
		b->running++;
	}
	b->scanning = b->o.scan &&
		      pthread_create(&b->scanner, NULL, scanner_loop, b) == 0;
	return b->scanning || !b->o.scan;
}

bool
outbox_new(const struct outbox_options *o, struct outbox **out, struct err *e)
{
	struct outbox *b = mem_zalloc(sizeof(*b));

	b->o = *o;
	b->places = map_new();
	b->tail = &b->head;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->more, NULL);
	cond_init(&b->ended);
	*out = b;
	if (start(b))
		return true;
	outbox_free(out);
	err_set(e, "cannot start the threads that send mail");
	return false;
}

/* Wait for the senders, and in the end break off what they are saying. */
static void
stop_senders(struct outbox *b, unsigned started)
{
	int64_t end = clock_mono_ms() + GRACE_MS;

	while (b->running && clock_mono_ms() < end)
		cond_wait_until(&b->ended, &b->lock, end);
	for (unsigned i = 0; i < SENDERS; i++) {
		if (b->talking[i])
			peer_interrupt(b->talking[i]);
	}
	pthread_mutex_unlock(&b->lock);
	for (unsigned i = 0; i < started; i++)
		pthread_join(b->senders[i], NULL);
}

void
outbox_free(struct outbox **bp)
{
	struct outbox *b = *bp;
	unsigned started;
	size_t at = 0;
	void *p;

	*bp = NULL;
	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	started = b->running;
	b->stopping = true;
	pthread_cond_broadcast(&b->more);
	pthread_cond_broadcast(&b->ended);
	stop_senders(b, started);
	if (b->scanning)
		pthread_join(b->scanner, NULL);
	while (map_next(b->places, &at, NULL, &p))
		free(p);
	map_free(&b->places);
	pthread_cond_destroy(&b->more);
	pthread_cond_destroy(&b->ended);
	pthread_mutex_destroy(&b->lock);
	free(b);
}
