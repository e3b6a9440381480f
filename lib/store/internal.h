/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "sqlite/sq.h"
#include "store/ring.h"
#include "store/store.h"
#include "store/tx.h"
#include "store/view.h"

/*
 * What the files of lib/store share.
 *
 * Locks, in the order they are taken: an account's write queue (held by no
 * one while it waits for anything), then store->lock for the pool of database
 * connections, the table of accounts and the housekeeper's list. SQL runs
 * under neither.
 */

#define KEYS_BUDGET ((size_t)96 << 20) /* octets, of all accounts */
#define DB_PER_ACCOUNT 4 /* connections; more threads wait for one */
#define DB_KEPT 8        /* so many stay open when nobody uses them */

/* A connection to one account database; used by one thread at a time. */
struct db {
	struct sq *q;
	struct account *a;
	bool relaxed;             /* current PRAGMA synchronous is NORMAL */
	struct db *next_idle;     /* of the account, most recently used first */
	struct db *newer, *older; /* of the store, for eviction */
};

struct view_slot {
	int64_t mailbox;
	struct view *view;
	uint64_t poke;    /* of the ring, before the view was last confirmed */
	int64_t checked;  /* when that was against the database, monotonic ms */
	uint64_t unsaved; /* rows to be read after the snapshot was loaded */
};

struct account {
	char id[17];
	struct store *st;
	char *dir, *path;
	/* Under store->lock. */
	unsigned refs; /* callers, readers, writers, the housekeeper */
	struct db *idle;
	unsigned ndb;
	pthread_cond_t freed; /* a connection came back */
	bool ready;           /* migrated, boot id checked */
	struct view_slot *views;
	size_t nviews;
	struct account *next_work; /* housekeeper's list */
	unsigned work;             /* enum account_work */
	bool listed;               /* on that list */
	int64_t purge_at;          /* earliest, monotonic ms; 0: nothing */
	/* Under its own lock. */
	pthread_mutex_t keyword_lock;
	struct str *keywords;
	uint32_t nkeywords;
	struct write_queue writes;
	int lock_fd; /* held while writing, against other processes */
};

enum account_work {
	WORK_INDEX = 1,
	WORK_SYNC = 2, /* relaxed commits to flush */
	WORK_PURGE = 4,
	WORK_SNAPSHOT = 8, /* large views to be kept */
};

struct store {
	char *data_dir;
	unsigned max_open, busy_ms;
	uint64_t blob_threshold;
	bool no_indexer;
	unsigned keep_changes;
	char boot[40];
	struct ring *ring;
	void (*watch)(void *arg, struct str id);
	void *watch_arg;
	pthread_mutex_t lock;
	struct map *accounts;
	struct db *newest, *oldest; /* idle connections */
	unsigned open_dbs;
	/* Keys of mailboxes (keys_cache.c), most recently used first. */
	struct keys_slot *newest_keys, *oldest_keys;
	size_t keys_bytes;
	/* Housekeeping. */
	pthread_cond_t work_ready, sync_ready, stop_ready;
	struct account *work;
	bool stopping;
	pthread_t housekeeper, syncer;
	bool housekeeping;
	_Atomic int64_t last_append_ms; /* indexing gives way to appends */
};

enum store_rc store_fail(struct err *e, enum store_rc rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The store's word for what SQLite said; SQ_OK, ROW and DONE are STORE_OK. */
enum store_rc store_rc_of(enum sq_rc rc);

/*
 * account.c: connections. db_get() waits while DB_PER_ACCOUNT are in use. For
 * whoever has one to come to an end, nobody waits for a connection who has one
 * of any account, or who writes: there is one writer at a time, and threads
 * with a connection wait for it. Nor may anybody wait with a lock in hand. The
 * thread that got a connection gives it back.
 */
enum store_rc db_get(struct account *a, struct db **out, struct err *e);
enum store_rc db_get_writer(struct account *a, struct db **out, struct err *e);
void db_put(struct db **db);
enum store_rc db_synchronous(struct db *db, bool relaxed, struct err *e);
void account_hold(struct account *a);
void account_drop(struct account *a);
/* Free it if nothing needs it any more; under store->lock. */
void account_release(struct account *a);

/* housekeep.c */
bool housekeep_start(struct store *st, struct err *e);
void housekeep_stop(struct store *st);
void housekeep_want(struct account *a, unsigned work);
enum store_rc account_purge(
    struct account *a, int64_t older_than, bool *more, struct err *e);

/* search.c: index at most LIMIT emails in one transaction. */
enum store_rc index_some(
    struct account *a, unsigned limit, bool *more, struct err *e);

/* current.c: drop the cached views; under store->lock. */
void views_forget(struct account *a);
/* Keep large views as files; takes the lock. */
void views_save(struct account *a);

#endif
