/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/tls_collect.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/zone.h"
#include "filter/test.h"

#define NOW (20000 * (int64_t)86400 + 3600)
#define OTHER "Nov 26 20:23:28 mail postfix/qmgr[8]: AB1: removed\n"

static struct zone *zone;
static struct outbound *outbound;
static struct tls_collect *collect;
static char path[96], old[96];

/* ------------------------------------------------------------------------
 * Fixture
 */

static void
add_record(const char *name, enum dns_type type, const char *text)
{
	struct err e = ERR_INIT;

	assert_true(zone_add(zone, str_of(name), type, str_of(text), &e));
}

static void
open_collect(struct fixture *f)
{
	const struct outbound_options o = {
		.site = f->site,
		.db = db,
		.resolver = zone_resolver(zone),
	};

	outbound = outbound_new(&o);
	collect = tls_collect_new(&o, outbound);
}

static void
close_collect(void)
{
	tls_collect_free(&collect);
	outbound_free(&outbound);
}

static int
up(void **state)
{
	struct fixture *f;

	if (filter_up(state) != 0)
		return -1;
	f = *state;
	snprintf(path, sizeof(path), "%s/mail.log", f->dir);
	snprintf(old, sizeof(old), "%s/mail.log.1", f->dir);
	ok(site_setting_set(f->site, NULL, STR("report.tls_log"),
	    (struct site_scope){ 0 }, str_of(path), &f->e));
	zone = zone_new();
	add_record("a.example", DNS_MX, "10 mx.a.example");
	add_record("_smtp._tls.a.example", DNS_TXT,
	    "v=TLSRPTv1; rua=mailto:tls@a.example");
	open_collect(f);
	return 0;
}

static int
down(void **state)
{
	close_collect();
	zone_free(&zone);
	return filter_down(state);
}

static void
append(const char *file, const char *text, size_t times)
{
	FILE *f = fopen(file, "a");

	assert_non_null(f);
	while (times-- > 0)
		fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* A message of its own, delivered over TLS. */
static void
append_session(const char *file)
{
	static unsigned id;
	char text[512];

	snprintf(text, sizeof(text),
	    "Nov 26 20:23:28 mail postfix/smtp[9]: Trusted TLS connection"
	    " established to mx.a.example[192.0.2.1]:25: TLSv1.3\n"
	    "Nov 26 20:23:28 mail postfix/smtp[9]: A%u: to=<a@a.example>,"
	    " relay=mx.a.example[192.0.2.1]:25, delay=1, dsn=2.0.0,"
	    " status=sent (250 ok)\n",
	    ++id);
	append(file, text, 1);
}

static void
run(struct fixture *f)
{
	if (!tls_collect_run(collect, NOW, &f->e))
		fail_msg("%s", f->e.msg);
}

static int64_t
sessions(void)
{
	return ask("SELECT ifnull(sum(count), 0) FROM tls_sessions");
}

/* ------------------------------------------------------------------------
 * Tests
 */

static void
test_from_now_on(void **state)
{
	struct fixture *f = *state;

	append_session(path);
	append_session(path);
	append_session(path);
	run(f);
	assert_int_equal(sessions(), 0);
	append_session(path);
	append_session(path);
	run(f);
	assert_int_equal(sessions(), 2);
	close_collect();
	append_session(path); /* while nobody looks */
	open_collect(f);
	run(f);
	assert_int_equal(sessions(), 3);
}

/* As long as the new file is empty, the logger may still have the old one. */
static void
test_rotated(void **state)
{
	struct fixture *f = *state;

	append(path, OTHER, 1);
	run(f);
	assert_int_equal(rename(path, old), 0);
	run(f); /* between the two */
	append(path, "", 0);
	run(f);
	append_session(old);
	append_session(path);
	run(f);
	assert_int_equal(sessions(), 2);
	append_session(path);
	run(f);
	assert_int_equal(sessions(), 3);
}

/* More than is read at once: none of it is lost when it is rotated. */
static void
test_backlog(void **state)
{
	struct fixture *f = *state;

	append(path, OTHER, 1);
	run(f);
	append(path, OTHER, (20 << 20) / strlen(OTHER));
	append_session(path);
	assert_int_equal(rename(path, old), 0);
	append_session(path);
	for (int i = 0; i < 5; i++)
		run(f);
	assert_int_equal(sessions(), 2);
}

static void
test_cut(void **state)
{
	struct fixture *f = *state;

	append(path, OTHER, 100);
	run(f);
	assert_int_equal(truncate(path, 0), 0);
	append_session(path);
	run(f);
	assert_int_equal(sessions(), 1);
}

/* A reason is told once, another one too, and once more after it was gone. */
static void
test_complaints(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		assert_false(tls_collect_run(collect, NOW, &f->e));
		assert_non_null(strstr(f->e.msg, "No such file"));
		assert_true(tls_collect_run(collect, NOW, &f->e));
		assert_int_equal(mkdir(path, 0700), 0);
		assert_false(tls_collect_run(collect, NOW, &f->e));
		assert_non_null(strstr(f->e.msg, "Is a directory"));
		assert_true(tls_collect_run(collect, NOW, &f->e));
		assert_int_equal(rmdir(path), 0);
		append(path, OTHER, 1);
		run(f);
		assert_int_equal(unlink(path), 0);
		close_collect();
		open_collect(f);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_from_now_on),
		TEST(test_rotated),
		TEST(test_backlog),
		TEST(test_cut),
		TEST(test_complaints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
