/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/keys_cache.h"
#include "store/marker.h"
#include "store/trigram.h"

/*
 * Opening stores and accounts, and lending out database connections. An
 * account costs its name while somebody holds it; what costs is connections,
 * so those are what the store counts and closes, least recently used first.
 */

#define DEFAULT_OPEN 1000
#define DEFAULT_BUSY_MS 10000
#define DEFAULT_THRESHOLD (1 << 20)
#define DB_CACHE_KIB 2048
#define KEEP_CHANGES 200000
/* Numbers skipped when the machine was started anew (sql/account: gap). */
#define BOOT_GAP (1 << 20)

/* ------------------------------------------------------------------------
 * Errors
 */

static const char *const rc_names[] = { "ok", "not-found", "exists", "invalid",
	"over-quota", "limit", "busy", "no-space", "corrupt", "io", "bug" };

const char *
store_rc_name(enum store_rc rc)
{
	return rc_names[rc];
}

enum store_rc
store_fail(struct err *e, enum store_rc rc, const char *fmt, ...)
{
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
		va_end(ap);
	}
	return rc;
}

enum store_rc
store_rc_of(enum sq_rc rc)
{
	switch (rc) {
	case SQ_OK:
	case SQ_ROW:
	case SQ_DONE:
		return STORE_OK;
	case SQ_BUSY:
		return STORE_BUSY;
	case SQ_FULL:
	case SQ_READONLY:
		return STORE_NOSPACE;
	case SQ_CORRUPT:
	case SQ_NEWER:
		return STORE_CORRUPT;
	case SQ_NOTFOUND:
		return STORE_NOTFOUND;
	case SQ_CONSTRAINT:
	case SQ_ERROR:
		return STORE_BUG;
	case SQ_IO:
		break;
	}
	return STORE_IO;
}

/* ------------------------------------------------------------------------
 * Store
 */

static void
read_boot_id(char out[40])
{
	const char *set = getenv("MAILSTEAD_BOOT_ID"); /* for tests */
	struct buf b = { 0 };
	struct err e;

	if (!set && fs_read("/proc/sys/kernel/random/boot_id", 64, &b, &e))
		set = buf_cstr(&b);
	snprintf(out, 40, "%.36s", set ? set : "");
	buf_fini(&b);
}

enum store_rc
store_open(const struct store_options *o, struct store **out, struct err *e)
{
	struct store *st = mem_zalloc(sizeof(*st));

	*out = NULL;
	st->data_dir = mem_strdup(o->data_dir);
	st->max_open = o->max_open ? o->max_open : DEFAULT_OPEN;
	st->busy_ms = o->busy_ms ? o->busy_ms : DEFAULT_BUSY_MS;
	st->blob_threshold =
	    o->blob_threshold ? o->blob_threshold : DEFAULT_THRESHOLD;
	st->keep_changes = o->keep_changes ? o->keep_changes : KEEP_CHANGES;
	st->no_indexer = o->no_indexer;
	st->accounts = map_new();
	pthread_mutex_init(&st->lock, NULL);
	cond_init(&st->work_ready);
	pthread_cond_init(&st->sync_ready, NULL);
	cond_init(&st->stop_ready);
	read_boot_id(st->boot);
	if ((o->run_dir && !ring_open(o->run_dir, &st->ring, e)) ||
	    !housekeep_start(st, e)) {
		store_close(&st);
		return STORE_IO;
	}
	*out = st;
	return STORE_OK;
}

enum store_rc
store_watch(struct store *st, void (*callback)(void *arg, struct str id),
    void *arg, struct err *e)
{
	st->watch_arg = arg;
	st->watch = callback;
	if (st->ring && !ring_watch(st->ring, callback, arg, e))
		return STORE_IO;
	return STORE_OK;
}

/* ------------------------------------------------------------------------
 * Connections
 */

static enum store_rc
db_open(struct account *a, bool create, struct db **out, struct err *e)
{
	struct sq_options o = { .path = a->path,
		.create = create,
		.busy_ms = a->st->busy_ms,
		.cache_kib = DB_CACHE_KIB };
	struct db *db = mem_zalloc(sizeof(*db));
	enum sq_rc rc = sq_open(&o, &db->q, e);

	db->a = a;
	if (rc == SQ_OK && !trigram_register(sq_handle(db->q), e)) {
		sq_close(&db->q);
		rc = SQ_ERROR;
	}
	if (rc != SQ_OK) {
		free(db);
		return store_rc_of(rc);
	}
	*out = db;
	return STORE_OK;
}

static void
db_close(struct db *db)
{
	sq_close(&db->q);
	free(db);
}

/* The functions from here to evict() run under store->lock. */

static void
lru_remove(struct store *st, struct db *db)
{
	*(db->newer ? &db->newer->older : &st->newest) = db->older;
	*(db->older ? &db->older->newer : &st->oldest) = db->newer;
	db->newer = db->older = NULL;
}

static void
lru_add(struct store *st, struct db *db)
{
	db->older = st->newest;
	*(st->newest ? &st->newest->newer : &st->oldest) = db;
	st->newest = db;
}

static struct db *
take_idle(struct account *a)
{
	struct db *db = a->idle;

	if (db) {
		a->idle = db->next_idle;
		db->next_idle = NULL;
		lru_remove(a->st, db);
	}
	return db;
}

static void
account_free(struct account *a)
{
	views_forget(a);
	keys_cache_forget(a);
	free(a->views);
	for (uint32_t i = 0; i < a->nkeywords; i++)
		free((void *)(uintptr_t)a->keywords[i].p);
	free(a->keywords);
	write_queue_fini(&a->writes);
	pthread_mutex_destroy(&a->keyword_lock);
	pthread_cond_destroy(&a->freed);
	if (a->lock_fd >= 0)
		close(a->lock_fd);
	free(a->dir);
	free(a->path);
	free(a);
}

void
account_release(struct account *a)
{
	if (a->refs || a->ndb || a->listed)
		return;
	map_del(a->st->accounts, str_of(a->id));
	account_free(a);
}

/* Take one idle connection out of the store, to be closed by the caller. */
static struct db *
evict(struct store *st)
{
	struct db *db = st->oldest, **at;
	struct account *a;

	if (!db)
		return NULL;
	a = db->a;
	lru_remove(st, db);
	for (at = &a->idle; *at != db; at = &(*at)->next_idle)
		;
	*at = db->next_idle;
	a->ndb--;
	st->open_dbs--;
	if (!a->ndb) {
		views_forget(a);
		keys_cache_forget(a);
	}
	account_release(a);
	return db;
}

/* How many this thread has, of any account. */
static _Thread_local unsigned held;

static enum store_rc
get(struct account *a, bool wait, struct db **out, struct err *e)
{
	struct store *st = a->st;
	enum store_rc rc = STORE_OK;

	pthread_mutex_lock(&st->lock);
	while (!(*out = take_idle(a)) && wait && a->ndb >= DB_PER_ACCOUNT)
		pthread_cond_wait(&a->freed, &st->lock);
	if (!*out) {
		a->ndb++;
		st->open_dbs++;
	}
	pthread_mutex_unlock(&st->lock);
	if (!*out && (rc = db_open(a, false, out, e)) != STORE_OK) {
		pthread_mutex_lock(&st->lock);
		a->ndb--;
		st->open_dbs--;
		pthread_cond_signal(&a->freed);
		pthread_mutex_unlock(&st->lock);
	}
	if (rc == STORE_OK)
		held++;
	return rc;
}

enum store_rc
db_get(struct account *a, struct db **out, struct err *e)
{
	return get(a, held == 0, out, e);
}

enum store_rc
db_get_writer(struct account *a, struct db **out, struct err *e)
{
	return get(a, false, out, e);
}

void
db_put(struct db **dbp)
{
	struct db *db = *dbp, *old = NULL;
	struct account *a;
	struct store *st;

	*dbp = NULL;
	if (!db)
		return;
	held--;
	a = db->a;
	st = a->st;
	pthread_mutex_lock(&st->lock);
	if (a->ndb > DB_KEPT) {
		a->ndb--;
		st->open_dbs--;
		old = db;
	} else {
		db->next_idle = a->idle;
		a->idle = db;
		lru_add(st, db);
		pthread_cond_signal(&a->freed);
		if (st->open_dbs > st->max_open)
			old = evict(st);
	}
	pthread_mutex_unlock(&st->lock);
	if (old)
		db_close(old);
}

enum store_rc
db_synchronous(struct db *db, bool relaxed, struct err *e)
{
	enum sq_rc rc;

	if (db->relaxed == relaxed)
		return STORE_OK;
	rc = relaxed ? sq_run(db->q, e, "PRAGMA synchronous = NORMAL")
		     : sq_run(db->q, e, "PRAGMA synchronous = FULL");
	if (rc == SQ_OK)
		db->relaxed = relaxed;
	return store_rc_of(rc);
}

void
store_close(struct store **stp)
{
	struct store *st = *stp;
	struct db *db;
	size_t at = 0;
	void *a;

	*stp = NULL;
	if (!st)
		return;
	housekeep_stop(st);
	pthread_mutex_lock(&st->lock);
	while ((db = evict(st))) {
		pthread_mutex_unlock(&st->lock);
		db_close(db);
		pthread_mutex_lock(&st->lock);
	}
	pthread_mutex_unlock(&st->lock);
	while (map_next(st->accounts, &at, NULL, &a))
		log_error("account-still-in-use",
		    LOG_CSTR("account", ((struct account *)a)->id));
	map_free(&st->accounts);
	ring_close(&st->ring);
	pthread_cond_destroy(&st->work_ready);
	pthread_cond_destroy(&st->sync_ready);
	pthread_cond_destroy(&st->stop_ready);
	pthread_mutex_destroy(&st->lock);
	free(st->data_dir);
	free(st);
}

/* ------------------------------------------------------------------------
 * Accounts
 */

bool
account_id_valid(struct str id)
{
	if (id.n != 16)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		if (!ascii_digit(id.p[i]) && (id.p[i] < 'a' || id.p[i] > 'f'))
			return false;
	}
	return true;
}

struct str
account_id(const struct account *a)
{
	return (struct str){ a->id, 16 };
}

static struct account *
account_new(struct store *st, struct str id)
{
	struct account *a = mem_zalloc(sizeof(*a));
	struct buf b = { 0 };

	a->st = st;
	memcpy(a->id, id.p, 16);
	buf_printf(&b, "%s/accounts/%.2s/%s", st->data_dir, a->id, a->id);
	a->dir = mem_strdup(buf_cstr(&b));
	buf_puts(&b, "/account.db");
	a->path = mem_strdup(buf_cstr(&b));
	buf_fini(&b);
	a->lock_fd = -1;
	pthread_mutex_init(&a->keyword_lock, NULL);
	pthread_cond_init(&a->freed, NULL);
	write_queue_init(&a->writes);
	return a;
}

void
account_hold(struct account *a)
{
	pthread_mutex_lock(&a->st->lock);
	a->refs++;
	pthread_mutex_unlock(&a->st->lock);
}

void
account_drop(struct account *a)
{
	struct store *st = a->st;

	pthread_mutex_lock(&st->lock);
	a->refs--;
	account_release(a);
	pthread_mutex_unlock(&st->lock);
}

static enum store_rc
open_lock(struct account *a, struct err *e)
{
	struct buf path = { 0 };

	buf_printf(&path, "%s/lock", a->dir);
	a->lock_fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (a->lock_fd < 0)
		err_errno(e, "cannot open %s", buf_cstr(&path));
	buf_fini(&path);
	return a->lock_fd >= 0 ? STORE_OK : STORE_IO;
}

/*
 * After a start of the machine the last second of relaxed commits may be
 * gone, together with the numbers a client saw: leave a gap behind them.
 */
static enum store_rc
note_boot(struct tx *tx, void *arg, struct err *e)
{
	uint64_t lo = tx->modseq;
	enum store_rc rc;

	(void)arg;
	tx->modseq += BOOT_GAP;
	tx->dirty = true;
	rc = store_rc_of(
	    sq_run(tx->q, e, "INSERT INTO gap (lo, hi) VALUES (?, ?)",
		SQ_I(lo + 1), SQ_I(tx->modseq)));
	if (rc != STORE_OK)
		return rc;
	/* A HIGHESTMODSEQ must not fall behind what a client was told. */
	rc = store_rc_of(sq_run(
	    tx->q, e, "UPDATE mailbox SET modseq = ?", SQ_I(tx->modseq)));
	if (rc != STORE_OK)
		return rc;
	return store_rc_of(sq_run(
	    tx->q, e, "UPDATE state SET boot = ?", SQ_C(tx->a->st->boot)));
}

static enum store_rc
check_state(struct account *a, struct db *db, bool *same_boot, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(db->q, &s, e,
	    "SELECT boot, (SELECT count(*) FROM purge) FROM state");

	if (rc == SQ_DONE)
		return store_fail(
		    e, STORE_CORRUPT, "%s has no state row", a->path);
	if (rc != SQ_ROW)
		return store_rc_of(rc);
	*same_boot = str_eqc(sq_str(s, 0), a->st->boot);
	if (sq_int(s, 1))
		a->purge_at = clock_mono_ms();
	sq_reset(s);
	return STORE_OK;
}

static enum store_rc
trim_changes(struct tx *tx, void *arg, struct err *e)
{
	uint64_t floor = *(uint64_t *)arg;
	enum sq_rc rc = sq_run(
	    tx->q, e, "DELETE FROM change WHERE modseq <= ?", SQ_I(floor));

	if (rc == SQ_OK)
		rc = sq_run(tx->q, e,
		    "DELETE FROM resource_gone WHERE modseq <= ?", SQ_I(floor));
	if (rc == SQ_OK)
		rc = sq_run(tx->q, e,
		    "UPDATE state SET change_floor = ?"
		    " WHERE change_floor < ?1",
		    SQ_I(floor));
	return store_rc_of(rc);
}

/* Up to where the record of changes may be forgotten; 0: keep it all. */
static enum store_rc
find_floor(struct account *a, uint64_t *floor, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc;
	enum sq_rc step;

	*floor = 0;
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_one(db->q, &s, e,
	    "SELECT modseq FROM change ORDER BY modseq DESC LIMIT 1 OFFSET ?",
	    SQ_I(a->st->keep_changes));
	if (step == SQ_ROW) {
		*floor = (uint64_t)sq_int(s, 0);
		sq_reset(s);
	}
	db_put(&db);
	return store_rc_of(step);
}

/* The first time this process opens the account. */
static enum store_rc
prepare(struct account *a, struct err *e)
{
	struct db *db = NULL;
	bool same_boot = false;
	uint64_t floor;
	enum store_rc rc;

	if (access(a->path, F_OK) != 0)
		return store_fail(
		    e, STORE_NOTFOUND, "no account at %s", a->dir);
	if ((rc = open_lock(a, e)) != STORE_OK ||
	    (rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	rc = store_rc_of(sq_migrate(db->q, account_migrations, e));
	if (rc == STORE_OK)
		rc = check_state(a, db, &same_boot, e);
	db_put(&db);
	if (rc == STORE_OK && !same_boot)
		rc = write_run(a, DURABLE, note_boot, NULL, e);
	if (rc == STORE_OK && (rc = find_floor(a, &floor, e)) == STORE_OK &&
	    floor)
		rc = write_run(a, RELAXED, trim_changes, &floor, e);
	return rc;
}

enum store_rc
account_open(
    struct store *st, struct str id, struct account **out, struct err *e)
{
	static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
	struct account *a;
	enum store_rc rc = STORE_OK;
	bool ready;

	*out = NULL;
	if (!account_id_valid(id))
		return store_fail(e, STORE_INVALID,
		    "\"%.*s\" is not an account id", STR_ARG(id));
	pthread_mutex_lock(&st->lock);
	a = map_get(st->accounts, id);
	if (!a) {
		a = account_new(st, id);
		map_set(st->accounts, id, a);
	}
	a->refs++;
	ready = a->ready;
	pthread_mutex_unlock(&st->lock);
	if (!ready) {
		pthread_mutex_lock(&first);
		if (!a->ready)
			rc = prepare(a, e);
		pthread_mutex_lock(&st->lock);
		a->ready = rc == STORE_OK;
		pthread_mutex_unlock(&st->lock);
		pthread_mutex_unlock(&first);
	}
	if (rc != STORE_OK) {
		account_drop(a);
		return rc;
	}
	*out = a;
	return STORE_OK;
}

void
account_close(struct account **a)
{
	if (*a)
		account_drop(*a);
	*a = NULL;
}

/* ------------------------------------------------------------------------
 * Making and removing
 */

static enum store_rc
fill_new(struct db *db, const char *boot, struct err *e)
{
	static const struct {
		const char *name;
		enum mailbox_role role;
	} usual[] = { { "INBOX", ROLE_INBOX }, { "Drafts", ROLE_DRAFTS },
		{ "Sent", ROLE_SENT }, { "Junk", ROLE_JUNK },
		{ "Trash", ROLE_TRASH }, { "Archive", ROLE_ARCHIVE } };
	size_t n = LEN(usual);
	enum sq_rc rc;
	int64_t now = clock_now();

	if ((rc = sq_begin(db->q, e)) != SQ_OK)
		return store_rc_of(rc);
	rc = sq_run(db->q, e,
	    "INSERT INTO state (id, modseq, change_floor, uidvalidity,"
	    " indexed, bytes, emails, warned, boot)"
	    " VALUES (1, ?, ?, ?, 0, 0, 0, 0, ?)",
	    SQ_I(n), SQ_I(n), SQ_I(now), SQ_C(boot));
	for (size_t i = 0; i < n && rc == SQ_OK; i++) {
		rc = sq_run(db->q, e,
		    "INSERT INTO mailbox VALUES"
		    " (?1, 0, ?2, ?3, 0, ?4, 1, 1, ?1, 0, 0, 0, 0, 0, 0)",
		    SQ_I(i + 1), SQ_C(usual[i].name), SQ_I(usual[i].role),
		    SQ_I(now));
		if (rc == SQ_OK)
			rc = sq_run(db->q, e,
			    "INSERT INTO subscription VALUES (?)",
			    SQ_C(usual[i].name));
	}
	if (rc == SQ_OK)
		rc = sq_commit(db->q, e);
	else
		sq_rollback(db->q);
	return store_rc_of(rc);
}

static enum store_rc
make_database(struct account *a, struct err *e)
{
	struct buf blobs = { 0 };
	struct db *db;
	enum store_rc rc;
	bool ok;

	buf_printf(&blobs, "%s/blobs", a->dir);
	ok = fs_mkdirs(buf_cstr(&blobs), 0700, e);
	buf_fini(&blobs);
	if (!ok)
		return STORE_IO;
	if ((rc = db_open(a, true, &db, e)) != STORE_OK)
		return rc;
	rc = store_rc_of(sq_migrate(db->q, account_migrations, e));
	if (rc == STORE_OK)
		rc = fill_new(db, a->st->boot, e);
	db_close(db);
	if (rc == STORE_OK && !fs_sync_dir(a->dir, e))
		rc = STORE_IO;
	return rc;
}

enum store_rc
account_create(struct store *st, struct str id, struct err *e)
{
	struct account *a;
	enum store_rc rc;

	if (!account_id_valid(id))
		return store_fail(e, STORE_INVALID,
		    "\"%.*s\" is not an account id", STR_ARG(id));
	a = account_new(st, id);
	if (access(a->path, F_OK) == 0)
		rc = store_fail(e, STORE_EXISTS, "%s is there already", a->dir);
	else
		rc = make_database(a, e);
	if (rc != STORE_OK && rc != STORE_EXISTS) {
		struct err ignored;

		fs_remove_tree(a->dir, &ignored);
	}
	account_free(a);
	return rc;
}

enum store_rc
account_remove(struct store *st, struct str id, struct err *e)
{
	struct account *a;
	struct buf gone = { 0 };
	enum store_rc rc = STORE_OK;

	if (!account_id_valid(id))
		return store_fail(e, STORE_INVALID,
		    "\"%.*s\" is not an account id", STR_ARG(id));
	a = account_new(st, id);
	/* Renamed first, so that it is gone at once or not at all. */
	buf_printf(&gone, "%s.removed", a->dir);
	if (rename(a->dir, buf_cstr(&gone)) != 0) {
		rc = errno == ENOENT ? STORE_NOTFOUND : STORE_IO;
		err_errno(e, "cannot remove %s", a->dir);
	} else if (!fs_remove_tree(buf_cstr(&gone), e)) {
		rc = STORE_IO;
	}
	if (rc == STORE_OK) {
		marker_clear(st, MARKER_OUTGOING, id);
		marker_clear(st, MARKER_TRAINING, id);
	}
	buf_fini(&gone);
	account_free(a);
	return rc;
}
