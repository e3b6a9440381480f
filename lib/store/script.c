/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/script.h"

#include <string.h>

#include "base/clock.h"
#include "store/internal.h"

#define COLUMNS "id, name, hash, active, size, modseq, created, changed"

static const struct script_limits no_limits;

static void
read_hash(struct str blob, uint8_t hash[SHA256_LEN])
{
	memset(hash, 0, SHA256_LEN);
	if (blob.n == SHA256_LEN)
		memcpy(hash, blob.p, SHA256_LEN);
}

static void
read_script(struct sqlite3_stmt *s, struct arena *arena, struct script *out)
{
	*out = (struct script){ .id = sq_int(s, 0),
		.name = sq_dup(arena, s, 1),
		.active = sq_int(s, 3) != 0,
		.size = (uint64_t)sq_int(s, 4),
		.modseq = (uint64_t)sq_int(s, 5),
		.created = sq_int(s, 6),
		.changed = sq_int(s, 7) };
	read_hash(sq_blob(s, 2), out->hash);
}

static enum store_rc
no_script(struct str name, struct err *e)
{
	return store_fail(e, STORE_NOTFOUND,
	    "there is no Sieve script \"%.*s\"", STR_ARG(name));
}

static enum store_rc
check_name(struct str name, struct err *e)
{
	bool ok = name.n > 0 && name.n <= SCRIPT_NAME_MAX && str_is_utf8(name);

	for (size_t i = 0; ok && i < name.n; i++)
		ok = (unsigned char)name.p[i] >= ' ' && name.p[i] != 0x7f;
	return ok ? STORE_OK
		  : store_fail(e, STORE_INVALID,
			"the name of a Sieve script has 1 to %d octets of"
			" UTF-8 without control characters",
			SCRIPT_NAME_MAX);
}

/* ------------------------------------------------------------------------
 * Putting
 */

struct put {
	struct str name, source;
	uint64_t size;
	const struct script_limits *limits;
};

static enum store_rc
check_space(struct sq *q, const struct put *p, struct err *e)
{
	struct sqlite3_stmt *s;
	uint64_t count, bytes;
	enum sq_rc rc = sq_one(q, &s, e,
	    "SELECT count(*), ifnull(sum(size), 0) FROM script"
	    " WHERE name <> ?",
	    SQ_T(p->name));

	if (rc != SQ_ROW)
		return store_rc_of(rc);
	count = (uint64_t)sq_int(s, 0) + 1;
	bytes = (uint64_t)sq_int(s, 1);
	sq_reset(s);
	if (p->limits->scripts && count > p->limits->scripts)
		return store_fail(e, STORE_LIMIT,
		    "%llu Sieve scripts, one more than the limit",
		    (unsigned long long)count);
	if (p->limits->bytes &&
	    (bytes > p->limits->bytes || p->size > p->limits->bytes - bytes))
		return store_fail(e, STORE_QUOTA,
		    "%llu octets of Sieve scripts and %llu more, with a limit"
		    " of %llu",
		    (unsigned long long)bytes, (unsigned long long)p->size,
		    (unsigned long long)p->limits->bytes);
	return STORE_OK;
}

static enum store_rc
script_id(
    struct sq *q, struct str name, int64_t *id, bool *active, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(q, &s, e,
	    "SELECT id, active FROM script WHERE name = ?", SQ_T(name));

	if (rc == SQ_DONE)
		return no_script(name, e);
	if (rc != SQ_ROW)
		return store_rc_of(rc);
	*id = sq_int(s, 0);
	*active = sq_int(s, 1) != 0;
	sq_reset(s);
	return STORE_OK;
}

static enum store_rc
changed(struct tx *tx, uint64_t modseq, int64_t id, struct err *e)
{
	return tx_change(tx, modseq, CHANGE_SCRIPT, 0, id, id, e);
}

static enum store_rc
run_put(struct tx *tx, void *arg, struct err *e)
{
	const struct put *p = arg;
	uint8_t hash[SHA256_LEN];
	struct sqlite3_stmt *s;
	uint64_t modseq;
	enum store_rc rc = check_space(tx->q, p, e);
	enum sq_rc sq;
	int64_t id;

	if (rc != STORE_OK)
		return rc;
	sha256(p->source, hash);
	modseq = tx_modseq(tx);
	sq = sq_one(tx->q, &s, e,
	    "INSERT INTO script (id, name, hash, size, active, modseq, created,"
	    " changed, source) VALUES (?1, ?2, ?3, ?4, 0, ?1, ?5, ?5, ?6)"
	    " ON CONFLICT (name) DO UPDATE SET hash = ?3, size = ?4,"
	    " modseq = ?1, changed = ?5, source = ?6 RETURNING id",
	    SQ_I(modseq), SQ_T(p->name),
	    SQ_B(((struct str){ (const char *)hash, sizeof(hash) })),
	    SQ_I(p->size), SQ_I(clock_now()), SQ_B(p->source));
	if (sq != SQ_ROW)
		return store_rc_of(sq);
	id = sq_int(s, 0);
	sq_reset(s);
	return changed(tx, modseq, id, e);
}

enum store_rc
script_put(struct account *a, struct str name, struct str source,
    const struct script_limits *limits, struct err *e)
{
	/* An empty source is not NULL. */
	struct put p = { name, source.p ? source : STR(""), source.n,
		limits ? limits : &no_limits };
	enum store_rc rc = check_name(name, e);

	return rc == STORE_OK ? write_run(a, DURABLE, run_put, &p, e) : rc;
}

enum store_rc
script_have_space(struct account *a, struct str name, uint64_t size,
    const struct script_limits *limits, struct err *e)
{
	struct put p = { name, STR_NULL, size, limits ? limits : &no_limits };
	struct db *db;
	enum store_rc rc = check_name(name, e);

	if (rc != STORE_OK || (rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	rc = check_space(db->q, &p, e);
	db_put(&db);
	return rc;
}

/* ------------------------------------------------------------------------
 * Reading
 */

enum store_rc
script_list(struct account *a, struct arena *arena, struct script **list,
    size_t *count, struct err *e)
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
	step = sq_start(
	    db->q, &s, e, "SELECT " COLUMNS " FROM script ORDER BY name");
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(arena, *list, *count, &cap, sizeof(**list));
		read_script(s, arena, &(*list)[(*count)++]);
		step = SQ_OK;
	}
	db_put(&db);
	return store_rc_of(step);
}

enum store_rc
script_get(struct account *a, struct arena *arena, struct str name,
    struct script *out, struct buf *source, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc;
	enum sq_rc step;

	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_one(db->q, &s, e,
	    "SELECT " COLUMNS ", source FROM script WHERE name = ?",
	    SQ_T(name));
	rc = step == SQ_DONE ? no_script(name, e) : store_rc_of(step);
	if (step == SQ_ROW) {
		if (out)
			read_script(s, arena, out);
		if (source)
			buf_putstr(source, sq_blob(s, 8));
		sq_reset(s);
	}
	db_put(&db);
	return rc;
}

enum store_rc
script_active(
    struct account *a, struct arena *arena, struct script *out, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc;
	enum sq_rc step;

	*out = (struct script){ 0 };
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_one(db->q, &s, e, SCRIPT_ACTIVE_SQL);
	if (step == SQ_ROW) {
		read_script(s, arena, out);
		sq_reset(s);
	}
	db_put(&db);
	return store_rc_of(step);
}

/* ------------------------------------------------------------------------
 * Changing
 */

struct edit {
	struct str name, to;
};

static enum store_rc
put_out(struct tx *tx, uint64_t modseq, struct err *e)
{
	struct sqlite3_stmt *s;
	int64_t id;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "UPDATE script SET active = 0, modseq = ? WHERE active = 1"
	    " RETURNING id",
	    SQ_I(modseq));

	if (rc != SQ_ROW)
		return store_rc_of(rc);
	id = sq_int(s, 0);
	sq_reset(s);
	return changed(tx, modseq, id, e);
}

static enum store_rc
run_activate(struct tx *tx, void *arg, struct err *e)
{
	const struct edit *ed = arg;
	uint64_t modseq;
	int64_t id = 0;
	bool active = false;
	enum store_rc rc = STORE_OK;

	if (ed->name.n)
		rc = script_id(tx->q, ed->name, &id, &active, e);
	if (rc != STORE_OK || active)
		return rc;
	modseq = tx_modseq(tx);
	rc = put_out(tx, modseq, e);
	if (rc != STORE_OK || !id)
		return rc;
	rc = store_rc_of(sq_run(tx->q, e,
	    "UPDATE script SET active = 1, modseq = ? WHERE id = ?",
	    SQ_I(modseq), SQ_I(id)));
	return rc == STORE_OK ? changed(tx, modseq, id, e) : rc;
}

enum store_rc
script_activate(struct account *a, struct str name, struct err *e)
{
	struct edit ed = { .name = name };

	return write_run(a, DURABLE, run_activate, &ed, e);
}

static enum store_rc
run_rename(struct tx *tx, void *arg, struct err *e)
{
	const struct edit *ed = arg;
	uint64_t modseq;
	bool active;
	int64_t id;
	enum sq_rc sq;
	enum store_rc rc = script_id(tx->q, ed->name, &id, &active, e);

	if (rc != STORE_OK || str_eq(ed->name, ed->to))
		return rc;
	modseq = tx_modseq(tx);
	sq = sq_run(tx->q, e,
	    "UPDATE script SET name = ?, modseq = ? WHERE id = ?", SQ_T(ed->to),
	    SQ_I(modseq), SQ_I(id));
	if (sq == SQ_CONSTRAINT)
		return store_fail(e, STORE_EXISTS,
		    "there is a Sieve script \"%.*s\" already",
		    STR_ARG(ed->to));
	return sq == SQ_OK ? changed(tx, modseq, id, e) : store_rc_of(sq);
}

enum store_rc
script_rename(struct account *a, struct str from, struct str to, struct err *e)
{
	struct edit ed = { from, to };
	enum store_rc rc = check_name(to, e);

	return rc == STORE_OK ? write_run(a, DURABLE, run_rename, &ed, e) : rc;
}

static enum store_rc
run_delete(struct tx *tx, void *arg, struct err *e)
{
	const struct edit *ed = arg;
	bool active;
	int64_t id;
	enum store_rc rc = script_id(tx->q, ed->name, &id, &active, e);

	if (rc != STORE_OK)
		return rc;
	if (active)
		return store_fail(e, STORE_INVALID,
		    "the Sieve script \"%.*s\" is active", STR_ARG(ed->name));
	rc = store_rc_of(
	    sq_run(tx->q, e, "DELETE FROM script WHERE id = ?", SQ_I(id)));
	if (rc != STORE_OK)
		return rc;
	return tx_change(tx, tx_modseq(tx), CHANGE_SCRIPT_GONE, 0, id, id, e);
}

enum store_rc
script_delete(struct account *a, struct str name, struct err *e)
{
	struct edit ed = { .name = name };

	return write_run(a, DURABLE, run_delete, &ed, e);
}

/* ------------------------------------------------------------------------
 * Verifying
 */

struct verify {
	bool repair;
	void (*wrong)(void *arg, struct str name);
	void *arg;
};

static enum store_rc
mend(struct tx *tx, int64_t id, const uint8_t hash[SHA256_LEN], uint64_t size,
    struct err *e)
{
	uint64_t modseq = tx_modseq(tx);
	struct str h = { (const char *)hash, SHA256_LEN };
	enum store_rc rc = store_rc_of(sq_run(tx->q, e,
	    "UPDATE script SET hash = ?, size = ?, modseq = ? WHERE id = ?",
	    SQ_B(h), SQ_I(size), SQ_I(modseq), SQ_I(id)));

	return rc == STORE_OK ? changed(tx, modseq, id, e) : rc;
}

static enum store_rc
verify_row(struct tx *tx, const struct verify *v, struct sqlite3_stmt *s,
    struct err *e)
{
	struct str source = sq_blob(s, 4);
	uint8_t hash[SHA256_LEN], said[SHA256_LEN];

	sha256(source, hash);
	read_hash(sq_blob(s, 2), said);
	if (memcmp(hash, said, sizeof(hash)) == 0 &&
	    (uint64_t)sq_int(s, 3) == source.n)
		return STORE_OK;
	v->wrong(v->arg, sq_str(s, 1));
	return v->repair ? mend(tx, sq_int(s, 0), hash, source.n, e) : STORE_OK;
}

static enum store_rc
run_verify(struct tx *tx, void *arg, struct err *e)
{
	struct sqlite3_stmt *s;
	enum store_rc rc;
	enum sq_rc step = sq_start(tx->q, &s, e,
	    "SELECT id, name, hash, size, source FROM script ORDER BY name");

	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		if ((rc = verify_row(tx, arg, s, e)) != STORE_OK) {
			sq_reset(s);
			return rc;
		}
		step = SQ_OK;
	}
	return store_rc_of(step);
}

enum store_rc
scripts_verify(struct account *a, bool repair,
    void (*wrong)(void *arg, struct str name), void *arg, struct err *e)
{
	struct verify v = { repair, wrong, arg };

	return write_run(a, DURABLE, run_verify, &v, e);
}
