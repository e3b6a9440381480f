/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/quarantine.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/quarantine_internal.h"
#include "site/test.h"

#define NOW 1800000000
#define DAY 86400

static struct quarantine *q;

static int
up(void **state)
{
	struct fixture *f;

	if (fixture_up(state) != 0)
		return -1;
	f = *state;
	return quarantine_open(f->dir, f->site, &q, &f->e) ? 0 : -1;
}

static int
down(void **state)
{
	quarantine_close(&q);
	return fixture_down(state);
}

static void
set(struct fixture *f, const char *key, const char *value)
{
	ok(site_setting_set(f->site, NULL, str_of(key),
	    (struct site_scope){ 0 }, str_of(value), &f->e));
}

#define HEAD "From: =?utf-8?q?M=C3=A9=1B?= <m@evil.example>\r\n"

static struct str
mail(struct fixture *f, const char *subject, size_t size)
{
	char *body = arena_alloc(f->a, size + 1);

	memset(body, 'x', size);
	return arena_printf(
	    f->a, HEAD "Subject: %s\r\n\r\n%s\r\n", subject, body);
}

#define ANN "aaaaaaaaaaaaaaaa"
#define BOB "bbbbbbbbbbbbbbbb"

static struct quarantine_recipient
for_account(const char *id, const char *address, enum quarantine_kind kind)
{
	return (struct quarantine_recipient){ .address = str_of(address),
		.account = str_of(id),
		.domain = STR("a.test"),
		.kind = kind,
		.reason = STR("because"),
		.score = 7500 };
}

static void
add(struct fixture *f, struct str raw, const struct quarantine_recipient *list,
    size_t n, int64_t now)
{
	struct quarantine_message m = { .raw = raw,
		.sender = STR("m@evil.example"),
		.client = STR("192.0.2.1"),
		.helo = STR("evil"),
		.queue_id = STR("ABC"),
		.now = now,
		.recipients = list,
		.n = n };

	if (!quarantine_add(q, &m, &f->e))
		fail_msg("%s", f->e.msg);
}

static void
add_spam(struct fixture *f, const char *subject, size_t size, int64_t now)
{
	struct quarantine_recipient r =
	    for_account(ANN, "ann@a.test", QUARANTINE_SPAM);

	add(f, mail(f, subject, size), &r, 1, now);
}

static size_t
list(struct fixture *f, struct quarantine_query query,
    struct quarantine_entry **out)
{
	size_t n;

	if (query.limit == 0)
		query.limit = 100;
	if (quarantine_list(q, f->a, &query, out, &n, &f->e) != QUARANTINE_OK)
		fail_msg("%s", f->e.msg);
	return n;
}

#define ALL                                                                    \
	(struct quarantine_query)                                              \
	{                                                                      \
		.any_kind = true, .released = true                             \
	}

/* Subjects, the newest first: "c b a". */
static const char *
subjects(struct fixture *f, struct quarantine_query query)
{
	struct quarantine_entry *l;
	struct buf out = { 0 };
	size_t n = list(f, query, &l);
	const char *text;

	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s%.*s", i ? " " : "", STR_ARG(l[i].subject));
	text = arena_cstr(f->a, buf_str(&out));
	buf_fini(&out);
	return text;
}

static size_t
files(struct fixture *f)
{
	DIR *dir = opendir(arena_printf(f->a, "%s/quarantine", f->dir).p);
	const struct dirent *entry;
	size_t n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* ------------------------------------------------------------------------
 * In and out
 */

static void
test_one_file_for_all(void **state)
{
	struct fixture *f = *state;
	const struct quarantine_recipient to[] = {
		for_account(ANN, "ann@a.test", QUARANTINE_SPAM),
		for_account(BOB, "bob@a.test", QUARANTINE_SPAM),
		{ .address = STR("x@elsewhere.test"),
		    .kind = QUARANTINE_MALWARE,
		    .reason = STR("Eicar") },
	};
	struct quarantine_entry *l, e;
	struct str raw = mail(f, "three", 5000);
	struct buf copy = { 0 };

	add(f, raw, to, 3, NOW);
	assert_int_equal(files(f), 1);
	assert_int_equal(list(f, ALL, &l), 3);
	assert_int_equal(
	    quarantine_get(q, f->a, l[2].id, &e, &copy, &f->e), QUARANTINE_OK);
	assert_true(str_eq(buf_str(&copy), raw));
	assert_str(e.address, "ann@a.test");
	assert_str(e.subject, "three");
	assert_str(e.author, "M\xc3\xa9  <m@evil.example>");
	assert_str(e.reason, "because");
	assert_int_equal(e.score, 7500);
	assert_int_equal(e.expires, NOW + 30 * DAY);
	assert_int_equal(e.id.n, QUARANTINE_ID_LEN);
	assert_false(str_eq(l[0].id, l[1].id));
	buf_fini(&copy);

	for (int i = 0; i < 3; i++) {
		assert_int_equal(files(f), 1);
		assert_int_equal(
		    quarantine_delete(q, l[i].id, &f->e), QUARANTINE_OK);
	}
	assert_int_equal(files(f), 0);
	assert_int_equal(
	    quarantine_delete(q, l[0].id, &f->e), QUARANTINE_NOTFOUND);
	assert_int_equal(quarantine_get(q, f->a, l[0].id, &e, NULL, &f->e),
	    QUARANTINE_NOTFOUND);
}

static void
test_survives(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	add_spam(f, "kept", 10, NOW);
	quarantine_close(&q);
	assert_true(quarantine_open(f->dir, f->site, &q, &f->e));
	assert_string_equal(subjects(f, ALL), "kept");
	assert_int_equal(
	    stat(arena_printf(f->a, "%s/quarantine.db", f->dir).p, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
test_filters(void **state)
{
	struct fixture *f = *state;
	struct quarantine_recipient bob =
	    for_account(BOB, "bob@b.test", QUARANTINE_MALWARE);
	struct quarantine_query query;
	struct quarantine_entry *l;

	add_spam(f, "a", 10, NOW);
	add_spam(f, "b", 10, NOW + 1);
	bob.domain = STR("b.test");
	add(f, mail(f, "c", 10), &bob, 1, NOW + 2);
	assert_string_equal(subjects(f, ALL), "c b a");
	query = ALL;
	query.account = STR(ANN);
	assert_string_equal(subjects(f, query), "b a");
	query = ALL;
	query.domain = STR("b.test");
	assert_string_equal(subjects(f, query), "c");
	query = ALL;
	query.any_kind = false;
	query.kind = QUARANTINE_SPAM;
	assert_string_equal(subjects(f, query), "b a");
	query = ALL;
	query.since = NOW + 1;
	assert_string_equal(subjects(f, query), "c b");
	query = ALL;
	query.limit = 2;
	assert_int_equal(list(f, query, &l), 2);
	query.before = l[1].n;
	assert_string_equal(subjects(f, query), "a");
	assert_int_equal(
	    quarantine_released(q, l[1].id, STR("cli"), NOW + 9, true, &f->e),
	    QUARANTINE_OK);
	query = ALL;
	query.released = false;
	assert_string_equal(subjects(f, query), "c a");
	assert_string_equal(subjects(f, ALL), "c b a");
}

/* ------------------------------------------------------------------------
 * What goes by itself
 */

static void
test_limit(void **state)
{
	struct fixture *f = *state;
	struct quarantine_recipient bad =
	    for_account(ANN, "ann@a.test", QUARANTINE_MALWARE);

	set(f, "quarantine.max_size", "10K");
	for (const char *s = "a\0b\0c\0d\0"; *s; s += 2)
		add_spam(f, s, 4000, NOW);
	assert_string_equal(subjects(f, ALL), "d c");
	/* What is not the account's does not take its share. */
	add(f, mail(f, "bad", 9000), &bad, 1, NOW);
	assert_string_equal(subjects(f, ALL), "bad d c");
	/* It was acknowledged. */
	add_spam(f, "large", 20000, NOW);
	assert_string_equal(subjects(f, ALL), "large bad");
	assert_true(quarantine_sweep(q, NOW, &f->e));
	assert_int_equal(files(f), 2);
}

static void
test_expiry(void **state)
{
	struct fixture *f = *state;

	add_spam(f, "old", 10, NOW - 30 * DAY);
	add_spam(f, "new", 10, NOW - 29 * DAY);
	set(f, "quarantine.keep", "0");
	add_spam(f, "forever", 10, NOW - 900 * DAY);
	assert_true(quarantine_sweep(q, NOW, &f->e));
	assert_string_equal(subjects(f, ALL), "forever new");
	assert_int_equal(files(f), 2);
}

/* Who was killed before the rows were there leaves a file, or half of one. */
static void
test_orphans(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {
		"0123456789abcdef0123456789abcdef.zst",
		"0123456789abcdef0123456789abcdef.zst.0123456789abcdef.tmp",
	};
	const struct timespec old[2] = { { .tv_sec = NOW - 2 * 3600 },
		{ .tv_sec = NOW - 2 * 3600 } };
	struct quarantine_entry *l;

	add_spam(f, "kept", 10, NOW);
	for (size_t i = 0; i < 2; i++) {
		const char *path =
		    arena_printf(f->a, "%s/quarantine/%s", f->dir, names[i]).p;
		int fd = open(path, O_CREAT | O_WRONLY, 0600);

		assert_int_equal(futimens(fd, old), 0);
		close(fd);
	}
	assert_true(quarantine_sweep(q, NOW - 2 * 3600 + 60, &f->e));
	assert_int_equal(files(f), 3); /* a writer may be at work */
	assert_true(quarantine_sweep(q, NOW, &f->e));
	assert_int_equal(files(f), 1);
	assert_int_equal(list(f, ALL, &l), 1);
}

/* ------------------------------------------------------------------------
 * News and lessons
 */

static void
test_news(void **state)
{
	struct fixture *f = *state;
	struct quarantine_recipient bad =
	    for_account(BOB, "bob@a.test", QUARANTINE_MALWARE);
	struct quarantine_entry *l;
	struct str *accounts;
	uint64_t total;
	int64_t last;
	size_t n;

	add(f, mail(f, "bad", 10), &bad, 1, NOW);
	assert_int_equal(
	    quarantine_news(q, f->a, &accounts, &n, &f->e), QUARANTINE_OK);
	assert_int_equal(n, 0); /* the operator's */
	add_spam(f, "a", 10, NOW);
	add_spam(f, "b", 10, NOW);
	quarantine_news(q, f->a, &accounts, &n, &f->e);
	assert_int_equal(n, 1);
	assert_str(accounts[0], ANN);
	assert_int_equal(quarantine_new(q, f->a, accounts[0], 1, &l, &n, &total,
			     &last, &f->e),
	    QUARANTINE_OK);
	assert_int_equal(n, 1);
	assert_int_equal(total, 2);
	assert_int_equal(last, 0);
	assert_str(l[0].subject, "b");
	assert_int_equal(quarantine_told(q, STR(ANN), l[0].n, NOW + 5, &f->e),
	    QUARANTINE_OK);
	quarantine_news(q, f->a, &accounts, &n, &f->e);
	assert_int_equal(n, 0);
	add_spam(f, "c", 10, NOW);
	quarantine_new(q, f->a, STR(ANN), 9, &l, &n, &total, &last, &f->e);
	assert_int_equal(total, 1);
	assert_int_equal(last, NOW + 5);
	assert_str(l[0].subject, "c");
}

static void
test_lessons(void **state)
{
	struct fixture *f = *state;
	struct quarantine_entry *l;
	size_t n;

	add_spam(f, "a", 10, NOW);
	add_spam(f, "b", 10, NOW);
	list(f, ALL, &l);
	quarantine_released(q, l[0].id, STR("x"), NOW, true, &f->e);
	quarantine_released(q, l[1].id, STR("x"), NOW, false, &f->e);
	assert_int_equal(
	    quarantine_lessons(q, f->a, 9, &l, &n, &f->e), QUARANTINE_OK);
	assert_int_equal(n, 1);
	assert_str(l[0].subject, "b");
	assert_str(l[0].released_by, "x");
	assert_int_equal(quarantine_learned(q, l[0].id, &f->e), QUARANTINE_OK);
	quarantine_lessons(q, f->a, 9, &l, &n, &f->e);
	assert_int_equal(n, 0);
}

/* ------------------------------------------------------------------------
 * Care
 */

static void
on_problem(void *arg, const char *text)
{
	print_message("%s\n", text);
	++*(int *)arg;
}

static int
problems(struct fixture *f, struct quarantine *of)
{
	uint64_t messages;
	int n = 0;

	if (!quarantine_check(of, on_problem, &n, &messages, &f->e))
		fail_msg("%s", f->e.msg);
	return n;
}

static void
damage(struct fixture *f)
{
	DIR *dir = opendir(arena_printf(f->a, "%s/quarantine", f->dir).p);
	const struct dirent *entry;

	while ((entry = readdir(dir))) {
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_WRONLY);
		assert_int_equal(pwrite(fd, "?", 1, 20), 1);
		close(fd);
	}
	closedir(dir);
}

static void
test_check(void **state)
{
	struct fixture *f = *state;
	struct quarantine_entry *l, e;
	struct buf raw = { 0 };

	add_spam(f, "a", 10, NOW);
	assert_int_equal(problems(f, q), 0);
	damage(f);
	assert_int_equal(problems(f, q), 1);
	list(f, ALL, &l);
	assert_int_equal(quarantine_get(q, f->a, l[0].id, &e, &raw, &f->e),
	    QUARANTINE_FAILED);
	assert_int_equal(raw.n, 0);
	buf_fini(&raw);
}

static void
test_backup(void **state)
{
	struct fixture *f = *state;
	const char *dest = arena_printf(f->a, "%s/copy", f->dir).p;
	const char *fresh = arena_printf(f->a, "%s/fresh", f->dir).p;
	struct quarantine *copy;

	assert_true(quarantine_exists(f->dir));
	assert_false(quarantine_exists(dest));
	add_spam(f, "a", 10, NOW);
	add_spam(f, "b", 100000, NOW);
	if (!quarantine_backup(q, dest, &f->e))
		fail_msg("%s", f->e.msg);
	assert_true(fs_mkdirs(fresh, 0700, &f->e));
	if (!quarantine_restore(fresh, dest, &f->e))
		fail_msg("%s", f->e.msg);
	quarantine_close(&q);
	assert_true(quarantine_open(fresh, f->site, &copy, &f->e));
	assert_int_equal(problems(f, copy), 0);
	q = copy;
	assert_string_equal(subjects(f, ALL), "b a");
}

static void *
add_many(void *arg)
{
	struct fixture f = *(struct fixture *)arg;

	f.a = arena_new();
	for (int i = 0; i < 10; i++)
		add_spam(&f, "many", 1000, NOW);
	arena_free(&f.a);
	return NULL;
}

static void
test_threads(void **state)
{
	struct fixture *f = *state;
	struct quarantine_entry *l;
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, add_many, f);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(list(f, ALL, &l), 40);
	assert_int_equal(files(f), 40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_file_for_all),
		TEST(test_survives),
		TEST(test_filters),
		TEST(test_limit),
		TEST(test_expiry),
		TEST(test_orphans),
		TEST(test_news),
		TEST(test_lessons),
		TEST(test_check),
		TEST(test_backup),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
