/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_DB_INTERNAL_H
#define FILTER_DB_INTERNAL_H

#include <pthread.h>

#include "filter/db.h"

/* How db.c (the queue), db_write.c (the thread) and db_read.c (the readers) of
 * filter.db share it. */

#define FILTER_DB_BUSY_MS 2000  /* wait so long for others' locks */
#define FILTER_DB_RETRY_MS 1000 /* after a failure, doubled with each */
#define FILTER_DB_READERS 4

struct reader {
	struct sq *q;
	uint64_t generation;
	bool taken;
};

struct filter_db {
	char *path;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t more, done;
	struct filter_job *first, **last; /* the queue */
	size_t waiting;                   /* jobs in it */
	uint64_t put, finished;           /* jobs ever; to wait for one */
	uint64_t attempts, failed;        /* the number of the last one */
	uint64_t dropped;                 /* jobs, not logged yet */
	bool hurry, stopping, gave_up;

	/* Of the writer alone. */
	struct sq *q;
	enum sq_rc state; /* how the last attempt ended */
	int64_t due;      /* when the next may be */
	int64_t pause;    /* after the next failure */

	pthread_mutex_t pool_lock;
	pthread_cond_t pool_free;
	struct reader readers[FILTER_DB_READERS];
	uint64_t generation; /* of the writer's connection */
};

/* With the lock: while there are too many, the oldest go. */
void filter_db_keep_to_limit(struct filter_db *db);
void filter_db_free_jobs(struct filter_job *list);

/* If there is no connection of the writer's, make one. */
enum sq_rc filter_db_connect(struct filter_db *db, struct err *e);
/* How an attempt ended: for the log, and for when the next may be. */
void filter_db_note(struct filter_db *db, enum sq_rc rc, const struct err *e);
void *filter_db_writer(void *db);

#endif
