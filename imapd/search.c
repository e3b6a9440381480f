/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/search.h"

#include <stdlib.h>

#include "imapd/seqset.h"
#include "mime/decode.h"
#include "mime/header.h"
#include "mime/mime.h"

/* ------------------------------------------------------------------------
 * Preparing
 */

static unsigned
cost(const struct search_key *k)
{
	unsigned most = 0;

	switch (k->kind) {
	case SK_SENT:
		return 1;
	case SK_HEADER:
		return 2;
	case SK_BODY:
	case SK_TEXT:
		return 3;
	default:
		break;
	}
	for (const struct search_key *c = k->child; c; c = c->next) {
		unsigned n = cost(c);

		most = n > most ? n : most;
	}
	return most;
}

/* A stable sort of the children by cost: four buckets. */
static void
order(struct search_key *k)
{
	struct search_key *first[4] = { NULL }, **tail[4], **all = &k->child;

	for (unsigned i = 0; i < 4; i++)
		tail[i] = &first[i];
	for (struct search_key *c = k->child; c; c = c->next) {
		unsigned n = cost(c);

		*tail[n] = c;
		tail[n] = &c->next;
	}
	for (unsigned i = 0; i < 4; i++) {
		*tail[i] = NULL;
		*all = first[i];
		if (first[i])
			all = tail[i];
	}
}

static struct str
folded(struct session *s, struct str charset, struct str text)
{
	struct buf utf8 = { 0 }, out = { 0 };
	struct str needle;

	mime_to_utf8(&utf8, charset, text);
	mime_fold(&out, buf_str(&utf8));
	needle = arena_str(s->arena, buf_str(&out));
	buf_fini(&utf8);
	buf_fini(&out);
	return needle;
}

static bool
prepare_set(struct session *s, struct search_key *k)
{
	const struct view *v = s->sel.view;
	uint32_t star = view_count(v);
	size_t at;

	if (k->kind == SK_UID && star)
		star = view_at(v, star)->uid;
	return seqset_parse(s->arena, k->text, star, &k->set, &at) == SEQSET_OK;
}

static enum search_rc
prepare(struct session *s, const struct search_program *prog,
    struct search_key *k, enum store_rc *rc, struct err *e)
{
	enum search_rc src = SEARCH_READY;

	switch (k->kind) {
	case SK_SEQ:
	case SK_UID:
		if (!prepare_set(s, k))
			return SEARCH_BAD_SET;
		break;
	case SK_KEYWORD:
		*rc = account_keyword(
		    s->sel.account, k->name, false, &k->keyword, e);
		k->never = *rc == STORE_NOTFOUND;
		if (*rc != STORE_OK && !k->never)
			return SEARCH_FAILED;
		break;
	case SK_TEXT:
	case SK_BODY:
	case SK_HEADER:
		k->folded = folded(s, prog->charset, k->text);
		break;
	case SK_MODSEQ:
		enable_condstore(s);
		break;
	default:
		break;
	}
	for (struct search_key *c = k->child; c && src == SEARCH_READY;
	     c = c->next)
		src = prepare(s, prog, c, rc, e);
	order(k);
	return src;
}

enum search_rc
search_prepare(struct session *s, struct search_program *prog,
    enum store_rc *rc, struct err *e)
{
	if (prog->charset.n && !mime_charset_known(prog->charset))
		return SEARCH_BAD_CHARSET;
	return prepare(s, prog, prog->root, rc, e);
}

static bool
has_needle(const struct search_key *k)
{
	return (k->kind == SK_TEXT || k->kind == SK_BODY ||
		   k->kind == SK_HEADER) &&
	       k->folded.n > 0;
}

enum store_rc
search_narrow(struct session *s, struct search_key *k, struct err *e)
{
	enum store_rc rc = STORE_OK;
	bool all = true;

	if (has_needle(k)) {
		rc = search_candidates(s->sel.account, &k->folded, 1, s->arena,
		    &k->candidates, &k->ncandidates, &all, e);
		k->narrowed = rc == STORE_OK && !all;
	}
	for (struct search_key *c = k->child; c && rc == STORE_OK; c = c->next)
		rc = search_narrow(s, c, e);
	return rc;
}

/* ------------------------------------------------------------------------
 * By the view
 */

static int
by_id(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool
ruled_out(const struct search_key *k, const struct view_row *row)
{
	return k->narrowed &&
	       (k->ncandidates == 0 ||
		   !bsearch(&row->email, k->candidates, k->ncandidates,
		       sizeof(row->email), by_id));
}

static bool
compare(enum search_op op, int64_t value, int64_t with)
{
	switch (op) {
	case SEARCH_LESS:
		return value < with;
	case SEARCH_EQUAL:
		return value == with;
	case SEARCH_MORE:
		return value > with;
	case SEARCH_SINCE:
		return value >= with;
	}
	return false;
}

static int64_t
day_of(int64_t epoch)
{
	return epoch / 86400 - (epoch % 86400 < 0);
}

static enum verdict
yes_no(bool yes)
{
	return yes ? VERDICT_YES : VERDICT_NO;
}

static enum verdict
cheap_children(const struct session *s, const struct search_key *k,
    uint32_t seq, const struct view_row *row)
{
	/* What decides: a NO of AND, a YES of OR. */
	enum verdict decides = k->kind == SK_OR ? VERDICT_YES : VERDICT_NO;
	enum verdict v = k->kind == SK_OR ? VERDICT_NO : VERDICT_YES;

	for (const struct search_key *c = k->child; c; c = c->next) {
		enum verdict one = search_cheap(s, c, seq, row);

		if (one == decides)
			return one;
		if (one == VERDICT_MAYBE)
			v = VERDICT_MAYBE;
	}
	return v;
}

enum verdict
search_cheap(const struct session *s, const struct search_key *k, uint32_t seq,
    const struct view_row *row)
{
	enum verdict v;

	switch (k->kind) {
	case SK_ALL:
		return VERDICT_YES;
	case SK_AND:
	case SK_OR:
		return cheap_children(s, k, seq, row);
	case SK_NOT:
		v = search_cheap(s, k->child, seq, row);
		return v == VERDICT_MAYBE ? v : yes_no(v == VERDICT_NO);
	case SK_FLAG:
		return yes_no(row->flags.bits & k->num);
	case SK_KEYWORD:
		return yes_no(
		    !k->never && flags_has_keyword(&row->flags, k->keyword));
	case SK_RECENT:
		return yes_no(sel_recent(s, row->uid));
	case SK_SEQ:
		return yes_no(seqset_has(k->set, seq));
	case SK_UID:
		return yes_no(seqset_has(k->set, row->uid));
	case SK_RECEIVED:
		return yes_no(
		    compare(k->op, day_of(row->received), (int64_t)k->num));
	case SK_SIZE:
		return yes_no(k->op == SEARCH_LESS ? row->size < k->num
						   : row->size > k->num);
	case SK_MODSEQ:
		return yes_no(row->modseq >= k->num);
	case SK_SENT:
		return VERDICT_MAYBE;
	case SK_TEXT:
	case SK_BODY:
		if (k->folded.n == 0)
			return VERDICT_YES;
		break;
	case SK_HEADER:
		break;
	}
	return ruled_out(k, row) ? VERDICT_NO : VERDICT_MAYBE;
}

/* ------------------------------------------------------------------------
 * By the message
 */

struct question {
	const struct session *s;
	const struct view_row *row;
	uint32_t seq;
	struct reader *r;
	struct err *e;
};

/*
 * The date and the subject stand first in the ENVELOPE, as the sender wrote
 * them. Slices of A; p is NULL where there is none.
 */
static enum store_rc
envelope_head(const struct question *q, struct arena *a, struct str *date,
    struct str *subject)
{
	struct email_meta meta;
	struct parse p = { .arena = a };
	enum store_rc rc = email_meta(q->r, q->row->email, &meta, q->e);

	*date = *subject = STR_NULL;
	if (rc != STORE_OK)
		return rc;
	p.in = meta.envelope;
	if (parse_char(&p, '(') && parse_nstring(&p, date) && parse_sp(&p) &&
	    parse_nstring(&p, subject))
		return STORE_OK;
	err_set(q->e, "the envelope of email %lld is damaged",
	    (long long)q->row->email);
	return STORE_CORRUPT;
}

/* The day is the one of the sender's zone. */
static enum store_rc
sent_day(const struct question *q, int64_t *day)
{
	struct arena *a = arena_new();
	struct str date, subject;
	int64_t epoch;
	int zone = 0;
	enum store_rc rc = envelope_head(q, a, &date, &subject);

	if (rc == STORE_OK && date.p && mime_date(date, &epoch, &zone))
		*day = day_of(epoch + zone * 60);
	else
		*day = day_of(q->row->received);
	arena_free(&a);
	return rc;
}

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
contains(struct buf *text, struct str needle)
{
	struct buf fold = { 0 };
	bool yes;

	mime_fold(&fold, buf_str(text));
	yes = str_find(buf_str(&fold), needle) != STR_NPOS;
	buf_fini(&fold);
	return yes;
}

static bool
field_contains(const struct mime_field *f, struct str needle)
{
	struct buf text = { 0 };
	bool yes;

	mime_decode_words(&text, f->value);
	yes = contains(&text, needle);
	if (!yes && mime_is_address_field(f->name)) {
		buf_clear(&text);
		mime_address_text(&text, f->value);
		yes = contains(&text, needle);
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
		       (k->folded.n == 0 || field_contains(&f, k->folded));
	buf_fini(&header);
	return rc;
}

/* The most usual one, without reading the message. */
static enum store_rc
in_subject(const struct question *q, const struct search_key *k, bool *yes)
{
	struct arena *a = arena_new();
	struct mime_field f = { .name = STR("Subject") };
	struct str date;
	enum store_rc rc = envelope_head(q, a, &date, &f.value);

	*yes = rc == STORE_OK && f.value.p &&
	       (k->folded.n == 0 || field_contains(&f, k->folded));
	arena_free(&a);
	return rc;
}

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
	enum verdict v = search_cheap(q->s, k, q->seq, q->row);
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
		*yes = rc == STORE_OK && compare(k->op, day, (int64_t)k->num);
		return rc;
	case SK_HEADER:
		if (str_ieqc(k->name, "Subject"))
			return in_subject(q, k, yes);
		return in_header(q, k, yes);
	case SK_BODY:
		return email_contains(
		    q->r, q->row->email, SEARCH_BODY, k->folded, yes, q->e);
	case SK_TEXT:
		return email_contains(
		    q->r, q->row->email, SEARCH_TEXT, k->folded, yes, q->e);
	default:
		return ask_children(q, k, yes);
	}
}

enum store_rc
search_full(const struct session *s, const struct search_key *k, uint32_t seq,
    const struct view_row *row, struct reader *r, bool *yes, struct err *e)
{
	struct question q = { s, row, seq, r, e };

	return ask(&q, k, yes);
}
