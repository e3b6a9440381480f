/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/annotation.h"

#include "store/internal.h"

struct edit {
	int64_t mailbox;
	struct str user;
	const struct annotation *items;
	size_t n;
	unsigned max;
	uint64_t modseq;
};

static struct str
user_of(const struct edit *ed, const struct annotation *item)
{
	return item->shared ? STR("") : ed->user;
}

static enum store_rc
check_mailbox(struct tx *tx, int64_t id, struct err *e)
{
	struct tx_mailbox *mb;

	return id ? tx_mailbox(tx, id, &mb, e) : STORE_OK;
}

static enum store_rc
put_item(struct tx *tx, const struct edit *ed, const struct annotation *item,
    struct err *e)
{
	struct str user = user_of(ed, item);

	if (item->value.p)
		return store_rc_of(sq_run(tx->q, e,
		    "INSERT OR REPLACE INTO annotation"
		    " (mailbox, user, name, modseq, value)"
		    " VALUES (?, ?, ?, ?, ?)",
		    SQ_I(ed->mailbox), SQ_T(user), SQ_T(item->name),
		    SQ_I(ed->modseq), SQ_B(item->value)));
	return store_rc_of(sq_run(tx->q, e,
	    "UPDATE annotation SET value = NULL, modseq = ?4"
	    " WHERE mailbox = ?1 AND user = ?2 AND name = ?3"
	    " AND value IS NOT NULL",
	    SQ_I(ed->mailbox), SQ_T(user), SQ_T(item->name), SQ_I(ed->modseq)));
}

static enum store_rc
check_count(
    struct tx *tx, const struct edit *ed, struct str user, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "SELECT count(value) FROM annotation"
	    " WHERE mailbox = ? AND user = ?",
	    SQ_I(ed->mailbox), SQ_T(user));
	int64_t n;

	if (rc != SQ_ROW)
		return store_rc_of(rc);
	n = sq_int(s, 0);
	sq_reset(s);
	if (n > ed->max)
		return store_fail(
		    e, STORE_LIMIT, "more than %u annotations", ed->max);
	return STORE_OK;
}

/* Those that were removed long ago need not be remembered. */
static enum store_rc
forget_removed(
    struct tx *tx, const struct edit *ed, struct str user, struct err *e)
{
	return store_rc_of(sq_run(tx->q, e,
	    "DELETE FROM annotation WHERE mailbox = ?1 AND user = ?2"
	    " AND value IS NULL AND name IN"
	    " (SELECT name FROM annotation WHERE mailbox = ?1 AND user = ?2"
	    "  AND value IS NULL ORDER BY modseq DESC LIMIT -1 OFFSET 100)",
	    SQ_I(ed->mailbox), SQ_T(user)));
}

static enum store_rc
run_set(struct tx *tx, void *arg, struct err *e)
{
	struct edit *ed = arg;
	const struct str users[] = { STR(""), ed->user };
	enum store_rc rc = check_mailbox(tx, ed->mailbox, e);

	if (rc != STORE_OK)
		return rc;
	ed->modseq = tx_modseq(tx);
	for (size_t i = 0; i < ed->n && rc == STORE_OK; i++)
		rc = put_item(tx, ed, &ed->items[i], e);
	for (size_t i = 0; i < 2 && rc == STORE_OK; i++) {
		rc = check_count(tx, ed, users[i], e);
		if (rc == STORE_OK)
			rc = forget_removed(tx, ed, users[i], e);
	}
	if (rc != STORE_OK)
		return rc;
	return tx_change(tx, ed->modseq, CHANGE_DOCUMENT, 0, 0, 0, e);
}

enum store_rc
annotations_set(struct account *a, int64_t mailbox, struct str user,
    const struct annotation *items, size_t n, unsigned max, uint64_t *modseq,
    struct err *e)
{
	struct edit ed = { mailbox, user, items, n, max, 0 };
	enum store_rc rc = write_run(a, DURABLE, run_set, &ed, e);

	*modseq = ed.modseq;
	return rc;
}

enum store_rc
annotations_get(struct account *a, struct arena *arena, int64_t mailbox,
    struct str user, struct annotation **list, size_t *count, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	size_t cap = 0;
	enum store_rc rc;
	enum sq_rc step;

	*list = NULL;
	*count = 0;
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_start(db->q, &s, e,
	    "SELECT user = '', name, value, modseq FROM annotation"
	    " WHERE mailbox = ? AND user IN ('', ?) AND value IS NOT NULL"
	    " ORDER BY user, name",
	    SQ_I(mailbox), SQ_T(user));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(arena, *list, *count, &cap, sizeof(**list));
		(*list)[(*count)++] = (struct annotation){ mailbox,
			sq_int(s, 0) != 0, sq_dup(arena, s, 1),
			arena_str(arena, sq_blob(s, 2)),
			(uint64_t)sq_int(s, 3) };
		step = SQ_OK;
	}
	db_put(&db);
	return store_rc_of(step);
}

enum store_rc
annotation_shared(struct account *a, struct arena *arena, int64_t mailbox,
    struct str name, struct str *value, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc;
	enum sq_rc step;

	*value = STR_NULL;
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_one(db->q, &s, e,
	    "SELECT value FROM annotation WHERE mailbox IN (?, 0)"
	    " AND user = '' AND name = ? AND value IS NOT NULL"
	    " ORDER BY mailbox DESC LIMIT 1",
	    SQ_I(mailbox), SQ_T(name));
	if (step == SQ_ROW) {
		*value = arena_str(arena, sq_blob(s, 0));
		if (!value->p)
			*value = STR("");
		sq_reset(s);
	}
	db_put(&db);
	return step == SQ_ROW ? STORE_OK : store_rc_of(step);
}

static enum sq_rc
newest(struct sq *q, uint64_t *out, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc =
	    sq_one(q, &s, e, "SELECT ifnull(max(modseq), 0) FROM annotation");

	if (rc != SQ_ROW)
		return rc;
	*out = (uint64_t)sq_int(s, 0);
	sq_reset(s);
	return SQ_OK;
}

enum store_rc
annotations_changed(struct account *a, struct arena *arena, struct str user,
    uint64_t *since, struct annotation **list, size_t *count, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	size_t cap = 0;
	uint64_t now = 0;
	enum store_rc rc;
	enum sq_rc step;

	*list = NULL;
	*count = 0;
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	/* What comes in between is told twice rather than never. */
	step = newest(db->q, &now, e);
	if (step == SQ_OK && *since == UINT64_MAX)
		*since = now;
	if (step != SQ_OK || now <= *since)
		goto out;
	step = sq_start(db->q, &s, e,
	    "SELECT mailbox, user = '', name, modseq FROM annotation"
	    " WHERE modseq > ? AND +user IN ('', ?) ORDER BY mailbox",
	    SQ_I(*since), SQ_T(user));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(arena, *list, *count, &cap, sizeof(**list));
		(*list)[(*count)++] = (struct annotation){ sq_int(s, 0),
			sq_int(s, 1) != 0, sq_dup(arena, s, 2), STR_NULL,
			(uint64_t)sq_int(s, 3) };
		step = SQ_OK;
	}
	if (step == SQ_DONE)
		*since = now;
out:
	db_put(&db);
	return store_rc_of(step);
}
