/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/antivirus.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "filter/fake_scanner.h"
#include "filter/talk.h"

/* With its NUL, as clamd sends it. */
#define ZSTR(literal) ((struct str){ (literal), sizeof(literal) })
#define BIG (4 * 1024 * 1024)

static const struct str ok = ZSTR("stream: OK");
static const struct str found = ZSTR("stream: Eicar FOUND");

struct fixture {
	struct fake *fake;
	struct antivirus *av;
	struct antivirus_options o;
	char name[128];
	struct err e;
	struct buf big;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->fake = fake_start(true);
	fake_set(f->fake, FAKE_ANSWERS, ok);
	fake_set_version(f->fake, ZSTR("ClamAV 1/1/x"));
	f->av = antivirus_new();
	f->o.server = fake_server(f->fake);
	f->o.timeout = 1;
	memset(buf_reserve(&f->big, BIG), 'a', BIG);
	f->big.n = BIG;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	antivirus_free(&f->av);
	fake_stop(&f->fake);
	buf_fini(&f->big);
	free(f);
	return 0;
}

/* In pieces, as a milter gets it. */
static enum scan_result
scan(struct fixture *f, struct str text)
{
	struct scan *s = scan_new(f->av, &f->o);
	enum scan_result r;

	f->e.msg[0] = '\0';
	while (text.n > 0) {
		struct str part = str_sub(text, 0, 65535);

		scan_add(s, part);
		text = str_sub(text, part.n, STR_NPOS);
	}
	r = scan_end(s, f->name, &f->e);
	scan_free(&s);
	return r;
}

/* ------------------------------------------------------------------------
 * What goes to the scanner
 */

static void
test_stream(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(scan(f, STR("abc")), SCAN_CLEAN);
	assert_true(str_eq(fake_heard(f->fake),
	    (struct str){ "zINSTREAM\0\0\0\0\3abc\0\0\0\0", 21 }));
	fake_set(f->fake, FAKE_ANSWERS, found);
	assert_int_equal(scan(f, STR("abc")), SCAN_FOUND);
	assert_string_equal(f->name, "Eicar");
	assert_int_equal(scan(f, STR("")), SCAN_FOUND);
	assert_int_equal(fake_heard(f->fake).n, 14);
}

static void
test_big_stream(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(scan(f, buf_str(&f->big)), SCAN_CLEAN);
	assert_int_equal(
	    fake_heard(f->fake).n, 10 + BIG + 4 * (BIG / 65536) + 4);
}

static void
test_max_size(void **state)
{
	struct fixture *f = *state;

	f->o.max_size = 100000;
	assert_int_equal(
	    scan(f, str_sub(buf_str(&f->big), 0, 100000)), SCAN_CLEAN);
	assert_int_equal(
	    scan(f, str_sub(buf_str(&f->big), 0, 100001)), SCAN_TOO_LARGE);
	assert_non_null(strstr(f->e.msg, "100000"));
	assert_int_equal(fake_asked(f->fake), 1);
}

/* Only waiting for the scanner counts, not waiting for the client. */
static void
test_slow_client(void **state)
{
	struct fixture *f = *state;
	struct scan *s = scan_new(f->av, &f->o);

	scan_add(s, str_sub(buf_str(&f->big), 0, 100000));
	usleep(1200000);
	scan_add(s, STR("b"));
	assert_int_equal(scan_end(s, f->name, &f->e), SCAN_CLEAN);
	scan_free(&s);
}

static void
test_version(void **state)
{
	struct fixture *f = *state;
	char version[128];

	assert_true(antivirus_version(&f->o, version, &f->e));
	assert_string_equal(version, "ClamAV 1/1/x");
	fake_set_version(f->fake, ZSTR("UNKNOWN COMMAND"));
	assert_false(antivirus_version(&f->o, version, &f->e));
	assert_non_null(strstr(f->e.msg, "UNKNOWN COMMAND"));
}

/* ------------------------------------------------------------------------
 * Scanners that fail
 */

static const struct {
	enum manner manner;
	struct str answer;
	size_t size;
	enum scan_result r;
	const char *why;
} faults[] = {
	{ FAKE_HANGS, ZSTR(""), 10, SCAN_FAILED, "no answer in time" },
	{ FAKE_DEAF, ZSTR(""), 10, SCAN_FAILED, "no answer in time" },
	{ FAKE_DEAF, ZSTR(""), BIG, SCAN_FAILED, "reads too slowly" },
	{ FAKE_TRICKLES, STR("stream: "), 10, SCAN_FAILED, "in time" },
	{ FAKE_FLOODS, ZSTR(""), 10, SCAN_FAILED, "too long" },
	{ FAKE_RESETS, ZSTR(""), 10, SCAN_FAILED, "without an answer" },
	{ FAKE_CLOSES, ZSTR(""), 10, SCAN_FAILED, "without an answer" },
	{ FAKE_EARLY, ZSTR(""), BIG, SCAN_FAILED, "" },
	{ FAKE_EARLY, ZSTR("INSTREAM size limit exceeded. ERROR"), BIG,
	    SCAN_TOO_LARGE, "limit" },
	{ FAKE_EARLY, ZSTR("Can't allocate memory ERROR"), BIG, SCAN_FAILED,
	    "Can't allocate memory" },
	{ FAKE_ANSWERS, ZSTR("garbage\xff\n"), 10, SCAN_FAILED, "garbage?" },
};

static void
test_faults(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < LEN(faults); i++) {
		int64_t start = clock_mono_ms();

		print_message("fault %zu\n", i);
		fake_set(f->fake, faults[i].manner, faults[i].answer);
		assert_int_equal(
		    scan(f, str_sub(buf_str(&f->big), 0, faults[i].size)),
		    faults[i].r);
		assert_non_null(strstr(f->e.msg, faults[i].why));
		assert_non_null(strstr(f->e.msg, f->o.server));
		assert_in_range(clock_mono_ms() - start, 0, 3000);
	}
}

static const struct {
	const char *server, *host, *port; /* HOST NULL: it is none */
} addresses[] = {
	{ "127.0.0.1:783", "127.0.0.1", "783" },
	{ "scanner.example:11333", "scanner.example", "11333" },
	{ "[::1]:3310", "::1", "3310" },
	{ "::1:3310", NULL, NULL },
	{ "host", NULL, NULL },
	{ "host:", NULL, NULL },
	{ ":783", NULL, NULL },
	{ "[]:783", NULL, NULL },
	{ "host:0", NULL, NULL },
	{ "host:65536", NULL, NULL },
	{ "host:smtp", NULL, NULL },
	{ "host/path:783", NULL, NULL },
	{ "user@host:783", NULL, NULL },
	{ "ho st:783", NULL, NULL },
};

static void
test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(addresses); i++) {
		struct talk_address a;

		print_message("%s\n", addresses[i].server);
		assert_int_equal(talk_address(addresses[i].server, &a),
		    addresses[i].host != NULL);
		if (addresses[i].host) {
			assert_string_equal(a.host, addresses[i].host);
			assert_string_equal(a.port, addresses[i].port);
		}
	}
}

static void
test_no_server(void **state)
{
	static const char *const servers[] = { "unix:/nonexistent/socket",
		"127.0.0.1:1", "nothing", ":5", "[::1]:1", "" };
	struct fixture *f = *state;

	for (size_t i = 0; i < LEN(servers); i++) {
		print_message("%s\n", servers[i]);
		f->o.server = servers[i];
		assert_int_equal(scan(f, STR("abc")), SCAN_FAILED);
		assert_non_null(strstr(f->e.msg, ": "));
	}
}

/* ------------------------------------------------------------------------
 * Verdicts that are remembered
 */

static void
test_cache(void **state)
{
	struct fixture *f = *state;

	f->o.cache = 100;
	for (int i = 0; i < 3; i++)
		assert_int_equal(scan(f, STR("abc")), SCAN_CLEAN);
	assert_int_equal(fake_asked(f->fake), 1);
	fake_set(f->fake, FAKE_ANSWERS, found);
	assert_int_equal(scan(f, STR("abc")), SCAN_CLEAN);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(scan(f, STR("abd")), SCAN_FOUND);
		assert_string_equal(f->name, "Eicar");
	}
	assert_int_equal(fake_asked(f->fake), 2);
}

/* One that went out is not scanned again: its end is not said. */
static void
test_cache_of_big(void **state)
{
	struct fixture *f = *state;

	f->o.cache = 100;
	for (int i = 0; i < 3; i++)
		assert_int_equal(scan(f, buf_str(&f->big)), SCAN_CLEAN);
	assert_int_equal(fake_asked(f->fake), 1);
}

static void
test_cache_follows_signatures(void **state)
{
	struct fixture *f = *state;

	f->o.cache = 100;
	assert_int_equal(scan(f, STR("abc")), SCAN_CLEAN);
	fake_set_version(f->fake, ZSTR("ClamAV 1/2/x"));
	fake_set(f->fake, FAKE_ANSWERS, found);
	/* Within the minute nobody asks. */
	assert_int_equal(scan(f, STR("abc")), SCAN_CLEAN);
	clock_shift(61);
	assert_int_equal(scan(f, STR("abc")), SCAN_FOUND);
	assert_int_equal(fake_asked(f->fake), 2);
	/* The same version: still good. */
	clock_shift(61);
	assert_int_equal(scan(f, STR("abc")), SCAN_FOUND);
	assert_int_equal(fake_asked(f->fake), 2);
}

/* clamd's version says nothing of signatures that are not its makers'. */
static void
test_cache_lasts_an_hour(void **state)
{
	struct fixture *f = *state;

	f->o.cache = 100;
	assert_int_equal(scan(f, STR("abc")), SCAN_CLEAN);
	fake_set(f->fake, FAKE_ANSWERS, found);
	clock_shift(3500);
	assert_int_equal(scan(f, STR("abc")), SCAN_CLEAN);
	clock_shift(101);
	assert_int_equal(scan(f, STR("abc")), SCAN_FOUND);
}

static void
test_cache_needs_a_version(void **state)
{
	struct fixture *f = *state;

	f->o.cache = 100;
	assert_int_equal(scan(f, STR("abc")), SCAN_CLEAN);
	fake_set_version(f->fake, ZSTR("UNKNOWN COMMAND"));
	clock_shift(61);
	for (int i = 0; i < 2; i++)
		assert_int_equal(scan(f, STR("abc")), SCAN_CLEAN);
	assert_int_equal(fake_asked(f->fake), 3);
}

static void
test_cache_keeps_no_failures(void **state)
{
	struct fixture *f = *state;

	f->o.cache = 100;
	fake_set(f->fake, FAKE_CLOSES, ok);
	assert_int_equal(scan(f, STR("abc")), SCAN_FAILED);
	fake_set(f->fake, FAKE_ANSWERS, ok);
	assert_int_equal(scan(f, STR("abc")), SCAN_CLEAN);
}

/* A full table forgets, and nothing more. */
static void
test_cache_is_small(void **state)
{
	struct fixture *f = *state;
	char text[16];

	f->o.cache = 2;
	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(scan(f, str_of(text)), SCAN_CLEAN);
	}
	assert_int_equal(fake_asked(f->fake), 50);
}

static void *
scan_often(void *arg)
{
	struct fixture f = *(struct fixture *)arg;
	char text[16];

	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "%d", i % 20);
		if (scan(&f, str_of(text)) != SCAN_CLEAN)
			return arg;
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[4];
	void *failed;

	f->o.cache = 1000;
	f->o.timeout = 10;
	for (size_t i = 0; i < LEN(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, scan_often, f), 0);
	for (size_t i = 0; i < LEN(threads); i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_in_range(fake_asked(f->fake), 20, 400);
}

/* It belongs to one scanner. */
static void
test_cache_of_another_scanner(void **state)
{
	struct fixture *f = *state;
	struct fake *other = fake_start(false);

	f->o.cache = 100;
	assert_int_equal(scan(f, STR("abc")), SCAN_CLEAN);
	fake_set(other, FAKE_ANSWERS, found);
	fake_set_version(other, ZSTR("ClamAV 1/1/x"));
	f->o.server = fake_server(other);
	assert_int_equal(scan(f, STR("abc")), SCAN_FOUND);
	fake_stop(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_big_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(test_max_size, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_slow_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_version, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test_setup_teardown(
		    test_no_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cache, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_cache_of_big, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_cache_follows_signatures, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_cache_lasts_an_hour, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_cache_needs_a_version, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_cache_keeps_no_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_cache_is_small, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_cache_of_another_scanner, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
