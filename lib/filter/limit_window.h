/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_LIMIT_WINDOW_H
#define FILTER_LIMIT_WINDOW_H

#include <stdint.h>

/* A counter of a window that slides; see limits.h. Pure. */
struct limit_window {
	int64_t number; /* of the current one, since 1970 */
	uint64_t current, before;
};

/* How many count at NOW, in seconds, with windows of LENGTH. */
uint64_t limit_window_used(
    struct limit_window *w, unsigned length, int64_t now);
/* Seconds until one more is no more than MAX, which is not 0. */
unsigned limit_window_wait(
    struct limit_window *w, unsigned length, uint64_t max, int64_t now);

#endif
