/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/clock.h"
#include "store/blob.h"
#include "store/internal.h"
#include "store/memory.h"
#include "store/message.h"
#include "store/outgoing_row.h"
#include "store/training.h"

/*
 * Taking messages out of mailboxes. A membership goes at once; the email
 * behind the last one goes to table purge and leaves with its content a
 * little later, so that a session which still sees the message can read it
 * and EXPUNGE costs no more than its rows.
 */

struct gone {
	int64_t email, thread, size;
	uint64_t flags;
	uint32_t uid;
	bool shared;
};

struct removal {
	bool only_deleted, in_run;
	struct gone *rows;
	size_t n, cap;
	struct uids_builder runs; /* no row that stays between */
	struct uids_builder uids; /* exactly those removed */
	struct arena *arena;
};

static enum store_rc
collect(void *arg, const struct message_row *m, struct err *e)
{
	struct removal *r = arg;

	(void)e;
	if (r->only_deleted && !(m->flags & FLAG_DELETED)) {
		r->in_run = false;
		return STORE_OK;
	}
	r->rows =
	    arena_grow(r->arena, r->rows, r->n, &r->cap, sizeof(*r->rows));
	r->rows[r->n++] = (struct gone){ m->email, m->thread, m->size, m->flags,
		m->uid, m->shared };
	if (r->in_run)
		r->runs.r[r->runs.n - 1].hi = m->uid;
	else
		uids_add(&r->runs, m->uid);
	r->in_run = true;
	uids_add(&r->uids, m->uid);
	return STORE_OK;
}

static enum store_rc
delete_runs(
    struct tx *tx, int64_t mailbox, const struct removal *r, struct err *e)
{
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < r->runs.n && rc == STORE_OK; i++)
		rc = store_rc_of(sq_run(tx->q, e,
		    "DELETE FROM message WHERE mailbox = ?"
		    " AND uid BETWEEN ? AND ?",
		    SQ_I(mailbox), SQ_I(r->runs.r[i].lo),
		    SQ_I(r->runs.r[i].hi)));
	return rc;
}

static enum store_rc
has_other_memberships(struct tx *tx, int64_t email, bool *yes, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "SELECT 1 FROM message WHERE email = ? LIMIT 1", SQ_I(email));

	*yes = rc == SQ_ROW;
	if (*yes)
		sq_reset(s);
	return store_rc_of(rc);
}

/* The email lost a membership; was it the last? */
static enum store_rc
let_go(struct tx *tx, const struct gone *g, struct err *e)
{
	bool others = false;
	enum store_rc rc = STORE_OK;

	if (g->shared)
		rc = has_other_memberships(tx, g->email, &others, e);
	if (rc != STORE_OK || others)
		return rc;
	tx->bytes -= g->size;
	tx->emails--;
	tx->dirty = true;
	tx->work |= WORK_PURGE;
	return store_rc_of(sq_run(tx->q, e,
	    "INSERT OR REPLACE INTO purge (email, at) VALUES (?, ?)",
	    SQ_I(g->email), SQ_I(clock_now())));
}

static enum store_rc
settle(struct tx *tx, struct tx_mailbox *mb, const struct removal *r,
    bool keep_emails, struct err *e)
{
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < r->n && rc == STORE_OK; i++) {
		const struct gone *g = &r->rows[i];
		bool unseen = !(g->flags & FLAG_SEEN);

		mb->messages--;
		mb->size -= g->size;
		mb->unseen -= unseen;
		mb->deleted -= (g->flags & FLAG_DELETED) != 0;
		rc = thread_count(tx, mb, g->thread, -1, -(int64_t)unseen, e);
		if (rc == STORE_OK && !keep_emails)
			rc = let_go(tx, g, e);
	}
	return rc;
}

/*
 * Remove the memberships of UIDS from MAILBOX and record it. KEEP_EMAILS is
 * for those that have just become members elsewhere.
 */
static enum store_rc
remove_uids(struct tx *tx, int64_t mailbox, struct uids uids, struct removal *r,
    bool keep_emails, struct err *e)
{
	struct tx_mailbox *mb;
	enum store_rc rc;

	r->arena = r->runs.arena = tx->arena;
	if ((rc = tx_mailbox(tx, mailbox, &mb, e)) != STORE_OK)
		return rc;
	for (size_t i = 0; i < uids.n && rc == STORE_OK; i++) {
		r->in_run = false;
		rc = message_each(
		    tx, mailbox, (struct uids){ &uids.r[i], 1 }, collect, r, e);
	}
	if (rc != STORE_OK || !r->n)
		return rc;
	if ((rc = delete_runs(tx, mailbox, r, e)) != STORE_OK ||
	    (rc = settle(tx, mb, r, keep_emails, e)) != STORE_OK)
		return rc;
	mb->modseq = tx_modseq(tx);
	mb->dirty = true;
	return tx_change_uids(
	    tx, mb->modseq, CHANGE_EXPUNGED, mailbox, uids_done(&r->uids), e);
}

/* ------------------------------------------------------------------------
 * EXPUNGE
 */

struct expunge {
	int64_t mailbox;
	struct uids uids;
	bool only_deleted;
	struct arena *arena;
	struct uids out;
};

enum store_rc
tx_expunge(struct tx *tx, int64_t mailbox, struct uids uids, bool only_deleted,
    struct arena *arena, struct uids *out, struct err *e)
{
	struct removal r = { .only_deleted = only_deleted,
		.uids.arena = arena ? arena : tx->arena };
	enum store_rc rc = remove_uids(tx, mailbox, uids, &r, false, e);

	if (out)
		*out = uids_done(&r.uids);
	return rc;
}

static enum store_rc
run_expunge(struct tx *tx, void *arg, struct err *e)
{
	struct expunge *x = arg;

	return tx_expunge(
	    tx, x->mailbox, x->uids, x->only_deleted, x->arena, &x->out, e);
}

enum store_rc
account_expunge(struct account *a, int64_t mailbox, struct uids uids,
    bool only_deleted, struct arena *arena, struct uids *expunged,
    struct err *e)
{
	struct expunge x = { mailbox, uids, only_deleted,
		expunged ? arena : NULL, { 0 } };
	enum store_rc rc = write_run(a, DURABLE, run_expunge, &x, e);

	if (rc == STORE_OK && expunged)
		*expunged = x.out;
	return rc;
}

static const struct uid_range every_uid = { 1, UINT32_MAX };

enum store_rc
tx_remove_all(struct tx *tx, int64_t mailbox, struct err *e)
{
	struct removal r = { .uids.arena = tx->arena };

	return remove_uids(
	    tx, mailbox, (struct uids){ &every_uid, 1 }, &r, false, e);
}

/* ------------------------------------------------------------------------
 * COPY and MOVE
 */

struct copy {
	int64_t from, to;
	struct uids uids;
	bool move;
	struct uids_builder src, dst;
	uint32_t uidvalidity;
	const struct quota *quota;
	enum verdict verdict; /* what it says of the messages */
};

struct copy_scan {
	struct message_row *rows;
	size_t n, cap;
	struct arena *arena;
};

static enum store_rc
collect_copy(void *arg, const struct message_row *m, struct err *e)
{
	struct copy_scan *s = arg;

	(void)e;
	s->rows =
	    arena_grow(s->arena, s->rows, s->n, &s->cap, sizeof(*s->rows));
	s->rows[s->n] = *m;
	s->rows[s->n++].keywords =
	    m->keywords.n ? arena_str(s->arena, m->keywords) : STR_NULL;
	return STORE_OK;
}

static enum store_rc
is_member(
    struct tx *tx, int64_t email, int64_t mailbox, bool *yes, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "SELECT 1 FROM message WHERE email = ? AND mailbox = ?",
	    SQ_I(email), SQ_I(mailbox));

	*yes = rc == SQ_ROW;
	if (*yes)
		sq_reset(s);
	return store_rc_of(rc);
}

/*
 * An email is in a mailbox at most once. A second copy there is an email of
 * its own over the same blob, with flags of its own.
 */
static enum store_rc
duplicate_email(struct tx *tx, struct message_row *m, struct err *e)
{
	int64_t id = (int64_t)tx_modseq(tx);
	struct sqlite3_stmt *s;
	int64_t blob;
	enum store_rc rc;
	enum sq_rc step = sq_one(tx->q, &s, e,
	    "SELECT blob FROM email WHERE id = ?", SQ_I(m->email));

	if (step != SQ_ROW)
		return step == SQ_DONE
			   ? store_fail(e, STORE_CORRUPT,
				 "email %lld is missing", (long long)m->email)
			   : store_rc_of(step);
	blob = sq_int(s, 0);
	sq_reset(s);
	if ((rc = blob_ref(tx, blob, e)) != STORE_OK)
		return rc;
	rc = store_rc_of(sq_run(tx->q, e,
	    "INSERT INTO email SELECT ?, blob, thread, msgid, sent, received,"
	    " size, attachment FROM email WHERE id = ?",
	    SQ_I(id), SQ_I(m->email)));
	if (rc == STORE_OK)
		rc = store_rc_of(sq_run(tx->q, e,
		    "INSERT INTO email_cache SELECT ?, envelope, structure,"
		    " layout, preview, msgid FROM email_cache WHERE id = ?",
		    SQ_I(id), SQ_I(m->email)));
	if (rc == STORE_OK)
		rc = store_rc_of(sq_run(tx->q, e,
		    "INSERT INTO email_key SELECT ?, sent, zone, msgid, refs,"
		    " cut, subject, from_mailbox, from_name, to_mailbox,"
		    " to_name, cc_mailbox, from_text, to_text, cc_text,"
		    " bcc_text FROM email_key WHERE id = ?",
		    SQ_I(id), SQ_I(m->email)));
	if (rc == STORE_OK)
		rc = store_rc_of(sq_run(tx->q, e,
		    "INSERT INTO email_downgraded SELECT ?, size"
		    " FROM email_downgraded WHERE email = ?",
		    SQ_I(id), SQ_I(m->email)));
	m->email = id;
	m->shared = false;
	tx->bytes += m->size;
	tx->emails++;
	tx->work |= WORK_INDEX;
	return rc;
}

static enum store_rc
copy_row(struct tx *tx, struct copy *c, struct tx_mailbox *to,
    struct message_row m, uint64_t *modseq, struct err *e)
{
	bool there = false;
	uint32_t from = m.uid;
	enum store_rc rc = STORE_OK;

	if (to->uidnext == UINT32_MAX)
		return store_fail(e, STORE_LIMIT,
		    "mailbox %lld has used up its UIDs", (long long)to->id);
	if (c->from == c->to)
		there = !c->move;
	else if (m.shared)
		rc = is_member(tx, m.email, c->to, &there, e);
	m.shared = m.shared || !c->move;
	if (rc == STORE_OK && there &&
	    quota_exceeded(tx, c->quota, (size_t)m.size))
		return store_fail(e, STORE_QUOTA,
		    "account %s: a copy would exceed its quota", tx->a->id);
	if (rc == STORE_OK && there) {
		rc = duplicate_email(tx, &m, e);
		*modseq = tx->modseq;
	}
	if (rc != STORE_OK)
		return rc;
	m.uid = to->uidnext++;
	m.modseq = *modseq;
	m.saved = clock_now();
	uids_add(&c->src, from);
	uids_add(&c->dst, m.uid);
	rc = training_note(tx, m.email, c->verdict, e);
	return rc == STORE_OK ? message_insert(tx, to, &m, e) : rc;
}

static enum store_rc
mark_shared(struct tx *tx, int64_t mailbox, struct uids uids, struct err *e)
{
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < uids.n && rc == STORE_OK; i++)
		rc = store_rc_of(sq_run(tx->q, e,
		    "UPDATE message SET shared = 1 WHERE mailbox = ?"
		    " AND uid BETWEEN ? AND ? AND shared = 0",
		    SQ_I(mailbox), SQ_I(uids.r[i].lo), SQ_I(uids.r[i].hi)));
	return rc;
}

static enum store_rc
copy_uids(struct tx *tx, struct copy *c, struct err *e)
{
	struct copy_scan s = { .arena = tx->arena };
	struct tx_mailbox *to;
	uint64_t modseq;
	enum store_rc rc;

	if ((rc = message_each(tx, c->from, c->uids, collect_copy, &s, e)) !=
		STORE_OK ||
	    (rc = tx_mailbox(tx, c->to, &to, e)) != STORE_OK)
		return rc;
	if (to->noselect)
		return store_fail(e, STORE_NOTFOUND,
		    "mailbox %lld holds no messages", (long long)to->id);
	c->uidvalidity = to->uidvalidity;
	if (!s.n)
		return STORE_OK;
	modseq = tx_modseq(tx);
	for (size_t i = 0; i < s.n && rc == STORE_OK; i++) {
		/* Another mailbox row may have moved the cache. */
		if ((rc = tx_mailbox(tx, c->to, &to, e)) == STORE_OK)
			rc = copy_row(tx, c, to, s.rows[i], &modseq, e);
	}
	if (rc != STORE_OK)
		return rc;
	if (c->move) {
		struct removal r = { .uids.arena = tx->arena };

		return remove_uids(
		    tx, c->from, uids_done(&c->src), &r, true, e);
	}
	return mark_shared(tx, c->from, uids_done(&c->src), e);
}

static enum store_rc
run_copy(struct tx *tx, void *arg, struct err *e)
{
	struct copy *c = arg;

	enum store_rc rc;

	c->src.n = c->dst.n = c->src.cap = c->dst.cap = 0;
	rc = training_of_copy(tx, c->from, c->to, &c->verdict, e);
	return rc == STORE_OK ? copy_uids(tx, c, e) : rc;
}

enum store_rc
account_copy(struct account *a, int64_t from, struct uids uids, int64_t to,
    bool move, const struct quota *quota, struct arena *arena,
    struct copied *copied, struct err *e)
{
	struct copy c = { .from = from,
		.to = to,
		.uids = uids,
		.move = move,
		.quota = quota,
		.src.arena = arena,
		.dst.arena = arena };
	enum store_rc rc = write_run(a, DURABLE, run_copy, &c, e);

	if (rc == STORE_OK)
		*copied = (struct copied){ c.uidvalidity, uids_done(&c.src),
			uids_done(&c.dst) };
	return rc;
}

enum store_rc
tx_move_all(struct tx *tx, int64_t from, int64_t to, struct err *e)
{
	struct copy c = { .from = from,
		.to = to,
		.uids = { &every_uid, 1 },
		.move = true,
		.src.arena = tx->arena,
		.dst.arena = tx->arena };

	return copy_uids(tx, &c, e);
}

/* ------------------------------------------------------------------------
 * Content of emails that nothing holds
 */

#define PURGE_BATCH 100

struct purge {
	int64_t older_than;
	bool more;
};

static enum store_rc
purge_one(struct tx *tx, int64_t email, struct err *e)
{
	static const char *const deletes[] = {
		"DELETE FROM purge WHERE email = ?",
		"DELETE FROM email WHERE id = ?",
		"DELETE FROM email_cache WHERE id = ?",
		"DELETE FROM email_uidl WHERE email = ?",
		"DELETE FROM email_key WHERE id = ?",
		"DELETE FROM email_downgraded WHERE email = ?",
	};
	struct sqlite3_stmt *s;
	enum store_rc rc = STORE_OK;
	enum sq_rc step = sq_one(tx->q, &s, e,
	    "SELECT blob, EXISTS (SELECT 1 FROM message WHERE email = ?1)"
	    " FROM email WHERE id = ?1",
	    SQ_I(email));
	size_t n = LEN(deletes);

	if (step == SQ_ROW) {
		int64_t blob = sq_int(s, 0);
		bool held = sq_int(s, 1) != 0;

		sq_reset(s);
		if (held)
			n = 1; /* it came back; only forget the order */
		else
			rc = blob_unref(tx, blob, e);
	} else {
		rc = store_rc_of(step);
	}
	for (size_t i = 0; i < n && rc == STORE_OK; i++)
		rc = store_rc_of(
		    sq_runv(tx->q, deletes[i], SQ_VALUES(SQ_I(email)), e));
	return rc;
}

static enum store_rc
run_purge(struct tx *tx, void *arg, struct err *e)
{
	struct purge *p = arg;
	int64_t due[PURGE_BATCH];
	struct sqlite3_stmt *s;
	size_t n = 0;
	enum store_rc rc;
	enum sq_rc step = sq_start(tx->q, &s, e,
	    "SELECT email FROM purge WHERE at <= ? LIMIT ?",
	    SQ_I(p->older_than), SQ_I(PURGE_BATCH));

	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		due[n++] = sq_int(s, 0);
		step = SQ_OK;
	}
	rc = store_rc_of(step);
	for (size_t i = 0; i < n && rc == STORE_OK; i++)
		rc = purge_one(tx, due[i], e);
	p->more = n == PURGE_BATCH;
	return rc;
}

static enum store_rc
run_left(struct tx *tx, void *arg, struct err *e)
{
	struct sqlite3_stmt *s;
	enum store_rc left;
	enum sq_rc rc;

	/* What is over goes on the same occasion. */
	rc = sq_run(tx->q, e, "DELETE FROM delivery WHERE at < ?",
	    SQ_I(clock_now() - INT64_C(7) * 86400));
	if (rc != SQ_OK)
		return store_rc_of(rc);
	if ((left = memory_forget(tx, e)) != STORE_OK ||
	    (left = outgoing_release(tx, e)) != STORE_OK)
		return left;
	rc = sq_one(tx->q, &s, e, "SELECT 1 FROM purge LIMIT 1");
	*(bool *)arg = rc == SQ_ROW;
	if (rc == SQ_ROW)
		sq_reset(s);
	return store_rc_of(rc);
}

enum store_rc
account_purge(struct account *a, int64_t older_than, bool *more, struct err *e)
{
	struct purge p = { older_than, true };
	enum store_rc rc = STORE_OK;

	while (rc == STORE_OK && p.more)
		rc = write_run(a, RELAXED, run_purge, &p, e);
	if (rc == STORE_OK)
		rc = write_run(a, RELAXED, run_left, more, e);
	return rc;
}
