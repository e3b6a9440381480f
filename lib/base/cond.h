/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_COND_H
#define BASE_COND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Condition variables that wait for a while, by the clock that never jumps
 * (clock_mono_ms()).
 */
void cond_init(pthread_cond_t *c);
/* With LOCK held, which waiting gives up: until C is signalled. False: it was
 * not for MS milliseconds, or until the clock has come to UNTIL, where
 * INT64_MAX is never. */
bool cond_wait_ms(pthread_cond_t *c, pthread_mutex_t *lock, int64_t ms);
bool cond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until);

#endif
