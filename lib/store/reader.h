/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "store/internal.h"

struct reader {
	struct account *a;
	struct db *db;
	struct sqlite3_stmt *open; /* whose row the last result points into */
	/* The folded text of the email looked at last (search.c). */
	int64_t text_of;
	void (*fold)(struct buf *out, struct str utf8);
	struct buf headers, body;
	struct arena *arena; /* of the last email_keys() */
};

/* The row of a statement stays valid until the next call. */
void reader_done(struct reader *r);
enum store_rc email_blob(
    struct sq *q, int64_t email, int64_t *blob, struct err *e);

#endif
