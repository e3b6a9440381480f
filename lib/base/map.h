/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/*
 * A hash map from byte strings to pointers. Keys are copied. Iteration order
 * is unspecified; adding or removing during iteration is not allowed, except
 * removing the entry just returned. Hashing is keyed per process, so peers
 * cannot choose colliding keys.
 */
struct map;

struct map *map_new(void);
void map_free(struct map **m); /* the values are the caller's */
size_t map_count(const struct map *m);

void *map_get(const struct map *m, struct str key); /* NULL: not there */
/* Returns the value replaced, or NULL. VALUE must not be NULL. */
void *map_set(struct map *m, struct str key, void *value);
void *map_del(struct map *m, struct str key); /* the value removed, or NULL */

/* Start with *at = 0; false at the end. KEY and VALUE may be NULL. */
bool map_next(const struct map *m, size_t *at, struct str *key, void **value);

/* The same with integers as keys. */
static inline struct str
map_key_u64(const uint64_t *k)
{
	return (struct str){ (const char *)k, sizeof(*k) };
}

#endif
