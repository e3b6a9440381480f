/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about mailboxes as a whole. */
#include <inttypes.h>

#include "imapd/acl.h"
#include "imapd/place.h"

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
		enum mailbox_role named = role_named(names[i]);

		/* A mailbox has one role. */
		if (named == ROLE_NONE || *role != ROLE_NONE)
			*known = false;
		*role = named;
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
	struct place p;
	enum store_rc rc;
	enum reply r;
	int64_t id;
	bool known;

	EXPECT(c, take_use(c, &role, &known));
	rc = place_resolve(s, without_slash(c->arg[0]), &p, &e);
	if (rc != STORE_OK)
		return done(s, c, rc, &e);
	if ((!place_visible(&p) || p.m.noselect) &&
	    !place_can_create(s, c, &p, &r))
		return r;
	if (!known || (role != ROLE_NONE && !p.own))
		return no(c, "USEATTR", "Special use is not supported");
	if (role != ROLE_NONE && mailbox_find_role(s->account, s->arena, role,
				     &other, &e) == STORE_OK)
		return no(c, "USEATTR", "Another mailbox has that use");
	if (!place_room(s, c, &p, false, &r))
		return r;
	rc = mailbox_create(p.account, p.path, role, &id, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	if (acl_rows(s, p.account, id)) /* of the parent */
		acl_changed(s, p.account);
	if ((s->enabled & EN_REV2) && !str_eq(p.name, without_slash(c->arg[0])))
		place_put_name(s, &p, without_slash(c->arg[0]));
	c->code = arena_printf(s->arena, "MAILBOXID (F%" PRId64 ")", id);
	return REPLY_OK;
}

enum reply
cmd_delete(struct session *s, struct cmd *c)
{
	struct err e = ERR_INIT;
	struct place p;
	enum store_rc rc;
	enum reply r;
	bool shared;

	if (!place_find(s, c, c->arg[0], RIGHT_DELETE, &p, &r))
		return r;
	if (sel_is(s, p.account, p.m.id))
		sel_close(s);
	shared = acl_rows(s, p.account, p.m.id);
	rc = mailbox_delete(p.account, p.path, &e);
	if (rc == STORE_OK && shared)
		acl_changed(s, p.account);
	if (rc == STORE_INVALID && p.m.has_children)
		return no(c, "HASCHILDREN", "Mailbox has children");
	return done(s, c, rc, &e);
}

/* INBOX stays; what moves away are its messages. */
static unsigned
rights_to_rename(const struct place *from)
{
	return from->m.role == ROLE_INBOX
		   ? RIGHT_DELETE | RIGHT_TRASH | RIGHT_EXPUNGE
		   : RIGHT_DELETE;
}

enum reply
cmd_rename(struct session *s, struct cmd *c)
{
	struct err e = ERR_INIT;
	struct place from, to;
	unsigned need;
	enum store_rc rc;
	enum reply r;

	if (!place_find(s, c, c->arg[0], 0, &from, &r))
		return r;
	need = rights_to_rename(&from);
	if ((from.rights & need) != need)
		return place_denied(c, &from);
	rc = place_resolve(s, without_slash(c->arg[1]), &to, &e);
	if (rc != STORE_OK)
		return done(s, c, rc, &e);
	if (to.account != from.account)
		return no(c, "CANNOT", "A mailbox stays in its account");
	if (!place_visible(&to) && !place_can_create(s, c, &to, &r))
		return r;
	if (!place_room(s, c, &to, from.m.role != ROLE_INBOX, &r))
		return r;
	return done(
	    s, c, mailbox_rename(from.account, from.path, to.path, &e), &e);
}

/* Subscriptions are the user's own, by the name he sees. */
enum reply
cmd_subscribe(struct session *s, struct cmd *c)
{
	struct str name = without_slash(c->arg[0]);
	struct err e = ERR_INIT;
	struct place p;
	enum reply r;

	if (place_resolve(s, name, &p, &e) == STORE_OK && p.own)
		return done(
		    s, c, mailbox_subscribe(s->account, p.path, true, &e), &e);
	if (!place_find(s, c, name, RIGHT_LOOKUP, &p, &r))
		return r;
	return done(s, c, mailbox_subscribe(s->account, p.name, true, &e), &e);
}

enum reply
cmd_unsubscribe(struct session *s, struct cmd *c)
{
	struct str name = without_slash(c->arg[0]);
	struct err e = ERR_INIT;
	struct place p;

	if (place_resolve(s, name, &p, &e) == STORE_OK)
		name = p.own ? p.path : p.name;
	return done(s, c, mailbox_subscribe(s->account, name, false, &e), &e);
}

enum reply
cmd_status(struct session *s, struct cmd *c)
{
	struct err e = ERR_INIT;
	struct place p;
	unsigned items;
	enum reply r;

	EXPECT(c,
	    parse_sp(&c->p) && status_parse(&c->p, &items) && parse_end(&c->p));
	if (!place_find(s, c, c->arg[0], RIGHT_READ, &p, &r))
		return r;
	if (p.m.noselect)
		return no(c, "NONEXISTENT", "Mailbox cannot be selected");
	status_enable(s, items);
	return done(s, c, status_put(s, &p, items, &e), &e);
}
