/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_LIMIT_ROWS_H
#define FILTER_LIMIT_ROWS_H

#include "filter/limit_window.h"
#include "filter/limits.h"

/* The counters of limits in filter.db. */

void limit_row_put(struct filter_db *db, const struct limit *l,
    struct str subject, const struct limit_window *w);
void limit_rows_prune(struct filter_db *db, int64_t now);

typedef void limit_row_found(void *arg, const struct limit *l,
    struct str subject, const struct limit_window *w);
/* Those that still count, at most MOST; SUBJECT empty: of everybody. */
enum sq_rc limit_rows_read(struct sq *q, struct str subject, int64_t now,
    unsigned most, limit_row_found *found, void *arg, struct err *e);

#endif
