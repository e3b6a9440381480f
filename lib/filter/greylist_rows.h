/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_GREYLIST_ROWS_H
#define FILTER_GREYLIST_ROWS_H

#include "filter/db.h"
#include "filter/greylist_table.h"

/* The tables of greylisting in filter.db (sql/filter/001.sql). */

enum greylist_kind {
	GREYLIST_STRANGERS,
	GREYLIST_PLACES,
	GREYLIST_CORRESPONDENTS,
	GREYLIST_DOMAINS,
	GREYLIST_KINDS
};

struct greylist_sql {
	unsigned texts; /* columns that say in words what an id stands for */
	const char *put, *drop, *prune, *load;
};
extern const struct greylist_sql greylist_sql[GREYLIST_KINDS];

/* These leave jobs to the writer of DB. TEXTS are cut at GREYLIST_TEXT_MAX. */
#define GREYLIST_TEXT_MAX 255
void greylist_row_put(struct filter_db *db, enum greylist_kind kind,
    const struct greylist_entry *e, const struct str *texts);
void greylist_row_drop(struct filter_db *db, enum greylist_kind kind,
    const struct greylist_id *id);
/* Of every table as many rows as expired before NOW, at most MOST. */
void greylist_rows_prune(struct filter_db *db, int64_t now, int64_t most);

/* Fill T with rows that do not expire before NOW, those that last longest if
 * there is not room for all. */
enum sq_rc greylist_rows_load(struct sq *q, enum greylist_kind kind,
    struct greylist_table *t, int64_t now, struct err *e);

#endif
