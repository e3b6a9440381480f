/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"

/*
 * Two threads per store. The syncer flushes relaxed commits (pure flag
 * changes) within a second. The housekeeper indexes new mail and removes the
 * content of expunged mail, a little at a time, and gives way to deliveries:
 * indexing costs more CPU than a delivery, and a search indexes what it needs.
 * It also keeps the views of large mailboxes (snapshot.h).
 */

#define SYNC_EVERY_MS 500
/* Expunged content stays readable for sessions that still see it. */
#define PURGE_GRACE_S 60
#define PURGE_CHECK_MS 5000
#define IDLE_CHECK_MS 3600000
#define INDEX_BATCH 32
#define INDEX_BATCH_BUSY 4
/* While mail comes in, indexing takes at most a tenth of one CPU. */
#define BUSY_SHARE 10

void
housekeep_want(struct account *a, unsigned work)
{
	struct store *st = a->st;

	pthread_mutex_lock(&st->lock);
	if (st->no_indexer)
		work &= ~(unsigned)WORK_INDEX;
	work &= ~a->work;
	if (work && !a->listed) {
		a->next_work = st->work;
		st->work = a;
		a->listed = true;
	}
	a->work |= work;
	if (work & WORK_SYNC)
		pthread_cond_signal(&st->sync_ready);
	if (work & ~(unsigned)WORK_SYNC)
		pthread_cond_signal(&st->work_ready);
	pthread_mutex_unlock(&st->lock);
}

/* ------------------------------------------------------------------------
 * The list; under store->lock
 */

/* The next account that wants WORK, held; its bit is cleared. */
static struct account *
take_work(struct store *st, unsigned work)
{
	struct account *a = st->work;

	while (a && !(a->work & work))
		a = a->next_work;
	if (a) {
		a->work &= ~work;
		a->refs++;
	}
	return a;
}

/* Unlink what has nothing left to do. */
static void
tidy_list(struct store *st)
{
	struct account **at = &st->work;

	while (*at) {
		struct account *a = *at;

		if (a->work) {
			at = &a->next_work;
			continue;
		}
		*at = a->next_work;
		a->listed = false;
		account_release(a);
	}
}

static bool
has_work(const struct store *st, unsigned work)
{
	for (const struct account *a = st->work; a; a = a->next_work) {
		if (a->work & work)
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------------
 * Syncing
 */

static void
sync_account(struct account *a)
{
	struct buf wal = { 0 };
	int fd;

	buf_printf(&wal, "%s-wal", a->path);
	fd = open(buf_cstr(&wal), O_RDONLY | O_CLOEXEC);
	/* No WAL: it was checkpointed, with a sync, when the last one closed.
	 */
	if (fd < 0 ? errno != ENOENT : fdatasync(fd) != 0)
		log_error("sync-failed", LOG_CSTR("account", a->id),
		    LOG_CSTR("path", wal.p),
		    LOG_CSTR("error", strerrordesc_np(errno)));
	if (fd >= 0)
		close(fd);
	buf_fini(&wal);
}

static void *
syncer_loop(void *arg)
{
	struct store *st = arg;
	struct account *a;
	bool last;

	pthread_mutex_lock(&st->lock);
	do {
		while (!st->stopping && !has_work(st, WORK_SYNC))
			pthread_cond_wait(&st->sync_ready, &st->lock);
		/* Let a burst collect. */
		if (!st->stopping)
			cond_wait_ms(&st->stop_ready, &st->lock, SYNC_EVERY_MS);
		last = st->stopping;
		while ((a = take_work(st, WORK_SYNC))) {
			pthread_mutex_unlock(&st->lock);
			sync_account(a);
			account_drop(a);
			pthread_mutex_lock(&st->lock);
		}
		tidy_list(st);
	} while (!last);
	pthread_mutex_unlock(&st->lock);
	return NULL;
}

/* ------------------------------------------------------------------------
 * Indexing and purging
 */

static bool
is_busy(struct store *st)
{
	return clock_mono_ms() - atomic_load(&st->last_append_ms) < 100;
}

static void
report(struct account *a, const char *event, const struct err *e)
{
	log_error(event, LOG_CSTR("account", a->id), LOG_ERR(e));
}

/* One batch; the account goes back on the list if there is more. */
static void
index_account(struct store *st, struct account *a)
{
	struct err e = ERR_INIT;
	bool more = false, busy = is_busy(st);
	int64_t start = clock_mono_us();

	if (index_some(a, busy ? INDEX_BATCH_BUSY : INDEX_BATCH, &more, &e) !=
	    STORE_OK)
		report(a, "index-failed", &e);
	else if (more)
		housekeep_want(a, WORK_INDEX);
	if (busy) {
		int64_t ns = (clock_mono_us() - start) * 1000 * BUSY_SHARE;
		struct timespec t = { ns / 1000000000, ns % 1000000000 };

		nanosleep(&t, NULL);
	}
}

static void
purge_account(struct store *st, struct account *a)
{
	struct err e = ERR_INIT;
	bool more = false;

	if (account_purge(a, clock_now() - PURGE_GRACE_S, &more, &e) !=
	    STORE_OK)
		report(a, "purge-failed", &e);
	pthread_mutex_lock(&st->lock);
	a->purge_at = more ? clock_mono_ms() + PURGE_GRACE_S * 1000 : 0;
	pthread_mutex_unlock(&st->lock);
	if (more)
		housekeep_want(a, WORK_PURGE);
}

/* An account whose grace has passed; under store->lock. */
static struct account *
take_purge(struct store *st)
{
	int64_t now = clock_mono_ms();

	for (struct account *a = st->work; a; a = a->next_work) {
		if (!(a->work & WORK_PURGE))
			continue;
		if (!a->purge_at)
			a->purge_at = now + PURGE_GRACE_S * 1000;
		if (a->purge_at <= now) {
			a->work &= ~(unsigned)WORK_PURGE;
			a->refs++;
			return a;
		}
	}
	return NULL;
}

static void
snapshot_account(struct store *st, struct account *a)
{
	(void)st;
	views_save(a);
}

/* An account to be looked after, and how; under store->lock. */
static struct account *
next_account(struct store *st, void (**work)(struct store *, struct account *))
{
	struct account *a;

	*work = snapshot_account;
	if ((a = take_work(st, WORK_SNAPSHOT)))
		return a;
	*work = index_account;
	if ((a = take_work(st, WORK_INDEX)))
		return a;
	*work = purge_account;
	return take_purge(st);
}

static void *
housekeeper_loop(void *arg)
{
	struct store *st = arg;

	pthread_mutex_lock(&st->lock);
	while (!st->stopping) {
		void (*work)(struct store *, struct account *);
		struct account *a = next_account(st, &work);

		if (!a) {
			cond_wait_ms(&st->work_ready, &st->lock,
			    st->work ? PURGE_CHECK_MS : IDLE_CHECK_MS);
			continue;
		}
		pthread_mutex_unlock(&st->lock);
		work(st, a);
		account_drop(a);
		pthread_mutex_lock(&st->lock);
		tidy_list(st);
	}
	pthread_mutex_unlock(&st->lock);
	return NULL;
}

static void
tell_to_stop(struct store *st)
{
	pthread_mutex_lock(&st->lock);
	st->stopping = true;
	pthread_cond_broadcast(&st->sync_ready);
	pthread_cond_broadcast(&st->stop_ready);
	pthread_cond_broadcast(&st->work_ready);
	pthread_mutex_unlock(&st->lock);
}

bool
housekeep_start(struct store *st, struct err *e)
{
	if (pthread_create(&st->syncer, NULL, syncer_loop, st) != 0) {
		err_set(e, "cannot start the syncing thread");
		return false;
	}
	if (pthread_create(&st->housekeeper, NULL, housekeeper_loop, st) != 0) {
		tell_to_stop(st);
		pthread_join(st->syncer, NULL);
		err_set(e, "cannot start the housekeeping thread");
		return false;
	}
	st->housekeeping = true;
	return true;
}

void
housekeep_stop(struct store *st)
{
	if (!st->housekeeping)
		return;
	tell_to_stop(st);
	pthread_join(st->housekeeper, NULL);
	pthread_join(st->syncer, NULL);
	/* What is left waits in the database for the next start. */
	pthread_mutex_lock(&st->lock);
	for (struct account *a = st->work; a; a = a->next_work)
		a->work = 0;
	tidy_list(st);
	pthread_mutex_unlock(&st->lock);
}
