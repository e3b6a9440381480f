/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/cond.h"
#include "base/conf.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/str.h"

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool size_ok, duration_ok;
		uint64_t size, duration;
	} cases[] = {
		{ "0", true, true, 0, 0 },
		{ "10k", true, false, 10240, 0 },
		{ "64M", true, true, 64 << 20, 3840 },
		{ "7d", false, true, 0, 604800 },
		{ "18446744073709551615", true, true, UINT64_MAX, UINT64_MAX },
		{ "18446744073709551616", false, false, 0, 0 },
		{ "99999999999999T", false, false, 0, 0 },
		{ "", false, false, 0, 0 },
		{ "k", false, false, 0, 0 },
		{ "-1", false, false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct str s = str_of(cases[i].text);
		uint64_t v = 0;

		print_message("case \"%s\"\n", cases[i].text);
		assert_int_equal(str_size(s, &v), cases[i].size_ok);
		if (cases[i].size_ok)
			assert_true(v == cases[i].size);
		assert_int_equal(str_duration(s, &v), cases[i].duration_ok);
		if (cases[i].duration_ok)
			assert_true(v == cases[i].duration);
	}
}

static void
test_utf8(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{ "plain", true },
		{ "\xc3\xa4", true },
		{ "\xc3", false },
		{ "\xc0\x80", false },         /* overlong NUL */
		{ "\xed\xa0\x80", false },     /* surrogate */
		{ "\xf4\x8f\xbf\xbf", true },  /* U+10FFFF */
		{ "\xf4\x90\x80\x80", false }, /* beyond it */
		{ "\xe0\x80\xaf", false },
		{ "\xff", false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++)
		assert_int_equal(
		    str_is_utf8(str_of(cases[i].text)), cases[i].ok);
	assert_false(str_is_utf8((struct str){ "a\0b", 3 }));
}

static void
test_split(void **state)
{
	struct str rest = STR("a,,b"), part;
	struct buf got = { 0 };

	(void)state;
	while (str_split(&rest, ',', &part))
		buf_printf(&got, "[%.*s]", STR_ARG(part));
	assert_string_equal(buf_cstr(&got), "[a][][b]");
	buf_fini(&got);
}

static void
test_quoted(void **state)
{
	struct buf got = { 0 };

	(void)state;
	buf_put_quoted(&got, STR(""));
	buf_put_quoted(&got, STR("a b"));
	buf_put_quoted(&got, STR("\"\\\""));
	assert_string_equal(buf_cstr(&got), "\"\""
					    "\"a b\""
					    "\"\\\"\\\\\\\"\"");
	buf_fini(&got);
}

static void
test_codecs(void **state)
{
	static const struct {
		const char *plain, *base64;
	} cases[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foobar", "Zm9vYmFy" },
	};
	static const char *const bad[] = { "Z", "Zg=", "Zg=a", "Zm 9",
		"====", "Zg\n=", "=Zg=" };
	struct buf b = { 0 };
	unsigned char raw[2];

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		buf_clear(&b);
		base64_encode(&b, str_of(cases[i].plain));
		assert_string_equal(buf_cstr(&b), cases[i].base64);
		buf_clear(&b);
		assert_true(base64_decode(&b, str_of(cases[i].base64)));
		assert_string_equal(buf_cstr(&b), cases[i].plain);
	}
	buf_clear(&b);
	for (size_t i = 0; i < LEN(bad); i++) {
		print_message("bad \"%s\"\n", bad[i]);
		assert_false(base64_decode(&b, str_of(bad[i])));
		assert_int_equal(b.n, 0);
	}
	assert_true(hex_decode(STR("0aFf"), raw, 2));
	assert_int_equal(raw[0], 0x0a);
	assert_int_equal(raw[1], 0xff);
	assert_false(hex_decode(STR("0aF"), raw, 2));
	assert_false(hex_decode(STR("0aFg"), raw, 2));
	buf_fini(&b);
}

/* Add and remove in a pattern that wraps and collides; compare with an array.
 */
static void
test_map(void **state)
{
	static char present[5000];
	struct map *m = map_new();
	uint64_t x = 1;
	size_t count = 0, at = 0;
	void *value;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t key;

		x = x * 6364136223846793005u + 1442695040888963407u;
		key = (x >> 33) % 5000;
		if (x >> 63)
			assert_int_equal(map_set(m, map_key_u64(&key),
					     &present[key]) != NULL,
			    present[key]);
		else
			assert_int_equal(map_del(m, map_key_u64(&key)) != NULL,
			    present[key]);
		present[key] = (char)(x >> 63);
	}
	for (uint64_t key = 0; key < 5000; key++) {
		count += (size_t)present[key];
		assert_int_equal(
		    map_get(m, map_key_u64(&key)) != NULL, present[key]);
	}
	assert_int_equal(map_count(m), count);
	while (map_next(m, &at, NULL, &value)) {
		assert_int_equal(*(char *)value, 1);
		count--;
	}
	assert_int_equal(count, 0);
	map_free(&m);
}

static void
test_arena(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t n = 0; n < 3000; n += 7) {
			char *p = arena_alloc(a, n);

			assert_int_equal(
			    (uintptr_t)p % sizeof(max_align_t) % 8, 0);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xff, n);
		}
		arena_reset(a);
		assert_int_equal(arena_used(a), 0);
	}
	assert_string_equal(arena_printf(a, "%d-%s", 7, "x").p, "7-x");
	arena_free(&a);
	assert_null(a);
}

static bool
load(const char *text, struct conf **c, struct err *e)
{
	char path[] = "/tmp/conf_testXXXXXX";
	int fd = mkstemp(path);
	bool ok;

	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	ok = conf_load(path, c, e);
	unlink(path);
	return ok;
}

static void
test_conf(void **state)
{
	struct conf *c = NULL;
	struct err e;

	(void)state;
	assert_true(
	    load("data_dir = /x\n[imapd]\nlisten = 127.0.0.1:1\n", &c, &e));
	assert_string_equal(conf_get(c, "data_dir"), "/x");
	assert_string_equal(conf_get(c, "imapd.listen"), "127.0.0.1:1");
	assert_int_equal(conf_duration(c, "imapd.timeout"), 1800);
	conf_free(&c);
	assert_false(load("user = a\nno_such_key = 1\n", &c, &e));
	assert_non_null(strstr(e.msg, "line 2"));
	assert_non_null(strstr(e.msg, "no_such_key"));
	assert_false(load("loops = many\n", &c, &e));
	assert_non_null(strstr(e.msg, "a number"));
	setenv("MAILSTEAD_IMAPD_LISTEN", "127.0.0.1:2", 1);
	assert_true(load("[imapd]\nlisten = 127.0.0.1:1\n", &c, &e));
	assert_string_equal(conf_get(c, "imapd.listen"), "127.0.0.1:2");
	unsetenv("MAILSTEAD_IMAPD_LISTEN");
	conf_free(&c);
}

struct bell {
	pthread_mutex_t lock;
	pthread_cond_t rung;
	bool rings;
};

static void *
ring(void *arg)
{
	struct bell *b = arg;

	pthread_mutex_lock(&b->lock);
	b->rings = true;
	pthread_cond_signal(&b->rung);
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static void
test_cond(void **state)
{
	struct bell b = { .lock = PTHREAD_MUTEX_INITIALIZER };
	int64_t begin = clock_mono_ms();
	pthread_t thread;

	(void)state;
	cond_init(&b.rung);
	pthread_mutex_lock(&b.lock);
	while (cond_wait_ms(&b.rung, &b.lock, 30))
		continue;
	assert_true(clock_mono_ms() - begin >= 29);
	assert_false(cond_wait_until(&b.rung, &b.lock, begin));
	assert_int_equal(pthread_create(&thread, NULL, ring, &b), 0);
	while (!b.rings)
		assert_true(cond_wait_until(&b.rung, &b.lock, INT64_MAX));
	pthread_mutex_unlock(&b.lock);
	pthread_join(thread, NULL);
	pthread_cond_destroy(&b.rung);
}

static void
test_fs(void **state)
{
	char dir[] = "/tmp/fs_testXXXXXX";
	struct buf path = { 0 }, got = { 0 };
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	buf_printf(&path, "%s/a/b", dir);
	assert_true(fs_mkdirs(buf_cstr(&path), 0700, &e));
	buf_puts(&path, "/file");
	assert_true(fs_write_durable(buf_cstr(&path), STR("one"), 0600, &e));
	assert_true(fs_write_durable(buf_cstr(&path), STR("two"), 0600, &e));
	assert_true(fs_read(buf_cstr(&path), 3, &got, &e));
	assert_string_equal(buf_cstr(&got), "two");
	assert_true(fs_sync_file(buf_cstr(&path), 0640, &e));
	assert_int_equal(stat(buf_cstr(&path), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_false(fs_sync_file("/nonexistent/file", 0, &e));
	assert_non_null(strstr(e.msg, "/nonexistent/file"));
	assert_false(fs_read(buf_cstr(&path), 2, &got, &e));
	assert_true(fs_remove_tree(dir, &e));
	assert_int_equal(access(dir, F_OK), -1);
	assert_true(fs_remove_tree(dir, &e));
	buf_fini(&path);
	buf_fini(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_codecs),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_conf),
		cmocka_unit_test(test_cond),
		cmocka_unit_test(test_fs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
