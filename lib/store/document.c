/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/clock.h"
#include "store/collection.h"
#include "store/internal.h"

/* ------------------------------------------------------------------------
 * Documents
 */

struct edit {
	struct str kind, name, value;
};

static enum store_rc
run_put(struct tx *tx, void *arg, struct err *e)
{
	struct edit *d = arg;
	uint64_t modseq = tx_modseq(tx);
	enum store_rc rc = store_rc_of(sq_run(tx->q, e,
	    "INSERT OR REPLACE INTO document (kind, name, modseq, changed,"
	    " value) VALUES (?, ?, ?, ?, ?)",
	    SQ_T(d->kind), SQ_T(d->name), SQ_I(modseq), SQ_I(clock_now()),
	    SQ_B(d->value)));

	if (rc != STORE_OK)
		return rc;
	return tx_change(tx, modseq, CHANGE_DOCUMENT, 0, 0, 0, e);
}

enum store_rc
document_put(struct account *a, struct str kind, struct str name,
    struct str value, struct err *e)
{
	struct edit d = { kind, name, value };

	return write_run(a, DURABLE, run_put, &d, e);
}

static enum store_rc
no_document(const struct edit *d, struct err *e)
{
	return store_fail(e, STORE_NOTFOUND, "no %.*s \"%.*s\"",
	    STR_ARG(d->kind), STR_ARG(d->name));
}

enum store_rc
document_get(struct account *a, struct str kind, struct str name,
    struct buf *value, struct err *e)
{
	struct edit d = { kind, name, STR_NULL };
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc;
	enum sq_rc step;

	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_one(db->q, &s, e,
	    "SELECT value FROM document WHERE kind = ? AND name = ?",
	    SQ_T(kind), SQ_T(name));
	if (step == SQ_ROW) {
		buf_putstr(value, sq_blob(s, 0));
		sq_reset(s);
	} else {
		rc = step == SQ_DONE ? no_document(&d, e) : store_rc_of(step);
	}
	db_put(&db);
	return rc;
}

static enum store_rc
run_delete(struct tx *tx, void *arg, struct err *e)
{
	struct edit *d = arg;
	enum sq_rc rc =
	    sq_run(tx->q, e, "DELETE FROM document WHERE kind = ? AND name = ?",
		SQ_T(d->kind), SQ_T(d->name));

	if (rc == SQ_OK && sq_changes(tx->q) == 0)
		return no_document(d, e);
	if (rc != SQ_OK)
		return store_rc_of(rc);
	return tx_change(tx, tx_modseq(tx), CHANGE_DOCUMENT, 0, 0, 0, e);
}

enum store_rc
document_delete(
    struct account *a, struct str kind, struct str name, struct err *e)
{
	struct edit d = { kind, name, STR_NULL };

	return write_run(a, DURABLE, run_delete, &d, e);
}

enum store_rc
document_list(struct account *a, struct arena *arena, struct str kind,
    struct document **list, size_t *count, struct err *e)
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
	    "SELECT name, modseq, changed, length(value) FROM document"
	    " WHERE kind = ? ORDER BY name",
	    SQ_T(kind));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(arena, *list, *count, &cap, sizeof(**list));
		(*list)[(*count)++] = (struct document){ sq_dup(arena, s, 0),
			(uint64_t)sq_int(s, 1), sq_int(s, 2),
			(uint64_t)sq_int(s, 3) };
		step = SQ_OK;
	}
	db_put(&db);
	return store_rc_of(step);
}

/* ------------------------------------------------------------------------
 * Shares
 */

struct grant {
	int64_t object;
	struct str identifier, rights;
};

/* A mailbox or a collection; both have ids of the one line. */
static enum store_rc
check_object(struct tx *tx, int64_t id, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "SELECT 1 FROM mailbox WHERE id = ?1"
	    " UNION ALL SELECT 1 FROM collection WHERE id = ?1",
	    SQ_I(id));

	if (rc == SQ_DONE)
		return store_fail(e, STORE_NOTFOUND,
		    "there is no mailbox or collection %lld", (long long)id);
	if (rc == SQ_ROW)
		sq_reset(s);
	return store_rc_of(rc);
}

static enum store_rc
run_share(struct tx *tx, void *arg, struct err *e)
{
	struct grant *g = arg;
	uint64_t modseq;
	enum store_rc rc = check_object(tx, g->object, e);

	if (rc != STORE_OK)
		return rc;
	modseq = tx_modseq(tx);
	rc = store_rc_of(
	    g->rights.n
		? sq_run(tx->q, e,
		      "INSERT OR REPLACE INTO share (object, identifier, "
		      "rights,"
		      " modseq) VALUES (?, ?, ?, ?)",
		      SQ_I(g->object), SQ_T(g->identifier), SQ_T(g->rights),
		      SQ_I(modseq))
		: sq_run(tx->q, e,
		      "DELETE FROM share WHERE object = ? AND identifier = ?",
		      SQ_I(g->object), SQ_T(g->identifier)));
	if (rc != STORE_OK)
		return rc;
	return tx_change(
	    tx, modseq, CHANGE_MAILBOX, 0, g->object, g->object, e);
}

enum store_rc
share_set(struct account *a, int64_t object, struct str identifier,
    struct str rights, struct err *e)
{
	struct grant g = { object, identifier, rights };

	for (size_t i = 0; i < rights.n; i++) {
		/* RFC 4314, section 2.1: letters and digits */
		if (!ascii_digit(rights.p[i]) &&
		    (rights.p[i] < 'a' || rights.p[i] > 'z'))
			return store_fail(e, STORE_INVALID,
			    "\"%.*s\" are no rights", STR_ARG(rights));
	}
	if (identifier.n == 0 || identifier.n > 255)
		return store_fail(
		    e, STORE_INVALID, "an identifier has 1 to 255 octets");
	return write_run(a, DURABLE, run_share, &g, e);
}

enum store_rc
share_list(struct account *a, struct arena *arena, int64_t object,
    struct share **list, size_t *count, struct err *e)
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
	    "SELECT identifier, rights FROM share WHERE object = ?"
	    " ORDER BY identifier",
	    SQ_I(object));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(arena, *list, *count, &cap, sizeof(**list));
		(*list)[(*count)++] =
		    (struct share){ sq_dup(arena, s, 0), sq_dup(arena, s, 1) };
		step = SQ_OK;
	}
	db_put(&db);
	return store_rc_of(step);
}
