/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/url_read.h"

#include "imapd/section.h"
#include "mime/decode.h"

/* The item of FETCH that asks for the same. */
static bool
item_of(struct arena *arena, const struct imap_url *url, enum url_form form,
    struct fetch_items *items)
{
	struct parse p = { .arena = arena,
		.in = arena_printf(arena, "%s[%.*s]",
		    form == URL_BODY ? "BODY.PEEK" : "BINARY.PEEK",
		    STR_ARG(url->section)) };

	if (!fetch_items_parse(&p, items) || !parse_end(&p))
		return false;
	items->v[0].partial = url->partial;
	items->v[0].offset = url->offset;
	items->v[0].length = url->length ? url->length : UINT64_MAX;
	return true;
}

static void
put_partial(struct buf *out, const struct fetch_item *it, struct str text)
{
	if (it->partial)
		text = str_sub(text, it->offset < text.n ? it->offset : text.n,
		    it->length < text.n ? (size_t)it->length : text.n);
	buf_putstr(out, text);
}

/* Fields are filtered, parts decoded: in memory, from RAW. */
static void
transform(struct buf *out, const struct fetch_item *it,
    const struct section *sec, struct str raw)
{
	struct buf text = { 0 };

	if (sec->fields)
		section_fields(&text, it, raw);
	else
		mime_decode_cte(&text, sec->cte, raw, SIZE_MAX);
	put_partial(out, it, buf_str(&text));
	buf_fini(&text);
}

static enum store_rc
read_section(struct reader *r, const struct view_row *row,
    const struct fetch_item *it, const struct section *sec, struct buf *out,
    struct err *e)
{
	struct buf raw = { 0 };
	enum store_rc rc;

	if (sec->nil)
		return STORE_NOTFOUND;
	if (sec->cte == MIME_CTE_UNKNOWN)
		return STORE_INVALID;
	if (!sec->fields && it->kind == FETCH_SECTION)
		return email_read(
		    r, row->email, sec->range.at, sec->range.n, out, e);
	rc = email_read(r, row->email, sec->range.at, sec->range.n, &raw, e);
	if (rc == STORE_OK)
		transform(out, it, sec, buf_str(&raw));
	buf_fini(&raw);
	return rc;
}

static enum store_rc
read_structure(
    const struct fetch_item *it, const struct email_meta *meta, struct buf *out)
{
	struct str part;

	if (it->part != PART_BODY ||
	    !mime_bodystructure_part(
		meta->bodystructure, it->path, it->npath, &part))
		return STORE_NOTFOUND;
	buf_putstr(out, part);
	return STORE_OK;
}

/* Of a part that cannot be decoded it is the structure as it stands. */
static enum store_rc
read_decoded(struct reader *r, const struct view_row *row,
    const struct fetch_item *it, const struct email_meta *meta, struct buf *out,
    struct err *e)
{
	struct buf structure = { 0 }, text = { 0 };
	struct section sec;
	enum store_rc rc = read_structure(it, meta, &structure);

	section_find(it, meta, row->size, &sec);
	if (rc == STORE_OK)
		rc = read_section(r, row, it, &sec, &text, e);
	if (rc == STORE_INVALID ||
	    (rc == STORE_OK && !mime_bodystructure_decoded(
				   out, buf_str(&structure), buf_str(&text)))) {
		buf_putstr(out, buf_str(&structure));
		rc = STORE_OK;
	}
	buf_fini(&structure);
	buf_fini(&text);
	return rc;
}

static enum store_rc
read_row(struct arena *arena, struct account *a, const struct view_row *row,
    const struct imap_url *url, enum url_form form, struct buf *out,
    struct err *e)
{
	struct fetch_items items;
	struct email_meta meta;
	struct section sec;
	struct reader *r;
	enum store_rc rc;

	if (!item_of(arena, url, form, &items))
		return STORE_INVALID;
	if ((rc = reader_begin(a, &r, e)) != STORE_OK)
		return rc;
	rc = email_meta(r, row->email, &meta, e);
	if (rc == STORE_OK && form == URL_PART_STRUCTURE) {
		rc = read_structure(&items.v[0], &meta, out);
	} else if (rc == STORE_OK && form == URL_DECODED_STRUCTURE) {
		rc = read_decoded(r, row, &items.v[0], &meta, out, e);
	} else if (rc == STORE_OK) {
		section_find(&items.v[0], &meta, row->size, &sec);
		rc = read_section(r, row, &items.v[0], &sec, out, e);
	}
	reader_end(&r);
	return rc;
}

enum store_rc
url_read(struct arena *arena, struct account *a, int64_t mailbox,
    const struct imap_url *url, enum url_form form, struct buf *out,
    struct err *e)
{
	struct view *v;
	uint32_t seq;
	enum store_rc rc = view_current(a, mailbox, &v, e);

	if (rc != STORE_OK)
		return rc;
	seq = view_seq(v, url->uid);
	if (!seq ||
	    (url->uidvalidity && url->uidvalidity != view_uidvalidity(v)))
		rc = STORE_NOTFOUND;
	else
		rc = read_row(arena, a, view_at(v, seq), url, form, out, e);
	view_unref(&v);
	return rc;
}
