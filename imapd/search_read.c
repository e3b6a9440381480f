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

#define CERTAIN 100 /* the score of what matches exactly */

/* How well a text matches; 0: not at all. */
static unsigned
match(const struct question *q, struct str text, const struct search_key *k)
{
	struct buf fold = { 0 };
	unsigned score;

	if (k->folded.n == 0)
		return CERTAIN;
	if (k->words.n) {
		mime_plain(&fold, text);
		text = buf_str(&fold);
		score = fuzzy_score(&k->words, &text, 1);
	} else {
		q->run->prog->collation->fold(&fold, text);
		score = str_find(buf_str(&fold), k->folded) != STR_NPOS
			    ? CERTAIN
			    : 0;
	}
	buf_fini(&fold);
	return score;
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

static unsigned
match_field(const struct question *q, const struct mime_field *f,
    const struct search_key *k)
{
	struct buf text = { 0 };
	unsigned score, other;

	mime_decode_words(&text, f->value);
	score = match(q, buf_str(&text), k);
	if (score < CERTAIN && mime_is_address_field(f->name)) {
		buf_clear(&text);
		mime_address_text(&text, f->value);
		other = match(q, buf_str(&text), k);
		score = other > score ? other : score;
	}
	buf_fini(&text);
	return score;
}

static enum store_rc
in_header(const struct question *q, const struct search_key *k, unsigned *score)
{
	struct buf header = { 0 };
	struct mime_field f;
	struct str rest;
	enum store_rc rc = read_header(q, &header);

	*score = 0;
	rest = buf_str(&header);
	while (
	    rc == STORE_OK && *score < CERTAIN && mime_field_next(&rest, &f)) {
		unsigned one = f.name.n && str_ieq(f.name, k->name)
				   ? match_field(q, &f, k)
				   : 0;

		*score = one > *score ? one : *score;
	}
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

	for (size_t i = 0; i < LEN(rows); i++) {
		if (str_ieqc(name, rows[i].name))
			return rows[i].key;
	}
	return MIME_KEYS;
}

static enum store_rc
in_field(const struct question *q, const struct search_key *k, unsigned *score)
{
	enum mime_key key = kept_text(k->name);
	struct mime_keys keys;
	struct str text;
	enum store_rc rc;

	if (key == MIME_KEYS)
		return in_header(q, k, score);
	rc = email_keys(q->r, q->row->email, &keys, q->e);
	if (rc != STORE_OK)
		return rc;
	text = keys.text[key];
	*score = text.p ? match(q, text, k) : 0;
	if (!*score && (keys.cut & 1u << key))
		return in_header(q, k, score);
	return STORE_OK;
}

static enum store_rc
in_text(const struct question *q, const struct search_key *k, unsigned *score)
{
	bool yes, body = k->kind == SK_BODY;
	struct str texts[2];
	enum store_rc rc;

	if (k->words.n) {
		rc = email_text(q->r, q->row->email, mime_plain, &texts[0],
		    &texts[1], q->e);
		*score = rc == STORE_OK ? fuzzy_score(&k->words, texts + body,
					      body ? 1 : 2)
					: 0;
		return rc;
	}
	rc = email_contains(q->r, q->row->email,
	    body ? SEARCH_BODY : SEARCH_TEXT, q->run->prog->collation->fold,
	    k->folded, &yes, q->e);
	*score = rc == STORE_OK && yes ? CERTAIN : 0;
	return rc;
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
ask(const struct question *q, const struct search_key *k, bool *yes)
{
	enum verdict v = search_cheap(q->run, k, q->seq, q->row);
	unsigned score = 0;
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
		rc = in_field(q, k, &score);
		*yes = score > 0;
		return rc;
	case SK_BODY:
	case SK_TEXT:
		rc = in_text(q, k, &score);
		*yes = score > 0;
		return rc;
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

/* ------------------------------------------------------------------------
 * How well it matches
 */

/* What has no word in it has no score: HAS is false. */
static enum store_rc
score_key(const struct question *q, const struct search_key *k, bool *has,
    unsigned *score)
{
	unsigned sum = 0, best = 0, n = 0, one;
	enum store_rc rc = STORE_OK;
	bool counts;

	*has = k->words.n > 0;
	if (*has)
		return k->kind == SK_HEADER ? in_field(q, k, score)
					    : in_text(q, k, score);
	for (const struct search_key *c = k->kind == SK_NOT ? NULL : k->child;
	     c && rc == STORE_OK; c = c->next) {
		rc = score_key(q, c, &counts, &one);
		if (rc != STORE_OK || !counts)
			continue;
		n++;
		sum += one;
		best = one > best ? one : best;
	}
	*has = n > 0;
	if (*has)
		*score = k->kind == SK_OR ? best : sum / n;
	return rc;
}

enum store_rc
search_score(struct search_run *run, uint32_t seq, const struct view_row *row,
    struct reader *r, uint8_t *score, struct err *e)
{
	struct question q = { run, row, seq, r, e };
	unsigned all = CERTAIN;
	bool has;
	enum store_rc rc = score_key(&q, run->prog->root, &has, &all);

	*score = (uint8_t)(rc != STORE_OK || all == 0 ? 1
			   : has                      ? all
						      : CERTAIN);
	return rc;
}
