/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/keys_row.h"

#include "base/codec.h"
#include "mime/mime.h"
#include "store/blob.h"
#include "store/keys.h"
#include "store/reader.h"

void
key_row_make(struct arena *a, const struct mime_keys *k, struct key_row *out)
{
	unsigned char *refs = arena_alloc(a, k->nreferences * 8);

	*out = (struct key_row){ .dated = k->dated,
		.sent = k->sent,
		.zone = k->zone,
		.msgid = k->msgid.n ? hash63(k->msgid) : 0,
		.cut = k->cut };
	for (size_t i = 0; i < k->nreferences; i++) {
		uint64_t id = (uint64_t)hash63(k->references[i]);

		for (unsigned b = 0; b < 8; b++)
			refs[i * 8 + b] = (unsigned char)(id >> 8 * b);
	}
	out->refs = (struct str){ (char *)refs, k->nreferences * 8 };
	for (unsigned i = 0; i < MIME_KEYS; i++)
		out->text[i] = k->text[i];
}

int64_t
key_row_ref(const struct key_row *row, size_t i)
{
	const unsigned char *p = (const unsigned char *)row->refs.p + i * 8;
	uint64_t id = 0;

	for (unsigned b = 0; b < 8; b++)
		id |= (uint64_t)p[b] << 8 * b;
	return (int64_t)id;
}

static struct sq_value
text_or_null(struct str s)
{
	return s.p ? SQ_T(s) : SQ_NULL;
}

enum store_rc
key_row_insert(
    struct sq *q, int64_t email, const struct key_row *r, struct err *e)
{
	const struct str *t = r->text;

	return store_rc_of(sq_run(q, e,
	    "INSERT OR IGNORE INTO email_key (id, sent, zone, msgid, refs, cut,"
	    " subject, from_mailbox, from_name, to_mailbox, to_name,"
	    " cc_mailbox, from_text, to_text, cc_text, bcc_text)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    SQ_I(email), r->dated ? SQ_I(r->sent) : SQ_NULL, SQ_I(r->zone),
	    SQ_I(r->msgid), SQ_B(r->refs), SQ_I(r->cut),
	    text_or_null(t[MIME_KEY_SUBJECT]),
	    text_or_null(t[MIME_KEY_FROM_MAILBOX]),
	    text_or_null(t[MIME_KEY_FROM_NAME]),
	    text_or_null(t[MIME_KEY_TO_MAILBOX]),
	    text_or_null(t[MIME_KEY_TO_NAME]),
	    text_or_null(t[MIME_KEY_CC_MAILBOX]),
	    text_or_null(t[MIME_KEY_FROM]), text_or_null(t[MIME_KEY_TO]),
	    text_or_null(t[MIME_KEY_CC]), text_or_null(t[MIME_KEY_BCC])));
}

static struct str
column(struct sqlite3_stmt *s, int i)
{
	struct str text = sq_str(s, i);

	if (sq_is_null(s, i))
		return STR_NULL;
	return text.p ? text : STR("");
}

static void
read_row(struct sqlite3_stmt *s, struct key_row *r)
{
	static const enum mime_key texts[] = { MIME_KEY_SUBJECT,
		MIME_KEY_FROM_MAILBOX, MIME_KEY_FROM_NAME, MIME_KEY_TO_MAILBOX,
		MIME_KEY_TO_NAME, MIME_KEY_CC_MAILBOX, MIME_KEY_FROM,
		MIME_KEY_TO, MIME_KEY_CC, MIME_KEY_BCC };

	*r = (struct key_row){ .dated = !sq_is_null(s, 0),
		.sent = sq_int(s, 0),
		.zone = (int)sq_int(s, 1),
		.msgid = sq_int(s, 2),
		.refs = sq_blob(s, 3),
		.cut = (unsigned)sq_int(s, 4) };
	for (unsigned i = 0; i < MIME_KEYS; i++)
		r->text[texts[i]] = column(s, (int)i + 5);
}

/* From the header of the message. */
static enum store_rc
compute(struct account *a, struct sq *q, int64_t email, struct arena *arena,
    struct key_row *out, struct err *e)
{
	struct buf header = { 0 };
	struct mime_keys keys;
	struct mime_span span;
	struct sqlite3_stmt *s;
	int64_t blob;
	enum store_rc rc = email_blob(q, email, &blob, e);
	enum sq_rc step;
	bool ok;

	if (rc != STORE_OK)
		return rc;
	step = sq_one(q, &s, e, "SELECT layout FROM email_cache WHERE id = ?",
	    SQ_I(email));
	if (step != SQ_ROW)
		return step == SQ_DONE
			   ? store_fail(e, STORE_CORRUPT,
				 "email %lld has no cached structure",
				 (long long)email)
			   : store_rc_of(step);
	ok = mime_layout_find(sq_blob(s, 0), NULL, 0, &span);
	sq_reset(s);
	if (!ok)
		return store_fail(e, STORE_CORRUPT,
		    "the layout of email %lld is damaged", (long long)email);
	rc = blob_read(a, q, blob, span.header.at, span.header.n, &header, e);
	if (rc == STORE_OK) {
		mime_keys(arena, buf_str(&header), &keys);
		key_row_make(arena, &keys, out);
	}
	buf_fini(&header);
	return rc;
}

enum store_rc
key_row_get(struct account *a, struct sq *q, int64_t email, struct arena *arena,
    struct key_row *out, struct sqlite3_stmt **open, bool *made, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc step = sq_one(q, &s, e,
	    "SELECT sent, zone, msgid, refs, cut, subject, from_mailbox,"
	    " from_name, to_mailbox, to_name, cc_mailbox, from_text, to_text,"
	    " cc_text, bcc_text FROM email_key WHERE id = ?",
	    SQ_I(email));

	*open = NULL;
	*made = step == SQ_DONE;
	if (step == SQ_DONE)
		return compute(a, q, email, arena, out, e);
	if (step != SQ_ROW)
		return store_rc_of(step);
	read_row(s, out);
	*open = s;
	return STORE_OK;
}

/* The reader's row stays open for the slices. */
enum store_rc
email_keys(
    struct reader *r, int64_t email, struct mime_keys *out, struct err *e)
{
	struct key_row row;
	enum store_rc rc;
	bool made;

	reader_done(r);
	if (!r->arena)
		r->arena = arena_new();
	arena_reset(r->arena);
	rc = key_row_get(
	    r->a, r->db->q, email, r->arena, &row, &r->open, &made, e);
	if (rc != STORE_OK)
		return rc;
	*out = (struct mime_keys){ .dated = row.dated,
		.sent = row.sent,
		.zone = row.zone,
		.cut = row.cut };
	for (unsigned i = 0; i < MIME_KEYS; i++)
		out->text[i] = row.text[i];
	return STORE_OK;
}
