/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/db_internal.h"

static struct reader *
free_reader(struct filter_db *db)
{
	for (unsigned i = 0; i < FILTER_DB_READERS; i++) {
		if (!db->readers[i].taken)
			return &db->readers[i];
	}
	return NULL;
}

static struct reader *
take_reader(struct filter_db *db)
{
	struct reader *r;

	pthread_mutex_lock(&db->pool_lock);
	while (!(r = free_reader(db)))
		pthread_cond_wait(&db->pool_free, &db->pool_lock);
	r->taken = true;
	/* Since the writer has connected anew the file may be another one. */
	if (r->generation != db->generation)
		sq_close(&r->q);
	r->generation = db->generation;
	pthread_mutex_unlock(&db->pool_lock);
	return r;
}

static void
give_back(struct filter_db *db, struct reader *r)
{
	pthread_mutex_lock(&db->pool_lock);
	r->taken = false;
	pthread_cond_signal(&db->pool_free);
	pthread_mutex_unlock(&db->pool_lock);
}

struct sq *
filter_db_reader(struct filter_db *db, struct err *e)
{
	struct sq_options o = {
		.path = db->path, .readonly = true, .busy_ms = FILTER_DB_BUSY_MS
	};
	struct reader *r = take_reader(db);

	if (!r->q && sq_open(&o, &r->q, e) != SQ_OK) {
		give_back(db, r);
		return NULL;
	}
	return r->q;
}

void
filter_db_reader_done(struct filter_db *db, struct sq **q)
{
	struct reader *r = db->readers;

	if (!*q)
		return;
	while (r->q != *q)
		r++;
	*q = NULL;
	give_back(db, r);
}
