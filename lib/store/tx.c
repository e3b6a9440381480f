/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/tx.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/internal.h"
#include "store/lock.h"

/* Functions that share one commit at most, and how long they may take together:
 * other processes wait for the lock. */
#define MAX_BATCH 64
#define MAX_BATCH_MS 200

void
write_queue_init(struct write_queue *w)
{
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->head = NULL;
	w->tail = &w->head;
	w->busy = false;
}

void
write_queue_fini(struct write_queue *w)
{
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
}

/* ------------------------------------------------------------------------
 * State and mailbox rows
 */

static enum store_rc
load_state(struct tx *tx, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "SELECT modseq, uidvalidity, bytes, emails, warned FROM state");

	if (rc == SQ_DONE)
		return store_fail(e, STORE_CORRUPT, "table state is empty");
	if (rc != SQ_ROW)
		return store_rc_of(rc);
	tx->modseq = (uint64_t)sq_int(s, 0);
	tx->uidvalidity = (uint32_t)sq_int(s, 1);
	tx->bytes = sq_int(s, 2);
	tx->emails = sq_int(s, 3);
	tx->warned = (uint32_t)sq_int(s, 4);
	sq_reset(s);
	return STORE_OK;
}

static enum store_rc
save_state(struct tx *tx, struct err *e)
{
	return store_rc_of(sq_run(tx->q, e,
	    "UPDATE state SET modseq = ?, uidvalidity = ?, bytes = ?,"
	    " emails = ?, warned = ?",
	    SQ_I(tx->modseq), SQ_I(tx->uidvalidity), SQ_I(tx->bytes),
	    SQ_I(tx->emails), SQ_I(tx->warned)));
}

uint64_t
tx_modseq(struct tx *tx)
{
	tx->dirty = true;
	return ++tx->modseq;
}

static enum store_rc
load_mailbox(struct tx *tx, int64_t id, struct tx_mailbox *m, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "SELECT noselect, uidvalidity, uidnext, first_recent, modseq,"
	    " messages, unseen, deleted, size, threads, unseen_threads"
	    " FROM mailbox WHERE id = ?",
	    SQ_I(id));

	if (rc == SQ_DONE)
		return store_fail(e, STORE_NOTFOUND,
		    "mailbox %lld of account %s is gone", (long long)id,
		    tx->a->id);
	if (rc != SQ_ROW)
		return store_rc_of(rc);
	*m = (struct tx_mailbox){ .id = id,
		.noselect = sq_int(s, 0) != 0,
		.uidvalidity = (uint32_t)sq_int(s, 1),
		.uidnext = (uint32_t)sq_int(s, 2),
		.first_recent = (uint32_t)sq_int(s, 3),
		.modseq = (uint64_t)sq_int(s, 4),
		.messages = sq_int(s, 5),
		.unseen = sq_int(s, 6),
		.deleted = sq_int(s, 7),
		.size = sq_int(s, 8),
		.threads = sq_int(s, 9),
		.unseen_threads = sq_int(s, 10) };
	sq_reset(s);
	return STORE_OK;
}

static enum store_rc
save_mailbox(struct tx *tx, const struct tx_mailbox *m, struct err *e)
{
	return store_rc_of(sq_run(tx->q, e,
	    "UPDATE mailbox SET uidnext = ?, first_recent = ?, modseq = ?,"
	    " messages = ?, unseen = ?, deleted = ?, size = ?, threads = ?,"
	    " unseen_threads = ? WHERE id = ?",
	    SQ_I(m->uidnext), SQ_I(m->first_recent), SQ_I(m->modseq),
	    SQ_I(m->messages), SQ_I(m->unseen), SQ_I(m->deleted), SQ_I(m->size),
	    SQ_I(m->threads), SQ_I(m->unseen_threads), SQ_I(m->id)));
}

enum store_rc
tx_mailbox(struct tx *tx, int64_t id, struct tx_mailbox **out, struct err *e)
{
	struct tx_mailbox m;
	enum store_rc rc;

	for (size_t i = 0; i < tx->nmailboxes; i++) {
		if (tx->mailboxes[i].id == id) {
			*out = &tx->mailboxes[i];
			return STORE_OK;
		}
	}
	if ((rc = load_mailbox(tx, id, &m, e)) != STORE_OK)
		return rc;
	tx->mailboxes = arena_grow(tx->arena, tx->mailboxes, tx->nmailboxes,
	    &tx->cap, sizeof(*tx->mailboxes));
	tx->mailboxes[tx->nmailboxes] = m;
	*out = &tx->mailboxes[tx->nmailboxes++];
	return STORE_OK;
}

void
tx_forget_mailbox(struct tx *tx, int64_t id)
{
	for (size_t i = 0; i < tx->nmailboxes; i++) {
		if (tx->mailboxes[i].id == id) {
			tx->mailboxes[i] = tx->mailboxes[--tx->nmailboxes];
			return;
		}
	}
}

enum store_rc
tx_change(struct tx *tx, uint64_t modseq, enum change_kind kind,
    int64_t container, int64_t lo, int64_t hi, struct err *e)
{
	return store_rc_of(sq_run(tx->q, e,
	    "INSERT OR REPLACE INTO change (modseq, kind, container, lo, hi)"
	    " VALUES (?, ?, ?, ?, ?)",
	    SQ_I(modseq), SQ_I(kind), SQ_I(container), SQ_I(lo), SQ_I(hi)));
}

enum store_rc
tx_change_uids(struct tx *tx, uint64_t modseq, enum change_kind kind,
    int64_t container, struct uids uids, struct err *e)
{
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < uids.n && rc == STORE_OK; i++)
		rc = tx_change(
		    tx, modseq, kind, container, uids.r[i].lo, uids.r[i].hi, e);
	return rc;
}

/* ------------------------------------------------------------------------
 * Running a batch
 */

/* What a function of the batch may have changed in memory. */
struct snapshot {
	struct tx tx;
	struct tx_mailbox *mailboxes;
};

static struct snapshot
snapshot_take(struct tx *tx)
{
	struct snapshot s = { .tx = *tx };

	if (tx->nmailboxes) {
		s.mailboxes = arena_array(
		    tx->arena, tx->nmailboxes, sizeof(*s.mailboxes));
		memcpy(s.mailboxes, tx->mailboxes,
		    tx->nmailboxes * sizeof(*s.mailboxes));
	}
	return s;
}

static void
snapshot_restore(struct tx *tx, const struct snapshot *s)
{
	*tx = s->tx;
	if (tx->nmailboxes)
		memcpy(tx->mailboxes, s->mailboxes,
		    tx->nmailboxes * sizeof(*s->mailboxes));
}

/* One function in a savepoint of its own; the batch goes on if it fails. */
static void
run_in_savepoint(struct tx *tx, struct job *j)
{
	struct snapshot before = snapshot_take(tx);

	j->rc = store_rc_of(sq_run(tx->q, &j->err, "SAVEPOINT job"));
	if (j->rc != STORE_OK)
		return;
	j->rc = j->run(tx, j->arg, &j->err);
	if (j->rc != STORE_OK && sq_in_transaction(tx->q)) {
		struct err ignored;

		snapshot_restore(tx, &before);
		sq_run(tx->q, &ignored, "ROLLBACK TO job");
		sq_run(tx->q, &ignored, "RELEASE job");
	} else if (j->rc == STORE_OK) {
		j->rc = store_rc_of(sq_run(tx->q, &j->err, "RELEASE job"));
	}
}

static enum store_rc
write_back(struct tx *tx, struct err *e)
{
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < tx->nmailboxes && rc == STORE_OK; i++) {
		if (tx->mailboxes[i].dirty)
			rc = save_mailbox(tx, &tx->mailboxes[i], e);
	}
	if (rc == STORE_OK && tx->dirty)
		rc = save_state(tx, e);
	return rc;
}

enum store_rc
tx_flush(struct tx *tx, struct err *e)
{
	enum store_rc rc = write_back(tx, e);

	tx->nmailboxes = 0;
	return rc == STORE_OK ? load_state(tx, e) : rc;
}

/*
 * All functions of the batch, then the commit. Those for which there is no time
 * any more are cut off and become *REST.
 */
static enum store_rc
run_batch(struct tx *tx, struct job *batch, struct job **rest, struct err *e)
{
	int64_t end = clock_mono_ms() + MAX_BATCH_MS;
	bool alone = !batch->next;
	enum store_rc rc;

	if ((rc = store_rc_of(sq_begin(tx->q, e))) != STORE_OK)
		return rc;
	if ((rc = load_state(tx, e)) != STORE_OK)
		goto out;
	if (alone) {
		batch->rc = batch->run(tx, batch->arg, &batch->err);
		if (batch->rc != STORE_OK) {
			sq_rollback(tx->q);
			return STORE_OK; /* told through the job */
		}
	}
	for (struct job *j = batch; !alone && j; j = j->next) {
		run_in_savepoint(tx, j);
		if (!sq_in_transaction(tx->q)) {
			*e = j->err;
			return j->rc;
		}
		if (j->next && clock_mono_ms() > end) {
			*rest = j->next;
			j->next = NULL;
		}
	}
	if ((rc = write_back(tx, e)) != STORE_OK)
		goto out;
	return store_rc_of(sq_commit(tx->q, e));
out:
	sq_rollback(tx->q);
	return rc;
}

static bool
is_durable(const struct job *batch)
{
	for (; batch; batch = batch->next) {
		if (batch->durability == DURABLE)
			return true;
	}
	return false;
}

static enum store_rc
run_locked(struct account *a, struct job *batch, struct job **rest,
    bool *changed, struct err *e)
{
	struct tx tx = { .a = a };
	bool durable = is_durable(batch);
	enum store_rc rc;

	if ((rc = db_get_writer(a, &tx.db, e)) != STORE_OK)
		return rc;
	tx.q = tx.db->q;
	tx.arena = arena_new();
	if ((rc = db_synchronous(tx.db, !durable, e)) == STORE_OK)
		rc = run_batch(&tx, batch, rest, e);
	db_put(&tx.db);
	arena_free(&tx.arena);
	if (rc != STORE_OK)
		return rc;
	*changed = tx.dirty;
	if (!durable)
		tx.work |= WORK_SYNC;
	if (tx.work)
		housekeep_want(a, tx.work);
	return STORE_OK;
}

static void
notify(struct account *a)
{
	struct store *st = a->st;

	if (st->ring)
		ring_poke(st->ring, a->id);
	if (st->watch)
		st->watch(st->watch_arg, account_id(a));
}

/* The leader's part: everything from the lock to the results. Returns those
 * that must wait for the next turn. */
static struct job *
lead(struct account *a, struct job *batch)
{
	struct job *rest = NULL;
	struct err e = ERR_INIT;
	enum store_rc rc = account_lock(a, &e);
	bool changed = false;

	if (rc == STORE_OK) {
		rc = run_locked(a, batch, &rest, &changed, &e);
		account_unlock(a);
	}
	for (struct job *j = batch; rc != STORE_OK && j; j = j->next) {
		j->rc = rc;
		j->err = e;
	}
	if (changed)
		notify(a);
	return rest;
}

/* They are first again. */
static void
put_back(struct write_queue *w, struct job *rest)
{
	struct job **end = &rest;

	while (*end)
		end = &(*end)->next;
	*end = w->head;
	if (!w->head)
		w->tail = end;
	w->head = rest;
}

/* Take what waits, first come first served. */
static struct job *
take_batch(struct write_queue *w)
{
	struct job *batch = w->head, **end = &w->head;

	for (int i = 0; *end && i < MAX_BATCH; i++)
		end = &(*end)->next;
	w->head = *end;
	*end = NULL;
	if (!w->head)
		w->tail = &w->head;
	return batch;
}

enum store_rc
write_run(
    struct account *a, enum durability d, tx_fn run, void *arg, struct err *e)
{
	struct write_queue *w = &a->writes;
	struct job mine = { .run = run, .arg = arg, .durability = d };
	struct job *batch, *rest;

	pthread_mutex_lock(&w->lock);
	*w->tail = &mine;
	w->tail = &mine.next;
	while (!mine.done) {
		if (w->busy) {
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		w->busy = true;
		batch = take_batch(w);
		pthread_mutex_unlock(&w->lock);
		rest = lead(a, batch);
		pthread_mutex_lock(&w->lock);
		if (rest)
			put_back(w, rest);
		while (batch) {
			struct job *next = batch->next;

			batch->done = true;
			batch = next;
		}
		w->busy = false;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	if (mine.rc != STORE_OK && e)
		*e = mine.err;
	return mine.rc;
}
