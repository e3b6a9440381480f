/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cond.h"

#include <time.h>

#include "base/clock.h"

void
cond_init(pthread_cond_t *c)
{
	pthread_condattr_t mono;

	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(c, &mono);
	pthread_condattr_destroy(&mono);
}

bool
cond_wait_ms(pthread_cond_t *c, pthread_mutex_t *lock, int64_t ms)
{
	struct timespec t;

	if (ms < 0)
		ms = 0; /* but the lock is given up, for others to get on */
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ms % 1000 * 1000000;
	t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return pthread_cond_timedwait(c, lock, &t) == 0;
}

bool
cond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until)
{
	if (until == INT64_MAX)
		return pthread_cond_wait(c, lock) == 0;
	return cond_wait_ms(c, lock, until - clock_mono_ms());
}
