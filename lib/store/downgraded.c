/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/downgraded.h"

#include "mime/downgrade.h"
#include "mime/mime.h"
#include "store/reader.h"

/* ------------------------------------------------------------------------
 * Emails that nobody looked at yet: those from before there was the table
 */

#define AT_ONCE 256

struct batch {
	int64_t email[AT_ONCE];
	uint64_t size[AT_ONCE];
	bool needed[AT_ONCE];
	size_t n;
};

static enum store_rc
list_unknown(struct reader *r, struct batch *b, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc step = sq_start(r->db->q, &s, e,
	    "SELECT email FROM email_downgraded WHERE size IS NULL LIMIT ?",
	    SQ_I(AT_ONCE));

	b->n = 0;
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		b->email[b->n++] = sq_int(s, 0);
		step = SQ_OK;
	}
	return store_rc_of(step);
}

/* What is damaged or gone is sent as it is. */
static enum store_rc
look_at(struct reader *r, struct batch *b, size_t i, struct err *e)
{
	struct arena *arena = arena_new();
	struct buf raw = { 0 };
	enum store_rc rc = email_read(r, b->email[i], 0, UINT64_MAX, &raw, e);

	b->needed[i] = false;
	if (rc == STORE_OK)
		b->needed[i] = mime_downgraded_size(
		    mime_parse(arena, buf_str(&raw), NULL), &b->size[i]);
	buf_fini(&raw);
	arena_free(&arena);
	return rc == STORE_NOTFOUND || rc == STORE_CORRUPT ? STORE_OK : rc;
}

static enum store_rc
run_note(struct tx *tx, void *arg, struct err *e)
{
	const struct batch *b = arg;
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; rc == STORE_OK && i < b->n; i++)
		rc = store_rc_of(
		    b->needed[i]
			? sq_run(tx->q, e,
			      "UPDATE email_downgraded SET size = ?"
			      " WHERE email = ?",
			      SQ_I(b->size[i]), SQ_I(b->email[i]))
			: sq_run(tx->q, e,
			      "DELETE FROM email_downgraded WHERE email = ?",
			      SQ_I(b->email[i])));
	return rc;
}

static enum store_rc
look_at_some(struct account *a, bool *more, struct err *e)
{
	struct batch b;
	struct reader *r;
	enum store_rc rc = reader_begin(a, &r, e);

	if (rc != STORE_OK)
		return rc;
	rc = list_unknown(r, &b, e);
	for (size_t i = 0; rc == STORE_OK && i < b.n; i++)
		rc = look_at(r, &b, i, e);
	reader_end(&r);
	*more = b.n > 0;
	return rc == STORE_OK && *more ? write_run(a, RELAXED, run_note, &b, e)
				       : rc;
}

/* ------------------------------------------------------------------------
 * Asking
 */

enum store_rc
mailbox_downgraded(struct account *a, int64_t mailbox, struct arena *arena,
    struct downgraded **list, size_t *n, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	size_t cap = 0;
	bool more = true;
	enum store_rc rc = STORE_OK;
	enum sq_rc step;

	*list = NULL;
	*n = 0;
	while (rc == STORE_OK && more)
		rc = look_at_some(a, &more, e);
	if (rc != STORE_OK || (rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	/* There are few of them in an account, so they come first. */
	step = sq_start(db->q, &s, e,
	    "SELECT m.uid, d.size FROM email_downgraded d CROSS JOIN message m"
	    " ON m.email = d.email WHERE m.mailbox = ? AND d.size IS NOT NULL"
	    " ORDER BY m.uid",
	    SQ_I(mailbox));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(arena, *list, *n, &cap, sizeof(**list));
		(*list)[(*n)++] = (struct downgraded){ (uint32_t)sq_int(s, 0),
			(uint32_t)sq_int(s, 1) };
		step = SQ_OK;
	}
	db_put(&db);
	return store_rc_of(step);
}
