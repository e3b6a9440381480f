/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "base/buf.h"
#include "base/cond.h"
#include "base/log.h"
#include "base/mem.h"
#include "filter/db_internal.h"

/* ------------------------------------------------------------------------
 * The queue
 */

static void
drop_oldest(struct filter_db *db)
{
	struct filter_job *j = db->first;

	db->first = j->next;
	if (!db->first)
		db->last = &db->first;
	db->waiting--;
	free(j);
}

void
filter_db_keep_to_limit(struct filter_db *db)
{
	for (; db->waiting > FILTER_DB_MAX; db->dropped++)
		drop_oldest(db);
}

void
filter_db_put(struct filter_db *db, struct filter_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&db->lock);
	if (!db->first)
		pthread_cond_signal(&db->more);
	*db->last = job;
	db->last = &job->next;
	db->waiting++;
	db->put++;
	filter_db_keep_to_limit(db);
	pthread_mutex_unlock(&db->lock);
}

/* An attempt that is under way may have begun without the latest jobs: only
 * one that begins later says something about them. */
bool
filter_db_flush(struct filter_db *db, struct err *e)
{
	uint64_t n, attempt;
	bool ok;

	pthread_mutex_lock(&db->lock);
	n = db->put;
	attempt = db->attempts + 1;
	db->hurry = db->finished < n;
	pthread_cond_signal(&db->more);
	while (db->finished < n && db->failed < attempt)
		pthread_cond_wait(&db->done, &db->lock);
	ok = db->finished >= n;
	pthread_mutex_unlock(&db->lock);
	if (!ok)
		err_set(
		    e, "%s could not be written; the log says why", db->path);
	return ok;
}

void
filter_db_free_jobs(struct filter_job *j)
{
	while (j) {
		struct filter_job *next = j->next;

		free(j);
		j = next;
	}
}

/* ------------------------------------------------------------------------
 * Open and close
 */

static struct filter_db *
new_db(const char *data_dir)
{
	struct filter_db *db = mem_zalloc(sizeof(*db));
	struct buf path = { 0 };

	buf_printf(&path, "%s/filter.db", data_dir);
	db->path = mem_strdup(buf_cstr(&path));
	buf_fini(&path);
	db->last = &db->first;
	db->pause = FILTER_DB_RETRY_MS;
	pthread_mutex_init(&db->lock, NULL);
	pthread_mutex_init(&db->pool_lock, NULL);
	pthread_cond_init(&db->done, NULL);
	pthread_cond_init(&db->pool_free, NULL);
	cond_init(&db->more);
	return db;
}

/* The writer last: it takes what the WAL holds into the file. */
static void
free_db(struct filter_db *db)
{
	for (unsigned i = 0; i < FILTER_DB_READERS; i++)
		sq_close(&db->readers[i].q);
	sq_close(&db->q);
	pthread_mutex_destroy(&db->lock);
	pthread_mutex_destroy(&db->pool_lock);
	pthread_cond_destroy(&db->more);
	pthread_cond_destroy(&db->done);
	pthread_cond_destroy(&db->pool_free);
	filter_db_free_jobs(db->first);
	free(db->path);
	free(db);
}

bool
filter_db_open(const char *data_dir, struct filter_db **out, struct err *e)
{
	struct filter_db *db = new_db(data_dir);
	enum sq_rc rc = filter_db_connect(db, e);

	*out = NULL;
	if (rc == SQ_NEWER) {
		free_db(db);
		return false;
	}
	if (rc != SQ_OK)
		filter_db_note(db, rc, e);
	if (pthread_create(&db->thread, NULL, filter_db_writer, db) != 0) {
		err_set(e, "cannot start a thread");
		free_db(db);
		return false;
	}
	*out = db;
	return true;
}

void
filter_db_close(struct filter_db **db)
{
	if (!*db)
		return;
	pthread_mutex_lock(&(*db)->lock);
	(*db)->stopping = true;
	pthread_cond_signal(&(*db)->more);
	pthread_mutex_unlock(&(*db)->lock);
	pthread_join((*db)->thread, NULL);
	if ((*db)->waiting)
		log_warn("filter_db_dropped", LOG_UINT("jobs", (*db)->waiting));
	free_db(*db);
	*db = NULL;
}
