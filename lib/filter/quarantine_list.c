/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/quarantine_internal.h"

/* What there is. */

#define SELECT                                                                 \
	"SELECT e.n, e.id, e.kind, e.reason, e.score, e.address, e.account,"   \
	" e.domain, e.at, e.expires, e.released, e.released_by, e.size,"       \
	" m.sender, m.client, m.helo, m.queue_id, m.subject, m.author, "       \
	"m.file,"                                                              \
	" m.hash FROM entry e JOIN message m ON m.id = e.message "
enum { COLUMN_FILE = 19, COLUMN_HASH };

static struct quarantine_entry
read_row(struct arena *a, struct sqlite3_stmt *s)
{
	return (struct quarantine_entry){
		.n = sq_int(s, 0),
		.id = sq_dup(a, s, 1),
		.kind = (enum quarantine_kind)sq_int(s, 2),
		.reason = sq_dup(a, s, 3),
		.score = sq_int(s, 4),
		.address = sq_dup(a, s, 5),
		.account = sq_dup(a, s, 6),
		.domain = sq_dup(a, s, 7),
		.at = sq_int(s, 8),
		.expires = sq_int(s, 9),
		.released = sq_int(s, 10),
		.released_by = sq_dup(a, s, 11),
		.size = (uint64_t)sq_int(s, 12),
		.sender = sq_dup(a, s, 13),
		.client = sq_dup(a, s, 14),
		.helo = sq_dup(a, s, 15),
		.queue_id = sq_dup(a, s, 16),
		.subject = sq_dup(a, s, 17),
		.author = sq_dup(a, s, 18),
	};
}

static enum quarantine_rc
read_rows(struct quarantine *q, struct arena *a, const char *sql,
    const struct sq_value *values, struct quarantine_entry **list, size_t *n,
    struct err *e)
{
	struct sqlite3_stmt *s;
	size_t cap = 0;
	enum sq_rc rc;

	*list = NULL;
	*n = 0;
	pthread_mutex_lock(&q->lock);
	rc = sq_startv(q->q, sql, values, &s, e);
	while (rc == SQ_OK && (rc = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(a, *list, *n, &cap, sizeof(**list));
		(*list)[(*n)++] = read_row(a, s);
		rc = SQ_OK;
	}
	pthread_mutex_unlock(&q->lock);
	return quarantine_rc_of(rc);
}

/* Each by an index that has the entries in order. */
#define FILTERS                                                                \
	"e.n < ?1 AND e.at >= ?2 AND (?3 OR e.released = 0)"                   \
	" AND (?4 < 0 OR e.kind = ?4)"
#define NEWEST_FIRST " ORDER BY e.n DESC LIMIT ?5"

static const char *
list_sql(const struct quarantine_query *query)
{
	if (query->account.n > 0)
		return SELECT "WHERE " FILTERS
			      " AND e.account = ?6" NEWEST_FIRST;
	if (query->domain.n > 0)
		return SELECT "WHERE " FILTERS
			      " AND e.domain = ?6" NEWEST_FIRST;
	return SELECT "WHERE " FILTERS NEWEST_FIRST;
}

enum quarantine_rc
quarantine_list(struct quarantine *q, struct arena *a,
    const struct quarantine_query *query, struct quarantine_entry **list,
    size_t *n, struct err *e)
{
	struct sq_value values[] = {
		SQ_I(query->before > 0 ? query->before : INT64_MAX),
		SQ_I(query->since),
		SQ_I(query->released),
		SQ_I(query->any_kind ? -1 : (int)query->kind),
		SQ_I(query->limit),
		SQ_T(query->account.n > 0 ? query->account : query->domain),
		{ 0 },
	};

	if (query->account.n == 0 && query->domain.n == 0)
		values[5] = (struct sq_value){ 0 };
	return read_rows(q, a, list_sql(query), values, list, n, e);
}

/* ------------------------------------------------------------------------
 * One
 */

struct content {
	struct str file;
	uint8_t hash[SHA256_LEN];
};

static enum quarantine_rc
read_one(struct quarantine *q, struct arena *a, struct str id,
    struct quarantine_entry *out, struct content *content, struct err *e)
{
	struct sqlite3_stmt *s;
	struct str hash;
	enum sq_rc rc;

	pthread_mutex_lock(&q->lock);
	rc = sq_one(q->q, &s, e, SELECT "WHERE e.id = ?", SQ_T(id));
	if (rc == SQ_ROW) {
		*out = read_row(a, s);
		content->file = sq_dup(a, s, COLUMN_FILE);
		hash = sq_blob(s, COLUMN_HASH);
		for (size_t i = 0; i < SHA256_LEN; i++)
			content->hash[i] = i < hash.n ? (uint8_t)hash.p[i] : 0;
		sq_reset(s);
	}
	pthread_mutex_unlock(&q->lock);
	if (rc == SQ_DONE) {
		err_set(e, "nothing in quarantine has the id \"%.*s\"",
		    STR_ARG(id));
		return QUARANTINE_NOTFOUND;
	}
	return quarantine_rc_of(rc);
}

enum quarantine_rc
quarantine_get(struct quarantine *q, struct arena *a, struct str id,
    struct quarantine_entry *out, struct buf *raw, struct err *e)
{
	struct content content;
	enum quarantine_rc rc = read_one(q, a, id, out, &content, e);

	if (rc == QUARANTINE_OK && raw &&
	    !quarantine_file_read(
		q->dir, content.file, out->size, content.hash, raw, e))
		rc = QUARANTINE_FAILED;
	return rc;
}

/* ------------------------------------------------------------------------
 * What others have to do about it
 */

enum quarantine_rc
quarantine_lessons(struct quarantine *q, struct arena *a, size_t limit,
    struct quarantine_entry **list, size_t *n, struct err *e)
{
	return read_rows(q, a, SELECT "WHERE e.lesson = 1 ORDER BY e.n LIMIT ?",
	    SQ_VALUES(SQ_I(limit)), list, n, e);
}

enum quarantine_rc
quarantine_news(struct quarantine *q, struct arena *a, struct str **accounts,
    size_t *n, struct err *e)
{
	struct sqlite3_stmt *s;
	size_t cap = 0;
	enum sq_rc rc;

	*accounts = NULL;
	*n = 0;
	pthread_mutex_lock(&q->lock);
	rc = sq_start(q->q, &s, e,
	    "SELECT owner, max(n) AS newest FROM entry"
	    " WHERE owner <> '' AND released = 0"
	    " GROUP BY owner HAVING newest >"
	    " ifnull((SELECT d.n FROM digest d WHERE account = owner), 0)");
	while (rc == SQ_OK && (rc = sq_step(s, e)) == SQ_ROW) {
		*accounts =
		    arena_grow(a, *accounts, *n, &cap, sizeof(**accounts));
		(*accounts)[(*n)++] = sq_dup(a, s, 0);
		rc = SQ_OK;
	}
	pthread_mutex_unlock(&q->lock);
	return quarantine_rc_of(rc);
}

/* How far an account was told, and how much there is beyond. */
static enum sq_rc
read_digest(struct quarantine *q, struct str account, int64_t *from,
    int64_t *last, uint64_t *total, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	*from = *last = 0;
	*total = 0;
	pthread_mutex_lock(&q->lock);
	rc = sq_one(q->q, &s, e, "SELECT n, at FROM digest WHERE account = ?",
	    SQ_T(account));
	if (rc == SQ_ROW) {
		*from = sq_int(s, 0);
		*last = sq_int(s, 1);
		sq_reset(s);
	}
	if (rc == SQ_ROW || rc == SQ_DONE)
		rc = sq_one(q->q, &s, e,
		    "SELECT count(*) FROM entry"
		    " WHERE owner = ? AND n > ? AND released = 0",
		    SQ_T(account), SQ_I(*from));
	if (rc == SQ_ROW) {
		*total = (uint64_t)sq_int(s, 0);
		sq_reset(s);
	}
	pthread_mutex_unlock(&q->lock);
	return rc;
}

enum quarantine_rc
quarantine_new(struct quarantine *q, struct arena *a, struct str account,
    size_t limit, struct quarantine_entry **list, size_t *n, uint64_t *total,
    int64_t *last, struct err *e)
{
	int64_t from;
	enum sq_rc rc = read_digest(q, account, &from, last, total, e);

	if (rc != SQ_ROW)
		return QUARANTINE_FAILED;
	return read_rows(q, a,
	    SELECT "WHERE e.owner = ? AND e.n > ? AND e.released = 0"
		   " ORDER BY e.n DESC LIMIT ?",
	    SQ_VALUES(SQ_T(account), SQ_I(from), SQ_I(limit)), list, n, e);
}
