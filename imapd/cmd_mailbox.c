/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about mailboxes as a whole. */
#include <inttypes.h>

#include "imapd/command.h"

static enum reply
done(struct session *s, struct cmd *c, enum store_rc rc, const struct err *e)
{
	return rc == STORE_OK ? REPLY_OK : store_failed(s, c, rc, e);
}

/* " (USE (\Archive))" of RFC 6154, section 3. */
static bool
take_use(struct cmd *c, enum mailbox_role *role, bool *known)
{
	struct parse *p = &c->p;
	struct str *names;
	size_t n;

	*role = ROLE_NONE;
	*known = true;
	if (p->at == p->in.n)
		return true;
	if (!parse_sp(p) || !parse_char(p, '('))
		return false;
	if (!parse_try_word(p, "USE"))
		return parse_fail(p, "unknown CREATE parameter");
	if (!parse_sp(p) || !parse_flags(p, false, &names, &n) ||
	    !parse_char(p, ')') || !parse_end(p))
		return false;
	for (size_t i = 0; i < n; i++) {
		int r = ROLE_IMPORTANT;

		while (r > ROLE_NONE &&
		       (!role_names[r] || !str_ieqc(names[i], role_names[r])))
			r--;
		/* A mailbox has one role; the views are not offered. */
		if (r == ROLE_NONE || r == ROLE_ALL || r == ROLE_FLAGGED ||
		    *role != ROLE_NONE)
			*known = false;
		*role = (enum mailbox_role)r;
	}
	return true;
}

/* A separator at the end only says that children will follow. */
static struct str
without_slash(struct str path)
{
	if (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	return path;
}

enum reply
cmd_create(struct session *s, struct cmd *c)
{
	struct err e = ERR_INIT;
	enum mailbox_role role;
	struct mailbox other;
	enum store_rc rc;
	int64_t id;
	bool known;

	EXPECT(c, take_use(c, &role, &known));
	if (!known)
		return no(c, "USEATTR", "Special use is not supported");
	if (role != ROLE_NONE && mailbox_find_role(s->account, s->arena, role,
				     &other, &e) == STORE_OK)
		return no(c, "USEATTR", "Another mailbox has that use");
	rc =
	    mailbox_create(s->account, without_slash(c->arg[0]), role, &id, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	c->code = arena_printf(s->arena, "MAILBOXID (F%" PRId64 ")", id);
	return REPLY_OK;
}

enum reply
cmd_delete(struct session *s, struct cmd *c)
{
	struct err e = ERR_INIT;
	struct mailbox m;
	enum store_rc rc;

	rc = mailbox_find(s->account, s->arena, c->arg[0], &m, &e);
	if (rc == STORE_OK && s->state == ST_SELECTED && m.id == s->sel.mailbox)
		sel_close(s);
	if (rc == STORE_OK)
		rc = mailbox_delete(s->account, c->arg[0], &e);
	if (rc == STORE_INVALID && m.has_children)
		return no(c, "HASCHILDREN", "Mailbox has children");
	return done(s, c, rc, &e);
}

enum reply
cmd_rename(struct session *s, struct cmd *c)
{
	struct err e = ERR_INIT;

	return done(s, c,
	    mailbox_rename(s->account, c->arg[0], without_slash(c->arg[1]), &e),
	    &e);
}

static enum reply
subscribe(struct session *s, struct cmd *c, bool on)
{
	struct err e = ERR_INIT;

	return done(s, c,
	    mailbox_subscribe(s->account, without_slash(c->arg[0]), on, &e),
	    &e);
}

enum reply
cmd_subscribe(struct session *s, struct cmd *c)
{
	return subscribe(s, c, true);
}

enum reply
cmd_unsubscribe(struct session *s, struct cmd *c)
{
	return subscribe(s, c, false);
}

enum reply
cmd_status(struct session *s, struct cmd *c)
{
	struct err e = ERR_INIT;
	struct mailbox m;
	enum store_rc rc;
	unsigned items;

	EXPECT(c,
	    parse_sp(&c->p) && status_parse(&c->p, &items) && parse_end(&c->p));
	rc = mailbox_find(s->account, s->arena, c->arg[0], &m, &e);
	if (rc == STORE_OK && m.noselect)
		return no(c, "NONEXISTENT", "Mailbox cannot be selected");
	if (rc == STORE_OK)
		rc = status_put(s, &m, items, &e);
	return done(s, c, rc, &e);
}
