/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "mime/fuzzy.h"
#include "mime/mime.h"
#include "store/blob.h"
#include "store/reader.h"
#include "store/trigram.h"

/*
 * The search index holds the trigrams of each email's plain text, which has
 * neither case nor diacritics, so that it narrows exact and fuzzy searches. It
 * is filled after the delivery was acknowledged, by the housekeeper or by the
 * first search that needs it, in id order; state.indexed tells how far.
 */

/* ------------------------------------------------------------------------
 * Text
 */

static enum store_rc
read_text(struct account *a, struct sq *q, int64_t email,
    void (*fold)(struct buf *, struct str), struct buf *headers,
    struct buf *body, struct err *e)
{
	struct buf raw = { 0 }, h = { 0 }, b = { 0 };
	struct arena *arena = NULL;
	int64_t blob;
	enum store_rc rc;

	if ((rc = email_blob(q, email, &blob, e)) != STORE_OK)
		return rc;
	rc = blob_read(a, q, blob, 0, UINT64_MAX, &raw, e);
	if (rc == STORE_OK) {
		arena = arena_new();
		mime_search_text(
		    &h, &b, mime_parse(arena, buf_str(&raw), NULL), NULL);
		fold(headers, buf_str(&h));
		fold(body, buf_str(&b));
	}
	arena_free(&arena);
	buf_fini(&raw);
	buf_fini(&h);
	buf_fini(&b);
	return rc;
}

/* ------------------------------------------------------------------------
 * Indexing
 */

struct document {
	int64_t email;
	struct buf text;
};

struct index_batch {
	int64_t from; /* state.indexed when the texts were read */
	struct document *docs;
	size_t n;
	int64_t upto;
	bool stale; /* somebody else went on from there, maybe less far */
};

/* Emails that cannot be read are passed over, so that one damaged message
 * does not end the search of the others; `check` reports them. */
static enum store_rc
read_document(
    struct account *a, struct sq *q, struct document *d, struct err *e)
{
	struct buf body = { 0 };
	enum store_rc rc =
	    read_text(a, q, d->email, mime_plain, &d->text, &body, e);

	buf_putc(&d->text, '\n');
	buf_putstr(&d->text, buf_str(&body));
	buf_fini(&body);
	return rc == STORE_NOTFOUND || rc == STORE_CORRUPT ? STORE_OK : rc;
}

static enum store_rc
list_unindexed(struct sq *q, unsigned limit, struct arena *arena,
    struct index_batch *b, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(q, &s, e, "SELECT indexed FROM state");

	if (rc != SQ_ROW)
		return store_rc_of(rc);
	b->from = b->upto = sq_int(s, 0);
	sq_reset(s);
	b->docs = arena_array(arena, limit, sizeof(*b->docs));
	rc = sq_start(q, &s, e,
	    "SELECT id FROM email WHERE id > ? ORDER BY id LIMIT ?",
	    SQ_I(b->from), SQ_I(limit));
	while (rc == SQ_OK && (rc = sq_step(s, e)) == SQ_ROW) {
		b->upto = sq_int(s, 0);
		b->docs[b->n++].email = b->upto;
		rc = SQ_OK;
	}
	return store_rc_of(rc);
}

static enum store_rc
run_index(struct tx *tx, void *arg, struct err *e)
{
	struct index_batch *b = arg;
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(tx->q, &s, e, "SELECT indexed FROM state");
	int64_t indexed;

	if (rc != SQ_ROW)
		return store_rc_of(rc);
	indexed = sq_int(s, 0);
	sq_reset(s);
	b->stale = indexed != b->from;
	if (b->stale)
		return STORE_OK;
	rc = SQ_OK;
	for (size_t i = 0; i < b->n && rc == SQ_OK; i++)
		rc = sq_run(tx->q, e,
		    "INSERT INTO search (rowid, text) VALUES (?, ?)",
		    SQ_I(b->docs[i].email), SQ_T(buf_str(&b->docs[i].text)));
	if (rc == SQ_OK)
		rc = sq_run(
		    tx->q, e, "UPDATE state SET indexed = ?", SQ_I(b->upto));
	return store_rc_of(rc);
}

enum store_rc
index_some(struct account *a, unsigned limit, bool *more, struct err *e)
{
	struct arena *arena = arena_new();
	struct index_batch b = { 0 };
	struct db *db = NULL;
	enum store_rc rc = db_get(a, &db, e);

	*more = false;
	if (rc == STORE_OK)
		rc = list_unindexed(db->q, limit, arena, &b, e);
	for (size_t i = 0; i < b.n && rc == STORE_OK; i++)
		rc = read_document(a, db->q, &b.docs[i], e);
	db_put(&db);
	if (rc == STORE_OK && b.n) {
		rc = write_run(a, RELAXED, run_index, &b, e);
		*more = b.n == limit || b.stale;
	}
	for (size_t i = 0; i < b.n; i++)
		buf_fini(&b.docs[i].text);
	arena_free(&arena);
	return rc;
}

enum store_rc
account_index(struct account *a, struct err *e)
{
	bool more = true;
	enum store_rc rc = STORE_OK;

	while (rc == STORE_OK && more)
		rc = index_some(a, 256, &more, e);
	return rc;
}

/* ------------------------------------------------------------------------
 * Asking
 */

static enum store_rc
run_query(struct account *a, struct str query, struct arena *arena,
    const int64_t **emails, size_t *n, struct err *e)
{
	size_t cap = 64;
	int64_t *list = arena_array(arena, cap, sizeof(*list));
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc;
	enum sq_rc step;

	*n = 0;
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_start(db->q, &s, e,
	    "SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid",
	    SQ_T(query));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		list = arena_grow(arena, list, *n, &cap, sizeof(*list));
		list[(*n)++] = sq_int(s, 0);
		step = SQ_OK;
	}
	db_put(&db);
	*emails = list;
	return store_rc_of(step);
}

enum store_rc
search_candidates(struct account *a, const struct str *needles, size_t count,
    struct arena *arena, const int64_t **emails, size_t *n, bool *all,
    struct err *e)
{
	struct buf query = { 0 };
	enum store_rc rc = STORE_OK;

	*emails = NULL;
	*n = 0;
	for (size_t i = 0; i < count; i++) {
		struct buf plain = { 0 };

		mime_plain(&plain, needles[i]);
		trigram_query(buf_str(&plain), &query);
		buf_fini(&plain);
	}
	*all = query.n == 0;
	if (!*all)
		rc = account_index(a, e);
	if (!*all && rc == STORE_OK)
		rc = run_query(a, buf_str(&query), arena, emails, n, e);
	buf_fini(&query);
	return rc;
}

enum store_rc
email_text(struct reader *r, int64_t email,
    void (*fold)(struct buf *, struct str), struct str *headers,
    struct str *body, struct err *e)
{
	enum store_rc rc = STORE_OK;

	reader_done(r);
	if (r->text_of != email || r->fold != fold) {
		buf_clear(&r->headers);
		buf_clear(&r->body);
		r->text_of = 0;
		rc = read_text(
		    r->a, r->db->q, email, fold, &r->headers, &r->body, e);
		if (rc != STORE_OK)
			return rc;
		r->text_of = email;
		r->fold = fold;
	}
	*headers = buf_str(&r->headers);
	*body = buf_str(&r->body);
	return STORE_OK;
}

enum store_rc
email_contains(struct reader *r, int64_t email, enum search_field field,
    void (*fold)(struct buf *, struct str), struct str needle, bool *yes,
    struct err *e)
{
	struct str headers, body;
	enum store_rc rc = email_text(r, email, fold, &headers, &body, e);

	if (rc != STORE_OK)
		return rc;
	*yes =
	    (field != SEARCH_BODY && str_find(headers, needle) != STR_NPOS) ||
	    (field != SEARCH_HEADERS && str_find(body, needle) != STR_NPOS);
	return STORE_OK;
}
