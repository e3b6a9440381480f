/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/sts_cache.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/fs.h"

#define DOMAIN STR("a.example")
#define POLICY(mode, age)                                                      \
	"version: STSv1\nmode: " mode "\nmx: mx.a.example\nmax_age: " age "\n"

/* What the web server of all policies has, and how often it was asked. */
static struct web {
	pthread_mutex_t lock;
	const char *text; /* NULL: it does not answer */
	unsigned asked;
	unsigned pause_ms;
} web = { .lock = PTHREAD_MUTEX_INITIALIZER };

static char dir[] = "/tmp/ms-sts-XXXXXX";
static struct filter_db *db;
static struct sts_cache *cache;

static bool
fetcher(void *arg, struct str domain, struct buf *text, struct err *e)
{
	struct web *w = arg;
	const char *now;

	assert_true(str_eq(domain, DOMAIN));
	pthread_mutex_lock(&w->lock);
	w->asked++;
	now = w->text;
	pthread_mutex_unlock(&w->lock);
	usleep(1000 * w->pause_ms);
	if (now)
		buf_puts(text, now);
	else
		err_set(e, "no answer");
	return now != NULL;
}

static void
open_cache(void)
{
	struct err e = ERR_INIT;

	assert_true(filter_db_open(dir, &db, &e));
	cache = sts_cache_new(db, fetcher, &web);
}

static void
close_cache(void)
{
	sts_cache_free(&cache);
	filter_db_close(&db);
}

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/ms-sts-XXXXXX");
	assert_non_null(mkdtemp(dir));
	web.text = POLICY("enforce", "86400");
	web.asked = web.pause_ms = 0;
	open_cache();
	return 0;
}

static int
tear_down(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	close_cache();
	assert_true(fs_remove_tree(dir, &e));
	return 0;
}

static enum sts_rc
get(const char *id, enum sts_mode *mode)
{
	struct arena *a = arena_new();
	struct sts_policy p;
	enum sts_rc rc = sts_cache_get(
	    cache, a, DOMAIN, str_of(id), clock_mono_ms() + 10000, &p);

	if (rc == STS_FOUND) {
		*mode = p.mode;
		assert_int_equal(p.n, 1);
		assert_true(str_eqc(p.mx[0], "mx.a.example"));
	}
	arena_free(&a);
	return rc;
}

static void
test_fetched_once(void **state)
{
	enum sts_mode mode;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(get("1", &mode), STS_FOUND);
		assert_int_equal(mode, STS_ENFORCE);
	}
	assert_int_equal(web.asked, 1);
	/* Who takes the record away does not take the policy away. */
	assert_int_equal(get("", &mode), STS_FOUND);
	assert_int_equal(web.asked, 1);
}

/* Without a record nobody is asked. */
static void
test_no_record(void **state)
{
	enum sts_mode mode;

	(void)state;
	assert_int_equal(get("", &mode), STS_UNKNOWN);
	assert_int_equal(web.asked, 0);
}

/* What cannot be had is not tried again at once, and a policy that is known
 * stays. */
static void
test_failures(void **state)
{
	enum sts_mode mode;

	(void)state;
	web.text = NULL;
	assert_int_equal(get("1", &mode), STS_UNKNOWN);
	assert_int_equal(get("1", &mode), STS_UNKNOWN);
	assert_int_equal(web.asked, 1);
	close_cache(); /* a restart may try */
	open_cache();
	web.text = POLICY("testing", "86400");
	assert_int_equal(get("1", &mode), STS_FOUND);
	assert_int_equal(mode, STS_TESTING);
	close_cache();
	open_cache();
	web.text = "version: STSv1\nmode: nonsense\n";
	assert_int_equal(get("2", &mode), STS_FOUND);
	assert_int_equal(mode, STS_TESTING);
	assert_int_equal(web.asked, 3);
}

static void
test_restart(void **state)
{
	enum sts_mode mode;

	(void)state;
	assert_int_equal(get("1", &mode), STS_FOUND);
	close_cache();
	open_cache();
	web.text = NULL;
	assert_int_equal(get("1", &mode), STS_FOUND);
	assert_int_equal(mode, STS_ENFORCE);
	assert_int_equal(web.asked, 1);
	/* Another id: it is fetched, and until that succeeds the old counts. */
	assert_int_equal(get("2", &mode), STS_FOUND);
	assert_int_equal(web.asked, 2);
}

/* What was fetched long ago is renewed, by the id that is known. */
static void
test_refresh(void **state)
{
	struct err e = ERR_INIT;
	enum sts_mode mode;

	(void)state;
	assert_int_equal(get("1", &mode), STS_FOUND);
	assert_true(filter_db_flush(db, &e));
	web.text = POLICY("none", "86400");
	assert_true(sts_cache_refresh(cache, clock_now(), &e));
	assert_int_equal(web.asked, 1); /* it is young */
	close_cache();
	open_cache();
	assert_true(
	    sts_cache_refresh(cache, clock_now() + STS_REFRESH - 10, &e));
	assert_int_equal(web.asked, 1);
	filter_db_run(db, "UPDATE sts_policies SET fetched = ?",
	    SQ_VALUES(SQ_I(clock_now() - STS_REFRESH - 10)));
	assert_true(filter_db_flush(db, &e));
	assert_true(sts_cache_refresh(cache, clock_now(), &e));
	assert_int_equal(web.asked, 2);
	assert_int_equal(get("1", &mode), STS_FOUND);
	assert_int_equal(mode, STS_NONE);
}

static void *
ask(void *arg)
{
	enum sts_mode mode;

	(void)arg;
	return get("1", &mode) == STS_FOUND ? dir : NULL;
}

/* One fetches, the others wait for him. */
static void
test_threads(void **state)
{
	pthread_t threads[8];
	void *found;

	(void)state;
	web.pause_ms = 200;
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, ask, NULL), 0);
	for (size_t i = 0; i < 8; i++) {
		pthread_join(threads[i], &found);
		assert_non_null(found);
	}
	assert_int_equal(web.asked, 1);
}

/* Patience has an end, that of the one who asks. */
static void
test_impatient(void **state)
{
	struct arena *a = arena_new();
	struct sts_policy p;
	pthread_t thread;
	void *found;

	(void)state;
	web.pause_ms = 500;
	assert_int_equal(pthread_create(&thread, NULL, ask, NULL), 0);
	usleep(100000);
	assert_int_equal(
	    sts_cache_get(cache, a, DOMAIN, STR("1"), clock_mono_ms() + 50, &p),
	    STS_PENDING);
	pthread_join(thread, &found);
	assert_non_null(found);
	arena_free(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fetched_once),
		TEST(test_no_record),
		TEST(test_failures),
		TEST(test_restart),
		TEST(test_refresh),
		TEST(test_threads),
		TEST(test_impatient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
