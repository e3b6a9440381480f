/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/setflags.h"

#include <string.h>

#include "store/internal.h"
#include "store/message.h"

/*
 * Changing flags. The rows are read once to see which really change; then
 * runs of neighbours that do are updated with one statement each, since the
 * change is the same for all. What belongs to the email rather than to its
 * membership follows to its other memberships.
 */

/* A change as one expression: (flags & keep) | set. */
struct mask {
	uint64_t keep, set;
};

struct change {
	int64_t mailbox;
	struct uids uids;
	enum flag_op op;
	const struct flags *flags;
	uint64_t may; /* only these bits; keywords all or none */
	uint64_t unchangedsince;
	const struct training_keywords *telling; /* NULL: no keywords change */
	struct arena *arena;
	struct uids_builder failed;
	uint64_t modseq;
};

/* What reading the rows found. */
struct scan {
	struct change *c;
	struct mask mask;
	bool more; /* keywords without a bit are involved: row by row */
	bool in_run;
	struct uids_builder runs; /* changed rows, no unchanged row between */
	int64_t seen, deleted;    /* how many gained it (or lost: negative) */
	bool any_seen;            /* some did, even if they cancel out */
	size_t changed;
	struct row {
		int64_t email, thread;
		uint32_t uid;
		bool shared;
		int8_t seen; /* +1, 0, -1 */
		struct flags old;
	} * rows; /* those that change and need a look of their own */
	size_t nrows, cap;
	struct arena *arena;
};

static struct mask
mask_of(const struct change *c)
{
	uint64_t bits = c->flags->bits & c->may;

	switch (c->op) {
	case FLAGS_ADD:
		return (struct mask){ ~UINT64_C(0), bits };
	case FLAGS_REMOVE:
		return (struct mask){ ~bits, 0 };
	case FLAGS_REPLACE:
		break;
	}
	return (struct mask){ ~c->may, bits };
}

static struct flags
apply(struct arena *a, const struct change *c, const struct flags *old)
{
	struct mask m = mask_of(c);
	const struct flags *arg = c->flags;
	enum flag_op op = c->op;
	struct flags f = { .bits = (old->bits & m.keep) | m.set };

	if (!(c->may & FLAG_KEYWORD(0))) {
		f.more = old->more;
		f.nmore = old->nmore;
		return f;
	}
	if (op == FLAGS_REPLACE) {
		f.more = arg->more;
		f.nmore = arg->nmore;
		return f;
	}
	f.more = old->more;
	f.nmore = old->nmore;
	for (uint32_t i = 0; op == FLAGS_ADD && i < arg->nmore; i++)
		flags_set_keyword(a, &f, arg->more[i]);
	if (op == FLAGS_REMOVE && arg->nmore && old->nmore) {
		uint32_t *left = arena_array(a, old->nmore, sizeof(*left));

		f.nmore = 0;
		for (uint32_t i = 0; i < old->nmore; i++) {
			if (!flags_has_keyword(arg, old->more[i]))
				left[f.nmore++] = old->more[i];
		}
		f.more = left;
	}
	return f;
}

static void
keep_row(struct scan *s, const struct row *row)
{
	s->rows =
	    arena_grow(s->arena, s->rows, s->nrows, &s->cap, sizeof(*s->rows));
	s->rows[s->nrows++] = *row;
}

/* +1 if BIT was gained, -1 if lost. */
static int8_t
gained(uint64_t old, uint64_t new, uint64_t bit)
{
	return (int8_t)(((new &bit) != 0) - ((old & bit) != 0));
}

/* Extend the current run, whatever UIDs lie between: they do not exist. */
static void
extend_run(struct scan *s, uint32_t uid)
{
	struct uids_builder *b = &s->runs;

	if (s->in_run)
		b->r[b->n - 1].hi = uid;
	else
		uids_add(b, uid);
	s->in_run = true;
}

static enum store_rc
look(void *arg, const struct message_row *m, struct err *e)
{
	struct scan *s = arg;
	struct flags old = message_flags(s->arena, m->flags, m->keywords);
	struct flags new = apply(s->arena, s->c, &old);
	int8_t seen;

	(void)e;
	if (m->modseq > s->c->unchangedsince) {
		uids_add(&s->c->failed, m->uid);
		s->in_run = false;
		return STORE_OK;
	}
	if (flags_equal(&old, &new)) {
		s->in_run = false;
		return STORE_OK;
	}
	seen = gained(old.bits, new.bits, FLAG_SEEN);
	s->seen += seen;
	s->any_seen = s->any_seen || seen;
	s->deleted += gained(old.bits, new.bits, FLAG_DELETED);
	s->changed++;
	s->more = s->more || old.nmore || new.nmore;
	extend_run(s, m->uid);
	keep_row(s,
	    &(struct row){ m->email, m->thread, m->uid, m->shared, seen, old });
	return STORE_OK;
}

static enum store_rc
update_runs(struct tx *tx, struct scan *s, struct err *e)
{
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < s->runs.n && rc == STORE_OK; i++)
		rc = store_rc_of(sq_run(tx->q, e,
		    "UPDATE message SET flags = (flags & ?) | ?, modseq = ?"
		    " WHERE mailbox = ? AND uid BETWEEN ? AND ?",
		    SQ_I(s->mask.keep), SQ_I(s->mask.set), SQ_I(s->c->modseq),
		    SQ_I(s->c->mailbox), SQ_I(s->runs.r[i].lo),
		    SQ_I(s->runs.r[i].hi)));
	return rc;
}

static enum store_rc
update_row(struct tx *tx, int64_t mailbox, uint32_t uid, const struct flags *f,
    uint64_t modseq, struct err *e)
{
	struct str keywords = message_keywords(tx->arena, f);

	return store_rc_of(sq_run(tx->q, e,
	    "UPDATE message SET flags = ?, keywords = ?, modseq = ?"
	    " WHERE mailbox = ? AND uid = ?",
	    SQ_I(f->bits), keywords.n ? SQ_B(keywords) : SQ_NULL, SQ_I(modseq),
	    SQ_I(mailbox), SQ_I(uid)));
}

static enum store_rc
update_rows(struct tx *tx, struct scan *s, struct err *e)
{
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < s->nrows && rc == STORE_OK; i++) {
		struct row *r = &s->rows[i];
		struct flags f = apply(tx->arena, s->c, &r->old);

		rc = update_row(tx, s->c->mailbox, r->uid, &f, s->c->modseq, e);
	}
	return rc;
}

/* Unseen counts by thread; all at once where the whole mailbox agrees. */
static enum store_rc
count_threads(
    struct tx *tx, struct scan *s, struct tx_mailbox *mb, struct err *e)
{
	enum store_rc rc = STORE_OK;

	if (!s->any_seen)
		return STORE_OK;
	if (mb->unseen == 0) {
		mb->unseen_threads = 0;
		return store_rc_of(sq_run(tx->q, e,
		    "UPDATE mailbox_thread SET unseen = 0"
		    " WHERE mailbox = ? AND unseen > 0",
		    SQ_I(mb->id)));
	}
	if (mb->unseen == mb->messages && s->changed > 1) {
		mb->unseen_threads = mb->threads;
		return store_rc_of(sq_run(tx->q, e,
		    "UPDATE mailbox_thread SET unseen = messages"
		    " WHERE mailbox = ?",
		    SQ_I(mb->id)));
	}
	for (size_t i = 0; i < s->nrows && rc == STORE_OK; i++)
		rc = thread_count(
		    tx, mb, s->rows[i].thread, 0, -s->rows[i].seen, e);
	return rc;
}

/* ------------------------------------------------------------------------
 * Other memberships of the same email
 */

struct other {
	int64_t mailbox, thread;
	uint32_t uid;
	struct flags old;
};

static enum store_rc
read_others(struct tx *tx, const struct scan *s, int64_t email,
    struct other *list, size_t max, size_t *n, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc step = sq_start(tx->q, &st, e,
	    "SELECT mailbox, uid, thread, flags, keywords FROM message"
	    " WHERE email = ? AND mailbox <> ?",
	    SQ_I(email), SQ_I(s->c->mailbox));

	*n = 0;
	while (step == SQ_OK && (step = sq_step(st, e)) == SQ_ROW) {
		if (*n < max)
			list[(*n)++] = (struct other){ sq_int(st, 0),
				sq_int(st, 2), (uint32_t)sq_int(st, 1),
				message_flags(tx->arena,
				    (uint64_t)sq_int(st, 3), sq_blob(st, 4)) };
		step = SQ_OK;
	}
	return store_rc_of(step);
}

static enum store_rc
follow_one(
    struct tx *tx, const struct scan *s, const struct other *o, struct err *e)
{
	struct flags f = apply(tx->arena, s->c, &o->old);
	struct tx_mailbox *mb;
	int8_t seen;
	enum store_rc rc;

	f.bits = (f.bits & ~FLAG_DELETED) | (o->old.bits & FLAG_DELETED);
	if (flags_equal(&f, &o->old))
		return STORE_OK;
	if ((rc = tx_mailbox(tx, o->mailbox, &mb, e)) != STORE_OK ||
	    (rc = update_row(tx, o->mailbox, o->uid, &f, s->c->modseq, e)) !=
		STORE_OK)
		return rc;
	seen = gained(o->old.bits, f.bits, FLAG_SEEN);
	mb->unseen -= seen;
	mb->modseq = s->c->modseq;
	mb->dirty = true;
	if ((rc = thread_count(tx, mb, o->thread, 0, -seen, e)) != STORE_OK)
		return rc;
	return tx_change(
	    tx, s->c->modseq, CHANGE_MESSAGES, o->mailbox, o->uid, o->uid, e);
}

/* An email is in a mailbox once, so its memberships are few. */
#define MAX_OTHERS 1024

static enum store_rc
follow_shared(struct tx *tx, const struct scan *s, struct err *e)
{
	struct other *list = NULL;
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < s->nrows && rc == STORE_OK; i++) {
		size_t n;

		if (!s->rows[i].shared)
			continue;
		if (!list)
			list =
			    arena_array(tx->arena, MAX_OTHERS, sizeof(*list));
		rc = read_others(
		    tx, s, s->rows[i].email, list, MAX_OTHERS, &n, e);
		for (size_t j = 0; j < n && rc == STORE_OK; j++)
			rc = follow_one(tx, s, &list[j], e);
	}
	return rc;
}

/* ------------------------------------------------------------------------
 * The change
 */

/* What the user says of messages by keywords. */
static enum store_rc
note_verdicts(struct tx *tx, const struct scan *s, struct err *e)
{
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; s->c->telling && i < s->nrows && rc == STORE_OK;
	     i++) {
		const struct row *r = &s->rows[i];
		struct flags new = apply(tx->arena, s->c, &r->old);

		rc = training_note(tx, r->email,
		    training_of_flags(s->c->telling, &r->old, &new), e);
	}
	return rc;
}

static enum store_rc
write_changes(
    struct tx *tx, struct scan *s, struct tx_mailbox *mb, struct err *e)
{
	enum store_rc rc;

	s->c->modseq = tx_modseq(tx);
	rc = s->more ? update_rows(tx, s, e) : update_runs(tx, s, e);
	if (rc != STORE_OK)
		return rc;
	mb->unseen -= s->seen;
	mb->deleted += s->deleted;
	mb->modseq = s->c->modseq;
	mb->dirty = true;
	if ((rc = count_threads(tx, s, mb, e)) != STORE_OK ||
	    (rc = tx_change_uids(tx, s->c->modseq, CHANGE_MESSAGES, mb->id,
		 uids_done(&s->runs), e)) != STORE_OK ||
	    (rc = note_verdicts(tx, s, e)) != STORE_OK)
		return rc;
	return follow_shared(tx, s, e);
}

static enum store_rc
run_change(struct tx *tx, void *arg, struct err *e)
{
	struct change *c = arg;
	struct scan s = { .c = c,
		.mask = mask_of(c),
		.arena = tx->arena,
		.runs.arena = tx->arena };
	struct tx_mailbox *mb;
	enum store_rc rc;

	c->failed = (struct uids_builder){ .arena = c->arena };
	c->modseq = 0;
	if ((rc = tx_mailbox(tx, c->mailbox, &mb, e)) != STORE_OK)
		return rc;
	for (size_t i = 0; i < c->uids.n && rc == STORE_OK; i++) {
		s.in_run = false;
		rc = message_each(tx, c->mailbox,
		    (struct uids){ &c->uids.r[i], 1 }, look, &s, e);
	}
	if (rc != STORE_OK || !s.changed)
		return rc;
	return write_changes(tx, &s, mb, e);
}

static bool
changes_keywords(const struct change *c)
{
	return (c->may & FLAGS_KEYWORD_BITS) &&
	       (c->op == FLAGS_REPLACE || c->flags->nmore ||
		   (c->flags->bits & FLAGS_KEYWORD_BITS));
}

enum store_rc
setflags(struct tx *tx, int64_t mailbox, struct uids uids, enum flag_op op,
    const struct flags *flags, const struct training_keywords *telling,
    struct err *e)
{
	struct change c = { .mailbox = mailbox,
		.uids = uids,
		.op = op,
		.flags = flags,
		.may = FLAGS_ANY,
		.unchangedsince = NO_UNCHANGEDSINCE,
		.arena = tx->arena };

	if (changes_keywords(&c))
		c.telling = telling;
	return run_change(tx, &c, e);
}

enum store_rc
account_store_flags(struct account *a, int64_t mailbox, struct uids uids,
    enum flag_op op, const struct flags *flags, uint64_t unchangedsince,
    struct arena *arena, struct uids *failed, uint64_t *modseq, struct err *e)
{
	return account_store_flags_of(a, mailbox, uids, op, flags, FLAGS_ANY,
	    unchangedsince, arena, failed, modseq, e);
}

enum store_rc
account_store_flags_of(struct account *a, int64_t mailbox, struct uids uids,
    enum flag_op op, const struct flags *flags, uint64_t may,
    uint64_t unchangedsince, struct arena *arena, struct uids *failed,
    uint64_t *modseq, struct err *e)
{
	struct change c = { .mailbox = mailbox,
		.uids = uids,
		.op = op,
		.flags = flags,
		.may = may,
		.unchangedsince = unchangedsince,
		.arena = arena };
	struct training_keywords telling;
	enum store_rc rc;

	if (changes_keywords(&c)) {
		rc = training_keywords(a, arena, &telling, e);
		if (rc != STORE_OK)
			return rc;
		c.telling = &telling;
	}
	if ((rc = write_run(a, RELAXED, run_change, &c, e)) != STORE_OK)
		return rc;
	if (failed)
		*failed = uids_done(&c.failed);
	*modseq = c.modseq;
	return STORE_OK;
}
