/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_GREYLIST_TABLE_H
#define FILTER_GREYLIST_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Things known by a digest of what they are, with times, from the one that was
 * used last to the one that was not for longest. All of a table is two arrays,
 * which grow to the limit and no further; every function takes a moment,
 * whatever is in it. Not for several threads at once.
 */

struct greylist_id {
	uint8_t octets[16];
};

struct greylist_entry {
	struct greylist_id id;
	int64_t first, last, expires;
	int64_t written; /* LAST as filter.db has it */
	uint32_t count;
	uint32_t newer, older, chained; /* the table's own */
};

struct greylist_table;
struct greylist_table *greylist_table_new(unsigned limit);
void greylist_table_free(struct greylist_table **t);

unsigned greylist_table_limit(const struct greylist_table *t);
unsigned greylist_table_count(const struct greylist_table *t);
size_t greylist_table_bytes(const struct greylist_table *t);
bool greylist_table_full(const struct greylist_table *t);

/* Entries are good until the next add or remove. */
struct greylist_entry *greylist_table_find(
    struct greylist_table *t, const struct greylist_id *id);
/* NULL: there is none. */
struct greylist_entry *greylist_table_oldest(struct greylist_table *t);

/* ID is not in T yet, and T is not full. The rest is zero. */
struct greylist_entry *greylist_table_add(
    struct greylist_table *t, const struct greylist_id *id);
void greylist_table_remove(struct greylist_table *t, struct greylist_entry *e);
void greylist_table_make_newest(
    struct greylist_table *t, struct greylist_entry *e);
void greylist_table_make_oldest(
    struct greylist_table *t, struct greylist_entry *e);

#endif
