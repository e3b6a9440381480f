/* SPDX-License-Identifier: BSD-2-Clause */
/* What search keys mean, as far as it can be told without reading. */
#include "imapd/search.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/codec.h"
#include "imapd/seqset.h"
#include "mime/decode.h"
#include "mime/header.h"

struct search_scope
search_selected(struct session *s)
{
	return (struct search_scope){ s->account, s->sel.view, s->sel.latest, s,
		true };
}

const struct view_row *
scope_row(const struct search_scope *sc, uint32_t seq, bool *gone)
{
	const struct view_row *row = view_at(sc->view, seq);
	uint32_t now;

	*gone = false;
	if (sc->latest == sc->view)
		return row;
	now = view_seq(sc->latest, row->uid);
	*gone = now == 0;
	return now ? view_at(sc->latest, now) : row;
}

/* ------------------------------------------------------------------------
 * Preparing
 */

enum { COST_VIEW, COST_KEYS, COST_ROW, COST_HEADER, COST_TEXT, COSTS };

bool
search_is_subject(const struct search_key *k)
{
	return k->kind == SK_HEADER && str_ieqc(k->name, "Subject");
}

/* The dearest of it. */
static unsigned
cost(const struct search_key *k)
{
	unsigned most = COST_VIEW;

	switch (k->kind) {
	case SK_SENT:
		return COST_KEYS;
	case SK_HEADER:
		return search_is_subject(k)             ? COST_KEYS
		       : mime_is_address_field(k->name) ? COST_ROW
							: COST_HEADER;
	case SK_BODY:
	case SK_TEXT:
		return COST_TEXT;
	default:
		break;
	}
	for (const struct search_key *c = k->child; c; c = c->next) {
		unsigned n = cost(c);

		most = n > most ? n : most;
	}
	return most;
}

/* A stable sort of the children by cost: a bucket each. */
static void
order(struct search_key *k)
{
	struct search_key *first[COSTS] = { NULL }, **tail[COSTS];
	struct search_key **all = &k->child;

	for (unsigned i = 0; i < COSTS; i++)
		tail[i] = &first[i];
	for (struct search_key *c = k->child; c; c = c->next) {
		unsigned n = cost(c);

		*tail[n] = c;
		tail[n] = &c->next;
	}
	for (unsigned i = 0; i < COSTS; i++) {
		*tail[i] = NULL;
		*all = first[i];
		if (first[i])
			all = tail[i];
	}
}

struct preparing {
	const struct search_scope *sc;
	struct arena *arena;
	struct search_program *prog;
	enum store_rc *rc;
	struct err *e;
};

struct str
search_folded(
    struct arena *a, void (*fold)(struct buf *, struct str), struct str utf8)
{
	struct buf out = { 0 };
	struct str s;

	fold(&out, utf8);
	s = arena_str(a, buf_str(&out));
	buf_fini(&out);
	return s;
}

static void
prepare_needle(const struct preparing *p, struct search_key *k)
{
	struct buf utf8 = { 0 };

	mime_to_utf8(&utf8, p->prog->charset, k->text);
	k->folded =
	    search_folded(p->arena, p->prog->collation->fold, buf_str(&utf8));
	k->indexed = search_folded(p->arena, mime_fold, buf_str(&utf8));
	if (k->fuzzy)
		fuzzy_parse(p->arena, buf_str(&utf8), &k->words);
	buf_fini(&utf8);
	if (search_is_subject(k)) {
		p->prog->keys = true;
		p->prog->texts |= KEY_BIT(KEY_SUBJECT);
	}
}

static bool
prepare_set(const struct preparing *p, struct search_key *k)
{
	const struct view *v = p->sc->view;
	uint32_t star = view_count(v);
	size_t at;

	if (k->saved) {
		k->set = p->sc->selected
			     ? sel_saved(p->sc->s, k->kind == SK_UID)
			     : (struct uids){ NULL, 0 };
		return true;
	}
	if (k->kind == SK_UID && star)
		star = view_at(v, star)->uid;
	return seqset_parse(p->arena, k->text, star, &k->set, &at) == SEQSET_OK;
}

static enum store_rc
prepare_keyword(const struct preparing *p, struct search_key *k)
{
	enum store_rc rc =
	    account_keyword(p->sc->account, k->name, false, &k->keyword, p->e);

	k->never = rc == STORE_NOTFOUND;
	return k->never ? STORE_OK : rc;
}

/* Ids are answered whole by the database; what is none of ours is of no
 * email. */
static enum store_rc
prepare_id(const struct preparing *p, struct search_key *k)
{
	struct str id = str_sub(k->text, 1, SIZE_MAX);
	uint8_t hash[16];
	uint64_t thread;

	k->narrowed = true;
	if (k->kind == SK_THREADID && str_starts(k->text, STR("T")) &&
	    str_u64(id, &thread) && thread <= INT64_MAX)
		return emails_of_thread(p->sc->account, (int64_t)thread,
		    p->arena, &k->candidates, &k->ncandidates, p->e);
	if (k->kind == SK_EMAILID && str_starts(k->text, STR("M")) &&
	    hex_decode(id, hash, sizeof(hash)))
		return emails_by_hash(p->sc->account, hash, sizeof(hash),
		    p->arena, &k->candidates, &k->ncandidates, p->e);
	return STORE_OK;
}

static enum search_rc
prepare_one(const struct preparing *p, struct search_key *k)
{
	k->narrowed = k->never = false;
	k->candidates = NULL;
	k->ncandidates = 0;
	switch (k->kind) {
	case SK_SEQ:
	case SK_UID:
		if (k->fixed)
			return SEARCH_READY;
		return prepare_set(p, k) ? SEARCH_READY : SEARCH_BAD_SET;
	case SK_KEYWORD:
		*p->rc = prepare_keyword(p, k);
		break;
	case SK_EMAILID:
	case SK_THREADID:
		*p->rc = prepare_id(p, k);
		break;
	case SK_TEXT:
	case SK_BODY:
	case SK_HEADER:
		prepare_needle(p, k);
		break;
	case SK_SENT:
		p->prog->keys = true;
		break;
	default:
		break;
	}
	return *p->rc == STORE_OK ? SEARCH_READY : SEARCH_FAILED;
}

static enum search_rc
prepare(const struct preparing *p, struct search_key *k)
{
	enum search_rc src = prepare_one(p, k);

	for (struct search_key *c = k->child; c && src == SEARCH_READY;
	     c = c->next)
		src = prepare(p, c);
	order(k);
	return src;
}

enum search_rc
search_prepare(const struct search_scope *sc, struct arena *a,
    struct search_program *prog, enum store_rc *rc, struct err *e)
{
	struct preparing p = { sc, a, prog, rc, e };

	*rc = STORE_OK;
	if (!prog->collation) /* of a context it stays the same */
		prog->collation =
		    sc->s->collation ? sc->s->collation : &mime_collations[0];
	prog->now = clock_now();
	return prepare(&p, prog->root);
}

bool
search_charset(struct session *s, struct cmd *c,
    const struct search_program *prog, enum reply *r)
{
	if (prog->charset_given && (s->enabled & EN_UTF8)) {
		*r = bad(c, "All is UTF-8 now"); /* RFC 6855, section 3 */
		return false;
	}
	if (!prog->charset.n || mime_charset_known(prog->charset))
		return true;
	*r = no(c, "BADCHARSET (US-ASCII UTF-8)", "Unknown charset");
	return false;
}

bool
search_ready(struct session *s, struct cmd *c, const struct search_scope *sc,
    struct search_program *prog, enum reply *reply)
{
	struct err e = ERR_INIT;
	enum store_rc rc;

	if (prog->modseq)
		enable_condstore(s);
	if (prog->numbers && (s->enabled & EN_UIDONLY)) {
		*reply = uid_required(c);
		return false;
	}
	if (!search_charset(s, c, prog, reply))
		return false;
	switch (search_prepare(sc, s->arena, prog, &rc, &e)) {
	case SEARCH_READY:
		return true;
	case SEARCH_BAD_SET:
		*reply = bad(c, "invalid message set");
		break;
	case SEARCH_FAILED:
		*reply = store_failed(s, c, rc, &e);
		break;
	}
	return false;
}

/* ------------------------------------------------------------------------
 * By the view, the candidates of the index, and the keys
 */

static int
by_id(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool
is_candidate(const struct search_key *k, const struct view_row *row)
{
	return !k->narrowed ||
	       (k->ncandidates &&
		   bsearch(&row->email, k->candidates, k->ncandidates,
		       sizeof(row->email), by_id));
}

bool
search_compare(enum search_op op, int64_t value, int64_t with)
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

int64_t
search_day(int64_t epoch)
{
	return epoch / 86400 - (epoch % 86400 < 0);
}

static enum verdict
yes_no(bool yes)
{
	return yes ? VERDICT_YES : VERDICT_NO;
}

static enum verdict
cheap_children(struct search_run *run, const struct search_key *k, uint32_t seq,
    const struct view_row *row)
{
	/* What decides: a NO of AND, a YES of OR. */
	enum verdict decides = k->kind == SK_OR ? VERDICT_YES : VERDICT_NO;
	enum verdict v = k->kind == SK_OR ? VERDICT_NO : VERDICT_YES;

	for (const struct search_key *c = k->child; c; c = c->next) {
		enum verdict one = search_cheap(run, c, seq, row);

		if (one == decides)
			return one;
		if (one == VERDICT_MAYBE)
			v = VERDICT_MAYBE;
	}
	return v;
}

static bool
subject_matches(const struct search_key *k, const struct email_key *key)
{
	struct str text = key_text(key, KEY_SUBJECT);
	struct buf plain = { 0 };
	bool yes;

	if (!k->words.n)
		return str_find(text, k->folded) != STR_NPOS;
	mime_plain(&plain, text);
	text = buf_str(&plain);
	yes = fuzzy_score(&k->words, &text, 1) > 0;
	buf_fini(&plain);
	return yes;
}

/* SENT and SUBJECT, from the keys. */
static enum verdict
by_keys(struct search_run *run, const struct search_key *k,
    const struct view_row *row)
{
	const struct email_key *key =
	    run->keys ? keys_find(run->keys, row->email, &run->hint) : NULL;

	if (!key)
		return VERDICT_MAYBE;
	if (k->kind == SK_SENT) /* the day is the one of the sender's zone */
		return yes_no(search_compare(k->op,
		    search_day(key->dated ? key->sent + key->zone * 60
					  : row->received),
		    (int64_t)k->num));
	if (key->subject && k->folded.n == 0)
		return VERDICT_YES;
	if (subject_matches(k, key))
		return yes_no(key->subject);
	return key->cut ? VERDICT_MAYBE : VERDICT_NO;
}

/* "OLDER 60" is "at least 60 seconds ago", "YOUNGER 60" "at most". */
static bool
within(const struct search_run *run, const struct search_key *k,
    const struct view_row *row)
{
	int64_t then = run->prog->now - (int64_t)k->num;

	return k->op == SEARCH_LESS ? row->received <= then
				    : row->received >= then;
}

/* Keys that only the view is needed for. */
static bool
by_view(const struct search_run *run, const struct search_key *k, uint32_t seq,
    const struct view_row *row)
{
	switch (k->kind) {
	case SK_FLAG:
		return row->flags.bits & k->num;
	case SK_KEYWORD:
		return !k->never && flags_has_keyword(&row->flags, k->keyword);
	case SK_RECENT:
		return run->sc.selected && sel_recent(run->sc.s, row->uid);
	case SK_SEQ:
		return seqset_has(k->set, seq);
	case SK_UID:
		return seqset_has(k->set, row->uid);
	case SK_RECEIVED:
		return search_compare(
		    k->op, search_day(row->received), (int64_t)k->num);
	case SK_SAVED:
		return search_compare(
		    k->op, search_day(row->saved), (int64_t)k->num);
	case SK_WITHIN:
		return within(run, k, row);
	case SK_SIZE:
		return k->op == SEARCH_LESS ? row->size < k->num
					    : row->size > k->num;
	case SK_MODSEQ:
		return row->modseq >= k->num;
	case SK_EMAILID:
	case SK_THREADID:
		return is_candidate(k, row);
	default: /* SK_ALL */
		return true;
	}
}

enum verdict
search_cheap(struct search_run *run, const struct search_key *k, uint32_t seq,
    const struct view_row *row)
{
	enum verdict v;

	switch (k->kind) {
	case SK_AND:
	case SK_OR:
		return cheap_children(run, k, seq, row);
	case SK_NOT:
		v = search_cheap(run, k->child, seq, row);
		return v == VERDICT_MAYBE ? v : yes_no(v == VERDICT_NO);
	case SK_SENT:
		return by_keys(run, k, row);
	case SK_TEXT:
	case SK_BODY:
		if (k->folded.n == 0)
			return VERDICT_YES;
		break;
	case SK_HEADER:
		if (search_is_subject(k) && run->keys)
			return by_keys(run, k, row);
		break;
	default:
		return yes_no(by_view(run, k, seq, row));
	}
	return is_candidate(k, row) ? VERDICT_MAYBE : VERDICT_NO;
}
