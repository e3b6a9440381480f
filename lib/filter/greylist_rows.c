/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/greylist_rows.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "filter/greylist.h"

#define TEXTS_MAX 3

/* The words stay as they were first put. */
#define PUT(table, columns, values)                                            \
	"INSERT INTO " table " (id, " columns ", first, last, count, expires)" \
	" VALUES (?, " values ", ?, ?, ?, ?)"                                  \
	" ON CONFLICT (id) DO UPDATE SET first = excluded.first,"              \
	" last = excluded.last, count = excluded.count,"                       \
	" expires = excluded.expires"
#define DROP(table) "DELETE FROM " table " WHERE id = ?"
#define PRUNE(table)                                                           \
	"DELETE FROM " table " WHERE id IN (SELECT id FROM " table             \
	" WHERE expires <= ? ORDER BY expires LIMIT ?)"
#define LOAD(table)                                                            \
	"SELECT id, first, last, count, expires FROM " table                   \
	" WHERE expires > ? ORDER BY expires DESC LIMIT ?"
#define KIND(table, texts, columns, values)                                    \
	{                                                                      \
		texts, PUT(table, columns, values), DROP(table), PRUNE(table), \
		    LOAD(table)                                                \
	}

const struct greylist_sql greylist_sql[GREYLIST_KINDS] = {
	KIND("greylist_waiting", 3, "place, sender, recipient", "?, ?, ?"),
	KIND("greylist_known", 3, "place, sender, recipient", "?, ?, ?"),
	KIND("greylist_correspondents", 1, "address", "?"),
	KIND("greylist_domains", 1, "domain", "?"),
};

static struct str
id_str(const struct greylist_id *id)
{
	return (struct str){ (const char *)id->octets, sizeof(id->octets) };
}

/* ------------------------------------------------------------------------
 * Jobs
 */

struct row_job {
	struct filter_job job;
	enum greylist_kind kind;
	struct greylist_entry entry;
	size_t lengths[TEXTS_MAX];
	char texts[];
};

static enum sq_rc
apply_put(struct sq *q, const struct filter_job *job, struct err *e)
{
	const struct row_job *j = (const struct row_job *)job;
	const struct greylist_sql *sql = &greylist_sql[j->kind];
	struct sq_value values[TEXTS_MAX + 6] = { SQ_B(id_str(&j->entry.id)) };
	const char *p = j->texts;
	unsigned n = 1;

	for (unsigned i = 0; i < sql->texts; p += j->lengths[i++])
		values[n++] = SQ_T(((struct str){ p, j->lengths[i] }));
	values[n++] = SQ_I(j->entry.first);
	values[n++] = SQ_I(j->entry.last);
	values[n++] = SQ_I(j->entry.count);
	values[n++] = SQ_I(j->entry.expires);
	return sq_runv(q, sql->put, values, e);
}

void
greylist_row_put(struct filter_db *db, enum greylist_kind kind,
    const struct greylist_entry *e, const struct str *texts)
{
	size_t lengths[TEXTS_MAX] = { 0 }, n = 0;
	struct row_job *j;

	for (unsigned i = 0; i < greylist_sql[kind].texts; i++) {
		lengths[i] = str_sub(texts[i], 0, GREYLIST_TEXT_MAX).n;
		n += lengths[i];
	}
	j = mem_alloc(sizeof(*j) + n);
	*j = (struct row_job){
		.job.apply = apply_put, .kind = kind, .entry = *e
	};
	memcpy(j->lengths, lengths, sizeof(lengths));
	n = 0;
	for (unsigned i = 0; i < greylist_sql[kind].texts; n += lengths[i++]) {
		if (lengths[i])
			memcpy(j->texts + n, texts[i].p, lengths[i]);
	}
	filter_db_put(db, &j->job);
}

struct drop_job {
	struct filter_job job;
	enum greylist_kind kind;
	struct greylist_id id;
};

static enum sq_rc
apply_drop(struct sq *q, const struct filter_job *job, struct err *e)
{
	const struct drop_job *j = (const struct drop_job *)job;

	return sq_run(q, e, greylist_sql[j->kind].drop, SQ_B(id_str(&j->id)));
}

void
greylist_row_drop(
    struct filter_db *db, enum greylist_kind kind, const struct greylist_id *id)
{
	struct drop_job *j = mem_alloc(sizeof(*j));

	*j = (struct drop_job){
		.job.apply = apply_drop, .kind = kind, .id = *id
	};
	filter_db_put(db, &j->job);
}

struct prune_job {
	struct filter_job job;
	int64_t now, most;
};

static enum sq_rc
apply_prune(struct sq *q, const struct filter_job *job, struct err *e)
{
	const struct prune_job *j = (const struct prune_job *)job;
	enum sq_rc rc = SQ_OK;

	for (int i = 0; i < GREYLIST_KINDS && rc == SQ_OK; i++)
		rc = sq_run(
		    q, e, greylist_sql[i].prune, SQ_I(j->now), SQ_I(j->most));
	return rc;
}

void
greylist_rows_prune(struct filter_db *db, int64_t now, int64_t most)
{
	struct prune_job *j = mem_alloc(sizeof(*j));

	*j = (struct prune_job){
		.job.apply = apply_prune, .now = now, .most = most
	};
	filter_db_put(db, &j->job);
}

/* ------------------------------------------------------------------------
 * Reading
 */

static void
load_row(struct greylist_table *t, struct sqlite3_stmt *s)
{
	struct str octets = sq_blob(s, 0);
	struct greylist_entry *e;
	struct greylist_id id;

	if (octets.n != sizeof(id.octets) || greylist_table_full(t))
		return;
	memcpy(id.octets, octets.p, sizeof(id.octets));
	e = greylist_table_add(t, &id);
	e->first = sq_int(s, 1);
	e->last = e->written = sq_int(s, 2);
	e->count = (uint32_t)sq_int(s, 3);
	e->expires = sq_int(s, 4);
	greylist_table_make_oldest(t, e);
}

enum sq_rc
greylist_rows_load(struct sq *q, enum greylist_kind kind,
    struct greylist_table *t, int64_t now, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_start(q, &s, e, greylist_sql[kind].load, SQ_I(now),
	    SQ_I(greylist_table_limit(t)));

	if (rc != SQ_OK)
		return rc;
	while ((rc = sq_step(s, e)) == SQ_ROW)
		load_row(t, s);
	return rc == SQ_DONE ? SQ_OK : rc;
}

/* The first column says whether the place is known. */
static const char *const list_sql[] = {
	"SELECT 1, place, sender, recipient, first, last, count, expires"
	" FROM greylist_known ORDER BY expires DESC LIMIT ?",
	"SELECT 0, place, sender, recipient, first, last, count, expires"
	" FROM greylist_waiting ORDER BY expires DESC LIMIT ?",
};

static enum sq_rc
read_list(struct sq *q, struct arena *a, const char *sql, struct buf *rows,
    struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_start(q, &s, e, sql, SQ_I(GREYLIST_LIST_MAX));

	if (rc != SQ_OK)
		return rc;
	while ((rc = sq_step(s, e)) == SQ_ROW) {
		struct greylist_row row = {
			.known = sq_int(s, 0) != 0,
			.place = sq_dup(a, s, 1),
			.sender = sq_dup(a, s, 2),
			.recipient = sq_dup(a, s, 3),
			.first = sq_int(s, 4),
			.last = sq_int(s, 5),
			.count = (uint64_t)sq_int(s, 6),
			.expires = sq_int(s, 7),
		};

		buf_put(rows, &row, sizeof(row));
	}
	return rc == SQ_DONE ? SQ_OK : rc;
}

static enum sq_rc
read_lists(struct sq *q, struct arena *a, struct buf *rows, struct err *e)
{
	enum sq_rc rc = read_list(q, a, list_sql[0], rows, e);

	return rc == SQ_OK ? read_list(q, a, list_sql[1], rows, e) : rc;
}

enum sq_rc
greylist_list(struct filter_db *db, struct arena *a, struct greylist_row **list,
    size_t *count, struct err *e)
{
	struct sq *q = filter_db_reader(db, e);
	struct buf rows = { 0 };
	enum sq_rc rc;

	*list = NULL;
	*count = 0;
	if (!q)
		return SQ_IO;
	rc = read_lists(q, a, &rows, e);
	filter_db_reader_done(db, &q);
	if (rc == SQ_OK) {
		*count = rows.n / sizeof(**list);
		*list = arena_array(a, *count + 1, sizeof(**list));
		if (rows.n)
			memcpy(*list, rows.p, rows.n);
	}
	buf_fini(&rows);
	return rc;
}
