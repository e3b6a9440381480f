/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One message of a FETCH. It is written in two passes, because what
 * email_meta() returns is good only until octets are read: first all that comes
 * from the view and the cached structure, and the ranges of the sections; then
 * the sections. A section larger than a chunk is the one thing that may be
 * interrupted within a message.
 */
#include <string.h>

#include "imapd/fetch.h"
#include "imapd/seqset.h"
#include "imapd/tell.h"
#include "mime/decode.h"

#define CHUNK (256 * 1024)

static void
put_label(struct buf *out, const struct fetch_item *it)
{
	if (out->p[out->n - 1] != '(')
		buf_putc(out, ' ');
	buf_putstr(out, it->label);
	buf_putc(out, ' ');
}

static void
put_flags(struct session *s, struct buf *out, const struct view_row *row)
{
	write_flags(out, &row->flags, sel_recent(s, row->uid), &s->keywords);
}

/* What the store says of an email, as far as the items need it. */
struct known {
	uint8_t hash[32];
	struct email_facts facts;
	struct email_meta meta;
};

static enum store_rc
learn(struct fetch *f, struct reader *r, struct known *k, struct err *e)
{
	int64_t email = f->row->email;
	enum store_rc rc = STORE_OK;

	*k = (struct known){ 0 };
	if (f->items.needs & NEED_IDS) {
		rc = email_hash(r, email, k->hash, e);
		if (rc == STORE_OK)
			rc = email_facts(r, email, &k->facts, e);
	}
	/* Last, since it points into the reader. */
	if (rc == STORE_OK && (f->items.needs & NEED_META))
		rc = email_meta(r, email, &k->meta, e);
	return rc;
}

static bool
put_item(struct session *s, struct buf *out, const struct fetch_item *it,
    const struct view_row *row, const struct known *k)
{
	const struct email_meta *meta = &k->meta;

	put_label(out, it);
	switch (it->kind) {
	case FETCH_UID:
		buf_putu(out, row->uid);
		break;
	case FETCH_FLAGS:
		put_flags(s, out, row);
		break;
	case FETCH_INTERNALDATE:
		write_internaldate(out, row->received);
		break;
	case FETCH_SIZE:
		buf_putu(out, row->size);
		break;
	case FETCH_MODSEQ:
		buf_putc(out, '(');
		buf_putu(out, row->modseq);
		buf_putc(out, ')');
		break;
	case FETCH_ENVELOPE:
		buf_putstr(out, meta->envelope);
		break;
	case FETCH_BODYSTRUCTURE:
		buf_putstr(out, meta->bodystructure);
		break;
	case FETCH_BODY:
		return mime_body_of(out, meta->bodystructure);
	case FETCH_EMAILID:
		write_emailid(out, k->hash);
		break;
	case FETCH_THREADID:
		write_objectid(out, 'T', k->facts.thread);
		break;
	case FETCH_PREVIEW:
		write_nstring(out, meta->preview);
		break;
	case FETCH_SAVEDATE:
		write_internaldate(out, row->saved);
		break;
	case FETCH_SECTION:
	case FETCH_BINARY:
	case FETCH_BINARY_SIZE:
		break;
	}
	return true;
}

static bool
is_section(const struct fetch_item *it)
{
	return it->kind == FETCH_SECTION || it->kind == FETCH_BINARY ||
	       it->kind == FETCH_BINARY_SIZE;
}

static void
put_also(struct session *s, struct buf *out, const struct fetch *f,
    const struct known *k, enum fetch_kind kind, const char *name)
{
	struct fetch_item it = { .kind = kind, .label = str_of(name) };

	put_item(s, out, &it, f->row, k);
}

/*
 * What the command itself has changed, \Seen, unless it was asked for anyway.
 * It goes with the UID and MODSEQ (RFC 7162, section 3.2.4), as in
 * tell_flags().
 */
static void
put_changed(struct session *s, struct buf *out, const struct fetch *f,
    const struct known *k)
{
	unsigned has = f->items.needs, on = s->enabled;

	if (!(has & HAS_UID) && (on & (EN_CONDSTORE | EN_REV2)) &&
	    !(on & EN_UIDONLY))
		put_also(s, out, f, k, FETCH_UID, "UID");
	if (!(has & HAS_MODSEQ) && (on & EN_CONDSTORE))
		put_also(s, out, f, k, FETCH_MODSEQ, "MODSEQ");
	if (!(has & HAS_FLAGS))
		put_also(s, out, f, k, FETCH_FLAGS, "FLAGS");
}

/* All but the contents of sections. */
enum store_rc
fetch_begin(struct session *s, struct fetch *f, struct reader *r, struct err *e)
{
	struct buf *out = conn_out(s->conn);
	const struct view_row *row = f->row;
	struct known k;
	enum store_rc rc = learn(f, r, &k, e);

	if (rc != STORE_OK)
		return rc;
	tell_fetch(s, f->seq, row->uid);
	for (size_t i = 0; i < f->items.n; i++) {
		const struct fetch_item *it = &f->items.v[i];

		if (is_section(it)) {
			section_find(it, &k.meta, row->size, &f->sections[i]);
		} else if (!put_item(s, out, it, row, &k)) {
			err_set(e, "the structure of email %lld is damaged",
			    (long long)row->email);
			return STORE_CORRUPT;
		}
	}
	if (seqset_has(f->seen, row->uid))
		put_changed(s, out, f, &k);
	return STORE_OK;
}

/* Octets of the message: exactly as many as were announced. */
static enum store_rc
put_octets(struct buf *out, struct reader *r, const struct view_row *row,
    struct mime_range range, struct err *e)
{
	size_t before = out->n;
	enum store_rc rc;

	if (range.n == 0)
		return STORE_OK;
	rc = email_read(r, row->email, range.at, range.n, out, e);
	if (rc == STORE_OK && out->n - before != range.n) {
		err_set(e, "email %lld is shorter than it should be",
		    (long long)row->email);
		rc = STORE_CORRUPT;
	}
	return rc;
}

/* The rest of a large section, as far as the output takes it. */
static enum emit
pump(struct session *s, struct fetch *f, struct reader *r, struct err *e)
{
	struct buf *out = conn_out(s->conn);

	while (f->big.n) {
		struct mime_range part = { f->big.at,
			f->big.n < CHUNK ? f->big.n : CHUNK };

		if (conn_out_full(s->conn)) {
			f->sent = true;
			return EMIT_FULL;
		}
		f->rc = put_octets(out, r, f->row, part, e);
		if (f->rc != STORE_OK)
			return EMIT_ABORT;
		f->big.at += part.n;
		f->big.n -= part.n;
	}
	return EMIT_DONE;
}

static void
put_literal_head(struct buf *out, uint64_t n)
{
	buf_putc(out, '{');
	buf_putu(out, n);
	BUF_LIT(out, "}\r\n");
}

/* HEADER.FIELDS: the block is filtered in memory. */
static enum store_rc
put_fields(struct fetch *f, struct buf *out, const struct fetch_item *it,
    const struct section *sec, struct reader *r, struct err *e)
{
	struct buf *header = &f->scratch[0], *kept = &f->scratch[1];
	struct str text;
	enum store_rc rc;

	buf_clear(header);
	buf_clear(kept);
	rc = put_octets(header, r, f->row, sec->range, e);
	if (rc != STORE_OK)
		return rc;
	section_fields(kept, it, buf_str(header));
	text = buf_str(kept);
	if (it->partial)
		text = str_sub(text, it->offset,
		    it->length < text.n ? (size_t)it->length : text.n);
	put_literal_head(out, text.n);
	buf_putstr(out, text);
	return STORE_OK;
}

/*
 * BINARY and BINARY.SIZE (RFC 3516): the part decoded, in memory. A literal8
 * where NUL is among the octets.
 */
static enum store_rc
put_binary(struct fetch *f, struct buf *out, const struct fetch_item *it,
    const struct section *sec, struct reader *r, struct err *e)
{
	struct buf *coded = &f->scratch[0], *plain = &f->scratch[1];
	struct str text;
	enum store_rc rc;

	if (sec->cte == MIME_CTE_UNKNOWN) {
		f->unknown_cte = true;
		buf_puts(out, it->kind == FETCH_BINARY ? "NIL" : "0");
		return STORE_OK;
	}
	if (it->kind == FETCH_BINARY_SIZE && sec->cte != MIME_QP &&
	    sec->cte != MIME_BASE64) {
		buf_putu(out, sec->range.n);
		return STORE_OK;
	}
	buf_clear(coded);
	buf_clear(plain);
	rc = put_octets(coded, r, f->row, sec->range, e);
	if (rc != STORE_OK)
		return rc;
	mime_decode_cte(plain, sec->cte, buf_str(coded), SIZE_MAX);
	text = buf_str(plain);
	if (it->kind == FETCH_BINARY_SIZE) {
		buf_putu(out, text.n);
		return STORE_OK;
	}
	if (it->partial)
		text = str_sub(text, it->offset < text.n ? it->offset : text.n,
		    it->length < text.n ? (size_t)it->length : text.n);
	if (str_chr(text, '\0') != STR_NPOS)
		buf_putc(out, '~');
	put_literal_head(out, text.n);
	buf_putstr(out, text);
	return STORE_OK;
}

/* Sections from f->item on, and the end of the line. */
enum emit
fetch_finish(
    struct session *s, struct fetch *f, struct reader *r, struct err *e)
{
	struct buf *out = conn_out(s->conn);
	enum emit em = pump(s, f, r, e);

	for (; em == EMIT_DONE && f->item < f->items.n; f->item++) {
		const struct fetch_item *it = &f->items.v[f->item];
		const struct section *sec = &f->sections[f->item];

		if (!is_section(it))
			continue;
		put_label(out, it);
		if (sec->nil) {
			buf_puts(
			    out, it->kind == FETCH_BINARY_SIZE ? "0" : "NIL");
		} else if (it->kind != FETCH_SECTION) {
			f->rc = put_binary(f, out, it, sec, r, e);
		} else if (sec->fields) {
			f->rc = put_fields(f, out, it, sec, r, e);
		} else {
			put_literal_head(out, sec->range.n);
			if (sec->range.n > CHUNK) {
				f->big = sec->range;
				em = pump(s, f, r, e);
			} else {
				f->rc =
				    put_octets(out, r, f->row, sec->range, e);
			}
		}
		if (f->rc != STORE_OK)
			em = EMIT_ABORT;
	}
	if (em == EMIT_DONE)
		BUF_LIT(out, ")\r\n");
	return em;
}
