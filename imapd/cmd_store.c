/* SPDX-License-Identifier: BSD-2-Clause */
/* STORE (RFC 3501, section 6.4.6; UNCHANGEDSINCE of RFC 7162). */
#include "imapd/mail_event.h"
#include "imapd/place.h"
#include "imapd/seqset.h"
#include "imapd/tell.h"

struct change {
	enum flag_op op;
	bool silent, conditional;
	uint64_t unchangedsince;
	struct str *names;
	size_t n;
};

static bool
take_modifiers(struct parse *p, struct change *ch)
{
	do {
		if (!parse_try_word(p, "UNCHANGEDSINCE"))
			return parse_fail(p, "unknown STORE modifier");
		ch->conditional = true;
		if (!parse_sp(p) || !parse_u64(p, &ch->unchangedsince))
			return false;
	} while (parse_try(p, ' '));
	return parse_char(p, ')') && parse_sp(p);
}

static bool
take_change(struct parse *p, struct change *ch)
{
	ch->unchangedsince = NO_UNCHANGEDSINCE;
	if (!parse_sp(p) || (parse_try(p, '(') && !take_modifiers(p, ch)))
		return false;
	ch->op = parse_try(p, '+')   ? FLAGS_ADD
		 : parse_try(p, '-') ? FLAGS_REMOVE
				     : FLAGS_REPLACE;
	if (parse_try_word(p, "FLAGS.SILENT"))
		ch->silent = true;
	else if (!parse_try_word(p, "FLAGS"))
		return parse_fail(p, "unknown STORE item");
	return parse_sp(p) && parse_flags(p, true, &ch->names, &ch->n) &&
	       parse_end(p);
}

/* A message's answer: its new flags, or with .SILENT only the modseq. */
static void
put_row(struct session *s, const struct cmd *c, const struct change *ch,
    uint32_t seq, const struct view_row *row)
{
	struct buf *out = conn_out(s->conn);
	bool modseq = (s->enabled & EN_CONDSTORE) != 0;

	if (!ch->silent)
		sel_keywords(s, &row->flags);
	tell_fetch(s, seq, row->uid);
	if ((c->uid || modseq) && !(s->enabled & EN_UIDONLY)) {
		BUF_LIT(out, "UID ");
		buf_putu(out, row->uid);
		buf_putc(out, ' ');
	}
	if (modseq) {
		BUF_LIT(out, "MODSEQ (");
		buf_putu(out, row->modseq);
		buf_puts(out, ch->silent ? ")" : ") ");
	}
	if (!ch->silent) {
		BUF_LIT(out, "FLAGS ");
		write_flags(
		    out, &row->flags, sel_recent(s, row->uid), &s->keywords);
	}
	BUF_LIT(out, ")\r\n");
}

/* True if some of the messages are gone. */
static bool
put_rows(struct session *s, const struct cmd *c, const struct change *ch,
    struct uids failed, uint64_t modseq)
{
	struct uids seqs = sel_seqs(s, c->set, c->uid);
	bool any_gone = false, gone;

	for (size_t i = 0; i < seqs.n; i++) {
		for (uint32_t q = seqs.r[i].lo; q <= seqs.r[i].hi; q++) {
			const struct view_row *row = sel_row(s, q, &gone);

			any_gone |= gone;
			if (gone || seqset_has(failed, row->uid) ||
			    (ch->silent && row->modseq != modseq))
				continue;
			put_row(s, c, ch, q, row);
		}
	}
	return any_gone;
}

/* The numbers of FAILED: UIDs for UID STORE, else sequence numbers. */
static struct str
modified(struct session *s, const struct cmd *c, struct uids failed)
{
	const struct view *v = s->sel.view;
	struct buf b = { 0 };
	struct str text;

	BUF_LIT(&b, "MODIFIED ");
	if (c->uid) {
		seqset_put(&b, failed);
	} else {
		struct uids_builder seqs = { .arena = s->arena };

		for (size_t i = 0; i < failed.n; i++) {
			uint32_t seq = view_lower_bound(v, failed.r[i].lo);

			for (; seq <= view_count(v) &&
			       view_at(v, seq)->uid <= failed.r[i].hi;
			     seq++)
				uids_add(&seqs, seq);
		}
		seqset_put(&b, uids_done(&seqs));
	}
	text = arena_str(s->arena, buf_str(&b));
	buf_fini(&b);
	return text;
}

static enum reply
answer(struct session *s, struct cmd *c, const struct change *ch,
    struct uids uids, struct uids failed, uint64_t modseq)
{
	uint64_t now = view_modseq(s->sel.latest);
	bool gone = false;

	if (!ch->silent || (s->enabled & EN_CONDSTORE))
		gone = put_rows(s, c, ch, failed, modseq);
	c->told = (struct told){ uids, failed, ch->silent ? modseq : 0,
		ch->silent ? modseq : now };
	if (failed.n) {
		c->code = modified(s, c, failed);
		c->text = "Some messages have changed";
	} else if (gone && !c->uid) {
		c->code = STR("EXPUNGEISSUED");
		c->text = "Some messages were expunged";
	}
	return REPLY_OK;
}

/* RFC 4314, section 4: not when none of the flags may be changed; of several,
 * those that may not are left alone. */
static bool
allowed(const struct session *s, const struct change *ch, struct flags *flags)
{
	uint64_t may = rights_flags(s->sel.rights);

	if (flags->bits & may || (flags->nmore && may & FLAGS_KEYWORD_BITS))
		return true;
	if (ch->op == FLAGS_REPLACE || !ch->n)
		return may != 0;
	return false;
}

enum reply
cmd_store(struct session *s, struct cmd *c)
{
	struct change ch = { 0 };
	struct uids uids, failed = { NULL, 0 };
	struct flags flags;
	struct err e = ERR_INIT;
	enum store_rc rc;
	enum reply r;
	uint64_t modseq = 0;
	struct view *before;

	EXPECT(c, take_change(&c->p, &ch));
	/* What others changed, rights too, is told first; then ours can be
	 * left out. */
	if (!sel_sync(s, false, NULL))
		return REPLY_ABORT;
	if (!rights_flags(s->sel.rights))
		return no(c, "NOPERM", "No right to change flags");
	if (!command_flags(s, c, s->sel.account, ch.names, ch.n, &flags, &r))
		return r;
	if (!allowed(s, &ch, &flags))
		return no(c, "NOPERM", "No right to change these flags");
	if (ch.conditional)
		enable_condstore(s);
	uids = sel_uids(s, c->set, c->uid);
	if (uids.n == 0)
		return REPLY_OK;
	before = view_ref(s->sel.latest);
	rc = account_store_flags_of(s->sel.account, s->sel.mailbox, uids, ch.op,
	    &flags, rights_flags(s->sel.rights), ch.unchangedsince, s->arena,
	    &failed, &modseq, &e);
	if (rc == STORE_OK)
		rc = sel_refresh(s, &e);
	r = rc == STORE_OK ? answer(s, c, &ch, uids, failed, modseq)
			   : store_failed(s, c, rc, &e);
	if (rc == STORE_OK && modseq)
		mail_event(
		    s, &(struct mail_event){ CAUSE_FLAG, s->sel.account,
			   s->sel.mailbox, uids, &flags, modseq, before });
	view_unref(&before);
	return r;
}
