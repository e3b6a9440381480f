/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "mime/decode.h"
#include "site/setting.h"

/* ------------------------------------------------------------------------
 * Sessions and accounts
 */

void
place_login(struct session *s, const struct site_account *acc)
{
	struct arena *a = arena_new();
	struct site_scope site = { STR_NULL, STR_NULL };
	struct str prefix = site_setting(s->d->site, a, "sharing.prefix", site);

	place_logout(s);
	s->address = mem_strdup(arena_cstr(a, acc->address));
	while (prefix.n && prefix.p[prefix.n - 1] == '/')
		prefix.n--;
	if (prefix.n)
		s->others =
		    mem_strdup(arena_printf(a, "%.*s/", STR_ARG(prefix)).p);
	arena_free(&a);
}

bool
place_is_user(const struct session *s, struct str address)
{
	return s->address && str_ieqc(address, s->address);
}

void
place_logout(struct session *s)
{
	free(s->address);
	free(s->others);
	s->address = s->others = NULL;
}

struct str
session_domain(const struct session *s)
{
	struct str address = str_of(s->address);

	return str_sub(address, str_rchr(address, '@') + 1, address.n);
}

struct site_scope
session_scope(const struct session *s)
{
	return (struct site_scope){ session_domain(s), str_of(s->user) };
}

/* An account other than the user's that a command has opened. */
struct opened {
	struct account *account;
	struct opened *next;
};

enum store_rc
place_account(
    struct session *s, struct str id, struct account **out, struct err *e)
{
	struct opened *o;
	enum store_rc rc;

	*out = s->account;
	if (str_eqc(id, s->user))
		return STORE_OK;
	for (o = s->opened_accounts; o; o = o->next) {
		if (str_eq(account_id(o->account), id)) {
			*out = o->account;
			return STORE_OK;
		}
	}
	if ((rc = account_open(s->d->store, id, out, e)) != STORE_OK)
		return rc;
	o = ARENA_NEW(s->arena, struct opened);
	*o = (struct opened){ *out, s->opened_accounts };
	s->opened_accounts = o;
	return STORE_OK;
}

void
place_release(struct session *s)
{
	for (struct opened *o = s->opened_accounts; o; o = o->next)
		account_close(&o->account);
	s->opened_accounts = NULL;
}

/* ------------------------------------------------------------------------
 * Who the user is to an owner
 */

/* "anyone" by the setting of the owner's domain. */
static bool
anyone_means(struct session *s, struct str owner_domain, struct str domain)
{
	struct site_scope scope = { owner_domain, STR_NULL };
	struct str who =
	    site_setting(s->d->site, s->arena, "sharing.anyone", scope);

	return str_eqc(who, "site") ||
	       (str_eqc(who, "domain") && str_eq(owner_domain, domain));
}

struct share_who
place_who(struct session *s, bool own, struct str owner_domain)
{
	struct share_who who = { .account = str_of(s->user),
		.domain = session_domain(s),
		.owner = own };

	if (!own)
		who.anyone = anyone_means(s, owner_domain, who.domain);
	return who;
}

/* ------------------------------------------------------------------------
 * From a name to a place
 */

static bool
under_others(const struct session *s, struct str name, struct str *rest)
{
	struct str prefix = str_of(s->others);

	if (!prefix.n)
		return false;
	if (str_starts(name, prefix)) {
		*rest = str_sub(name, prefix.n, name.n);
		return true;
	}
	*rest = STR_NULL; /* the prefix itself is nobody's mailbox */
	return str_eq(name, str_sub(prefix, 0, prefix.n - 1));
}

static enum store_rc
find_owner(struct session *s, struct str address, struct site_account *acc,
    struct err *e)
{
	switch (site_account_find(s->d->site, s->arena, address, acc, e)) {
	case SITE_OK:
		return STORE_OK;
	case SITE_NOTFOUND:
	case SITE_INVALID:
		return STORE_NOTFOUND;
	default:
		return STORE_IO;
	}
}

static struct str
name_of(struct session *s, struct str path, struct str prefix)
{
	return prefix.n ? arena_printf(s->arena, "%.*s%.*s", STR_ARG(prefix),
			      STR_ARG(path))
			: path;
}

/* The mailbox and the user's rights, once account and path are known. */
static enum store_rc
look(struct session *s, struct place *p, struct str prefix, struct err *e)
{
	struct share_who who;
	enum store_rc rc;

	if (!p->path.n)
		return STORE_OK;
	rc = mailbox_find(p->account, s->arena, p->path, &p->m, e);
	if (rc == STORE_NOTFOUND) {
		/* It was or will be made in Net-Unicode (RFC 5198). */
		p->path = mime_nfc(s->arena, p->path);
		rc = mailbox_find(p->account, s->arena, p->path, &p->m, e);
	}
	if (rc == STORE_NOTFOUND) {
		p->name = name_of(s, p->path, prefix);
		return STORE_OK;
	}
	if (rc != STORE_OK)
		return rc;
	p->exists = true;
	p->path = p->m.path;
	p->name = name_of(s, p->path, prefix);
	who = place_who(s, p->own, p->domain);
	return share_rights(p->account, p->m.id, &who, &p->rights, e);
}

static enum store_rc
resolve_other(
    struct session *s, struct str rest, struct place *out, struct err *e)
{
	size_t slash = str_chr(rest, '/');
	struct str address = str_sub(rest, 0, slash), prefix;
	struct site_account acc;
	enum store_rc rc = find_owner(s, address, &acc, e);

	if (rc != STORE_OK)
		return rc;
	memcpy(out->owner, acc.id, sizeof(out->owner));
	out->own = strcmp(acc.id, s->user) == 0;
	out->domain = acc.domain;
	out->path =
	    slash == STR_NPOS ? STR_NULL : str_sub(rest, slash + 1, rest.n);
	rc = place_account(s, str_of(acc.id), &out->account, e);
	if (rc != STORE_OK)
		return rc;
	prefix =
	    arena_printf(s->arena, "%s%.*s/", s->others, STR_ARG(acc.address));
	out->name = arena_printf(
	    s->arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(out->path));
	return look(s, out, prefix, e);
}

enum store_rc
place_resolve(
    struct session *s, struct str name, struct place *out, struct err *e)
{
	struct str rest;

	*out = (struct place){ .name = name, .path = name };
	if (under_others(s, name, &rest))
		return resolve_other(s, rest, out, e);
	out->account = s->account;
	out->own = true;
	memcpy(out->owner, s->user, sizeof(out->owner));
	return look(s, out, STR_NULL, e);
}

void
place_put_name(struct session *s, const struct place *p, struct str asked)
{
	struct buf *out = conn_out(s->conn);

	BUF_LIT(out, "* LIST () \"/\" ");
	write_mailbox(out, p->name, session_utf8(s));
	if (!str_eq(p->name, asked)) {
		BUF_LIT(out, " (\"OLDNAME\" (");
		write_mailbox(out, asked, session_utf8(s));
		BUF_LIT(out, "))");
	}
	BUF_LIT(out, "\r\n");
}

/* ------------------------------------------------------------------------
 * What the user may do
 */

enum reply
place_denied(struct cmd *c, const struct place *p)
{
	return p->rights & RIGHT_LOOKUP
		   ? no(c, "NOPERM", "No right to do that here")
		   : no(c, "NONEXISTENT", "No such mailbox");
}

bool
place_find(struct session *s, struct cmd *c, struct str name, unsigned need,
    struct place *out, enum reply *r)
{
	struct err e = ERR_INIT;
	enum store_rc rc = place_resolve(s, name, out, &e);

	if (rc == STORE_OK && !out->exists)
		rc = STORE_NOTFOUND;
	if (rc != STORE_OK) {
		*r = store_failed(s, c, rc, &e);
		return false;
	}
	*r = REPLY_OK;
	if ((out->rights & need) == need)
		return true;
	*r = place_denied(c, out);
	return false;
}

bool
place_target(struct session *s, struct cmd *c, struct str name,
    struct place *out, enum reply *r)
{
	struct err e = ERR_INIT;
	enum store_rc rc = place_resolve(s, name, out, &e);

	*r = REPLY_OK;
	if (rc != STORE_OK && rc != STORE_NOTFOUND)
		*r = store_failed(s, c, rc, &e);
	else if (rc == STORE_NOTFOUND)
		*r = no(c, "NONEXISTENT", "No such mailbox");
	else if (!out->exists)
		*r = place_can_create(s, c, out, r)
			 ? no(c, "TRYCREATE", "No such mailbox")
			 : no(c, "NONEXISTENT", "No such mailbox");
	else if (!(out->rights & RIGHT_INSERT))
		*r = place_denied(c, out);
	else if (out->m.noselect)
		*r = no(c, "CANNOT", "Mailbox holds no messages");
	return *r == REPLY_OK;
}

bool
place_visible(const struct place *p)
{
	return p->exists && (p->rights & RIGHT_LOOKUP);
}

/* In the same words wherever the right is missing: what the user cannot see is
 * told neither from what is not there nor from what he can. */
bool
place_can_create(
    struct session *s, struct cmd *c, const struct place *p, enum reply *r)
{
	struct str path = p->path;
	size_t slash;

	*r = REPLY_OK;
	while ((slash = str_rchr(path, '/')) != STR_NPOS) {
		struct place parent = *p;
		struct err e = ERR_INIT;
		enum store_rc rc;

		parent.path = path = str_sub(path, 0, slash);
		parent.rights = 0;
		rc = look(s, &parent, STR_NULL, &e);
		if (rc != STORE_OK) {
			*r = store_failed(s, c, rc, &e);
			return false;
		}
		if (!parent.exists)
			continue;
		if (parent.rights & RIGHT_CREATE)
			return true;
		*r = no(c, "NOPERM", "No right to make a mailbox here");
		return false;
	}
	if (!p->own)
		*r = no(c, "NOPERM", "No right to make a mailbox here");
	return p->own;
}

/* Levels of PATH that are not in LIST. */
static size_t
missing_levels(const struct mailbox *list, size_t n, struct str path)
{
	size_t missing = 0, slash = path.n;

	while (slash != STR_NPOS) {
		size_t i = 0;

		path = str_sub(path, 0, slash);
		while (i < n && !str_eq(list[i].path, path))
			i++;
		if (i < n) /* and so is what is above it */
			break;
		missing++;
		slash = str_rchr(path, '/');
	}
	return missing;
}

bool
place_room(struct session *s, struct cmd *c, const struct place *p, bool moved,
    enum reply *r)
{
	struct site_scope scope = { .account = str_of(p->owner) };
	uint64_t max = site_setting_uint(s->d->site, "quota.mailboxes", scope);
	struct err e = ERR_INIT;
	struct mailbox *list;
	enum store_rc rc;
	size_t n, more;

	*r = REPLY_OK;
	if (!max)
		return true;
	rc = mailbox_list(p->account, s->arena, &list, &n, &e);
	if (rc != STORE_OK) {
		*r = store_failed(s, c, rc, &e);
		return false;
	}
	more = missing_levels(list, n, p->path);
	if (moved && more)
		more--;
	if (!more || n + more <= max)
		return true;
	*r = no(c, "OVERQUOTA", "Too many mailboxes");
	return false;
}

enum store_rc
place_rights(struct session *s, const char *owner, int64_t mailbox,
    unsigned *out, struct err *e)
{
	struct site_account acc;
	struct account *a;
	struct share_who who;
	enum store_rc rc;

	*out = 0;
	switch (
	    site_account_get(s->d->site, s->arena, str_of(owner), &acc, e)) {
	case SITE_OK:
		break;
	case SITE_NOTFOUND:
		return STORE_NOTFOUND;
	default:
		return STORE_IO;
	}
	if ((rc = place_account(s, str_of(owner), &a, e)) != STORE_OK)
		return rc;
	who = place_who(s, a == s->account, acc.domain);
	return share_rights(a, mailbox, &who, out, e);
}

bool
rights_to_change(unsigned rights)
{
	return (rights & (RIGHT_INSERT | RIGHT_EXPUNGE | RIGHT_SEEN |
			     RIGHT_WRITE | RIGHT_TRASH)) != 0;
}

uint64_t
rights_flags(unsigned rights)
{
	uint64_t may = 0;

	if (rights & RIGHT_WRITE)
		may |= ~(FLAG_SEEN | FLAG_DELETED);
	if (rights & RIGHT_SEEN)
		may |= FLAG_SEEN;
	if (rights & RIGHT_TRASH)
		may |= FLAG_DELETED;
	return may;
}

void
rights_filter_flags(unsigned rights, struct flags *f)
{
	f->bits &= rights_flags(rights);
	if (!(rights & RIGHT_WRITE))
		f->nmore = 0;
}

struct quota
place_quota(struct session *s, const struct place *p)
{
	struct site_account acc;
	struct err e = ERR_INIT;

	if (site_account_get(
		s->d->site, s->arena, str_of(p->owner), &acc, &e) == SITE_OK)
		return (struct quota){ acc.quota_bytes, acc.quota_messages };
	log_warn(
	    "cannot read a quota", LOG_CSTR("account", p->owner), LOG_ERR(&e));
	return (struct quota){ 0, 0 };
}
