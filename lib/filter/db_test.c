/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/db.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

static char dir[64], path[96], log_path[96];
static struct filter_db *db;

/* ------------------------------------------------------------------------
 * Jobs of a table of our own
 */

struct number {
	struct filter_job job;
	int n;
};

static int applied; /* of the last number */

static enum sq_rc
make_table(struct sq *q, const struct filter_job *j, struct err *e)
{
	(void)j;
	return sq_script(q,
	    "CREATE TABLE IF NOT EXISTS numbers"
	    " (at INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER UNIQUE)",
	    e);
}

static enum sq_rc
add_number(struct sq *q, const struct filter_job *j, struct err *e)
{
	const struct number *t = (const struct number *)j;

	__atomic_store_n(&applied, t->n, __ATOMIC_RELAXED);
	return sq_run(q, e, "INSERT INTO numbers (n) VALUES (?)", SQ_I(t->n));
}

static void
put(enum sq_rc (*apply)(struct sq *, const struct filter_job *, struct err *),
    int n)
{
	struct number *t = mem_zalloc(sizeof(*t));

	t->job.apply = apply;
	t->n = n;
	filter_db_put(db, &t->job);
}

static void
put_numbers(int from, int to)
{
	for (int i = from; i < to; i++)
		put(add_number, i);
}

static int
ask(const char *sql)
{
	struct sqlite3_stmt *s;
	struct err e = ERR_INIT;
	struct sq *q = filter_db_reader(db, &e);
	int n;

	if (!q)
		fail_msg("%s", e.msg);
	assert_int_equal(sq_one(q, &s, &e, sql), SQ_ROW);
	n = (int)sq_int(s, 0);
	sq_reset(s);
	filter_db_reader_done(db, &q);
	assert_null(q);
	return n;
}

static int
count(void)
{
	return ask("SELECT count(*) FROM numbers");
}

/* In the order in which they were put. */
static bool
is_in_order(void)
{
	return ask("SELECT count(*) FROM numbers a JOIN numbers b"
		   " ON b.at = a.at + 1 WHERE b.n <= a.n") == 0;
}

static bool
flush(void)
{
	struct err e;

	return filter_db_flush(db, &e);
}

static int
logged(const char *event)
{
	struct buf b = { 0 };
	struct err e;
	int n = 0;

	assert_true(fs_read(log_path, 1 << 20, &b, &e));
	for (const char *p = buf_cstr(&b); (p = strstr(p, event)); p++)
		n++;
	buf_fini(&b);
	return n;
}

/* ------------------------------------------------------------------------
 * Fixture
 */

static void
open_db(void)
{
	struct err e = ERR_INIT;

	if (!filter_db_open(dir, &db, &e))
		fail_msg("%s", e.msg);
}

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "db_test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/filter.db", dir);
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	if (!log_open(log_path))
		return -1;
	open_db();
	put(make_table, 0);
	return flush() ? 0 : -1;
}

static int
teardown(void **state)
{
	struct err e;

	(void)state;
	filter_db_close(&db);
	return fs_remove_tree(dir, &e) ? 0 : -1;
}

/* Another connection, of somebody who is in our way. */
static struct sq *
connect(void)
{
	struct sq_options o = { .path = path };
	struct sq *q;
	struct err e;

	assert_int_equal(sq_open(&o, &q, &e), SQ_OK);
	return q;
}

static void
run(struct sq *q, const char *sql)
{
	struct err e = ERR_INIT;

	if (sq_script(q, sql, &e) != SQ_OK)
		fail_msg("%s", e.msg);
}

/* ------------------------------------------------------------------------
 * Tests
 */

static void
test_order(void **state)
{
	(void)state;
	put_numbers(0, 1000);
	assert_true(flush());
	assert_int_equal(count(), 1000);
	assert_true(is_in_order());
	assert_true(flush());
}

/* The second waits until a second is over, though nobody else writes. */
static void
test_once_a_second(void **state)
{
	(void)state;
	put(add_number, 1);
	assert_true(flush());
	put(add_number, 2);
	usleep(300000);
	assert_int_equal(__atomic_load_n(&applied, __ATOMIC_RELAXED), 1);
	for (int i = 0; i < 100 && count() < 2; i++)
		usleep(50000);
	assert_int_equal(count(), 2);
}

static void
test_close_writes(void **state)
{
	(void)state;
	put_numbers(0, 100);
	filter_db_close(&db);
	open_db();
	assert_int_equal(count(), 100);
}

static void
test_locked(void **state)
{
	struct sq *q = connect();
	int64_t begin;

	(void)state;
	run(q, "BEGIN IMMEDIATE");
	begin = clock_mono_ms();
	put_numbers(0, 100);
	assert_true(clock_mono_ms() - begin < 1000);
	assert_false(flush());
	put_numbers(100, 200);
	assert_false(flush());
	assert_int_equal(logged("filter_db_failed"), 1);
	assert_int_equal(logged("reason=busy"), 1);
	run(q, "ROLLBACK");
	assert_true(flush());
	assert_int_equal(count(), 200);
	assert_true(is_in_order());
	assert_int_equal(logged("filter_db_failed"), 1);
	assert_int_equal(logged("filter_db_recovered"), 1);
	sq_close(&q);
}

/* Without anybody who hurries. */
static void
test_tries_again(void **state)
{
	struct sq *q = connect();

	(void)state;
	run(q, "BEGIN IMMEDIATE");
	put_numbers(0, 10);
	assert_false(flush());
	run(q, "ROLLBACK");
	for (int i = 0; i < 200 && count() < 10; i++)
		usleep(50000);
	assert_int_equal(count(), 10);
	sq_close(&q);
}

static void
test_dropped(void **state)
{
	struct sq *q = connect();

	(void)state;
	run(q, "BEGIN IMMEDIATE");
	put_numbers(0, FILTER_DB_MAX / 2);
	assert_false(flush());
	put_numbers(FILTER_DB_MAX / 2, FILTER_DB_MAX + 123);
	assert_false(flush());
	assert_int_equal(logged("filter_db_dropped"), 1);
	assert_int_equal(logged("jobs=123"), 1);
	run(q, "ROLLBACK");
	assert_true(flush());
	assert_int_equal(count(), FILTER_DB_MAX);
	assert_int_equal(ask("SELECT min(n) FROM numbers"), 123);
	assert_true(is_in_order());
	sq_close(&q);
}

/* A disk that takes no more. */
static void
test_full(void **state)
{
	struct rlimit was, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	none = was;
	none.rlim_cur = 65536;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	put_numbers(0, 20000);
	assert_false(flush());
	assert_false(flush());
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_true(flush());
	assert_int_equal(count(), 20000);
	assert_true(is_in_order());
	assert_int_equal(logged("filter_db_failed"), 1);
	assert_int_equal(logged("filter_db_recovered"), 1);
}

static void
spoil(void)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (int i = 0; i < 2000; i++)
		fputs("no database\n", f);
	fclose(f);
}

/* It does not keep the filter from starting; a sound file is found later. */
static void
test_corrupt(void **state)
{
	struct err e;
	struct sq *q;

	(void)state;
	filter_db_close(&db);
	spoil();
	open_db();
	q = filter_db_reader(db, &e);
	filter_db_reader_done(db, &q);
	put(make_table, 0);
	put_numbers(0, 10);
	assert_false(flush());
	assert_int_equal(logged("reason=corrupt"), 1);
	assert_int_equal(unlink(path), 0);
	assert_true(flush());
	assert_int_equal(count(), 10);
	assert_int_equal(logged("filter_db_recovered"), 1);
}

static void
test_no_folder(void **state)
{
	(void)state;
	filter_db_close(&db);
	assert_int_equal(unlink(path), 0);
	strcat(dir, "/later");
	open_db();
	put(make_table, 0);
	put_numbers(0, 10);
	assert_false(flush());
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_true(flush());
	assert_int_equal(count(), 10);
	*strchr(dir, '/') = '\0';
}

/* It goes alone, and leaves nothing. */
static enum sq_rc
add_twice(struct sq *q, const struct filter_job *j, struct err *e)
{
	enum sq_rc rc = add_number(q, j, e);

	return rc == SQ_OK ? add_number(q, j, e) : rc;
}

static void
test_fault(void **state)
{
	(void)state;
	put(add_twice, 5000);
	put_numbers(0, 10);
	put(add_twice, 5001);
	put_numbers(10, 20);
	put(add_twice, 5002);
	assert_true(flush());
	assert_int_equal(count(), 20);
	assert_int_equal(logged("filter_db_fault"), 1);
	assert_int_equal(logged("jobs=3"), 1);
	put(add_twice, 5003);
	assert_true(flush());
	assert_int_equal(count(), 20);
}

static void
test_newer(void **state)
{
	struct err e = ERR_INIT;
	struct sq *q;

	(void)state;
	filter_db_close(&db);
	q = connect();
	run(q, "PRAGMA user_version=999");
	sq_close(&q);
	assert_false(filter_db_open(dir, &db, &e));
	assert_null(db);
	assert_non_null(strstr(e.msg, "999"));
}

/* Each migration once, and a file that was there is taken on. */
static void
test_migrations(void **state)
{
	int newest = 0;

	(void)state;
	for (const struct sql_migration *m = filter_migrations; m->version; m++)
		newest = m->version;
	assert_int_equal(ask("PRAGMA user_version"), newest);
	put(add_number, 1);
	filter_db_close(&db);
	open_db();
	assert_int_equal(ask("PRAGMA user_version"), newest);
	assert_int_equal(count(), 1);
}

static void *
read_and_write(void *arg)
{
	int from = *(int *)arg;

	for (int i = 0; i < 200; i++) {
		put(add_number, from + i);
		if (i % 20 == 0 && (!flush() || count() == 0))
			return arg;
	}
	return NULL;
}

static void
test_threads(void **state)
{
	int from[8];
	pthread_t threads[8];
	void *wrong;

	(void)state;
	for (int i = 0; i < 8; i++) {
		from[i] = i * 1000;
		assert_int_equal(
		    pthread_create(&threads[i], NULL, read_and_write, &from[i]),
		    0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_true(flush());
	assert_int_equal(count(), 1600);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_once_a_second),
		TEST(test_close_writes),
		TEST(test_locked),
		TEST(test_tries_again),
		TEST(test_dropped),
		TEST(test_full),
		TEST(test_corrupt),
		TEST(test_no_folder),
		TEST(test_fault),
		TEST(test_newer),
		TEST(test_migrations),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
