/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SQLITE_SQ_H
#define SQLITE_SQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "sql/schema.h"

/*
 * A thin layer over SQLite for lib/store and lib/site: connections opened
 * alike, statements prepared once, values bound with their types, errors as
 * one small enum and a sentence.
 *
 * A connection is for one thread at a time. Statements are cached by the
 * address of their SQL, so SQL must be a string literal (or live as long as
 * the connection and not change). A statement is in use from sq_start() until
 * sq_step() returned something other than SQ_ROW, or sq_reset().
 */

struct sqlite3;
struct sqlite3_stmt;
struct sq;

enum sq_rc {
	SQ_OK,
	SQ_ROW,
	SQ_DONE,
	SQ_BUSY, /* another connection holds the lock */
	SQ_FULL, /* no space, or a quota of the file system */
	SQ_READONLY,
	SQ_CORRUPT, /* not a database, or a damaged one */
	SQ_IO,
	SQ_CONSTRAINT, /* UNIQUE, NOT NULL, CHECK or a foreign key */
	SQ_NOTFOUND,   /* no such file, or it cannot be opened */
	SQ_NEWER,      /* the schema is of a later version than this program */
	SQ_ERROR,      /* everything else: wrong SQL, misuse */
};
const char *sq_rc_name(enum sq_rc rc);
/* From an SQLite result code, plain or extended. */
enum sq_rc sq_rc_of(int code);

struct sq_options {
	const char *path;
	bool create; /* make the file, readable to its owner only */
	bool readonly;
	unsigned busy_ms;    /* wait so long for a lock; 0: not at all */
	bool relaxed;        /* synchronous=NORMAL; else FULL */
	int cache_kib;       /* page cache; 0: SQLite's default */
	const char *pragmas; /* more SQL to run after ours; may be NULL */
};

/*
 * WAL journal, foreign keys enforced, secure_delete=FAST, untrusted schema.
 * A path that does not exist is SQ_NOTFOUND unless `create`.
 */
enum sq_rc sq_open(const struct sq_options *o, struct sq **out, struct err *e);
/* Finalises the cached statements; rolls back what is open. */
void sq_close(struct sq **q);
struct sqlite3 *sq_handle(struct sq *q);

/* Bring the schema up, each migration in a transaction of its own, keeping
 * the version in PRAGMA user_version. Safe when processes race. */
enum sq_rc sq_migrate(
    struct sq *q, const struct sql_migration *list, struct err *e);

/* Any number of statements without parameters or results; not cached. */
enum sq_rc sq_script(struct sq *q, const char *sql, struct err *e);

/* BEGIN IMMEDIATE: the write lock is taken here, so SQ_BUSY comes here. */
enum sq_rc sq_begin(struct sq *q, struct err *e);
enum sq_rc sq_commit(struct sq *q, struct err *e); /* rolls back on failure */
void sq_rollback(struct sq *q); /* fine when nothing is open */
bool sq_in_transaction(struct sq *q);

struct sq_value {
	enum { SQ_T_END, SQ_T_INT, SQ_T_TEXT, SQ_T_BLOB, SQ_T_NULL } type;
	int64_t i;
	struct str s;
};
#define SQ_I(v) ((struct sq_value){ .type = SQ_T_INT, .i = (int64_t)(v) })
#define SQ_T(v) ((struct sq_value){ .type = SQ_T_TEXT, .s = (v) })
#define SQ_C(v) ((struct sq_value){ .type = SQ_T_TEXT, .s = str_of(v) })
#define SQ_B(v) ((struct sq_value){ .type = SQ_T_BLOB, .s = (v) })
#define SQ_NULL ((struct sq_value){ .type = SQ_T_NULL })
/* NULL instead of an empty slice. */
#define SQ_TN(v) sq_text_or_null(v)
static inline struct sq_value
sq_text_or_null(struct str s)
{
	return s.n ? SQ_T(s) : SQ_NULL;
}
#define SQ_VALUES(...)                                                         \
	((const struct sq_value[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } })

/* Bytes bound by reference must live until the statement is reset. */
enum sq_rc sq_startv(struct sq *q, const char *sql,
    const struct sq_value *values, struct sqlite3_stmt **out, struct err *e);
/* SQ_ROW; or reset and SQ_DONE or the failure. */
enum sq_rc sq_step(struct sqlite3_stmt *s, struct err *e);
void sq_reset(struct sqlite3_stmt *s);
/* Run for its effect: SQ_OK or the failure. */
enum sq_rc sq_runv(struct sq *q, const char *sql, const struct sq_value *values,
    struct err *e);
/* Start and step once: SQ_ROW (reset it when read), SQ_DONE or failure. */
enum sq_rc sq_onev(struct sq *q, const char *sql, const struct sq_value *values,
    struct sqlite3_stmt **out, struct err *e);

/* sq_run(q, e, "UPDATE t SET a = ? WHERE b = ?", SQ_I(1), SQ_T(name)) */
#define sq_start(q, out, e, sql, ...)                                          \
	sq_startv((q), (sql), SQ_VALUES(__VA_ARGS__), (out), (e))
#define sq_run(q, e, sql, ...) sq_runv((q), (sql), SQ_VALUES(__VA_ARGS__), (e))
#define sq_one(q, out, e, sql, ...)                                            \
	sq_onev((q), (sql), SQ_VALUES(__VA_ARGS__), (out), (e))

int64_t sq_changes(struct sq *q); /* rows of the last change */
int64_t sq_last_id(struct sq *q); /* rowid of the last insert */

/* Columns of the current row; slices are good until the next step or reset.
 * NULL reads as 0 or the empty slice. */
int64_t sq_int(struct sqlite3_stmt *s, int column);
struct str sq_str(struct sqlite3_stmt *s, int column);
struct str sq_blob(struct sqlite3_stmt *s, int column);
bool sq_is_null(struct sqlite3_stmt *s, int column);
/* A copy in the arena, followed by a NUL. */
struct str sq_dup(struct arena *a, struct sqlite3_stmt *s, int column);

/* Changes when another connection has committed (PRAGMA data_version). */
enum sq_rc sq_data_version(struct sq *q, int64_t *out, struct err *e);

#endif
