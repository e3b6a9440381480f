/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "filter/db_internal.h"

/*
 * The writer takes the whole queue as one batch. A batch that cannot be
 * written goes back to the head of the queue, and the connection is made anew
 * for the next attempt: by then somebody may have put a sound file there.
 */

#define BATCH_MS 1000 /* from one transaction to the next */
#define RETRY_MAX 32000

/* ------------------------------------------------------------------------
 * A batch
 */

struct batch {
	struct filter_job *first, **end;
	size_t n, faults;
	uint64_t upto; /* its last job's number */
	uint64_t attempt;
	struct err fault; /* the last */
};

static void
take(struct filter_db *db, struct batch *b)
{
	pthread_mutex_lock(&db->lock);
	*b = (struct batch){ .first = db->first,
		.end = db->last,
		.n = db->waiting,
		.upto = db->put,
		.attempt = ++db->attempts };
	db->first = NULL;
	db->last = &db->first;
	db->waiting = 0;
	db->hurry = false;
	pthread_mutex_unlock(&db->lock);
}

/* In front of what came since. */
static void
put_back(struct filter_db *db, const struct batch *b)
{
	if (!b->first)
		return;
	*b->end = db->first;
	if (!db->first)
		db->last = b->end;
	db->first = b->first;
	db->waiting += b->n;
	filter_db_keep_to_limit(db);
}

/* The job itself is wrong, and would be every time. */
static bool
is_fault(enum sq_rc rc)
{
	return rc == SQ_CONSTRAINT || rc == SQ_ERROR;
}

/* One that is at fault leaves nothing behind, and does not fail the rest. */
static enum sq_rc
apply(struct sq *q, const struct filter_job *j, bool *fault, struct err *e)
{
	enum sq_rc rc = sq_run(q, e, "SAVEPOINT job");
	struct err ignored;

	*fault = false;
	if (rc != SQ_OK)
		return rc;
	rc = j->apply(q, j, e);
	*fault = is_fault(rc) && sq_in_transaction(q);
	if (*fault)
		rc = sq_run(q, &ignored, "ROLLBACK TO job");
	return rc == SQ_OK ? sq_run(q, &ignored, "RELEASE job") : rc;
}

static void
discard(struct batch *b, struct filter_job **at, const struct err *e)
{
	struct filter_job *j = *at;

	*at = j->next;
	if (!*at)
		b->end = at;
	b->n--;
	b->faults++;
	b->fault = *e;
	free(j);
}

static enum sq_rc
write_batch(struct sq *q, struct batch *b, struct err *e)
{
	enum sq_rc rc = sq_begin(q, e);
	struct filter_job **at = &b->first;
	bool fault;

	while (rc == SQ_OK && *at) {
		rc = apply(q, *at, &fault, e);
		if (fault)
			discard(b, at, e);
		else
			at = &(*at)->next;
	}
	if (rc == SQ_OK)
		return sq_commit(q, e);
	sq_rollback(q);
	return rc;
}

/* ------------------------------------------------------------------------
 * The writer
 */

enum sq_rc
filter_db_connect(struct filter_db *db, struct err *e)
{
	struct sq_options o = { .path = db->path,
		.create = true,
		.busy_ms = FILTER_DB_BUSY_MS,
		.relaxed = true,
		.pragmas = "PRAGMA journal_size_limit=16777216;" };
	enum sq_rc rc;

	if (db->q)
		return SQ_OK;
	if ((rc = sq_open(&o, &db->q, e)) != SQ_OK)
		return rc;
	if ((rc = sq_migrate(db->q, filter_migrations, e)) != SQ_OK) {
		sq_close(&db->q);
		return rc;
	}
	pthread_mutex_lock(&db->pool_lock);
	db->generation++;
	pthread_mutex_unlock(&db->pool_lock);
	return SQ_OK;
}

static enum sq_rc
attempt(struct filter_db *db, struct batch *b, struct err *e)
{
	enum sq_rc rc = filter_db_connect(db, e);

	if (rc == SQ_OK)
		rc = write_batch(db->q, b, e);
	if (rc != SQ_OK && rc != SQ_BUSY)
		sq_close(&db->q);
	return rc;
}

/* Once for each way of failing, not for each attempt. */
static void
note_state(struct filter_db *db, enum sq_rc rc, const struct err *e)
{
	if (rc == db->state)
		return;
	if (rc == SQ_OK)
		log_info("filter_db_recovered", LOG_CSTR("file", db->path));
	else
		log_warn("filter_db_failed", LOG_CSTR("file", db->path),
		    LOG_CSTR("reason", sq_rc_name(rc)), LOG_ERR(e));
	db->state = rc;
}

/* Also what is due next. */
void
filter_db_note(struct filter_db *db, enum sq_rc rc, const struct err *e)
{
	note_state(db, rc, e);
	if (rc == SQ_OK) {
		db->pause = FILTER_DB_RETRY_MS;
		db->due = clock_mono_ms() + BATCH_MS;
		return;
	}
	db->due = clock_mono_ms() + db->pause;
	if (db->pause < RETRY_MAX)
		db->pause *= 2;
}

static void
log_losses(const struct batch *b, uint64_t dropped)
{
	if (b->faults)
		log_error("filter_db_fault", LOG_UINT("jobs", b->faults),
		    LOG_ERR(&b->fault));
	if (dropped)
		log_warn("filter_db_dropped", LOG_UINT("jobs", dropped));
}

/* The jobs of a batch that failed wait again; returns how many were lost to
 * the limit since this was asked last. */
static uint64_t
requeue(struct filter_db *db, const struct batch *b, bool failed)
{
	uint64_t dropped;

	pthread_mutex_lock(&db->lock);
	if (failed)
		put_back(db, b);
	dropped = db->dropped;
	db->dropped = 0;
	pthread_mutex_unlock(&db->lock);
	return dropped;
}

/* Everything is logged before anybody hears of it. */
static void
settle(struct filter_db *db, struct batch *b, enum sq_rc rc)
{
	bool failed = rc != SQ_OK && b->first;

	log_losses(b, requeue(db, b, failed));
	if (!failed)
		filter_db_free_jobs(b->first);
	pthread_mutex_lock(&db->lock);
	if (failed)
		db->failed = b->attempt;
	else
		db->finished = b->upto;
	db->gave_up = failed && db->stopping;
	pthread_cond_broadcast(&db->done);
	pthread_mutex_unlock(&db->lock);
}

/* False: there is none, and none will come. */
static bool
wait_for_work(struct filter_db *db)
{
	bool work;

	pthread_mutex_lock(&db->lock);
	while (!db->first && !db->stopping)
		pthread_cond_wait(&db->more, &db->lock);
	while (!db->hurry && !db->stopping && clock_mono_ms() < db->due)
		cond_wait_until(&db->more, &db->lock, db->due);
	work = db->first && !db->gave_up;
	pthread_mutex_unlock(&db->lock);
	return work;
}

void *
filter_db_writer(void *arg)
{
	struct filter_db *db = arg;
	struct batch b;
	struct err e = ERR_INIT;

	while (wait_for_work(db)) {
		enum sq_rc rc;

		take(db, &b);
		rc = attempt(db, &b, &e);
		filter_db_note(db, rc, &e);
		settle(db, &b, rc);
	}
	return NULL;
}
