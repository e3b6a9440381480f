/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_SCRIPT_ROW_H
#define SITE_SCRIPT_ROW_H

#include "site/internal.h"
#include "site/script.h"

/* Rows of the table of scripts, as its two files read them: of "scripts s"
 * joined with "domains d". */

#define SCRIPT_COLUMNS "s.place, d.name, s.name, s.hash, s.size, s.changed"
/* That in which they run. */
#define SCRIPT_ORDER                                                           \
	"CASE place WHEN 'before' THEN 0 WHEN 'domain' THEN 1"                 \
	" WHEN 'after' THEN 2 ELSE 3 END"

void script_row(
    struct sqlite3_stmt *st, struct arena *a, struct site_script *out);
/* All rows of a statement that selects SCRIPT_COLUMNS, which ends it. */
enum sq_rc script_rows(
    struct sqlite3_stmt *st, struct arena *a, struct buf *rows, struct err *e);
enum site_rc script_missing(const struct site_script *w, struct err *e);

#endif
