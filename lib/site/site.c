/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/site.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "site/internal.h"
#include "site/login.h"

#define BUSY_MS 10000

const char *
site_rc_name(enum site_rc rc)
{
	static const char *const names[] = { "ok", "notfound", "exists",
		"invalid", "denied", "blocked", "disabled", "busy", "nospace",
		"corrupt", "io", "bug" };

	return names[rc];
}

void
site_log_refused(const char *session, const struct site_peer *peer,
    struct str user, const char *mechanism, enum site_rc why,
    const struct err *e)
{
	bool client = why == SITE_DENIED || why == SITE_DISABLED ||
		      why == SITE_BLOCKED || why == SITE_INVALID;

	LOG_AT(client ? LOG_INFO : LOG_ERROR, "login failed",
	    LOG_CSTR("session", session), LOG_CSTR("peer", peer->address),
	    LOG_STR("user", user), LOG_CSTR("mechanism", mechanism),
	    LOG_CSTR("result", site_rc_name(why)), LOG_ERR(e));
}

enum site_rc
site_fail(struct err *e, enum site_rc rc, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return rc;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return rc;
}

enum site_rc
site_rc_of(enum sq_rc rc)
{
	static const enum site_rc table[] = {
		[SQ_OK] = SITE_OK,
		[SQ_ROW] = SITE_OK,
		[SQ_DONE] = SITE_OK,
		[SQ_BUSY] = SITE_BUSY,
		[SQ_FULL] = SITE_NOSPACE,
		[SQ_READONLY] = SITE_NOSPACE,
		[SQ_CORRUPT] = SITE_CORRUPT,
		[SQ_IO] = SITE_IO,
		[SQ_CONSTRAINT] = SITE_BUG,
		[SQ_NOTFOUND] = SITE_IO,
		[SQ_NEWER] = SITE_CORRUPT,
		[SQ_ERROR] = SITE_BUG,
	};

	return table[rc];
}

enum site_rc
site_insert_rc(enum sq_rc rc, struct err *e, struct str what)
{
	if (rc == SQ_CONSTRAINT)
		return site_fail(
		    e, SITE_EXISTS, "%.*s exists already", STR_ARG(what));
	return site_rc_of(rc);
}

void *
site_rows(struct arena *a, struct buf *b, size_t size, size_t *count)
{
	void *list;

	*count = b->n / size;
	list = arena_array(a, *count + 1, size);
	if (b->n)
		memcpy(list, b->p, b->n);
	buf_fini(b);
	return list;
}

/* ------------------------------------------------------------------------
 * Readers
 */

static enum site_rc
open_reader(struct site *s, struct reader_slot *r, struct err *e)
{
	struct sq_options o = { .path = s->path, .busy_ms = BUSY_MS };

	return site_rc_of(sq_open(&o, &r->q, e));
}

enum site_rc
site_reader(struct site *s, struct reader_slot **out, struct err *e)
{
	enum site_rc rc = SITE_OK;

	pthread_mutex_lock(&s->pool_lock);
	while (s->nidle == 0 && s->nopen == READERS_MAX)
		pthread_cond_wait(&s->pool_free, &s->pool_lock);
	if (s->nidle == 0) {
		*out = &s->readers[s->nopen];
		rc = open_reader(s, *out, e);
		if (rc == SITE_OK)
			s->nopen++;
	} else {
		*out = &s->readers[s->idle[--s->nidle]];
	}
	(*out)->asked = false;
	pthread_mutex_unlock(&s->pool_lock);
	return rc;
}

void
site_reader_done(struct site *s, struct reader_slot *r)
{
	pthread_mutex_lock(&s->pool_lock);
	s->idle[s->nidle++] = (unsigned)(r - s->readers);
	pthread_cond_signal(&s->pool_free);
	pthread_mutex_unlock(&s->pool_lock);
}

/* On failure the old number stays: readers of it fail by themselves. */
uint64_t
site_reader_generation(struct reader_slot *r)
{
	struct sqlite3_stmt *st;
	struct err e;
	int64_t version;

	if (r->asked)
		return r->generation;
	r->asked = true;
	if (sq_data_version(r->q, &version, &e) != SQ_OK ||
	    (version == r->data_version && r->generation))
		return r->generation;
	if (sq_one(r->q, &st, &e, "SELECT generation FROM meta") == SQ_ROW) {
		r->generation = (uint64_t)sq_int(st, 0);
		r->data_version = version;
		sq_reset(st);
	}
	return r->generation;
}

uint64_t
site_generation(struct site *s)
{
	struct reader_slot *r;
	struct err e;
	uint64_t g;

	if (site_reader(s, &r, &e) != SITE_OK)
		return 0;
	g = site_reader_generation(r);
	site_reader_done(s, r);
	return g;
}

/* ------------------------------------------------------------------------
 * Changes of the directory
 */

void
site_by_or_system(const struct site_by *by, struct site_by *out)
{
	*out = by ? *by : (struct site_by){ STR("system"), STR_NULL };
}

static enum sq_rc
audit_row(struct sq *q, const struct site_by *by, struct str action,
    struct str object, struct str detail, struct err *e)
{
	struct site_by b;

	site_by_or_system(by, &b);
	return sq_run(q, e,
	    "INSERT INTO audit (time, who, peer, action, object, detail)"
	    " VALUES (?, ?, ?, ?, ?, ?)",
	    SQ_I(clock_now()), SQ_T(b.who), SQ_T(b.from), SQ_T(action),
	    SQ_T(object), SQ_T(detail));
}

enum site_rc
site_change_begin(struct site *s, struct sq **q, struct err *e)
{
	enum sq_rc rc;

	pthread_mutex_lock(&s->write_lock);
	rc = sq_begin(s->dir, e);
	*q = s->dir;
	if (rc != SQ_OK)
		pthread_mutex_unlock(&s->write_lock);
	return site_rc_of(rc);
}

enum site_rc
site_change_end(struct site *s, enum site_rc rc, const struct site_by *by,
    const char *action, struct str object, struct str detail, struct err *e)
{
	if (rc == SITE_OK)
		rc = site_rc_of(
		    audit_row(s->dir, by, str_of(action), object, detail, e));
	if (rc == SITE_OK)
		rc = site_rc_of(sq_run(
		    s->dir, e, "UPDATE meta SET generation = generation + 1"));
	if (rc == SITE_OK)
		rc = site_rc_of(sq_commit(s->dir, e));
	else
		sq_rollback(s->dir);
	pthread_mutex_unlock(&s->write_lock);
	return rc;
}

/* ------------------------------------------------------------------------
 * The batching writer
 */

void
site_churn(struct site *s, const struct churn_job *job, bool wait)
{
	struct churn_job *j;

	pthread_mutex_lock(&s->queue_lock);
	if (s->waiting >= CHURN_MAX) {
		pthread_mutex_unlock(&s->queue_lock);
		log_warn("site_churn_full", LOG_CSTR("peer", job->peer));
		return;
	}
	j = mem_alloc(sizeof(*j));
	*j = *job;
	j->next = NULL;
	j->number = ++s->queued;
	*s->queue_tail = j;
	s->queue_tail = &j->next;
	s->waiting++;
	pthread_cond_signal(&s->queue_more);
	for (uint64_t n = s->queued; wait && s->finished < n;)
		pthread_cond_wait(&s->queue_done, &s->queue_lock);
	pthread_mutex_unlock(&s->queue_lock);
}

static enum sq_rc
write_batch(struct sq *q, const struct churn_job *jobs, struct err *e)
{
	enum sq_rc rc = sq_begin(q, e);

	for (; rc == SQ_OK && jobs; jobs = jobs->next)
		rc = jobs->apply(q, jobs, e);
	if (rc == SQ_OK)
		return sq_commit(q, e);
	sq_rollback(q);
	return rc;
}

/* Nothing in these tables is worth failing a login for. */
static void
run_batch(struct site *s, struct churn_job *jobs)
{
	enum sq_rc rc;
	struct err e = ERR_INIT;

	pthread_mutex_lock(&s->write_lock);
	rc = write_batch(s->churn, jobs, &e);
	pthread_mutex_unlock(&s->write_lock);
	if (rc != SQ_OK)
		log_warn("site_churn_failed", LOG_ERR(&e));
	while (jobs) {
		struct churn_job *next = jobs->next;

		mem_wipe(jobs, sizeof(*jobs));
		free(jobs);
		jobs = next;
	}
}

static void *
churn_main(void *arg)
{
	struct site *s = arg;

	pthread_mutex_lock(&s->queue_lock);
	for (;;) {
		struct churn_job *jobs;
		uint64_t upto;

		while (!s->queue && !s->stopping)
			pthread_cond_wait(&s->queue_more, &s->queue_lock);
		if (!s->queue)
			break;
		jobs = s->queue;
		upto = s->queued;
		s->queue = NULL;
		s->queue_tail = &s->queue;
		s->waiting = 0;
		pthread_mutex_unlock(&s->queue_lock);
		run_batch(s, jobs);
		pthread_mutex_lock(&s->queue_lock);
		s->finished = upto;
		pthread_cond_broadcast(&s->queue_done);
	}
	pthread_mutex_unlock(&s->queue_lock);
	return NULL;
}

/* ------------------------------------------------------------------------
 * Open and close
 */

static enum site_rc
open_writers(struct site *s, struct err *e)
{
	struct sq_options o = {
		.path = s->path, .create = true, .busy_ms = BUSY_MS
	};
	enum sq_rc rc;

	if ((rc = sq_open(&o, &s->dir, e)) != SQ_OK ||
	    (rc = sq_migrate(s->dir, site_migrations, e)) != SQ_OK)
		return site_rc_of(rc);
	o.relaxed = true;
	return site_rc_of(sq_open(&o, &s->churn, e));
}

static void
init_locks(struct site *s)
{
	pthread_mutex_init(&s->pool_lock, NULL);
	pthread_mutex_init(&s->write_lock, NULL);
	pthread_mutex_init(&s->queue_lock, NULL);
	pthread_mutex_init(&s->hash_lock, NULL);
	pthread_cond_init(&s->pool_free, NULL);
	pthread_cond_init(&s->queue_more, NULL);
	pthread_cond_init(&s->queue_done, NULL);
	pthread_cond_init(&s->hash_free, NULL);
	s->queue_tail = &s->queue;
}

static void
fini(struct site *s)
{
	for (unsigned i = 0; i < s->nopen; i++)
		sq_close(&s->readers[i].q);
	sq_close(&s->churn);
	sq_close(&s->dir);
	settings_cache_free(&s->settings);
	scripts_cache_free(&s->scripts);
	login_cache_free(&s->logins);
	pthread_mutex_destroy(&s->pool_lock);
	pthread_mutex_destroy(&s->write_lock);
	pthread_mutex_destroy(&s->queue_lock);
	pthread_mutex_destroy(&s->hash_lock);
	pthread_cond_destroy(&s->pool_free);
	pthread_cond_destroy(&s->queue_more);
	pthread_cond_destroy(&s->queue_done);
	pthread_cond_destroy(&s->hash_free);
	free(s->path);
	free(s);
}

enum site_rc
site_open(const char *data_dir, struct site **out, struct err *e)
{
	struct site *s = mem_zalloc(sizeof(*s));
	struct buf path = { 0 };
	enum site_rc rc;

	buf_printf(&path, "%s/site.db", data_dir);
	s->path = mem_strdup(buf_cstr(&path));
	buf_fini(&path);
	init_locks(s);
	s->settings = settings_cache_new();
	s->scripts = scripts_cache_new();
	s->logins = login_cache_new();
	rc = open_writers(s, e);
	if (rc == SITE_OK &&
	    pthread_create(&s->thread, NULL, churn_main, s) != 0)
		rc = site_fail(e, SITE_IO, "cannot start a thread");
	if (rc != SITE_OK) {
		fini(s);
		s = NULL;
	}
	*out = s;
	return rc;
}

void
site_close(struct site **s)
{
	if (!*s)
		return;
	pthread_mutex_lock(&(*s)->queue_lock);
	(*s)->stopping = true;
	pthread_cond_signal(&(*s)->queue_more);
	pthread_mutex_unlock(&(*s)->queue_lock);
	pthread_join((*s)->thread, NULL);
	fini(*s);
	*s = NULL;
}

/* ------------------------------------------------------------------------
 * Audit trail
 */

enum site_rc
site_audit(struct site *s, const struct site_by *by, struct str action,
    struct str object, struct str detail, struct err *e)
{
	enum sq_rc rc;

	pthread_mutex_lock(&s->write_lock);
	rc = audit_row(s->dir, by, action, object, detail, e);
	pthread_mutex_unlock(&s->write_lock);
	return site_rc_of(rc);
}

static enum site_rc
read_audit(struct sq *q, struct arena *a, int64_t before, size_t limit,
    struct site_audit_row *rows, size_t *count, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc = sq_start(q, &st, e,
	    "SELECT id, time, who, peer, action, object, detail FROM audit"
	    " WHERE id < ? ORDER BY id DESC LIMIT ?",
	    SQ_I(before), SQ_I(limit));

	*count = 0;
	if (rc != SQ_OK)
		return site_rc_of(rc);
	while ((rc = sq_step(st, e)) == SQ_ROW) {
		rows[(*count)++] = (struct site_audit_row){
			.id = sq_int(st, 0),
			.time = sq_int(st, 1),
			.who = sq_dup(a, st, 2),
			.from = sq_dup(a, st, 3),
			.action = sq_dup(a, st, 4),
			.object = sq_dup(a, st, 5),
			.detail = sq_dup(a, st, 6),
		};
	}
	return site_rc_of(rc);
}

enum site_rc
site_audit_list(struct site *s, struct arena *a, int64_t before, size_t limit,
    struct site_audit_row **list, size_t *count, struct err *e)
{
	struct reader_slot *r;
	enum site_rc rc = site_reader(s, &r, e);

	if (rc != SITE_OK)
		return rc;
	*list = arena_array(a, limit, sizeof(**list));
	rc = read_audit(
	    r->q, a, before ? before : INT64_MAX, limit, *list, count, e);
	site_reader_done(s, r);
	return rc;
}
