/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/limit_rows.h"

#include <string.h>

#include "base/buf.h"

/* A window counts for the one after it, too. */
static int64_t
expiry(const struct limit *l, const struct limit_window *w)
{
	return (w->number + 2) * l->window;
}

void
limit_row_put(struct filter_db *db, const struct limit *l, struct str subject,
    const struct limit_window *w)
{
	filter_db_run(db,
	    "INSERT INTO limit_counters (setting, subject, number, current,"
	    " before, expires) VALUES (?, ?, ?, ?, ?, ?)"
	    " ON CONFLICT (setting, subject) DO UPDATE SET"
	    " number = excluded.number, current = excluded.current,"
	    " before = excluded.before, expires = excluded.expires",
	    SQ_VALUES(SQ_C(l->setting), SQ_T(subject), SQ_I(w->number),
		SQ_I(w->current), SQ_I(w->before), SQ_I(expiry(l, w))));
}

#define PRUNE_MOST 5000

void
limit_rows_prune(struct filter_db *db, int64_t now)
{
	filter_db_run(db,
	    "DELETE FROM limit_counters WHERE (setting, subject) IN"
	    " (SELECT setting, subject FROM limit_counters"
	    "  WHERE expires <= ? ORDER BY expires LIMIT ?)",
	    SQ_VALUES(SQ_I(now), SQ_I(PRUNE_MOST)));
}

enum sq_rc
limit_rows_read(struct sq *q, struct str subject, int64_t now, unsigned most,
    limit_row_found *found, void *arg, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_start(q, &s, e,
	    "SELECT setting, subject, number, current, before"
	    " FROM limit_counters WHERE expires > ?1"
	    " AND (?2 = '' OR subject = ?2)"
	    " ORDER BY subject, setting LIMIT ?3",
	    SQ_I(now), SQ_T(subject), SQ_I(most));

	if (rc != SQ_OK)
		return rc;
	while ((rc = sq_step(s, e)) == SQ_ROW) {
		const struct limit *l = limit_find(sq_str(s, 0));
		const struct limit_window w = {
			.number = sq_int(s, 2),
			.current = (uint64_t)sq_int(s, 3),
			.before = (uint64_t)sq_int(s, 4),
		};

		if (l)
			found(arg, l, sq_str(s, 1), &w);
	}
	return rc == SQ_DONE ? SQ_OK : rc;
}

/* ------------------------------------------------------------------------
 * For people
 */

struct listing {
	struct arena *a;
	int64_t now;
	struct buf rows;
};

static void
list_row(void *arg, const struct limit *l, struct str subject,
    const struct limit_window *w)
{
	struct listing *to = arg;
	struct limit_window copy = *w;
	const struct limit_row row = {
		.limit = l,
		.subject = arena_str(to->a, subject),
		.used = limit_window_used(&copy, l->window, to->now),
	};

	if (row.used > 0)
		buf_put(&to->rows, &row, sizeof(row));
}

enum sq_rc
limits_list(struct filter_db *db, struct arena *a, struct str subject,
    int64_t now, struct limit_row **list, size_t *count, struct err *e)
{
	struct listing to = { .a = a, .now = now };
	struct sq *q = filter_db_reader(db, e);
	enum sq_rc rc = SQ_IO;

	if (q)
		rc = limit_rows_read(
		    q, subject, now, LIMITS_LIST_MAX, list_row, &to, e);
	filter_db_reader_done(db, &q);
	*count = to.rows.n / sizeof(**list);
	*list = arena_array(a, *count + 1, sizeof(**list));
	if (to.rows.n > 0)
		memcpy(*list, to.rows.p, to.rows.n);
	buf_fini(&to.rows);
	return rc;
}
