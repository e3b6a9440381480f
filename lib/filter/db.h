/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_DB_H
#define FILTER_DB_H

#include "base/arena.h"
#include "base/err.h"
#include "sqlite/sq.h"

/*
 * filter.db: what the filter remembers and nobody needs a backup of for mail to
 * go on: places that greylisting knows, counters of limits, what DMARC and TLS
 * reports are made of. It is apart from site.db, so that the directory never
 * waits for it.
 *
 * One thread writes: it takes all that waits into one transaction of a
 * synchronous=NORMAL connection, at most once a second. A full or broken disk
 * costs what it should have remembered, never a message: it is logged, and
 * tried again.
 */

struct filter_db;
/* Made in DATA_DIR if it is not there. One that cannot be used for now is no
 * failure: the writer tries again. False: its schema is of a later version than
 * this program, or there is no thread to be had. */
bool filter_db_open(
    const char *data_dir, struct filter_db **out, struct err *e);
/* Writes what waits, or says in the log how much is lost. */
void filter_db_close(struct filter_db **db);

/*
 * Something to write: APPLY runs later on the writer's thread, within the
 * transaction of its batch, and is then freed with free(). If the batch fails
 * it runs again with the next one. One that gets SQ_CONSTRAINT or SQ_ERROR is
 * wrong itself: it alone is undone, and dropped. Beyond FILTER_DB_MAX of them
 * the oldest are dropped. Both are logged.
 */
#define FILTER_DB_MAX 100000
struct filter_job {
	struct filter_job *next;
	enum sq_rc (*apply)(
	    struct sq *q, const struct filter_job *j, struct err *e);
};
/* Takes JOB, which begins a struct of the caller's from mem_alloc(). Never
 * blocks on the disk. */
void filter_db_put(struct filter_db *db, struct filter_job *job);
/* The same of one statement and its values, which are copied; SQL is a literal.
 */
void filter_db_run(
    struct filter_db *db, const char *sql, const struct sq_value *values);
/* And if that inserts a row, those that belong to it: ROW_SQL with its
 * rowid and the next PER_ROW (at most 16) of ROWS. */
void filter_db_run_rows(struct filter_db *db, const char *sql,
    const struct sq_value *values, const char *row_sql,
    const struct sq_value *rows, size_t per_row, size_t nrows);
/* Wait until all that was put before is written, or has failed. */
bool filter_db_flush(struct filter_db *db, struct err *e);

/* A connection for reading, to be given back; one thread at a time has it.
 * NULL: the file cannot be read for now. */
struct sq *filter_db_reader(struct filter_db *db, struct err *e);
void filter_db_reader_done(struct filter_db *db, struct sq **q);

#endif
