/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "filter/quarantine_internal.h"

/* ------------------------------------------------------------------------
 * Files that nobody needs any more
 */

#define AT_ONCE 1000 /* leftovers; the rest comes with the next sweep */

/* The names of a query's rows, in the arena. */
static enum sq_rc
read_names(struct quarantine *q, struct arena *a, const char *sql,
    struct str **list, size_t *n, struct err *e)
{
	struct sqlite3_stmt *s;
	size_t cap = 0;
	enum sq_rc rc = sq_start(q->q, &s, e, sql, SQ_I(AT_ONCE));

	*list = NULL;
	*n = 0;
	while (rc == SQ_OK && (rc = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(a, *list, *n, &cap, sizeof(**list));
		(*list)[(*n)++] = sq_dup(a, s, 0);
		rc = SQ_OK;
	}
	return rc == SQ_DONE ? SQ_OK : rc;
}

static enum sq_rc
forget(struct quarantine *q, const struct str *list, size_t n, struct err *e)
{
	enum sq_rc rc = sq_begin(q->q, e);

	for (size_t i = 0; rc == SQ_OK && i < n; i++)
		rc = sq_run(q->q, e, "DELETE FROM leftover WHERE file = ?",
		    SQ_T(list[i]));
	if (rc == SQ_OK)
		return sq_commit(q->q, e);
	sq_rollback(q->q);
	return rc;
}

bool
quarantine_tidy(struct quarantine *q, struct err *e)
{
	struct arena *a = arena_new();
	struct str *list;
	size_t n;
	bool ok = read_names(q, a, "SELECT file FROM leftover LIMIT ?", &list,
		      &n, e) == SQ_OK;

	for (size_t i = 0; ok && i < n; i++)
		ok = quarantine_file_remove(q->dir, list[i], e);
	ok = ok && (n == 0 || forget(q, list, n, e) == SQ_OK);
	arena_free(&a);
	return ok;
}

/* Who writes a file takes less than this until its row is there. */
#define YOUNG 3600

static bool
is_old(int dir, const char *name, int64_t now)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (int64_t)st.st_mtime < now - YOUNG;
}

static bool
is_known(struct quarantine *q, const char *name, bool *known, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	pthread_mutex_lock(&q->lock);
	rc = sq_one(
	    q->q, &s, e, "SELECT 1 FROM message WHERE file = ?", SQ_C(name));
	*known = rc == SQ_ROW;
	if (*known)
		sq_reset(s);
	pthread_mutex_unlock(&q->lock);
	return rc == SQ_ROW || rc == SQ_DONE;
}

/* Also the temporary files of writers that were killed. */
static bool
remove_orphans(struct quarantine *q, int64_t now, struct err *e)
{
	DIR *dir = opendir(q->dir);
	const struct dirent *entry;
	bool ok = dir != NULL, known = false;

	if (!dir)
		err_errno(e, "cannot read %s", q->dir);
	while (ok && (entry = readdir(dir))) {
		if (!is_old(dirfd(dir), entry->d_name, now))
			continue;
		ok = is_known(q, entry->d_name, &known, e);
		if (ok && !known)
			ok = quarantine_file_remove(
			    q->dir, str_of(entry->d_name), e);
	}
	if (dir)
		closedir(dir);
	return ok;
}

bool
quarantine_sweep(struct quarantine *q, int64_t now, struct err *e)
{
	bool ok;

	pthread_mutex_lock(&q->lock);
	ok = sq_run(q->q, e, "DELETE FROM entry WHERE expires <= ?",
		 SQ_I(now)) == SQ_OK &&
	     quarantine_tidy(q, e);
	pthread_mutex_unlock(&q->lock);
	return ok && remove_orphans(q, now, e);
}

/* ------------------------------------------------------------------------
 * Is it sound?
 */

struct checking {
	struct quarantine *q;
	void (*problem)(void *arg, const char *text);
	void *arg;
};

static enum sq_rc
check_database(struct checking *k, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	pthread_mutex_lock(&k->q->lock);
	rc = sq_start(k->q->q, &s, e, "PRAGMA integrity_check(100)");
	while (rc == SQ_OK && (rc = sq_step(s, e)) == SQ_ROW) {
		struct buf line = { 0 };

		buf_printf(&line, "quarantine.db: %.*s", STR_ARG(sq_str(s, 0)));
		if (!str_eqc(sq_str(s, 0), "ok"))
			k->problem(k->arg, buf_cstr(&line));
		buf_fini(&line);
		rc = SQ_OK;
	}
	pthread_mutex_unlock(&k->q->lock);
	return rc;
}

struct stored {
	int64_t id;
	struct str file;
	uint64_t size;
	uint8_t hash[SHA256_LEN];
};

/* The message after *M; SQ_DONE behind the last. */
static enum sq_rc
next_message(
    struct quarantine *q, struct arena *a, struct stored *m, struct err *e)
{
	struct sqlite3_stmt *s;
	struct str hash;
	enum sq_rc rc;

	pthread_mutex_lock(&q->lock);
	rc = sq_one(q->q, &s, e,
	    "SELECT id, file, size, hash FROM message WHERE id > ?"
	    " ORDER BY id LIMIT 1",
	    SQ_I(m->id));
	if (rc == SQ_ROW) {
		m->id = sq_int(s, 0);
		m->file = sq_dup(a, s, 1);
		m->size = (uint64_t)sq_int(s, 2);
		hash = sq_blob(s, 3);
		for (size_t i = 0; i < SHA256_LEN; i++)
			m->hash[i] = i < hash.n ? (uint8_t)hash.p[i] : 0;
		sq_reset(s);
	}
	pthread_mutex_unlock(&q->lock);
	return rc;
}

/* What is deleted at this moment is no problem. */
static void
check_file(struct checking *k, const struct stored *m)
{
	struct buf raw = { 0 };
	struct err why = ERR_INIT, e;
	bool known;

	if (!quarantine_file_read(
		k->q->dir, m->file, m->size, m->hash, &raw, &why) &&
	    is_known(k->q, m->file.p, &known, &e) && known)
		k->problem(k->arg, why.msg);
	buf_fini(&raw);
}

bool
quarantine_check(struct quarantine *q,
    void (*problem)(void *arg, const char *text), void *arg, uint64_t *messages,
    struct err *e)
{
	struct checking k = { q, problem, arg };
	struct arena *a = arena_new();
	struct stored m = { 0 };
	enum sq_rc rc = check_database(&k, e);

	*messages = 0;
	while (rc == SQ_DONE && (rc = next_message(q, a, &m, e)) == SQ_ROW) {
		check_file(&k, &m);
		++*messages;
		arena_reset(a);
		rc = SQ_DONE;
	}
	arena_free(&a);
	return rc == SQ_DONE;
}
