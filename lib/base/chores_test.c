/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/chores.h"
#include "base/clock.h"

struct counter {
	atomic_int n;
	int64_t now;
	bool fails;
};

static bool
count(void *arg, int64_t now, struct err *e)
{
	struct counter *c = arg;

	c->now = now;
	atomic_fetch_add(&c->n, 1);
	if (c->fails)
		err_set(e, "no");
	return !c->fails;
}

static void
test_all_now(void **state)
{
	struct counter good = { .n = 0 }, bad = { .fails = true };
	const struct chore list[] = {
		{ "bad", 60, count, &bad },
		{ "good", 60, count, &good },
	};

	(void)state;
	assert_int_equal(chores_do(list, 2, 12345), 1);
	assert_int_equal(good.n, 1);
	assert_int_equal(bad.n, 1);
	assert_int_equal(good.now, 12345);
}

/* One that fails is tried again like the others. */
static void
test_again_and_again(void **state)
{
	struct counter good = { .n = 0 }, bad = { .fails = true };
	const struct chore list[] = {
		{ "bad", 1, count, &bad },
		{ "good", 1, count, &good },
	};
	struct err e = ERR_INIT;
	struct chores *c = chores_start(list, 2, &e);
	int64_t end = clock_mono_ms() + 10000;

	(void)state;
	assert_non_null(c);
	while ((good.n < 2 || bad.n < 2) && clock_mono_ms() < end)
		usleep(10000);
	assert_true(good.n >= 2 && bad.n >= 2);
	chores_stop(&c);
	assert_null(c);
}

/* A daemon that stops waits for no pause. */
static void
test_stop(void **state)
{
	struct counter rare = { .n = 0 };
	const struct chore list[] = { { "rare", 86400, count, &rare } };
	struct err e = ERR_INIT;
	struct chores *c = chores_start(list, 1, &e);
	int64_t begin = clock_mono_ms();

	(void)state;
	assert_non_null(c);
	chores_stop(&c);
	assert_true(clock_mono_ms() - begin < 5000);
	chores_stop(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_now),
		cmocka_unit_test(test_again_and_again),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
