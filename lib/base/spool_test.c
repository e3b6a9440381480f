/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/spool.h"

#define HEADROOM 8192

static void
fill(struct spool *s, size_t n, size_t *written)
{
	char piece[1000];
	struct err e;

	for (size_t i = 0; i < n / sizeof(piece); i++) {
		memset(piece, 'a' + (int)(i % 26), sizeof(piece));
		spool_put(s, (struct str){ piece, sizeof(piece) });
		if (spool_must_write(s)) {
			assert_true(spool_write(s, &e));
			(*written)++;
		}
	}
}

static void
test_spool(void **state)
{
	static const struct {
		uint64_t budget;
		size_t size;
		bool file;
	} cases[] = {
		{ 100 << 20, 0, false },
		{ 100 << 20, 10000, false },
		{ 100 << 20, 5000000, true },
		{ 0, 10000, false },
		{ 0, 200000, true },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct spool s;
		struct str raw;
		struct err e = ERR_INIT;
		size_t written = 0;
		char *before;

		spool_configure("/tmp", cases[i].budget, HEADROOM);
		spool_init(&s);
		fill(&s, cases[i].size, &written);
		assert_int_equal(written > 0, cases[i].file);
		/* A file takes over: what stays in memory is bounded. */
		assert_true(!cases[i].file || s.mem.cap < 1 << 20);
		assert_true(spool_finish(&s, &raw, &e));
		assert_int_equal(raw.n, cases[i].size);
		for (size_t k = 0; k < raw.n; k++) {
			if (raw.p[k] != (char)('a' + (int)(k / 1000 % 26)))
				fail_msg("byte %zu differs", k);
		}
		before = (char *)(uintptr_t)raw.p - HEADROOM;
		memset(before, 'h', HEADROOM);
		spool_reset(&s);
	}
	spool_configure("/nonexistent", 0, HEADROOM);
	{
		struct spool s;
		struct str raw;
		struct err e = ERR_INIT;
		char piece[70000] = "";

		spool_init(&s);
		spool_put(&s, (struct str){ piece, sizeof(piece) });
		assert_true(spool_must_write(&s));
		assert_false(spool_write(&s, &e));
		assert_non_null(strstr(e.msg, "/nonexistent"));
		/* It goes on failing without taking memory. */
		spool_put(&s, (struct str){ piece, sizeof(piece) });
		assert_int_equal(s.mem.cap, 0);
		assert_false(spool_finish(&s, &raw, &e));
		spool_reset(&s);
	}
	spool_configure("/tmp", UINT64_MAX, HEADROOM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
