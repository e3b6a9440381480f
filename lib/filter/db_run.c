/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/mem.h"
#include "filter/db.h"

/* A statement to be run later, and rows that go with what it inserted: their
 * values lie behind it, and the texts of those. */
struct run_job {
	struct filter_job job;
	const char *sql, *row_sql;
	size_t n, per_row, nrows;
	struct sq_value values[];
};

#define ROW_VALUES 16

static enum sq_rc
apply_rows(struct sq *q, const struct run_job *j, struct err *e)
{
	const struct sq_value *p = &j->values[j->n + 1];
	struct sq_value row[ROW_VALUES + 2] = { SQ_I(sq_last_id(q)) };
	enum sq_rc rc = SQ_OK;

	for (size_t i = 0; rc == SQ_OK && i < j->nrows; i++) {
		memcpy(row + 1, p, j->per_row * sizeof(*p));
		p += j->per_row;
		rc = sq_runv(q, j->row_sql, row, e);
	}
	return rc;
}

static enum sq_rc
apply(struct sq *q, const struct filter_job *job, struct err *e)
{
	const struct run_job *j = (const struct run_job *)job;
	enum sq_rc rc = sq_runv(q, j->sql, j->values, e);

	if (rc != SQ_OK || j->nrows == 0 || sq_changes(q) == 0)
		return rc;
	return apply_rows(q, j, e);
}

static size_t
bytes_of(const struct sq_value *v)
{
	return v->type == SQ_T_TEXT || v->type == SQ_T_BLOB ? v->s.n : 0;
}

static size_t
count(const struct sq_value *values)
{
	size_t n = 0;

	while (values[n].type != SQ_T_END)
		n++;
	return n;
}

/* The texts of N values from V on go to *P. */
static void
own_texts(struct sq_value *v, size_t n, char **p)
{
	for (size_t i = 0; i < n; i++) {
		size_t length = bytes_of(&v[i]);

		if (length == 0)
			continue;
		memcpy(*p, v[i].s.p, length);
		v[i].s.p = *p;
		*p += length;
	}
}

void
filter_db_run_rows(struct filter_db *db, const char *sql,
    const struct sq_value *values, const char *row_sql,
    const struct sq_value *rows, size_t per_row, size_t nrows)
{
	size_t n = count(values), all = n + 1 + per_row * nrows, bytes = 0;
	struct run_job *j;
	char *p;

	for (size_t i = 0; i < n; i++)
		bytes += bytes_of(&values[i]);
	for (size_t i = 0; i < per_row * nrows; i++)
		bytes += bytes_of(&rows[i]);
	j = mem_zalloc(sizeof(*j) + all * sizeof(*values) + bytes);
	j->job.apply = apply;
	j->sql = sql;
	j->row_sql = row_sql;
	j->n = n;
	j->per_row = per_row;
	j->nrows = nrows;
	memcpy(j->values, values, (n + 1) * sizeof(*values));
	if (nrows > 0)
		memcpy(
		    &j->values[n + 1], rows, per_row * nrows * sizeof(*rows));
	p = (char *)&j->values[all];
	own_texts(j->values, all, &p);
	filter_db_put(db, &j->job);
}

void
filter_db_run(
    struct filter_db *db, const char *sql, const struct sq_value *values)
{
	filter_db_run_rows(db, sql, values, NULL, NULL, 0, 0);
}
