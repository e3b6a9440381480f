/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/score.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void *
end_soon(void *arg)
{
	int64_t until = clock_mono_ms() + 50;

	while (clock_mono_ms() < until)
		continue;
	turns_end(arg);
	return NULL;
}

static void
test_turns(void **state)
{
	struct turns t;
	pthread_t other;
	int64_t begin = clock_mono_ms();

	(void)state;
	turns_init(&t);
	assert_true(turns_take(&t, 2, 0));
	assert_true(turns_take(&t, 2, 0));
	assert_false(turns_take(&t, 2, 0));
	assert_false(turns_take(&t, 2, 1));
	assert_true(clock_mono_ms() - begin >= 900);
	/* Who waits has the turn of the next one that ends. */
	assert_int_equal(pthread_create(&other, NULL, end_soon, &t), 0);
	assert_true(turns_take(&t, 2, 20));
	assert_true(clock_mono_ms() - begin < 15000);
	pthread_join(other, NULL);
	turns_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
