/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/mem.h"
#include "filter/db.h"

/* A statement to be run later: its values lie behind it. */
struct run_job {
	struct filter_job job;
	const char *sql;
	size_t n;
	struct sq_value values[];
};

static enum sq_rc
apply(struct sq *q, const struct filter_job *job, struct err *e)
{
	const struct run_job *j = (const struct run_job *)job;

	return sq_runv(q, j->sql, j->values, e);
}

static bool
has_bytes(const struct sq_value *v)
{
	return (v->type == SQ_T_TEXT || v->type == SQ_T_BLOB) && v->s.n > 0;
}

void
filter_db_run(
    struct filter_db *db, const char *sql, const struct sq_value *values)
{
	size_t n = 0, bytes = 0;
	struct run_job *j;
	char *p;

	for (; values[n].type != SQ_T_END; n++)
		bytes += has_bytes(&values[n]) ? values[n].s.n : 0;
	j = mem_zalloc(sizeof(*j) + (n + 1) * sizeof(*values) + bytes);
	j->job.apply = apply;
	j->sql = sql;
	memcpy(j->values, values, (n + 1) * sizeof(*values));
	p = (char *)&j->values[n + 1];
	for (size_t i = 0; i < n; i++) {
		if (!has_bytes(&values[i]))
			continue;
		memcpy(p, values[i].s.p, values[i].s.n);
		j->values[i].s.p = p;
		p += values[i].s.n;
	}
	filter_db_put(db, &j->job);
}
