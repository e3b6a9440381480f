/* SPDX-License-Identifier: BSD-2-Clause */
/* APPEND, with UIDPLUS (RFC 4315); MULTIAPPEND (RFC 3502) has its place. */
#include "imapd/mail_event.h"
#include "imapd/place.h"
#include "imapd/seqset.h"

struct message {
	struct str *names;
	size_t nnames;
	int64_t received;
	struct str raw;
};

/* " (flags) "date" {n}..." */
static bool
take_message(struct parse *p, struct message *m)
{
	bool binary;

	*m = (struct message){ .received = 0 };
	if (!parse_sp(p))
		return false;
	if (parse_peek(p) == '(' &&
	    (!parse_flags(p, false, &m->names, &m->nnames) || !parse_sp(p)))
		return false;
	if (parse_peek(p) == '"' &&
	    (!parse_datetime(p, &m->received) || !parse_sp(p)))
		return false;
	return parse_literal(p, &binary, &m->raw);
}

/* \Recent is not for clients to set, but some send back what they got. */
static void
drop_recent(struct message *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->nnames; i++) {
		if (!str_ieqc(m->names[i], "\\Recent"))
			m->names[kept++] = m->names[i];
	}
	m->nnames = kept;
}

static struct uids
uids_of(struct arena *a, const struct appended *done, size_t n)
{
	struct uids_builder b = { .arena = a };

	for (size_t i = 0; i < n; i++)
		uids_add(&b, done[i].uid);
	return uids_done(&b);
}

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

static enum reply
append_all(struct session *s, struct cmd *c, const struct place *to,
    const struct append *items, size_t n)
{
	struct appended *done = arena_array(s->arena, n, sizeof(*done));
	struct quota quota = place_quota(s, to);
	struct mail_event ev = { .cause = CAUSE_APPEND,
		.account = to->account,
		.mailbox = to->m.id };
	struct err e = ERR_INIT;
	enum store_rc rc =
	    account_append(to->account, to->m.id, items, n, &quota, done, &e);

	if (rc == STORE_NOTFOUND)
		return no(c, "TRYCREATE", "No such mailbox");
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	ev.uids = uids_of(s->arena, done, n);
	mail_event(s, &ev);
	c->code = appenduid(s->arena, done[0].uidvalidity, ev.uids);
	return REPLY_OK;
}

enum reply
cmd_append(struct session *s, struct cmd *c)
{
	struct append item = { 0 };
	struct message m;
	struct place to;
	enum reply r;

	EXPECT(c, take_message(&c->p, &m) && parse_end(&c->p));
	if (m.raw.n == 0)
		return no(c, NULL, "Empty message");
	drop_recent(&m);
	if (!place_target(s, c, c->arg[0], &to, &r) ||
	    !command_flags(
		s, c, to.account, m.names, m.nnames, &item.flags, &r))
		return r;
	rights_filter_flags(to.rights, &item.flags);
	item.raw = m.raw;
	item.received = m.received;
	item.by_user = true;
	return append_all(s, c, &to, &item, 1);
}
