/* SPDX-License-Identifier: BSD-2-Clause */
/* All mailboxes that a user may look up. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "imapd/place.h"
#include "site/share.h"

struct listing {
	struct session *s;
	struct place *v;
	size_t n, cap;
	struct str *subscribed;
	size_t nsubscribed;
};

static int
find_str(const void *key, const void *item)
{
	return str_cmp(*(const struct str *)key, *(const struct str *)item);
}

static bool
is_subscribed(const struct listing *l, struct str name)
{
	return l->nsubscribed && bsearch(&name, l->subscribed, l->nsubscribed,
				     sizeof(name), find_str);
}

/* Only children that the user may look up count (RFC 3348). */
static void
mark_parents(struct listing *l, size_t first)
{
	struct map *by_path = map_new();

	for (size_t i = first; i < l->n; i++) {
		l->v[i].m.has_children = false;
		map_set(by_path, l->v[i].path, &l->v[i]);
	}
	for (size_t i = first; i < l->n; i++) {
		struct str path = l->v[i].path;
		size_t at;

		while ((at = str_rchr(path, '/')) != STR_NPOS) {
			struct place *p;

			path = str_sub(path, 0, at);
			if ((p = map_get(by_path, path)))
				p->m.has_children = true;
		}
	}
	map_free(&by_path);
}

/* The mailboxes of the place's account, PREFIX in front of their paths. */
static enum store_rc
add_account(
    struct listing *l, const struct place *at, struct str prefix, struct err *e)
{
	struct session *s = l->s;
	struct share_who who = place_who(s, at->own, at->domain);
	struct share_right *rights;
	struct mailbox *list;
	size_t n, nrights, first = l->n;
	enum store_rc rc;

	if ((rc = share_rights_all(at->account, s->arena, &who, &rights,
		 &nrights, e)) != STORE_OK)
		return rc;
	if (!at->own && !nrights)
		return STORE_OK;
	if ((rc = mailbox_list(at->account, s->arena, &list, &n, e)) !=
	    STORE_OK)
		return rc;
	for (size_t i = 0; i < n; i++) {
		struct place p = *at;

		p.exists = true;
		p.m = list[i];
		p.path = p.name = list[i].path;
		p.rights = share_rights_of(rights, nrights, p.m.id, &who);
		if (!(p.rights & RIGHT_LOOKUP))
			continue;
		if (prefix.n) {
			p.name = arena_printf(s->arena, "%.*s%.*s",
			    STR_ARG(prefix), STR_ARG(p.path));
			p.m.subscribed = is_subscribed(l, p.name);
		}
		l->v = arena_grow(s->arena, l->v, l->n, &l->cap, sizeof(*l->v));
		l->v[l->n++] = p;
	}
	if (!at->own)
		mark_parents(l, first);
	return STORE_OK;
}

/* An owner whose account cannot be read now is left out. */
static void
add_other(struct listing *l, const struct site_account *acc)
{
	struct session *s = l->s;
	struct place at = { .domain = acc->domain };
	struct err e = ERR_INIT;
	struct str prefix =
	    arena_printf(s->arena, "%s%.*s/", s->others, STR_ARG(acc->address));
	enum store_rc rc;

	memcpy(at.owner, acc->id, sizeof(at.owner));
	rc = place_account(s, str_of(acc->id), &at.account, &e);
	if (rc == STORE_OK)
		rc = add_account(l, &at, prefix, &e);
	if (rc != STORE_OK)
		log_warn("cannot list another user's mailboxes",
		    LOG_CSTR("account", s->user), LOG_CSTR("owner", acc->id),
		    LOG_CSTR("result", store_rc_name(rc)), LOG_ERR(&e));
}

static enum store_rc
add_others(struct listing *l, struct err *e)
{
	struct session *s = l->s;
	struct site_account me = { .domain = session_domain(s) };
	struct site_account *owners;
	size_t n;
	enum store_rc rc;

	memcpy(me.id, s->user, sizeof(me.id));
	if (site_share_owners(s->d->site, s->arena, &me, "mailbox", &owners, &n,
		e) != SITE_OK)
		return STORE_IO;
	if (!n)
		return STORE_OK;
	rc = mailbox_subscriptions(
	    s->account, s->arena, &l->subscribed, &l->nsubscribed, e);
	for (size_t i = 0; rc == STORE_OK && i < n; i++)
		add_other(l, &owners[i]);
	return rc;
}

enum store_rc
place_list(struct session *s, bool others, struct place **list, size_t *count,
    struct err *e)
{
	struct listing l = { .s = s };
	struct place me = { .account = s->account, .own = true };
	enum store_rc rc;

	memcpy(me.owner, s->user, sizeof(me.owner));
	rc = add_account(&l, &me, STR_NULL, e);
	if (rc == STORE_OK && others && s->others)
		rc = add_others(&l, e);
	*list = l.v;
	*count = l.n;
	return rc;
}
