/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/collection.h"

#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "store/internal.h"

#define MAX_NAME 255

static enum store_rc
check_name(struct str name, struct err *e)
{
	if (name.n == 0 || name.n > MAX_NAME || !str_is_utf8(name) ||
	    str_chr(name, '/') != STR_NPOS)
		return store_fail(e, STORE_INVALID,
		    "a name has 1 to %d octets of UTF-8 without \"/\"",
		    MAX_NAME);
	return STORE_OK;
}

/* ------------------------------------------------------------------------
 * Collections
 */

struct edit {
	int64_t id;
	enum collection_kind kind;
	struct str name, display, properties;
};

static enum store_rc
run_create(struct tx *tx, void *arg, struct err *e)
{
	struct edit *c = arg;
	uint64_t modseq = tx_modseq(tx);
	enum sq_rc rc = sq_run(tx->q, e,
	    "INSERT INTO collection (id, kind, name, display, properties,"
	    " modseq, items, size) VALUES (?1, ?2, ?3, ?4, ?5, ?1, 0, 0)",
	    SQ_I(modseq), SQ_I(c->kind), SQ_T(c->name), SQ_T(c->display),
	    SQ_T(c->properties));

	if (rc == SQ_CONSTRAINT)
		return store_fail(e, STORE_EXISTS, "collection \"%.*s\" exists",
		    STR_ARG(c->name));
	if (rc != SQ_OK)
		return store_rc_of(rc);
	c->id = (int64_t)modseq;
	return tx_change(tx, modseq, CHANGE_COLLECTION, 0, c->id, c->id, e);
}

enum store_rc
collection_create(struct account *a, enum collection_kind kind, struct str name,
    struct str display, struct str properties, int64_t *id, struct err *e)
{
	struct edit c = { 0, kind, name, display, properties };
	enum store_rc rc = check_name(name, e);

	if (rc == STORE_OK)
		rc = write_run(a, DURABLE, run_create, &c, e);
	if (rc == STORE_OK && id)
		*id = c.id;
	return rc;
}

static void
read_collection(
    struct sqlite3_stmt *s, struct arena *arena, struct collection *c)
{
	*c = (struct collection){ sq_int(s, 0),
		(enum collection_kind)sq_int(s, 1), sq_dup(arena, s, 2),
		sq_dup(arena, s, 3), sq_dup(arena, s, 4),
		(uint64_t)sq_int(s, 5), (uint64_t)sq_int(s, 6),
		(uint64_t)sq_int(s, 7) };
}

enum store_rc
collection_list(struct account *a, struct arena *arena,
    enum collection_kind kind, struct collection **list, size_t *count,
    struct err *e)
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
	    "SELECT id, kind, name, display, properties, modseq, items, size"
	    " FROM collection WHERE ?1 = 0 OR kind = ?1 ORDER BY kind, name",
	    SQ_I(kind));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(arena, *list, *count, &cap, sizeof(**list));
		read_collection(s, arena, &(*list)[(*count)++]);
		step = SQ_OK;
	}
	db_put(&db);
	return store_rc_of(step);
}

enum store_rc
collection_find(struct account *a, struct arena *arena,
    enum collection_kind kind, struct str name, struct collection *out,
    struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc;
	enum sq_rc step;

	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_one(db->q, &s, e,
	    "SELECT id, kind, name, display, properties, modseq, items, size"
	    " FROM collection WHERE kind = ? AND name = ?",
	    SQ_I(kind), SQ_T(name));
	if (step == SQ_ROW) {
		read_collection(s, arena, out);
		sq_reset(s);
	} else if (step == SQ_DONE) {
		rc = store_fail(
		    e, STORE_NOTFOUND, "no collection \"%.*s\"", STR_ARG(name));
	} else {
		rc = store_rc_of(step);
	}
	db_put(&db);
	return rc;
}

/* One row of table collection must have been changed. */
static enum store_rc
touched(struct tx *tx, enum sq_rc rc, int64_t id, struct err *e)
{
	if (rc == SQ_OK && sq_changes(tx->q) == 0)
		return store_fail(e, STORE_NOTFOUND, "collection %lld is gone",
		    (long long)id);
	return store_rc_of(rc);
}

static enum store_rc
run_set(struct tx *tx, void *arg, struct err *e)
{
	struct edit *c = arg;
	uint64_t modseq = tx_modseq(tx);
	enum store_rc rc = touched(tx,
	    sq_run(tx->q, e,
		"UPDATE collection SET display = ?, properties = ?,"
		" modseq = ? WHERE id = ?",
		SQ_T(c->display), SQ_T(c->properties), SQ_I(modseq),
		SQ_I(c->id)),
	    c->id, e);

	if (rc != STORE_OK)
		return rc;
	return tx_change(tx, modseq, CHANGE_COLLECTION, 0, c->id, c->id, e);
}

enum store_rc
collection_set(struct account *a, int64_t id, struct str display,
    struct str properties, struct err *e)
{
	struct edit c = {
		.id = id, .display = display, .properties = properties
	};

	return write_run(a, DURABLE, run_set, &c, e);
}

static enum store_rc
run_delete(struct tx *tx, void *arg, struct err *e)
{
	static const char *const deletes[] = {
		"DELETE FROM resource WHERE collection = ?",
		"DELETE FROM resource_gone WHERE collection = ?",
		"DELETE FROM instance WHERE collection = ?",
		"DELETE FROM resource_value WHERE collection = ?",
		"DELETE FROM share WHERE object = ?",
	};
	int64_t id = *(int64_t *)arg;
	enum store_rc rc = touched(tx,
	    sq_run(tx->q, e, "DELETE FROM collection WHERE id = ?", SQ_I(id)),
	    id, e);

	for (size_t i = 0; i < LEN(deletes) && rc == STORE_OK; i++)
		rc = store_rc_of(
		    sq_runv(tx->q, deletes[i], SQ_VALUES(SQ_I(id)), e));
	if (rc != STORE_OK)
		return rc;
	return tx_change(
	    tx, tx_modseq(tx), CHANGE_COLLECTION_GONE, 0, id, id, e);
}

enum store_rc
collection_delete(struct account *a, int64_t id, struct err *e)
{
	return write_run(a, DURABLE, run_delete, &id, e);
}

/* ------------------------------------------------------------------------
 * Reading items
 */

#define RESOURCE "id, name, uid, type, etag, modseq, size, created, changed"

static void
read_resource(struct sqlite3_stmt *s, struct arena *arena, struct resource *r)
{
	*r = (struct resource){ sq_int(s, 0), sq_dup(arena, s, 1),
		sq_dup(arena, s, 2), sq_dup(arena, s, 3), sq_dup(arena, s, 4),
		(uint64_t)sq_int(s, 5), (uint64_t)sq_int(s, 6), sq_int(s, 7),
		sq_int(s, 8) };
}

enum store_rc
resource_get(struct account *a, struct arena *arena, int64_t collection,
    struct str name, struct resource *out, struct buf *raw, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc;
	enum sq_rc step;

	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_one(db->q, &s, e,
	    "SELECT " RESOURCE ", raw FROM resource"
	    " WHERE collection = ? AND name = ?",
	    SQ_I(collection), SQ_T(name));
	if (step == SQ_ROW) {
		read_resource(s, arena, out);
		if (raw)
			buf_putstr(raw, sq_blob(s, 9));
		sq_reset(s);
	} else if (step == SQ_DONE) {
		rc = store_fail(
		    e, STORE_NOTFOUND, "no item \"%.*s\"", STR_ARG(name));
	} else {
		rc = store_rc_of(step);
	}
	db_put(&db);
	return rc;
}

/* The items a query yields. */
static enum store_rc
select_resources(struct sq *q, struct arena *arena, const char *sql,
    const struct sq_value *values, struct resource **list, size_t *count,
    struct err *e)
{
	struct sqlite3_stmt *s;
	size_t cap = 0;
	enum sq_rc step = sq_startv(q, sql, values, &s, e);

	*list = NULL;
	*count = 0;
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(arena, *list, *count, &cap, sizeof(**list));
		read_resource(s, arena, &(*list)[(*count)++]);
		step = SQ_OK;
	}
	return store_rc_of(step);
}

static enum store_rc
list_resources(struct account *a, struct arena *arena, const char *sql,
    const struct sq_value *values, struct resource **list, size_t *count,
    struct err *e)
{
	struct db *db;
	enum store_rc rc;

	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	rc = select_resources(db->q, arena, sql, values, list, count, e);
	db_put(&db);
	return rc;
}

enum store_rc
resource_list(struct account *a, struct arena *arena, int64_t collection,
    struct resource **list, size_t *count, struct err *e)
{
	return list_resources(a, arena,
	    "SELECT " RESOURCE " FROM resource WHERE collection = ?"
	    " ORDER BY name",
	    SQ_VALUES(SQ_I(collection)), list, count, e);
}

enum store_rc
resource_in_range(struct account *a, struct arena *arena, int64_t collection,
    int64_t lo, int64_t hi, struct resource **list, size_t *count,
    struct err *e)
{
	return list_resources(a, arena,
	    "SELECT " RESOURCE " FROM resource WHERE id IN"
	    " (SELECT resource FROM instance WHERE collection = ?"
	    " AND lo < ? AND hi > ?) ORDER BY name",
	    SQ_VALUES(SQ_I(collection), SQ_I(hi), SQ_I(lo)), list, count, e);
}

enum store_rc
resource_with_value(struct account *a, struct arena *arena, int64_t collection,
    struct str property, struct str value, struct resource **list,
    size_t *count, struct err *e)
{
	return list_resources(a, arena,
	    "SELECT " RESOURCE " FROM resource WHERE id IN"
	    " (SELECT resource FROM resource_value WHERE collection = ?"
	    " AND property = ? AND value = ?) ORDER BY name",
	    SQ_VALUES(SQ_I(collection), SQ_T(property), SQ_T(value)), list,
	    count, e);
}

enum store_rc
resource_values(struct account *a, struct arena *arena, int64_t collection,
    struct str property, size_t limit, struct str **list, size_t *count,
    struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc = db_get(a, &db, e);
	enum sq_rc step;
	size_t cap = 0;

	*list = NULL;
	*count = 0;
	if (rc != STORE_OK)
		return rc;
	step = sq_start(db->q, &s, e,
	    "SELECT DISTINCT value FROM resource_value WHERE collection = ?"
	    " AND property = ? ORDER BY value LIMIT ?",
	    SQ_I(collection), SQ_T(property), SQ_I(limit));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(arena, *list, *count, &cap, sizeof(**list));
		(*list)[(*count)++] = sq_dup(arena, s, 0);
		step = SQ_OK;
	}
	db_put(&db);
	return store_rc_of(step);
}

static enum store_rc
read_state(struct sq *q, int64_t collection, uint64_t since,
    struct collection_changes *out, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(q, &s, e,
	    "SELECT c.modseq, ?2 >= s.change_floor AND NOT EXISTS"
	    " (SELECT 1 FROM gap WHERE lo <= ?2 AND hi >= ?2)"
	    " FROM collection c, state s WHERE c.id = ?1",
	    SQ_I(collection), SQ_I(since));

	if (rc == SQ_DONE)
		return store_fail(e, STORE_NOTFOUND, "collection %lld is gone",
		    (long long)collection);
	if (rc != SQ_ROW)
		return store_rc_of(rc);
	out->modseq = (uint64_t)sq_int(s, 0);
	out->complete = sq_int(s, 1) != 0;
	sq_reset(s);
	return STORE_OK;
}

static enum store_rc
read_changes(struct sq *q, struct arena *arena, int64_t collection,
    uint64_t since, struct collection_changes *out, struct err *e)
{
	struct sqlite3_stmt *s;
	size_t cap = 0;
	enum store_rc rc;
	enum sq_rc step;

	if ((rc = read_state(q, collection, since, out, e)) != STORE_OK)
		return rc;
	rc = select_resources(q, arena,
	    "SELECT " RESOURCE " FROM resource WHERE collection = ?"
	    " AND modseq > ? ORDER BY modseq",
	    SQ_VALUES(SQ_I(collection), SQ_I(since)), &out->changed,
	    &out->nchanged, e);
	if (rc != STORE_OK)
		return rc;
	step = sq_start(q, &s, e,
	    "SELECT DISTINCT name FROM resource_gone g WHERE collection = ?1"
	    " AND modseq > ?2 AND NOT EXISTS (SELECT 1 FROM resource r"
	    " WHERE r.collection = ?1 AND r.name = g.name)",
	    SQ_I(collection), SQ_I(since));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		out->gone = arena_grow(
		    arena, out->gone, out->ngone, &cap, sizeof(*out->gone));
		out->gone[out->ngone++] = sq_dup(arena, s, 0);
		step = SQ_OK;
	}
	return store_rc_of(step);
}

enum store_rc
collection_changes(struct account *a, struct arena *arena, int64_t collection,
    uint64_t since, struct collection_changes *out, struct err *e)
{
	struct err ignored;
	struct db *db;
	enum store_rc rc;

	*out = (struct collection_changes){ 0 };
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	if ((rc = store_rc_of(sq_run(db->q, e, "BEGIN"))) == STORE_OK) {
		rc = read_changes(db->q, arena, collection, since, out, e);
		sq_run(db->q, &ignored, "COMMIT");
	}
	db_put(&db);
	return rc;
}

/* ------------------------------------------------------------------------
 * Writing items
 */

struct put {
	int64_t collection;
	const struct resource_put *put;
	struct str name, if_etag;
	int64_t id, old_size;
	bool exists;
};

/* What is there under the name, and does the condition hold? */
static enum store_rc
look(struct tx *tx, struct put *p, struct err *e)
{
	struct sqlite3_stmt *s;
	bool holds;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "SELECT id, size, etag FROM resource"
	    " WHERE collection = ? AND name = ?",
	    SQ_I(p->collection), SQ_T(p->name));

	p->exists = rc == SQ_ROW;
	holds =
	    p->if_etag.n == 0 || (!p->exists && str_eq(p->if_etag, ETAG_NONE));
	if (p->exists) {
		p->id = sq_int(s, 0);
		p->old_size = sq_int(s, 1);
		holds = holds || str_eq(p->if_etag, sq_str(s, 2));
		sq_reset(s);
	}
	if (rc != SQ_ROW && rc != SQ_DONE)
		return store_rc_of(rc);
	if (!holds)
		return store_fail(e, STORE_EXISTS,
		    "item \"%.*s\" is not as the condition wants it",
		    STR_ARG(p->name));
	return STORE_OK;
}

/* A UID is used once in a collection (RFC 4791, 5.3.2.1). */
static enum store_rc
check_uid(struct tx *tx, const struct put *p, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "SELECT 1 FROM resource WHERE collection = ? AND uid = ?"
	    " AND name <> ?",
	    SQ_I(p->collection), SQ_T(p->put->uid), SQ_T(p->name));

	if (rc != SQ_ROW)
		return store_rc_of(rc);
	sq_reset(s);
	return store_fail(e, STORE_EXISTS, "another item has the UID \"%.*s\"",
	    STR_ARG(p->put->uid));
}

static enum store_rc
drop_index(struct tx *tx, int64_t id, struct err *e)
{
	enum store_rc rc = store_rc_of(sq_run(
	    tx->q, e, "DELETE FROM instance WHERE resource = ?", SQ_I(id)));

	if (rc != STORE_OK)
		return rc;
	return store_rc_of(sq_run(tx->q, e,
	    "DELETE FROM resource_value WHERE resource = ?", SQ_I(id)));
}

static enum store_rc
write_index(struct tx *tx, const struct put *p, struct err *e)
{
	const struct resource_put *r = p->put;
	enum sq_rc rc = SQ_OK;

	for (size_t i = 0; i < r->ninstances && rc == SQ_OK; i++)
		rc = sq_run(tx->q, e,
		    "INSERT OR REPLACE INTO instance (collection, lo, hi,"
		    " resource, recurrence) VALUES (?, ?, ?, ?, ?)",
		    SQ_I(p->collection), SQ_I(r->instances[i].lo),
		    SQ_I(r->instances[i].hi), SQ_I(p->id),
		    SQ_T(r->instances[i].recurrence));
	for (size_t i = 0; i < r->nvalues && rc == SQ_OK; i++)
		rc = sq_run(tx->q, e,
		    "INSERT OR IGNORE INTO resource_value (collection,"
		    " property, value, resource) VALUES (?, ?, ?, ?)",
		    SQ_I(p->collection), SQ_T(r->values[i].property),
		    SQ_T(r->values[i].value), SQ_I(p->id));
	return store_rc_of(rc);
}

/* The collection's row and the record of changes. */
static enum store_rc
count_change(struct tx *tx, const struct put *p, uint64_t modseq,
    enum change_kind kind, int64_t items, int64_t size, struct err *e)
{
	enum store_rc rc = touched(tx,
	    sq_run(tx->q, e,
		"UPDATE collection SET items = items + ?, size = size + ?,"
		" modseq = ? WHERE id = ?",
		SQ_I(items), SQ_I(size), SQ_I(modseq), SQ_I(p->collection)),
	    p->collection, e);

	if (rc != STORE_OK)
		return rc;
	return tx_change(tx, modseq, kind, p->collection, p->id, p->id, e);
}

static void
make_etag(struct str raw, struct buf *out)
{
	uint8_t hash[SHA256_LEN];

	sha256(raw, hash);
	hex_encode(out, hash, 16);
}

static enum store_rc
write_item(struct tx *tx, struct put *p, uint64_t modseq, struct err *e)
{
	const struct resource_put *r = p->put;
	struct buf etag = { 0 };
	int64_t now = clock_now();
	enum sq_rc rc;

	make_etag(r->raw, &etag);
	if (!p->exists)
		p->id = (int64_t)modseq;
	rc = sq_run(tx->q, e,
	    "INSERT INTO resource (id, collection, name, uid, type, etag,"
	    " modseq, created, changed, size, raw)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?8, ?8, ?9, ?10)"
	    " ON CONFLICT (collection, name) DO UPDATE SET"
	    " uid = excluded.uid, type = excluded.type,"
	    " etag = excluded.etag, modseq = excluded.modseq,"
	    " changed = excluded.changed, size = excluded.size,"
	    " raw = excluded.raw",
	    SQ_I(p->id), SQ_I(p->collection), SQ_T(p->name), SQ_T(r->uid),
	    SQ_T(r->type), SQ_T(buf_str(&etag)), SQ_I(modseq), SQ_I(now),
	    SQ_I(r->raw.n), SQ_B(r->raw));
	buf_fini(&etag);
	return store_rc_of(rc);
}

static enum store_rc
run_put(struct tx *tx, void *arg, struct err *e)
{
	struct put *p = arg;
	uint64_t modseq;
	enum store_rc rc;

	if ((rc = look(tx, p, e)) != STORE_OK ||
	    (rc = check_uid(tx, p, e)) != STORE_OK)
		return rc;
	modseq = tx_modseq(tx);
	if ((rc = write_item(tx, p, modseq, e)) != STORE_OK ||
	    (rc = drop_index(tx, p->id, e)) != STORE_OK ||
	    (rc = write_index(tx, p, e)) != STORE_OK)
		return rc;
	return count_change(tx, p, modseq, CHANGE_RESOURCE, !p->exists,
	    (int64_t)p->put->raw.n - (p->exists ? p->old_size : 0), e);
}

enum store_rc
resource_put(struct account *a, struct arena *arena, int64_t collection,
    const struct resource_put *put, struct resource *out, bool *created,
    struct err *e)
{
	struct put p = { .collection = collection,
		.put = put,
		.name = put->name,
		.if_etag = put->if_etag };
	enum store_rc rc;

	if ((rc = check_name(put->name, e)) != STORE_OK ||
	    (rc = write_run(a, DURABLE, run_put, &p, e)) != STORE_OK)
		return rc;
	if (created)
		*created = !p.exists;
	return resource_get(a, arena, collection, put->name, out, NULL, e);
}

static enum store_rc
run_remove(struct tx *tx, void *arg, struct err *e)
{
	struct put *p = arg;
	uint64_t modseq;
	enum store_rc rc;

	if ((rc = look(tx, p, e)) != STORE_OK)
		return rc;
	if (!p->exists)
		return store_fail(
		    e, STORE_NOTFOUND, "no item \"%.*s\"", STR_ARG(p->name));
	modseq = tx_modseq(tx);
	rc = store_rc_of(
	    sq_run(tx->q, e, "DELETE FROM resource WHERE id = ?", SQ_I(p->id)));
	if (rc != STORE_OK || (rc = drop_index(tx, p->id, e)) != STORE_OK)
		return rc;
	rc = store_rc_of(sq_run(tx->q, e,
	    "INSERT INTO resource_gone (collection, modseq, name)"
	    " VALUES (?, ?, ?)",
	    SQ_I(p->collection), SQ_I(modseq), SQ_T(p->name)));
	if (rc != STORE_OK)
		return rc;
	return count_change(
	    tx, p, modseq, CHANGE_RESOURCE_GONE, -1, -p->old_size, e);
}

enum store_rc
resource_delete(struct account *a, int64_t collection, struct str name,
    struct str if_etag, struct err *e)
{
	struct put p = {
		.collection = collection, .name = name, .if_etag = if_etag
	};

	return write_run(a, DURABLE, run_remove, &p, e);
}
