/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_TEST_H
#define BASE_TEST_H

/* An arena for each test; included after cmocka.h. */

#include "base/arena.h"

static struct arena *arena;

static inline int
arena_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static inline int
arena_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

#endif
