/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_TEST_H
#define FILTER_TEST_H

/* A fresh site with its filter.db for each test; included after cmocka.h. */

#include "filter/db.h"
#include "site/test.h"

static struct filter_db *db;

static inline int
filter_up(void **state)
{
	struct fixture *f;

	if (fixture_up(state) != 0)
		return -1;
	f = *state;
	return filter_db_open(f->dir, &db, &f->e) ? 0 : -1;
}

static inline int
filter_down(void **state)
{
	filter_db_close(&db);
	return fixture_down(state);
}

/* The number that the SELECT gives, after all that was put is written. */
static inline int64_t
ask(const char *sql)
{
	struct err e = ERR_INIT;
	struct sqlite3_stmt *s;
	struct sq *q;
	int64_t n;

	assert_true(filter_db_flush(db, &e));
	q = filter_db_reader(db, &e);
	if (!q || sq_one(q, &s, &e, sql) != SQ_ROW)
		fail_msg("%s: %s", sql, e.msg);
	n = sq_int(s, 0);
	sq_reset(s);
	filter_db_reader_done(db, &q);
	return n;
}

#endif
