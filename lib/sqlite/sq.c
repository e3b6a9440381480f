/* SPDX-License-Identifier: BSD-2-Clause */
#include "sqlite/sq.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"

struct sq {
	sqlite3 *db;
	struct map *statements; /* address of the SQL -> sqlite3_stmt */
};

const char *
sq_rc_name(enum sq_rc rc)
{
	static const char *const names[] = { "ok", "row", "done", "busy",
		"full", "readonly", "corrupt", "io", "constraint", "notfound",
		"newer", "error" };

	return names[rc];
}

enum sq_rc
sq_rc_of(int code)
{
	static const struct {
		int code;
		enum sq_rc rc;
	} table[] = {
		{ SQLITE_OK, SQ_OK },
		{ SQLITE_ROW, SQ_ROW },
		{ SQLITE_DONE, SQ_DONE },
		{ SQLITE_BUSY, SQ_BUSY },
		{ SQLITE_LOCKED, SQ_BUSY },
		{ SQLITE_FULL, SQ_FULL },
		{ SQLITE_READONLY, SQ_READONLY },
		{ SQLITE_PERM, SQ_READONLY },
		{ SQLITE_CORRUPT, SQ_CORRUPT },
		{ SQLITE_NOTADB, SQ_CORRUPT },
		{ SQLITE_IOERR, SQ_IO },
		{ SQLITE_PROTOCOL, SQ_IO },
		{ SQLITE_CONSTRAINT, SQ_CONSTRAINT },
		{ SQLITE_CANTOPEN, SQ_NOTFOUND },
	};

	for (size_t i = 0; i < LEN(table); i++) {
		if (table[i].code == (code & 0xff))
			return table[i].rc;
	}
	return SQ_ERROR;
}

/* A full disk reaches us as an I/O error when it is the WAL that grows. */
static enum sq_rc
rc_of_db(sqlite3 *db)
{
	int saved = sqlite3_system_errno(db);
	enum sq_rc rc = sq_rc_of(sqlite3_extended_errcode(db));

	if (rc == SQ_IO && (saved == ENOSPC || saved == EDQUOT))
		return SQ_FULL;
	if (rc == SQ_IO && saved == EROFS)
		return SQ_READONLY;
	return rc;
}

static enum sq_rc
fail(sqlite3 *db, const char *sql, struct err *e)
{
	enum sq_rc rc = rc_of_db(db);
	const char *file = sqlite3_db_filename(db, "main");

	err_set(e, "%s: %s (SQLite %d) in \"%.160s\"", file ? file : "sqlite",
	    sqlite3_errmsg(db), sqlite3_extended_errcode(db), sql);
	return rc == SQ_OK || rc == SQ_ROW || rc == SQ_DONE ? SQ_ERROR : rc;
}

/*
 * mknod and not open: closing a descriptor of a database drops the locks
 * that other connections of this process hold on it.
 */
static enum sq_rc
make_file(const char *path, struct err *e)
{
	if (mknod(path, S_IFREG | 0600, 0) == 0 || errno == EEXIST)
		return SQ_OK;
	err_errno(e, "cannot create %s", path);
	switch (errno) {
	case ENOSPC:
	case EDQUOT:
		return SQ_FULL;
	case EROFS:
	case EACCES:
	case EPERM:
		return SQ_READONLY;
	case ENOENT:
	case ENOTDIR:
		return SQ_NOTFOUND;
	default:
		return SQ_IO;
	}
}

static enum sq_rc
configure(struct sq *q, const struct sq_options *o, struct err *e)
{
	struct buf sql = { 0 };
	enum sq_rc rc;

	sqlite3_extended_result_codes(q->db, 1);
	sqlite3_busy_timeout(q->db, (int)o->busy_ms);
	if (!o->readonly)
		BUF_LIT(&sql, "PRAGMA journal_mode=WAL;");
	buf_printf(&sql,
	    "PRAGMA synchronous=%s;"
	    "PRAGMA foreign_keys=ON;"
	    "PRAGMA trusted_schema=OFF;"
	    "PRAGMA secure_delete=FAST;",
	    o->relaxed ? "NORMAL" : "FULL");
	if (o->cache_kib)
		buf_printf(&sql, "PRAGMA cache_size=-%d;", o->cache_kib);
	if (o->pragmas)
		buf_puts(&sql, o->pragmas);
	rc = sq_script(q, buf_cstr(&sql), e);
	buf_fini(&sql);
	return rc;
}

enum sq_rc
sq_open(const struct sq_options *o, struct sq **out, struct err *e)
{
	int flags =
	    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
	    (o->readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	struct sq *q;
	enum sq_rc rc;

	*out = NULL;
	if (o->create && (rc = make_file(o->path, e)) != SQ_OK)
		return rc;
	q = mem_zalloc(sizeof(*q));
	q->statements = map_new();
	if (sqlite3_open_v2(o->path, &q->db, flags, NULL) != SQLITE_OK) {
		rc = rc_of_db(q->db);
		err_set(
		    e, "cannot open %s: %s", o->path, sqlite3_errmsg(q->db));
	} else {
		rc = configure(q, o, e);
	}
	if (rc != SQ_OK) {
		sq_close(&q);
		return rc;
	}
	*out = q;
	return SQ_OK;
}

void
sq_close(struct sq **q)
{
	size_t at = 0;
	void *s;

	if (!*q)
		return;
	while (map_next((*q)->statements, &at, NULL, &s))
		sqlite3_finalize(s);
	map_free(&(*q)->statements);
	sqlite3_close_v2((*q)->db);
	free(*q);
	*q = NULL;
}

sqlite3 *
sq_handle(struct sq *q)
{
	return q->db;
}

enum sq_rc
sq_script(struct sq *q, const char *sql, struct err *e)
{
	if (sqlite3_exec(q->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return SQ_OK;
	return fail(q->db, sql, e);
}

/* ------------------------------------------------------------------------
 * Transactions and migrations
 */

enum sq_rc
sq_begin(struct sq *q, struct err *e)
{
	return sq_run(q, e, "BEGIN IMMEDIATE");
}

enum sq_rc
sq_commit(struct sq *q, struct err *e)
{
	enum sq_rc rc = sq_run(q, e, "COMMIT");

	if (rc != SQ_OK)
		sq_rollback(q);
	return rc;
}

void
sq_rollback(struct sq *q)
{
	struct err ignored;

	if (sq_in_transaction(q))
		sq_run(q, &ignored, "ROLLBACK");
}

bool
sq_in_transaction(struct sq *q)
{
	return !sqlite3_get_autocommit(q->db);
}

static enum sq_rc
get_version(struct sq *q, int64_t *out, struct err *e)
{
	sqlite3_stmt *s;
	enum sq_rc rc = sq_one(q, &s, e, "PRAGMA user_version");

	if (rc != SQ_ROW)
		return rc == SQ_DONE ? SQ_ERROR : rc;
	*out = sq_int(s, 0);
	sq_reset(s);
	return SQ_OK;
}

static enum sq_rc
migrate_one(struct sq *q, const struct sql_migration *m, struct err *e)
{
	char set[48];
	int64_t version;
	enum sq_rc rc;

	if ((rc = sq_begin(q, e)) != SQ_OK)
		return rc;
	/* Another process may have done it while we waited for the lock. */
	if ((rc = get_version(q, &version, e)) != SQ_OK)
		goto out;
	if (version < m->version) {
		snprintf(
		    set, sizeof(set), "PRAGMA user_version=%d", m->version);
		if ((rc = sq_script(q, m->sql, e)) != SQ_OK ||
		    (rc = sq_script(q, set, e)) != SQ_OK)
			goto out;
	}
	rc = sq_commit(q, e);
out:
	if (rc != SQ_OK) {
		sq_rollback(q);
		err_prefix(e, "schema version %d", m->version);
	}
	return rc;
}

enum sq_rc
sq_migrate(struct sq *q, const struct sql_migration *list, struct err *e)
{
	int64_t version;
	int newest = 0;
	enum sq_rc rc = get_version(q, &version, e);

	for (; rc == SQ_OK && list->version; list++) {
		newest = list->version;
		if (newest > version)
			rc = migrate_one(q, list, e);
	}
	if (rc == SQ_OK && version > newest) {
		err_set(e,
		    "%s: schema version %lld is newer than this program's %d; "
		    "install the release that made it",
		    sqlite3_db_filename(q->db, "main"), (long long)version,
		    newest);
		return SQ_NEWER;
	}
	return rc;
}

/* ------------------------------------------------------------------------
 * Statements
 */

static enum sq_rc
prepare(struct sq *q, const char *sql, sqlite3_stmt **out, struct err *e)
{
	struct str key = { (const char *)&sql, sizeof(sql) };

	*out = map_get(q->statements, key);
	if (*out)
		return SQ_OK;
	if (sqlite3_prepare_v3(q->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out,
		NULL) != SQLITE_OK)
		return fail(q->db, sql, e);
	map_set(q->statements, key, *out);
	return SQ_OK;
}

static int
bind(sqlite3_stmt *s, int index, const struct sq_value *v)
{
	/* A NULL pointer would bind NULL; an empty slice is an empty value. */
	const char *p = v->s.p ? v->s.p : "";

	switch (v->type) {
	case SQ_T_INT:
		return sqlite3_bind_int64(s, index, v->i);
	case SQ_T_TEXT:
		return sqlite3_bind_text64(
		    s, index, p, v->s.n, SQLITE_STATIC, SQLITE_UTF8);
	case SQ_T_BLOB:
		return sqlite3_bind_blob64(s, index, p, v->s.n, SQLITE_STATIC);
	case SQ_T_NULL:
	case SQ_T_END:
		break;
	}
	return sqlite3_bind_null(s, index);
}

enum sq_rc
sq_startv(struct sq *q, const char *sql, const struct sq_value *values,
    sqlite3_stmt **out, struct err *e)
{
	enum sq_rc rc = prepare(q, sql, out, e);
	int count = 0;

	if (rc != SQ_OK)
		return rc;
	for (; values[count].type != SQ_T_END; count++) {
		if (bind(*out, count + 1, &values[count]) != SQLITE_OK)
			return fail(q->db, sql, e);
	}
	if (count != sqlite3_bind_parameter_count(*out)) {
		err_set(e, "%d values bound to \"%.160s\"", count, sql);
		return SQ_ERROR;
	}
	return SQ_OK;
}

enum sq_rc
sq_step(sqlite3_stmt *s, struct err *e)
{
	int code = sqlite3_step(s);
	enum sq_rc rc;

	if (code == SQLITE_ROW)
		return SQ_ROW;
	rc = code == SQLITE_DONE
		 ? SQ_DONE
		 : fail(sqlite3_db_handle(s), sqlite3_sql(s), e);
	sq_reset(s);
	return rc;
}

void
sq_reset(sqlite3_stmt *s)
{
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
}

enum sq_rc
sq_onev(struct sq *q, const char *sql, const struct sq_value *values,
    sqlite3_stmt **out, struct err *e)
{
	enum sq_rc rc = sq_startv(q, sql, values, out, e);

	return rc == SQ_OK ? sq_step(*out, e) : rc;
}

enum sq_rc
sq_runv(
    struct sq *q, const char *sql, const struct sq_value *values, struct err *e)
{
	sqlite3_stmt *s;
	enum sq_rc rc = sq_onev(q, sql, values, &s, e);

	while (rc == SQ_ROW)
		rc = sq_step(s, e);
	return rc == SQ_DONE ? SQ_OK : rc;
}

int64_t
sq_changes(struct sq *q)
{
	return sqlite3_changes64(q->db);
}

int64_t
sq_last_id(struct sq *q)
{
	return sqlite3_last_insert_rowid(q->db);
}

/* ------------------------------------------------------------------------
 * Columns
 */

int64_t
sq_int(sqlite3_stmt *s, int column)
{
	return sqlite3_column_int64(s, column);
}

struct str
sq_str(sqlite3_stmt *s, int column)
{
	const char *p = (const char *)sqlite3_column_text(s, column);

	return (struct str){ p, (size_t)sqlite3_column_bytes(s, column) };
}

struct str
sq_blob(sqlite3_stmt *s, int column)
{
	const char *p = sqlite3_column_blob(s, column);

	return (struct str){ p, (size_t)sqlite3_column_bytes(s, column) };
}

bool
sq_is_null(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL;
}

struct str
sq_dup(struct arena *a, sqlite3_stmt *s, int column)
{
	return arena_str(a, sq_blob(s, column));
}

enum sq_rc
sq_data_version(struct sq *q, int64_t *out, struct err *e)
{
	sqlite3_stmt *s;
	enum sq_rc rc = sq_one(q, &s, e, "PRAGMA data_version");

	if (rc != SQ_ROW)
		return rc == SQ_DONE ? SQ_ERROR : rc;
	*out = sq_int(s, 0);
	sq_reset(s);
	return SQ_OK;
}
