/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

/*
 * Memory by lifetime: allocate freely, free all at once. An arena costs
 * nothing until its first allocation; reset keeps one block of at most
 * ARENA_KEEP bytes for the next command.
 */

#define ARENA_KEEP 16384

struct arena *arena_new(void);
void arena_free(struct arena **a);
void arena_reset(struct arena *a);
/* Reset and give every byte back: for a session that goes idle. */
void arena_release(struct arena *a);

/* Zeroed and aligned for any type; never NULL. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_array(struct arena *a, size_t count, size_t size);
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))

/* Room for one more after the N things of SIZE octets in LIST; returns where
 * they are now. *cap is what there is room for; NULL and 0 start a list. */
void *arena_grow(
    struct arena *a, void *list, size_t n, size_t *cap, size_t size);

/* Copies; the bytes are followed by a NUL that N does not count. */
struct str arena_str(struct arena *a, struct str s);
char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

size_t arena_used(const struct arena *a);

#endif
