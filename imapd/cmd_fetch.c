/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FETCH (RFC 3501, section 6.4.5; RFC 7162) as a cursor: a step writes
 * messages until the output is full, and the next one goes on when it
 * drained. A reader lives for one step only, so a slow client holds nothing.
 */
#include "base/log.h"
#include "imapd/command.h"
#include "imapd/fetch.h"
#include "imapd/mail_event.h"
#include "imapd/place.h"
#include "imapd/qresync.h"
#include "imapd/search_key.h"
#include "imapd/seqset.h"

/* ------------------------------------------------------------------------
 * The position
 */

static void
next_number(struct fetch *f)
{
	if (f->seq < f->seqs.r[f->range].hi) {
		f->seq++;
		return;
	}
	if (++f->range < f->seqs.n)
		f->seq = f->seqs.r[f->range].lo;
}

/* SEQ, or the first number of the set behind it. */
static void
move_to(struct fetch *f, uint32_t seq)
{
	while (f->range < f->seqs.n && f->seqs.r[f->range].hi < seq)
		f->range++;
	if (f->range < f->seqs.n)
		f->seq =
		    f->seqs.r[f->range].lo > seq ? f->seqs.r[f->range].lo : seq;
}

/* On to the next message that changed since, at the cost of those that did.
 * The newest view is asked, whose numbers may be others. */
static void
skip_unchanged(struct session *s, struct fetch *f)
{
	const struct view *v = s->sel.view, *latest = s->sel.latest;

	while (f->range < f->seqs.n) {
		uint32_t uid = view_at(v, f->seq)->uid;
		uint32_t now = view_next_changed(
		    latest, view_lower_bound(latest, uid), f->since);
		uint32_t seq = view_count(v) + 1;

		if (now <= view_count(latest))
			seq = view_lower_bound(v, view_at(latest, now)->uid);
		if (seq == f->seq)
			return;
		move_to(f, seq);
	}
}

/* ------------------------------------------------------------------------
 * Preparing
 */

static bool
take_modifier(struct parse *p, struct fetch *f)
{
	if (parse_try_word(p, "VANISHED")) {
		f->vanished = true;
		return true;
	}
	if (parse_try_word(p, "PARTIAL")) {
		f->partial_given = true;
		return parse_sp(p) && parse_partial(p, &f->partial);
	}
	if (!parse_try_word(p, "CHANGEDSINCE"))
		return parse_fail(p, "unknown FETCH modifier");
	f->since_given = true;
	return parse_sp(p) && parse_u64(p, &f->since);
}

/* " (CHANGEDSINCE 12345 VANISHED)" */
static bool
take_modifiers(struct parse *p, struct fetch *f)
{
	if (p->at == p->in.n)
		return true;
	if (!parse_sp(p) || !parse_char(p, '('))
		return false;
	do {
		if (!take_modifier(p, f))
			return false;
	} while (parse_try(p, ' '));
	return parse_char(p, ')') && parse_end(p);
}

static void
add_implied(struct session *s, struct cmd *c, struct fetch *f)
{
	struct fetch_items *items = &f->items;

	if (c->uid && !(items->needs & HAS_UID) && !(s->enabled & EN_UIDONLY))
		fetch_items_add(s->arena, items, FETCH_UID);
	if (f->since_given && !(items->needs & HAS_MODSEQ))
		fetch_items_add(s->arena, items, FETCH_MODSEQ);
	if (items->needs & HAS_MODSEQ)
		enable_condstore(s);
}

/* Sections without .PEEK set \Seen: once for all, before the first octet. */
static enum store_rc
set_seen(struct session *s, struct cmd *c, struct fetch *f, struct err *e)
{
	struct uids_builder b = { .arena = s->arena };
	struct flags seen = { .bits = FLAG_SEEN };
	enum store_rc rc;

	for (size_t i = 0; i < f->seqs.n; i++) {
		struct uid_range r = f->seqs.r[i];

		for (uint32_t seq = r.lo; seq <= r.hi; seq++) {
			bool gone;
			const struct view_row *row = sel_row(s, seq, &gone);

			if (!gone && !(row->flags.bits & FLAG_SEEN))
				uids_add(&b, row->uid);
		}
	}
	f->seen = uids_done(&b);
	if (f->seen.n == 0)
		return STORE_OK;
	rc = account_store_flags(s->sel.account, s->sel.mailbox, f->seen,
	    FLAGS_ADD, &seen, NO_UNCHANGEDSINCE, s->arena, NULL,
	    &f->seen_modseq, e);
	if (rc != STORE_OK) {
		/* A full disk is no reason not to show the mail. */
		log_warn("cannot set \\Seen", LOG_CSTR("account", s->user),
		    LOG_CSTR("result", store_rc_name(rc)), LOG_ERR(e));
		f->seen = (struct uids){ NULL, 0 };
		return STORE_OK;
	}
	rc = sel_refresh(s, e);
	/* The FETCH responses will have the flags. */
	c->told = (struct told){ f->seen, { NULL, 0 }, 0,
		view_modseq(s->sel.latest) };
	return rc;
}

/* PARTIAL (RFC 9394): only some of the messages that the set names. */
static void
take_part(struct session *s, struct cmd *c, struct fetch *f)
{
	size_t from, to;

	partial_range(&f->partial, (size_t)uids_count(f->seqs), &from, &to);
	f->seqs = seqset_slice(s->arena, f->seqs, from, to);
	c->set = sel_uids(s, f->seqs, false);
}

/* CHANGEDSINCE comes before what counts messages (RFC 9394, section 4). */
static void
drop_unchanged(struct session *s, struct cmd *c, struct fetch *f)
{
	struct uids_builder b = { .arena = s->arena };

	if (f->seqs.n)
		f->seq = f->seqs.r[0].lo;
	for (skip_unchanged(s, f); f->range < f->seqs.n; skip_unchanged(s, f)) {
		uids_add(&b, f->seq);
		next_number(f);
	}
	f->range = 0;
	f->seqs = uids_done(&b);
	c->set = c->uid ? sel_uids(s, f->seqs, false) : f->seqs;
}

/* Which messages it is about. */
static void
choose(struct session *s, struct cmd *c, struct fetch *f)
{
	f->seqs = sel_seqs(s, c->set, c->uid);
	if (f->since_given && (f->partial_given || s->d->message_limit))
		drop_unchanged(s, c, f);
	if (f->partial_given)
		take_part(s, c, f);
	if (c->tag.n) { /* somebody asked */
		command_limit(s, c);
		f->seqs = sel_seqs(s, c->set, c->uid);
	}
}

/* What of the set may be gone. "100:*" means the UIDs of messages that were the
 * last ones, too: a client that says so wants to hear of all. */
static struct uids
asked(struct session *s, struct cmd *c)
{
	struct uids set = c->set;
	size_t at;

	if (c->asked.n)
		seqset_parse(s->arena, c->asked, UINT32_MAX, &set, &at);
	return set;
}

static enum store_rc
prepare(struct session *s, struct cmd *c, struct fetch *f, struct err *e)
{
	enum store_rc rc = sel_refresh(s, e);

	if (rc == STORE_OK && f->vanished)
		rc = qresync_vanished(s, f->since, asked(s, c), e);
	if (rc == STORE_OK && f->since_given)
		rc = account_since(s->sel.account, f->since, &f->since, e);
	choose(s, c, f);
	if (rc == STORE_OK && (f->items.needs & SETS_SEEN) &&
	    !s->sel.readonly && (s->sel.rights & RIGHT_SEEN))
		rc = set_seen(s, c, f, e);
	f->sections = arena_array(s->arena, f->items.n, sizeof(*f->sections));
	if (f->seqs.n)
		f->seq = f->seqs.r[0].lo;
	if (rc == STORE_OK && f->since_given)
		skip_unchanged(s, f);
	return rc;
}

/* ------------------------------------------------------------------------
 * The cursor
 */

static void
advance(struct session *s, struct fetch *f)
{
	f->within = false;
	next_number(f);
	if (f->since_given)
		skip_unchanged(s, f);
}

/*
 * A message that cannot be read is left out, as if it had not been asked for,
 * and the tagged reply says so; unless half of it was sent.
 */
static enum emit
failed(
    struct session *s, struct fetch *f, enum store_rc rc, const struct err *e)
{
	if (rc != STORE_NOTFOUND)
		log_error("cannot read a message",
		    LOG_CSTR("session", conn_id(s->conn)),
		    LOG_CSTR("account", s->user), LOG_UINT("uid", f->row->uid),
		    LOG_CSTR("result", store_rc_name(rc)), LOG_ERR(e));
	if (f->within && f->sent)
		return EMIT_ABORT;
	conn_out(s->conn)->n = f->start;
	f->big.n = 0;
	if (rc == STORE_NOTFOUND) {
		f->gone = true;
		f->rc = STORE_OK;
	} else {
		f->rc = rc;
	}
	return EMIT_DONE;
}

static enum emit
one_message(struct session *s, struct fetch *f, struct reader *r)
{
	struct err e = ERR_INIT;
	enum store_rc rc, before = f->rc;
	enum emit em;
	bool gone;

	if (!f->within) {
		f->row = sel_row(s, f->seq, &gone);
		if (f->items.needs & HAS_FLAGS || f->seen.n)
			sel_keywords(s, &f->row->flags);
		f->start = conn_out(s->conn)->n;
		rc = fetch_begin(s, f, r, &e);
		if (rc != STORE_OK)
			return failed(s, f, rc, &e);
		f->within = true;
		f->sent = false;
		f->item = 0;
	}
	f->rc = STORE_OK;
	em = fetch_finish(s, f, r, &e);
	if (em == EMIT_ABORT)
		return failed(s, f, f->rc, &e);
	f->rc = before;
	return em;
}

/* The responses had the newest flags: they need not be told again. */
static void
note_told(struct session *s, struct cmd *c, const struct fetch *f)
{
	unsigned needs = f->items.needs;

	if (!(needs & HAS_FLAGS) || f->since_given ||
	    ((s->enabled & EN_CONDSTORE) && !(needs & HAS_MODSEQ)))
		return;
	c->told = (struct told){ sel_uids(s, c->set, c->uid), { NULL, 0 }, 0,
		view_modseq(s->sel.latest) };
}

static enum reply
result(struct session *s, struct cmd *c, const struct fetch *f)
{
	if (f->rc != STORE_OK)
		return no(c,
		    f->rc == STORE_CORRUPT ? "CORRUPTION" : "UNAVAILABLE",
		    "Some messages cannot be read");
	if (f->unknown_cte)
		return no(c, "UNKNOWN-CTE", "A part cannot be decoded");
	if (f->gone)
		return no(c, "EXPUNGEISSUED", "Some messages were expunged");
	note_told(s, c, f);
	return REPLY_OK;
}

/* What became \Seen is told when all else is done. */
static enum reply
finish(struct session *s, const struct fetch *f, enum reply r)
{
	static const struct flags seen = { .bits = FLAG_SEEN };

	if (f->seen_modseq)
		mail_event(s,
		    &(struct mail_event){ CAUSE_FLAG, s->sel.account,
			s->sel.mailbox, f->seen, &seen, f->seen_modseq, NULL });
	return r;
}

static enum reply
fetch_step(struct session *s, struct cmd *c)
{
	struct fetch *f = c->data;
	struct reader *r = NULL;
	struct err e = ERR_INIT;
	enum emit em = EMIT_DONE;
	enum store_rc rc;

	if (f->items.needs & (NEED_META | NEED_BODY | NEED_IDS)) {
		rc = reader_begin(s->sel.account, &r, &e);
		if (rc != STORE_OK)
			return f->within
				   ? REPLY_ABORT
				   : finish(s, f, store_failed(s, c, rc, &e));
	}
	while (f->range < f->seqs.n && em == EMIT_DONE) {
		em = one_message(s, f, r);
		if (em != EMIT_DONE)
			break;
		advance(s, f);
		if (conn_out_full(s->conn))
			em = EMIT_FULL;
	}
	reader_end(&r);
	if (em == EMIT_ABORT)
		return REPLY_ABORT;
	return f->range < f->seqs.n ? REPLY_MORE
				    : finish(s, f, result(s, c, f));
}

static void
fetch_fini(struct session *s, struct cmd *c)
{
	struct fetch *f = c->data;

	(void)s;
	buf_fini(&f->scratch[0]);
	buf_fini(&f->scratch[1]);
}

struct cmd *
fetch_unsolicited(
    struct session *s, const struct fetch_items *items, struct uids uids)
{
	struct cmd *c = ARENA_NEW(s->arena, struct cmd);
	struct fetch *f = ARENA_NEW(s->arena, struct fetch);
	struct err e = ERR_INIT;

	c->row = command_find(STR("UID FETCH"));
	c->uid = true;
	c->set = uids;
	/* A copy: add_implied() adds to it. */
	for (size_t i = 0; i < items->n; i++)
		fetch_items_copy(s->arena, &f->items, &items->v[i]);
	f->items.needs = items->needs & ~(unsigned)SETS_SEEN;
	/* Nobody asked, so RFC 7162, section 3.1.4.2 wants it. */
	if ((s->enabled & EN_CONDSTORE) && !(f->items.needs & HAS_MODSEQ))
		fetch_items_add(s->arena, &f->items, FETCH_MODSEQ);
	add_implied(s, c, f);
	if (prepare(s, c, f, &e) != STORE_OK)
		return NULL;
	c->data = f;
	c->fini = fetch_fini;
	c->step = fetch_step;
	return c;
}

enum reply
cmd_fetch(struct session *s, struct cmd *c)
{
	struct fetch *f = ARENA_NEW(s->arena, struct fetch);
	struct err e = ERR_INIT;
	enum store_rc rc;

	EXPECT(c, parse_sp(&c->p) && fetch_items_parse(&c->p, &f->items) &&
		      take_modifiers(&c->p, f) && parse_end(&c->p));
	if (f->vanished &&
	    (!c->uid || !f->since_given || !(s->enabled & EN_QRESYNC)))
		return bad(c, "VANISHED is for UID FETCH with CHANGEDSINCE,"
			      " once QRESYNC is enabled");
	if (f->partial_given && !c->uid)
		return bad(c, "PARTIAL is for UID FETCH");
	add_implied(s, c, f);
	rc = prepare(s, c, f, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	c->data = f;
	c->fini = fetch_fini;
	c->step = fetch_step;
	return fetch_step(s, c);
}
