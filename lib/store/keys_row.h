/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_KEYS_ROW_H
#define STORE_KEYS_ROW_H

#include "mime/keys.h"
#include "store/internal.h"

/*
 * Rows of table email_key: mime_keys() with identifiers as hashes.
 */
struct key_row {
	bool dated;
	int64_t sent;
	int zone;
	int64_t msgid;
	struct str refs; /* as stored */
	unsigned cut;
	struct str text[MIME_KEYS];
};

void key_row_make(
    struct arena *a, const struct mime_keys *k, struct key_row *out);
enum store_rc key_row_insert(
    struct sq *q, int64_t email, const struct key_row *row, struct err *e);
/* Slices of the statement's row, or of A when there is none yet and it is
 * computed from the message (*made). STORE_NOTFOUND: no such email. */
enum store_rc key_row_get(struct account *a, struct sq *q, int64_t email,
    struct arena *arena, struct key_row *out, struct sqlite3_stmt **open,
    bool *made, struct err *e);
/* The I-th reference. */
int64_t key_row_ref(const struct key_row *row, size_t i);

#endif
