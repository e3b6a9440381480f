/* SPDX-License-Identifier: BSD-2-Clause */
/* COPY, MOVE (RFC 6851) and EXPUNGE, with UIDPLUS (RFC 4315). */
#include "imapd/mail_event.h"
#include "imapd/place.h"
#include "imapd/seqset.h"

/* "COPYUID 38505 304,319:320 3956:3958" */
static struct str
copyuid(struct arena *a, const struct copied *copied)
{
	struct buf b = { 0 };
	struct str s;

	BUF_LIT(&b, "COPYUID ");
	buf_putu(&b, copied->uidvalidity);
	buf_putc(&b, ' ');
	seqset_put(&b, copied->from);
	buf_putc(&b, ' ');
	seqset_put(&b, copied->to);
	s = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return s;
}

static enum reply
target_failed(
    struct session *s, struct cmd *c, enum store_rc rc, const struct err *e)
{
	if (rc == STORE_NOTFOUND)
		return no(c, "TRYCREATE", "No such mailbox");
	return store_failed(s, c, rc, e);
}

/* Into another account; what cannot be removed here is not left there. */
static enum store_rc
copy_to(struct session *s, const struct place *to, struct uids uids, bool move,
    const struct quota *quota, struct copied *copied, struct err *e)
{
	struct err ignored = ERR_INIT;
	enum store_rc rc;

	rc = account_copy_to(s->sel.account, s->sel.mailbox, uids, to->account,
	    to->m.id, rights_flags(to->rights), quota, s->arena, copied, e);
	if (rc != STORE_OK || !move || copied->from.n == 0)
		return rc;
	rc = account_expunge(s->sel.account, s->sel.mailbox, copied->from,
	    false, s->arena, NULL, e);
	if (rc != STORE_OK)
		account_expunge(to->account, to->m.id, copied->to, false,
		    s->arena, NULL, &ignored);
	return rc;
}

static enum reply
copy(struct session *s, struct cmd *c, bool move)
{
	const unsigned remove = RIGHT_TRASH | RIGHT_EXPUNGE;
	struct uids uids = sel_uids(s, c->set, c->uid);
	struct copied copied = { 0 };
	struct err e = ERR_INIT;
	struct quota quota;
	struct place to;
	enum store_rc rc;
	enum reply r;

	if (!place_target(s, c, c->arg[0], &to, &r))
		return r;
	if (move && (s->sel.rights & remove) != remove)
		return no(c, "NOPERM", "No right to remove messages here");
	if (uids.n == 0)
		return REPLY_OK;
	quota = place_quota(s, &to);
	rc = to.account == s->sel.account
		 ? account_copy(s->sel.account, s->sel.mailbox, uids, to.m.id,
		       move, &quota, s->arena, &copied, &e)
		 : copy_to(s, &to, uids, move, &quota, &copied, &e);
	if (rc != STORE_OK)
		return target_failed(s, c, rc, &e);
	if (copied.from.n == 0)
		return c->uid ? REPLY_OK
			      : no(c, "EXPUNGEISSUED",
				    "The messages were expunged");
	mail_event(s, &(struct mail_event){ .cause = CAUSE_COPY,
			  .account = to.account,
			  .mailbox = to.m.id,
			  .uids = copied.to });
	if (move) { /* before the EXPUNGE responses (RFC 6851, 4.3) */
		struct buf *out = conn_out(s->conn);

		BUF_LIT(out, "* OK [");
		buf_putstr(out, copyuid(s->arena, &copied));
		BUF_LIT(out, "] Moved\r\n");
		c->modseq = true;
	} else {
		c->code = copyuid(s->arena, &copied);
	}
	return REPLY_OK;
}

enum reply
cmd_copy(struct session *s, struct cmd *c)
{
	return copy(s, c, false);
}

enum reply
cmd_move(struct session *s, struct cmd *c)
{
	return copy(s, c, true);
}

static enum reply
expunge(struct session *s, struct cmd *c, struct uids uids)
{
	struct uids gone;
	struct err e = ERR_INIT;
	enum store_rc rc;

	if (!(s->sel.rights & RIGHT_EXPUNGE))
		return no(c, "NOPERM", "No right to expunge here");
	if (uids.n == 0)
		return REPLY_OK;
	rc = account_expunge(
	    s->sel.account, s->sel.mailbox, uids, true, s->arena, &gone, &e);
	c->modseq = rc == STORE_OK && gone.n > 0;
	return rc == STORE_OK ? REPLY_OK : store_failed(s, c, rc, &e);
}

enum reply
cmd_expunge(struct session *s, struct cmd *c)
{
	const struct view *v = s->sel.view;
	uint32_t n = view_count(v);
	struct uid_range all = { 1, n ? view_at(v, n)->uid : 0 };

	return expunge(s, c, (struct uids){ &all, n > 0 });
}

enum reply
cmd_uid_expunge(struct session *s, struct cmd *c)
{
	return expunge(s, c, sel_uids(s, c->set, true));
}
