/* SPDX-License-Identifier: BSD-2-Clause */
/* What search keys mean, by reading: the row of keys, the header, the text. */
#include "imapd/search.h"
#include "mime/decode.h"
#include "mime/header.h"
#include "mime/mime.h"

struct question {
	struct search_run *run;
	const struct view_row *row;
	uint32_t seq;
	struct reader *r;
	struct err *e;
};

static bool
contains(const struct question *q, struct str text, struct str needle)
{
	struct buf fold = { 0 };
	bool yes;

	if (needle.n == 0)
		return true;
	q->run->prog->collation->fold(&fold, text);
	yes = str_find(buf_str(&fold), needle) != STR_NPOS;
	buf_fini(&fold);
	return yes;
}

static enum store_rc
sent_day(const struct question *q, int64_t *day)
{
	struct mime_keys keys;
	enum store_rc rc = email_keys(q->r, q->row->email, &keys, q->e);

	*day =
	    search_day(rc == STORE_OK && keys.dated ? keys.sent + keys.zone * 60
						    : q->row->received);
	return rc;
}

/* ------------------------------------------------------------------------
 * Header fields
 */

static enum store_rc
read_header(const struct question *q, struct buf *out)
{
	struct email_meta meta;
	struct mime_span span;
	enum store_rc rc = email_meta(q->r, q->row->email, &meta, q->e);

	if (rc != STORE_OK)
		return rc;
	if (!mime_layout_find(meta.layout, NULL, 0, &span)) {
		err_set(q->e, "the layout of email %lld is damaged",
		    (long long)q->row->email);
		return STORE_CORRUPT;
	}
	return email_read(
	    q->r, q->row->email, span.header.at, span.header.n, out, q->e);
}

static bool
field_contains(
    const struct question *q, const struct mime_field *f, struct str needle)
{
	struct buf text = { 0 };
	bool yes;

	mime_decode_words(&text, f->value);
	yes = contains(q, buf_str(&text), needle);
	if (!yes && mime_is_address_field(f->name)) {
		buf_clear(&text);
		mime_address_text(&text, f->value);
		yes = contains(q, buf_str(&text), needle);
	}
	buf_fini(&text);
	return yes;
}

static enum store_rc
in_header(const struct question *q, const struct search_key *k, bool *yes)
{
	struct buf header = { 0 };
	struct mime_field f;
	struct str rest;
	enum store_rc rc = read_header(q, &header);

	*yes = false;
	rest = buf_str(&header);
	while (rc == STORE_OK && !*yes && mime_field_next(&rest, &f))
		*yes = f.name.n && str_ieq(f.name, k->name) &&
		       field_contains(q, &f, k->folded);
	buf_fini(&header);
	return rc;
}

/* Which of the texts kept is that of a field; MIME_KEYS: none. */
static enum mime_key
kept_text(struct str name)
{
	static const struct {
		const char *name;
		enum mime_key key;
	} rows[] = {
		{ "Subject", MIME_KEY_SUBJECT },
		{ "From", MIME_KEY_FROM },
		{ "To", MIME_KEY_TO },
		{ "Cc", MIME_KEY_CC },
		{ "Bcc", MIME_KEY_BCC },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (str_ieqc(name, rows[i].name))
			return rows[i].key;
	}
	return MIME_KEYS;
}

static enum store_rc
in_field(const struct question *q, const struct search_key *k, bool *yes)
{
	enum mime_key key = kept_text(k->name);
	struct mime_keys keys;
	struct str text;
	enum store_rc rc;

	if (key == MIME_KEYS)
		return in_header(q, k, yes);
	rc = email_keys(q->r, q->row->email, &keys, q->e);
	if (rc != STORE_OK)
		return rc;
	text = keys.text[key];
	*yes = text.p && contains(q, text, k->folded);
	if (!*yes && (keys.cut & 1u << key))
		return in_header(q, k, yes);
	return STORE_OK;
}

/* ------------------------------------------------------------------------
 * Any key
 */

static enum store_rc ask(
    const struct question *q, const struct search_key *k, bool *yes);

static enum store_rc
ask_children(const struct question *q, const struct search_key *k, bool *yes)
{
	bool decides = k->kind == SK_OR;
	enum store_rc rc = STORE_OK;

	*yes = !decides;
	for (const struct search_key *c = k->child;
	     c && rc == STORE_OK && *yes != decides; c = c->next)
		rc = ask(q, c, yes);
	return rc;
}

static enum store_rc
in_text(const struct question *q, const struct search_key *k, bool *yes)
{
	return email_contains(q->r, q->row->email,
	    k->kind == SK_BODY ? SEARCH_BODY : SEARCH_TEXT,
	    q->run->prog->collation->fold, k->folded, yes, q->e);
}

static enum store_rc
ask(const struct question *q, const struct search_key *k, bool *yes)
{
	enum verdict v = search_cheap(q->run, k, q->seq, q->row);
	enum store_rc rc;
	int64_t day;

	*yes = v == VERDICT_YES;
	if (v != VERDICT_MAYBE)
		return STORE_OK;
	switch (k->kind) {
	case SK_NOT:
		rc = ask(q, k->child, yes);
		*yes = !*yes;
		return rc;
	case SK_SENT:
		rc = sent_day(q, &day);
		*yes = search_compare(k->op, day, (int64_t)k->num);
		return rc;
	case SK_HEADER:
		return in_field(q, k, yes);
	case SK_BODY:
	case SK_TEXT:
		return in_text(q, k, yes);
	default:
		return ask_children(q, k, yes);
	}
}

enum store_rc
search_full(struct search_run *run, const struct search_key *k, uint32_t seq,
    const struct view_row *row, struct reader *r, bool *yes, struct err *e)
{
	struct question q = { run, row, seq, r, e };

	return ask(&q, k, yes);
}
