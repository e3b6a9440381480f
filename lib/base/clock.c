/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

static _Atomic int64_t shift_seconds;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
read_environment(void)
{
	const char *s = getenv("MAILSTEAD_CLOCK_OFFSET");

	if (s)
		atomic_fetch_add(&shift_seconds, strtoll(s, NULL, 10));
}

static int64_t
read_us(clockid_t id)
{
	struct timespec ts;

	pthread_once(&once, read_environment);
	clock_gettime(id, &ts);
	return ((int64_t)ts.tv_sec + atomic_load(&shift_seconds)) * 1000000 +
	       ts.tv_nsec / 1000;
}

int64_t
clock_now_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int64_t
clock_now(void)
{
	return clock_now_us() / 1000000;
}

int64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

void
clock_shift(int64_t seconds)
{
	atomic_fetch_add(&shift_seconds, seconds);
}
