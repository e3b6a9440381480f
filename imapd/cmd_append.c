/* SPDX-License-Identifier: BSD-2-Clause */
/* APPEND, of several messages too (RFC 3502), and REPLACE (RFC 8508), with
 * UIDPLUS (RFC 4315). */
#include <inttypes.h>

#include "imapd/append.h"
#include "imapd/mail_event.h"
#include "imapd/seqset.h"

static struct str
appenduid(struct arena *a, uint32_t uidvalidity, struct uids uids)
{
	struct buf text = { 0 };
	struct str s;

	BUF_LIT(&text, "APPENDUID ");
	buf_putu(&text, uidvalidity);
	buf_putc(&text, ' ');
	seqset_put(&text, uids);
	s = arena_str(a, buf_str(&text));
	buf_fini(&text);
	return s;
}

/* Report what was appended; the code for the client. */
static struct str
appended(struct session *s, const struct place *to, const struct appended *done,
    size_t n)
{
	struct uids_builder b = { .arena = s->arena };
	struct mail_event ev = { .cause = CAUSE_APPEND,
		.account = to->account,
		.mailbox = to->m.id };

	for (size_t i = 0; i < n; i++)
		uids_add(&b, done[i].uid);
	ev.uids = uids_done(&b);
	mail_event(s, &ev);
	return appenduid(s->arena, done[0].uidvalidity, ev.uids);
}

static enum reply
not_appended(
    struct session *s, struct cmd *c, enum store_rc rc, const struct err *e)
{
	if (rc == STORE_NOTFOUND)
		return no(c, "TRYCREATE", "No such mailbox");
	return store_failed(s, c, rc, e);
}

/* All or none (RFC 3502). */
static enum reply
append_all(struct session *s, struct cmd *c, const struct place *to,
    const struct append *items, size_t n)
{
	struct appended *done = arena_array(s->arena, n, sizeof(*done));
	struct quota quota = place_quota(s, to);
	struct err e = ERR_INIT;
	enum store_rc rc =
	    account_append(to->account, to->m.id, items, n, &quota, done, &e);

	if (rc != STORE_OK)
		return not_appended(s, c, rc, &e);
	c->code = appended(s, to, done, n);
	return REPLY_OK;
}

static bool
take_messages(struct parse *p, struct append_message **out, size_t *n)
{
	struct append_message *list = NULL;
	size_t cap = 0;

	*n = 0;
	do {
		list = arena_grow(p->arena, list, *n, &cap, sizeof(*list));
		if (!append_parse(p, &list[(*n)++]))
			return false;
	} while (parse_peek(p) == ' ');
	*out = list;
	return parse_end(p);
}

enum reply
cmd_append(struct session *s, struct cmd *c)
{
	unsigned limit = s->d->message_limit;
	struct append_message *list;
	struct append *items;
	struct place to;
	enum reply r;
	size_t n;

	EXPECT(c, take_messages(&c->p, &list, &n));
	if (limit && n > limit) {
		c->code = arena_printf(s->arena, "MESSAGELIMIT %u", limit);
		c->text = "Too many messages";
		return REPLY_NO;
	}
	if (!place_target(s, c, c->arg[0], &to, &r))
		return r;
	items = arena_array(s->arena, n, sizeof(*items));
	for (size_t i = 0; i < n; i++) {
		if (!append_make(s, c, &list[i], &to, &items[i], &r))
			return r;
	}
	return append_all(s, c, &to, items, n);
}

/* ------------------------------------------------------------------------
 * REPLACE
 */

/* In another account there is no transaction with both: the new message is
 * stored before the old one goes, and does not stay if that cannot go. */
static enum store_rc
replace_apart(struct session *s, uint32_t uid, const struct place *to,
    const struct append *item, struct appended *done, struct err *e)
{
	struct quota quota = place_quota(s, to);
	struct uid_range one = { uid, uid }, new;
	struct err ignored = ERR_INIT;
	enum store_rc rc =
	    account_append(to->account, to->m.id, item, 1, &quota, done, e);

	if (rc != STORE_OK)
		return rc;
	rc = account_expunge(s->sel.account, s->sel.mailbox,
	    (struct uids){ &one, 1 }, false, NULL, NULL, e);
	if (rc == STORE_OK)
		return rc;
	new = (struct uid_range){ done->uid, done->uid };
	account_expunge(to->account, to->m.id, (struct uids){ &new, 1 }, false,
	    NULL, NULL, &ignored);
	return rc;
}

static enum store_rc
replace(struct session *s, uint32_t uid, const struct place *to,
    const struct append *item, struct appended *done, struct err *e)
{
	struct quota quota = place_quota(s, to);

	if (to->account != s->sel.account)
		return replace_apart(s, uid, to, item, done, e);
	return account_replace(s->sel.account, s->sel.mailbox, uid, to->m.id,
	    item, &quota, done, e);
}

/* The one message that the command names; 0: there is none. */
static uint32_t
replaced_uid(struct session *s, struct cmd *c)
{
	struct uids uids = sel_uids(s, c->set, c->uid);
	bool gone = true;

	if (uids.n != 1 || uids.r[0].lo != uids.r[0].hi)
		return 0;
	sel_row(s, view_seq(s->sel.view, uids.r[0].lo), &gone);
	return gone ? 0 : uids.r[0].lo;
}

enum reply
cmd_replace(struct session *s, struct cmd *c)
{
	const unsigned remove = RIGHT_TRASH | RIGHT_EXPUNGE;
	struct append_message m;
	struct append item;
	struct appended done;
	struct place to;
	struct err e = ERR_INIT;
	enum store_rc rc;
	enum reply r;
	uint32_t uid;

	EXPECT(c, append_parse(&c->p, &m) && parse_end(&c->p));
	if (c->set.n > 1 || (c->set.n && c->set.r[0].lo != c->set.r[0].hi))
		return bad(c, "REPLACE takes one message");
	if ((s->sel.rights & remove) != remove)
		return no(c, "NOPERM", "No right to remove messages here");
	if (!place_target(s, c, c->arg[0], &to, &r) ||
	    !append_make(s, c, &m, &to, &item, &r))
		return r;
	uid = replaced_uid(s, c);
	if (!uid)
		return no(c, "EXPUNGEISSUED", "There is no such message");
	rc = replace(s, uid, &to, &item, &done, &e);
	if (rc != STORE_OK)
		return not_appended(s, c, rc, &e);
	/* Before EXPUNGE (RFC 8508, section 3.3). */
	write_untagged(conn_out(s->conn),
	    arena_cstr(s->arena, arena_printf(s->arena, "OK [%.*s] Replaced",
				     STR_ARG(appended(s, &to, &done, 1)))));
	c->modseq = true;
	return REPLY_OK;
}
