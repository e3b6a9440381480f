/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/codec.h"
#include "store/internal.h"

/* The ids in the first column of S, which was started with RC. */
static enum store_rc
collect(struct sqlite3_stmt *s, enum sq_rc rc, struct arena *arena,
    const int64_t **emails, size_t *n, struct err *e)
{
	size_t cap = 16;
	int64_t *list = arena_array(arena, cap, sizeof(*list));

	*n = 0;
	while (rc == SQ_OK && (rc = sq_step(s, e)) == SQ_ROW) {
		list = arena_grow(arena, list, *n, &cap, sizeof(*list));
		list[(*n)++] = sq_int(s, 0);
		rc = SQ_OK;
	}
	*emails = list;
	return store_rc_of(rc);
}

enum store_rc
emails_of_thread(struct account *a, int64_t thread, struct arena *arena,
    const int64_t **emails, size_t *n, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc = db_get(a, &db, e);
	enum sq_rc step;

	if (rc != STORE_OK)
		return rc;
	step = sq_start(db->q, &s, e,
	    "SELECT id FROM email WHERE thread = ? ORDER BY id", SQ_I(thread));
	rc = collect(s, step, arena, emails, n, e);
	db_put(&db);
	return rc;
}

enum store_rc
emails_by_hash(struct account *a, const uint8_t *prefix, size_t length,
    struct arena *arena, const int64_t **emails, size_t *n, struct err *e)
{
	char lo[SHA256_LEN] = { 0 }, hi[SHA256_LEN];
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc = db_get(a, &db, e);
	enum sq_rc step;

	if (rc != STORE_OK)
		return rc;
	memset(hi, 0xff, sizeof(hi));
	memcpy(lo, prefix, length);
	memcpy(hi, prefix, length);
	step = sq_start(db->q, &s, e,
	    "SELECT email.id FROM blob JOIN email ON email.blob = blob.id"
	    " WHERE blob.hash BETWEEN ? AND ? ORDER BY email.id",
	    SQ_B(((struct str){ lo, sizeof(lo) })),
	    SQ_B(((struct str){ hi, sizeof(hi) })));
	rc = collect(s, step, arena, emails, n, e);
	db_put(&db);
	return rc;
}
