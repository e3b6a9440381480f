/* SPDX-License-Identifier: BSD-2-Clause */
/* SELECT, EXAMINE and leaving a mailbox again. */
#include <string.h>

#include "imapd/metadata.h"
#include "imapd/notify.h"
#include "imapd/place.h"
#include "imapd/qresync.h"

struct params {
	bool condstore;
	struct qresync qresync;
};

static bool
take_params(struct parse *p, struct params *out)
{
	*out = (struct params){ 0 };
	if (p->at == p->in.n)
		return true;
	if (!parse_sp(p) || !parse_char(p, '('))
		return false;
	do {
		if (parse_try_word(p, "CONDSTORE"))
			out->condstore = true;
		else if (!parse_try_word(p, "QRESYNC"))
			return parse_fail(p, "unknown parameter");
		else if (!parse_sp(p) || !qresync_parse(p, &out->qresync))
			return false;
	} while (parse_try(p, ' '));
	return parse_char(p, ')') && parse_end(p);
}

static uint32_t
first_unseen(const struct view *v)
{
	for (uint32_t seq = 1; seq <= view_count(v); seq++) {
		if (!(view_at(v, seq)->flags.bits & FLAG_SEEN))
			return seq;
	}
	return 0;
}

static void
put_code(struct buf *out, const char *code, uint64_t n, const char *text)
{
	BUF_LIT(out, "* OK [");
	buf_puts(out, code);
	buf_putc(out, ' ');
	buf_putu(out, n);
	BUF_LIT(out, "] ");
	buf_puts(out, text);
	BUF_LIT(out, "\r\n");
}

static void
put_selected(struct session *s, const struct place *p, struct str asked)
{
	struct buf *out = conn_out(s->conn);
	const struct view *v = s->sel.view;
	bool rev2 = (s->enabled & EN_REV2) != 0;
	/* A number, for those who use numbers. */
	bool tell_unseen = p->m.unseen && !rev2 && !(s->enabled & EN_UIDONLY);
	uint32_t unseen = tell_unseen ? first_unseen(v) : 0;

	sel_put_flag_lists(s);
	write_number(out, view_count(v), "EXISTS");
	if (!rev2)
		write_number(out, sel_count_recent(s, v), "RECENT");
	if (unseen)
		put_code(out, "UNSEEN", unseen, "First unseen");
	put_code(out, "UIDVALIDITY", view_uidvalidity(v), "UIDs valid");
	put_code(out, "UIDNEXT", view_uidnext(v), "Predicted next UID");
	put_code(out, "HIGHESTMODSEQ", view_modseq(v), "Highest");
	BUF_LIT(out, "* OK [MAILBOXID ");
	write_objectid(out, 'F', p->m.id);
	BUF_LIT(out, "] Mailbox\r\n");
	if (rev2)
		place_put_name(s, p, asked);
}

static enum store_rc
open_mailbox(
    struct session *s, const struct place *p, bool readonly, struct err *e)
{
	struct selected *sel = &s->sel;
	const struct mailbox *m = &p->m;
	enum store_rc rc;

	rc = account_open(s->d->store, str_of(p->owner), &sel->account, e);
	if (rc != STORE_OK)
		return rc;
	memcpy(sel->owner, p->owner, sizeof(sel->owner));
	sel->own = p->own;
	sel->rights = p->rights;
	sel->mailbox = m->id;
	sel->readonly = readonly;
	rc = sel_wants_recent(s) ? sel_claim(s, e) : sel_refresh(s, e);
	if (rc != STORE_OK)
		return rc;
	if (readonly && m->first_recent <= view_uidnext(sel->latest)) {
		/* Shown, but not taken from others. */
		sel->recent[0] =
		    (struct uid_range){ m->first_recent, UINT32_MAX };
		sel->nrecent = 1;
	}
	sel->view = view_ref(sel->latest);
	sel->known = view_modseq(sel->view);
	s->state = ST_SELECTED;
	sel->metadata_since = UINT64_MAX;
	metadata_tell(s);
	notify_selected(s);
	return STORE_OK;
}

/* The mailbox is left even if what follows fails (RFC 3501, 6.3.1). */
static void
leave(struct session *s)
{
	if (s->state == ST_SELECTED) /* RFC 7162, section 3.2.11 */
		write_untagged(
		    conn_out(s->conn), "OK [CLOSED] Previous mailbox closed");
	sel_close(s);
}

static enum reply
open_named(struct session *s, struct cmd *c, bool readonly)
{
	struct err e = ERR_INIT;
	struct place p;
	struct params params;
	enum store_rc rc;
	enum reply r;

	EXPECT(c, take_params(&c->p, &params));
	if (params.qresync.given && !(s->enabled & EN_QRESYNC))
		return bad(c, "Enable QRESYNC first");
	if (params.qresync.match_seqs.n && (s->enabled & EN_UIDONLY))
		return uid_required(c);
	leave(s);
	if (!place_find(s, c, c->arg[0], RIGHT_READ, &p, &r))
		return r;
	if (p.m.noselect)
		return no(c, "NONEXISTENT", "Mailbox cannot be selected");
	readonly = readonly || !rights_to_change(p.rights);
	rc = open_mailbox(s, &p, readonly, &e);
	if (rc != STORE_OK) {
		sel_close(s);
		return store_failed(s, c, rc, &e);
	}
	if (params.condstore)
		s->enabled |= EN_CONDSTORE;
	put_selected(s, &p, c->arg[0]);
	if (params.qresync.given)
		rc = qresync_tell(s, &params.qresync, &e);
	if (rc != STORE_OK) {
		sel_close(s);
		return store_failed(s, c, rc, &e);
	}
	c->code = readonly ? STR("READ-ONLY") : STR("READ-WRITE");
	return REPLY_OK;
}

enum reply
cmd_select(struct session *s, struct cmd *c)
{
	return open_named(s, c, false);
}

enum reply
cmd_examine(struct session *s, struct cmd *c)
{
	return open_named(s, c, true);
}

enum reply
cmd_unselect(struct session *s, struct cmd *c)
{
	(void)c;
	sel_close(s);
	return REPLY_OK;
}

static struct uids
all_messages(const struct view *v, struct uid_range *r)
{
	uint32_t n = view_count(v);

	if (n == 0)
		return (struct uids){ NULL, 0 };
	*r = (struct uid_range){ 1, view_at(v, n)->uid };
	return (struct uids){ r, 1 };
}

enum reply
cmd_close(struct session *s, struct cmd *c)
{
	struct err e = ERR_INIT;
	struct uid_range r;
	struct uids all = all_messages(s->sel.view, &r);
	enum store_rc rc = STORE_OK;

	if (!s->sel.readonly && all.n && sel_readable(s) &&
	    (s->sel.rights & RIGHT_EXPUNGE))
		rc = account_expunge(s->sel.account, s->sel.mailbox, all, true,
		    s->arena, NULL, &e);
	if (rc != STORE_OK && rc != STORE_NOTFOUND)
		return store_failed(s, c, rc, &e);
	sel_close(s);
	return REPLY_OK;
}
