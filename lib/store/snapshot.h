/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_SNAPSHOT_H
#define STORE_SNAPSHOT_H

#include "store/internal.h"

/*
 * Snapshots: the view of a large mailbox as a file, views/ID.view in the
 * account's folder. Opening the mailbox after a restart then maps the file and
 * reads what changed since, instead of a row for each message.
 *
 * A snapshot is a copy of what the database says: it may be removed at any
 * time, and one that does not fit the database is not used. Only views whose
 * messages have no keywords beyond the flag bits are kept so.
 */

/* Mailboxes smaller than this are read from the database fast enough. */
#define SNAPSHOT_ROWS 20000
/* A snapshot is replaced when that part of the rows came after it: 1/8. */
#define SNAPSHOT_SHARE 8

/* NULL: there is none that can be used. */
struct view *snapshot_load(struct account *a, int64_t mailbox);
/* False: it cannot be kept so, or could not be written (that is logged). */
bool snapshot_save(struct account *a, const struct view *v);
/* The mailbox is deleted. */
void snapshot_remove(const struct account *a, int64_t mailbox);
/* The database was repaired or replaced: what was copied may be wrong. */
void snapshots_remove(struct account *a);

#endif
