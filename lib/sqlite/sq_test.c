/* SPDX-License-Identifier: BSD-2-Clause */
#include "sqlite/sq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

static char dir[64], path[96];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "sq_test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/t.db", dir);
	return 0;
}

static int
teardown(void **state)
{
	struct err e;

	(void)state;
	return fs_remove_tree(dir, &e) ? 0 : -1;
}

static struct sq *
open_db(unsigned busy_ms)
{
	struct sq_options o = {
		.path = path, .create = true, .busy_ms = busy_ms
	};
	struct sq *q;
	struct err e;

	assert_int_equal(sq_open(&o, &q, &e), SQ_OK);
	return q;
}

static void
test_open(void **state)
{
	struct sq_options o = { .path = path };
	struct stat st;
	struct sq *q;
	struct err e;

	(void)state;
	assert_int_equal(sq_open(&o, &q, &e), SQ_NOTFOUND);
	assert_null(q);
	q = open_db(0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	sq_close(&q);
	assert_null(q);
	assert_true(fs_write_durable(path,
	    STR("this is not a database, and long enough to be one, "
		"so that SQLite reads the header and complains about it"),
	    0600, &e));
	assert_int_equal(sq_open(&o, &q, &e), SQ_CORRUPT);
}

static void
test_values(void **state)
{
	struct arena *a = arena_new();
	struct sq *q = open_db(0);
	struct sqlite3_stmt *s;
	struct err e;

	(void)state;
	assert_int_equal(
	    sq_script(q, "CREATE TABLE t(a INT, b TEXT UNIQUE)", &e), SQ_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    sq_run(q, &e, "INSERT INTO t VALUES(?, ?)", SQ_I(i),
			i == 2 ? SQ_NULL : SQ_T(str_sub(STR("xy"), 0, i))),
		    SQ_OK);
	assert_int_equal(
	    sq_run(q, &e, "INSERT INTO t VALUES(?, ?)", SQ_I(9), SQ_C("x")),
	    SQ_CONSTRAINT);
	assert_int_equal(
	    sq_run(q, &e, "INSERT INTO t VALUES(?, ?)", SQ_I(1)), SQ_ERROR);

	assert_int_equal(
	    sq_start(q, &s, &e, "SELECT a, b FROM t ORDER BY a"), SQ_OK);
	assert_int_equal(sq_step(s, &e), SQ_ROW);
	assert_false(sq_is_null(s, 1)); /* empty is not NULL */
	assert_int_equal(sq_str(s, 1).n, 0);
	assert_int_equal(sq_step(s, &e), SQ_ROW);
	assert_int_equal(sq_int(s, 0), 1);
	assert_true(str_eqc(sq_dup(a, s, 1), "x"));
	assert_int_equal(sq_step(s, &e), SQ_ROW);
	assert_true(sq_is_null(s, 1));
	assert_int_equal(sq_step(s, &e), SQ_DONE);
	sq_close(&q);
	arena_free(&a);
}

static void
test_busy_and_version(void **state)
{
	struct sq *a = open_db(0), *b = open_db(10);
	int64_t before, after;
	struct err e;

	(void)state;
	assert_int_equal(sq_script(a, "CREATE TABLE t(a)", &e), SQ_OK);
	assert_int_equal(sq_data_version(b, &before, &e), SQ_OK);
	assert_int_equal(sq_begin(a, &e), SQ_OK);
	assert_int_equal(sq_begin(b, &e), SQ_BUSY);
	assert_int_equal(sq_run(a, &e, "INSERT INTO t VALUES(1)"), SQ_OK);
	assert_int_equal(sq_commit(a, &e), SQ_OK);
	assert_int_equal(sq_data_version(b, &after, &e), SQ_OK);
	assert_int_not_equal(before, after);
	assert_int_equal(sq_begin(b, &e), SQ_OK);
	sq_rollback(b);
	sq_rollback(b);
	sq_close(&a);
	sq_close(&b);
}

static const struct sql_migration two[] = {
	{ 1, "CREATE TABLE t(a); INSERT INTO t VALUES(1);" },
	{ 2, "ALTER TABLE t ADD b; UPDATE t SET b = 2;" },
	{ 0, NULL },
};
static const struct sql_migration one[] = {
	{ 1, "CREATE TABLE t(a); INSERT INTO t VALUES(1);" },
	{ 0, NULL },
};
static const struct sql_migration broken[] = {
	{ 1, "CREATE TABLE t(a); INSERT INTO t VALUES(1);" },
	{ 2, "UPDATE t SET a = 7; UPDATE t SET nosuch = 1;" },
	{ 0, NULL },
};

static int64_t
get(struct sq *q, const char *sql)
{
	struct sqlite3_stmt *s;
	struct err e;
	int64_t v;

	assert_int_equal(sq_one(q, &s, &e, sql), SQ_ROW);
	v = sq_int(s, 0);
	sq_reset(s);
	return v;
}

static void
test_migrate(void **state)
{
	struct sq *q = open_db(0);
	struct err e;

	(void)state;
	assert_int_equal(sq_migrate(q, broken, &e), SQ_ERROR);
	assert_int_equal(get(q, "PRAGMA user_version"), 1);
	assert_int_equal(get(q, "SELECT a FROM t"), 1); /* rolled back */
	assert_int_equal(sq_migrate(q, two, &e), SQ_OK);
	assert_int_equal(sq_migrate(q, two, &e), SQ_OK); /* nothing to do */
	assert_int_equal(get(q, "SELECT b FROM t"), 2);
	assert_int_equal(sq_migrate(q, one, &e), SQ_NEWER);
	sq_close(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_busy_and_version, setup, teardown),
		cmocka_unit_test_setup_teardown(test_migrate, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
