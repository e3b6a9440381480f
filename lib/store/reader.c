/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/mem.h"
#include "store/blob.h"

enum store_rc
reader_begin(struct account *a, struct reader **out, struct err *e)
{
	struct reader *r;
	struct db *db;
	enum store_rc rc;

	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	if ((rc = store_rc_of(sq_run(db->q, e, "BEGIN"))) != STORE_OK) {
		db_put(&db);
		return rc;
	}
	r = mem_zalloc(sizeof(*r));
	r->a = a;
	r->db = db;
	account_hold(a);
	*out = r;
	return STORE_OK;
}

void
reader_done(struct reader *r)
{
	if (r->open)
		sq_reset(r->open);
	r->open = NULL;
}

void
reader_end(struct reader **rp)
{
	struct reader *r = *rp;
	struct err ignored;

	*rp = NULL;
	if (!r)
		return;
	reader_done(r);
	sq_run(r->db->q, &ignored, "COMMIT");
	db_put(&r->db);
	account_drop(r->a);
	buf_fini(&r->headers);
	buf_fini(&r->body);
	arena_free(&r->arena);
	free(r);
}

static enum store_rc
missing(struct reader *r, int64_t email, struct err *e)
{
	return store_fail(e, STORE_NOTFOUND, "account %s: email %lld is gone",
	    r->a->id, (long long)email);
}

enum store_rc
email_meta(
    struct reader *r, int64_t email, struct email_meta *out, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	reader_done(r);
	rc = sq_one(r->db->q, &s, e,
	    "SELECT envelope, structure, layout, preview, msgid"
	    " FROM email_cache WHERE id = ?",
	    SQ_I(email));
	if (rc != SQ_ROW)
		return rc == SQ_DONE ? missing(r, email, e) : store_rc_of(rc);
	r->open = s;
	*out = (struct email_meta){ sq_blob(s, 0), sq_blob(s, 1), sq_blob(s, 2),
		sq_str(s, 3), sq_str(s, 4) };
	return STORE_OK;
}

enum store_rc
email_facts(
    struct reader *r, int64_t email, struct email_facts *out, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	reader_done(r);
	rc = sq_one(r->db->q, &s, e,
	    "SELECT thread, sent, received, size, attachment FROM email"
	    " WHERE id = ?",
	    SQ_I(email));
	if (rc != SQ_ROW)
		return rc == SQ_DONE ? missing(r, email, e) : store_rc_of(rc);
	*out = (struct email_facts){ sq_int(s, 0), sq_int(s, 1), sq_int(s, 2),
		(uint64_t)sq_int(s, 3), sq_int(s, 4) != 0 };
	sq_reset(s);
	return STORE_OK;
}

enum store_rc
email_uidl(struct reader *r, int64_t email, struct str *out, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	reader_done(r);
	rc = sq_one(r->db->q, &s, e,
	    "SELECT uidl FROM email_uidl WHERE email = ?", SQ_I(email));
	if (rc != SQ_ROW)
		return rc == SQ_DONE ? STORE_NOTFOUND : store_rc_of(rc);
	r->open = s;
	*out = sq_str(s, 0);
	return STORE_OK;
}

enum store_rc
email_hash(struct reader *r, int64_t email, uint8_t out[32], struct err *e)
{
	struct sqlite3_stmt *s;
	struct str hash;
	enum sq_rc rc;

	reader_done(r);
	rc = sq_one(r->db->q, &s, e,
	    "SELECT hash FROM blob"
	    " WHERE id = (SELECT blob FROM email WHERE id = ?)",
	    SQ_I(email));
	if (rc != SQ_ROW)
		return rc == SQ_DONE ? missing(r, email, e) : store_rc_of(rc);
	hash = sq_blob(s, 0);
	if (hash.n == SHA256_LEN)
		memcpy(out, hash.p, hash.n);
	sq_reset(s);
	return hash.n == SHA256_LEN
		   ? STORE_OK
		   : store_fail(e, STORE_CORRUPT, "email %lld: bad hash",
			 (long long)email);
}

enum store_rc
email_blob(struct sq *q, int64_t email, int64_t *blob, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(
	    q, &s, e, "SELECT blob FROM email WHERE id = ?", SQ_I(email));

	if (rc == SQ_DONE)
		return store_fail(
		    e, STORE_NOTFOUND, "email %lld is gone", (long long)email);
	if (rc != SQ_ROW)
		return store_rc_of(rc);
	*blob = sq_int(s, 0);
	sq_reset(s);
	return STORE_OK;
}

enum store_rc
email_read(struct reader *r, int64_t email, uint64_t offset, uint64_t length,
    struct buf *out, struct err *e)
{
	int64_t blob;
	enum store_rc rc;

	reader_done(r);
	if ((rc = email_blob(r->db->q, email, &blob, e)) != STORE_OK)
		return rc;
	return blob_read(r->a, r->db->q, blob, offset, length, out, e);
}
