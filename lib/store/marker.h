/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_MARKER_H
#define STORE_MARKER_H

#include "store/store.h"

/*
 * Empty files DATA_DIR/FOLDER/ID that say: the account with that ID has
 * something to do, so that nobody has to open accounts to find it.
 */
enum marker {
	MARKER_OUTGOING, /* outgoing.h; on disk before the function returns */
	MARKER_TRAINING, /* training.h */
};

enum store_rc marker_set(
    struct store *st, enum marker m, struct str id, struct err *e);
bool marker_is_set(struct store *st, enum marker m, struct str id);
void marker_clear(struct store *st, enum marker m, struct str id);

/* STAMP changes with every marker_set(). False from EACH ends the walk. */
enum store_rc marker_accounts(struct store *st, enum marker m,
    bool (*each)(void *arg, struct str id, int64_t stamp), void *arg,
    struct err *e);

#endif
