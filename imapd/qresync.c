/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/qresync.h"

#include "imapd/seqset.h"
#include "imapd/tell.h"

/* "*" is not allowed in these sets. Where a client has it all the same it means
 * all UIDs that there can be, not those that there are. */
#define STAR UINT32_MAX

static bool
take_set(struct parse *p, struct str *out)
{
	struct uids set;
	size_t at;

	if (!parse_set(p, out))
		return false;
	return seqset_parse(p->arena, *out, STAR, &set, &at) == SEQSET_OK ||
	       parse_fail(p, "invalid message set");
}

static bool
take_match(struct parse *p, struct qresync *q)
{
	return take_set(p, &q->match_seqs) && parse_sp(p) &&
	       take_set(p, &q->match_uids) && parse_char(p, ')');
}

bool
qresync_parse(struct parse *p, struct qresync *q)
{
	q->given = true;
	if (!parse_char(p, '(') || !parse_nz(p, &q->uidvalidity) ||
	    !parse_sp(p) || !parse_u64(p, &q->modseq))
		return false;
	if (parse_try(p, ')'))
		return true;
	if (!parse_sp(p))
		return false;
	if (parse_peek(p) != '(') {
		if (!take_set(p, &q->known_uids))
			return false;
		if (parse_try(p, ')'))
			return true;
		if (!parse_sp(p))
			return false;
	}
	return parse_char(p, '(') && take_match(p, q) && parse_char(p, ')');
}

static struct uids
set_of(struct session *s, struct str text)
{
	struct uids set = { NULL, 0 };
	size_t at;

	if (text.n)
		seqset_parse(s->arena, text, STAR, &set, &at);
	return set;
}

/* A walk over the numbers of a set. */
struct walk {
	struct uids set;
	size_t i;
	uint32_t next; /* in range i; 0: at its start */
};

static bool
walk_next(struct walk *w, uint32_t *out)
{
	if (w->i == w->set.n)
		return false;
	*out = w->next ? w->next : w->set.r[w->i].lo;
	if (*out == w->set.r[w->i].hi) {
		w->i++;
		w->next = 0;
	} else {
		w->next = *out + 1;
	}
	return true;
}

/*
 * RFC 7162, section 3.2.5.2: numbers and UIDs that the client knows to belong
 * together. Up to the last pair that still does, nothing was expunged.
 */
static uint32_t
matched_uid(struct session *s, const struct qresync *q)
{
	const struct view *v = s->sel.view;
	struct walk seqs = { .set = set_of(s, q->match_seqs) };
	struct walk uids = { .set = set_of(s, q->match_uids) };
	uint32_t seq, uid, matched = 0;

	while (walk_next(&seqs, &seq) && walk_next(&uids, &uid)) {
		if (seq > view_count(v) || view_at(v, seq)->uid != uid)
			break;
		matched = uid;
	}
	return matched;
}

/* The UIDs the client may know and that may be gone. */
static struct uids
known(struct session *s, const struct qresync *q)
{
	struct uid_range *r = arena_array(s->arena, 1, sizeof(*r));
	struct uids rest = { r, 1 };

	*r = (struct uid_range){ matched_uid(s, q) + 1, UINT32_MAX };
	if (q->known_uids.n == 0)
		return rest;
	return seqset_and(s->arena, set_of(s, q->known_uids), rest);
}

enum store_rc
qresync_vanished(
    struct session *s, uint64_t since, struct uids uids, struct err *e)
{
	struct uids gone;
	bool complete;
	enum store_rc rc = mailbox_vanished(s->sel.account, s->sel.mailbox,
	    since, s->arena, &gone, &complete, e);

	if (rc != STORE_OK)
		return rc;
	/* If the record does not reach back: all that is not there. */
	gone = complete ? seqset_and(s->arena, gone, uids) : uids;
	/* It may be newer than the view. What is a message there, the client
	 * hears of when it leaves the view. */
	gone = view_missing(s->sel.view, gone, s->arena);
	tell_vanished(s, gone, true);
	return STORE_OK;
}

enum store_rc
qresync_tell(struct session *s, const struct qresync *q, struct err *e)
{
	const struct view *v = s->sel.view;
	struct uids all = set_of(s, q->known_uids);
	uint64_t since;
	enum store_rc rc;

	if (q->uidvalidity != view_uidvalidity(v) || q->modseq == 0)
		return STORE_OK;
	rc = qresync_vanished(s, q->modseq, known(s, q), e);
	if (rc == STORE_OK)
		rc = account_since(s->sel.account, q->modseq, &since, e);
	if (rc != STORE_OK)
		return rc;
	for (uint32_t seq = view_next_changed(v, 1, since);
	     seq <= view_count(v); seq = view_next_changed(v, seq + 1, since)) {
		const struct view_row *row = view_at(v, seq);

		if (!q->known_uids.n || seqset_has(all, row->uid))
			tell_flags(s, seq, row);
	}
	return STORE_OK;
}
