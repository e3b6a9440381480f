/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/internal.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/test.h"

struct worker {
	struct fixture *f;
	int first;
	pthread_t thread;
};

static void *
append_many(void *arg)
{
	struct worker *w = arg;
	struct fixture *f = w->f;
	struct err e;

	for (int i = 0; i < 50; i++) {
		char raw[100];
		struct append item = { .raw.p = raw };
		struct appended got;

		item.raw.n = (size_t)sprintf(
		    raw, "Subject: %d\r\n\r\nx\r\n", w->first + i);
		if (account_append(f->a, f->inbox, &item, 1, NULL, &got, &e) !=
		    STORE_OK)
			return NULL;
	}
	return w;
}

/* Writers of two stores at once, as two daemons have them. */
static void
test_concurrency(void **state)
{
	struct fixture *f = *state;
	struct fixture other = *f;
	struct worker w[8];

	open_store(&other);
	other.arena = arena_new();
	open_account(&other);
	for (int i = 0; i < 8; i++) {
		w[i] = (struct worker){ i % 2 ? f : &other, i * 100, 0 };
		pthread_create(&w[i].thread, NULL, append_many, &w[i]);
	}
	for (int i = 0; i < 8; i++) {
		void *ok;

		pthread_join(w[i].thread, &ok);
		assert_non_null(ok);
	}
	assert_int_equal(info(f, "INBOX").messages, 400);
	assert_int_equal(info(f, "INBOX").uidnext, 401);
	account_close(&other.a);
	store_close(&other.st);
	arena_free(&other.arena);
}

static _Atomic int wakes;

static void
on_wake(void *arg, struct str id)
{
	(void)arg;
	if (id.n == 0 || str_eq(id, ID))
		wakes++;
}

static void
test_watch(void **state)
{
	struct fixture *f = *state;
	struct store_options o = { .data_dir = f->dir, .run_dir = f->dir };
	struct store *other;
	int64_t deadline;

	OK(store_open(&o, &other, &f->e));
	OK(store_watch(other, on_wake, NULL, &f->e));
	wakes = 0;
	fill(f, 1, 1);
	deadline = clock_mono_ms() + 2000;
	while (!wakes && clock_mono_ms() < deadline)
		usleep(1000);
	assert_true(wakes > 0);
	store_close(&other);
}

static int
open_lock(struct fixture *f)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/" ACCOUNT_DIR "/lock", f->dir);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

/* What an append makes of a lock that somebody else has. */
static enum store_rc
try_append(struct fixture *f)
{
	struct append item = { .raw = STR("x") };
	struct appended got;

	f->st->busy_ms = 50;
	return account_append(f->a, f->inbox, &item, 1, NULL, &got, &f->e);
}

/* A process that hangs with the lock must not hold others for ever. */
static void
test_hung_lock(void **state)
{
	struct fixture *f = *state;
	int fd = open_lock(f);

	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(try_append(f), STORE_BUSY);
	close(fd);
	OK(try_append(f));
}

/* Who waits for the lock has the turn, and nobody gets in before him. */
static void
test_turn(void **state)
{
	struct fixture *f = *state;
	struct flock turn = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1
	};
	int fd = open_lock(f);

	assert_int_equal(fcntl(fd, F_OFD_SETLK, &turn), 0);
	assert_int_equal(try_append(f), STORE_BUSY);
	turn.l_type = F_UNLCK;
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &turn), 0);
	OK(try_append(f));
	/* It was given back. */
	turn.l_type = F_WRLCK;
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &turn), 0);
	close(fd);
}

struct slow {
	struct account *a;
	unsigned order, *next;
	int64_t end; /* of its transaction, as seen from outside */
};

static enum store_rc
run_slowly(struct tx *tx, void *arg, struct err *e)
{
	struct slow *s = arg;

	(void)tx;
	(void)e;
	s->order = ++*s->next;
	usleep(150000);
	return STORE_OK;
}

static void *
write_slowly(void *arg)
{
	struct slow *s = arg;
	struct err e = ERR_INIT;

	assert_int_equal(write_run(s->a, DURABLE, run_slowly, s, &e), STORE_OK);
	s->end = clock_mono_ms();
	return NULL;
}

/* A batch ends when it has taken too long, and the rest goes on. */
static void
test_long_batch(void **state)
{
	enum { WRITERS = 6 };
	struct fixture *f = *state;
	struct slow w[WRITERS];
	pthread_t threads[WRITERS];
	int64_t first = INT64_MAX, last = 0;
	unsigned next = 0;

	for (size_t i = 0; i < WRITERS; i++) {
		w[i] = (struct slow){ .a = f->a, .next = &next };
		pthread_create(&threads[i], NULL, write_slowly, &w[i]);
		usleep(10000);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(w[i].order > 0);
		/* All in one batch would be done at once. */
		if (i > 0 && w[i].end < first)
			first = w[i].end;
		if (w[i].end > last)
			last = w[i].end;
	}
	assert_int_equal(next, WRITERS); /* each once */
	assert_true(last - first >= 150);
}

struct crowd {
	struct fixture *f;
	pthread_barrier_t all;
};

static void *
read_and_more(void *arg)
{
	struct crowd *c = arg;
	struct fixture *f = c->f;
	struct arena *arena = arena_new();
	const struct str *names;
	struct err e = ERR_INIT;
	struct uid_range one = { 1, 1 };
	struct flags flags = { .bits = FLAG_SEEN };
	struct reader *r;
	uint64_t modseq;
	uint32_t n;
	bool ok = reader_begin(f->a, &r, &e) == STORE_OK;

	pthread_barrier_wait(&c->all);
	ok = ok && account_keywords(f->a, arena, &names, &n, &e) == STORE_OK &&
	     account_keyword(f->a, STR("crowd"), true, &n, &e) == STORE_OK &&
	     account_store_flags(f->a, f->inbox, (struct uids){ &one, 1 },
		 FLAGS_ADD, &flags, NO_UNCHANGEDSINCE, arena, NULL, &modseq,
		 &e) == STORE_OK;
	reader_end(&r);
	arena_free(&arena);
	return ok ? c : NULL;
}

/* All connections are taken by threads who want another or wait for the
 * writer. */
static void
test_nobody_waits_for_ever(void **state)
{
	struct crowd c = { .f = *state };
	pthread_t threads[DB_PER_ACCOUNT];
	void *ok;

	fill(c.f, 0, 1);
	pthread_barrier_init(&c.all, NULL, DB_PER_ACCOUNT);
	alarm(60);
	for (size_t i = 0; i < DB_PER_ACCOUNT; i++)
		pthread_create(&threads[i], NULL, read_and_more, &c);
	for (size_t i = 0; i < DB_PER_ACCOUNT; i++) {
		pthread_join(threads[i], &ok);
		assert_non_null(ok);
	}
	alarm(0);
	pthread_barrier_destroy(&c.all);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, store_up, store_down)
	const struct CMUnitTest tests[] = {
		T(test_concurrency),
		T(test_watch),
		T(test_hung_lock),
		T(test_turn),
		T(test_long_batch),
		T(test_nobody_waits_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
