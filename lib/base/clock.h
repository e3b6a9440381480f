/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Wall-clock time in seconds and microseconds since 1970 UTC. */
int64_t clock_now(void);
int64_t clock_now_us(void);

/* A clock that never jumps, for timeouts and latencies. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

/*
 * Tests only: shift both clocks by SECONDS from now on (cumulative).
 * MAILSTEAD_CLOCK_OFFSET in the environment does the same at start.
 */
void clock_shift(int64_t seconds);

#endif
