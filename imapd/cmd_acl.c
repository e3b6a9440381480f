/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access control lists (RFC 4314). Identifiers are addresses of accounts here,
 * "@domain" for everybody of a hosted domain, and "anyone"; "-" in front makes
 * them negative. In the store an account's identifier is its id, which stays
 * when the address changes.
 */
#include <string.h>

#include "base/log.h"
#include "imapd/acl.h"
#include "imapd/place.h"
#include "site/setting.h"
#include "site/share.h"

#define MAX_IDENTIFIERS 1000 /* on one mailbox */

/* ------------------------------------------------------------------------
 * The index of who shares with whom
 */

static bool
list_shares(void *arg, struct arena *a, struct site_share **list, size_t *count,
    struct err *e)
{
	struct share_grant *grants;
	size_t n;

	*count = 0;
	if (share_grants(arg, a, &grants, &n, e) != STORE_OK)
		return false;
	*list = arena_array(a, n + 1, sizeof(**list));
	for (size_t i = 0; i < n; i++) {
		if (grants[i].mailbox)
			(*list)[(*count)++] =
			    (struct site_share){ grants[i].object,
				    grants[i].identifier };
	}
	return true;
}

void
acl_changed(struct session *s, struct account *a)
{
	struct site_by by = { str_of(s->address),
		str_of(conn_peer(s->conn)->address) };
	struct err e = ERR_INIT;

	if (site_share_update(s->d->site, &by, account_id(a), "mailbox",
		list_shares, a, &e) != SITE_OK)
		log_error("shared mailboxes are not listed as they are shared",
		    LOG_CSTR("session", conn_id(s->conn)),
		    LOG_STR("owner", account_id(a)), LOG_ERR(&e));
	/* Who looked when the account changed did not find it in the index. */
	watch_wake(s->d->watch, account_id(a));
}

bool
acl_rows(struct session *s, struct account *a, int64_t mailbox)
{
	struct err e = ERR_INIT;
	struct share *list;
	size_t n;

	return share_list(a, s->arena, mailbox, &list, &n, &e) == STORE_OK &&
	       n > 0;
}

/* ------------------------------------------------------------------------
 * Identifiers
 */

static bool
stored_domain(struct session *s, struct str text, struct str *out)
{
	struct site_domain d;
	struct err e = ERR_INIT;
	struct str name;

	if (!site_domain_normalize(s->arena, text, &name) ||
	    site_domain_get(s->d->site, s->arena, name, &d, &e) != SITE_OK)
		return false;
	*out = arena_printf(s->arena, "@%.*s", STR_ARG(name));
	return true;
}

static bool
stored_account(struct session *s, struct str text, struct str *out)
{
	struct site_scope site = { STR_NULL, STR_NULL };
	struct site_account acc;
	struct err e = ERR_INIT;

	if (str_chr(text, '@') == STR_NPOS)
		text = arena_printf(s->arena, "%.*s@%.*s", STR_ARG(text),
		    STR_ARG(site_setting(
			s->d->site, s->arena, "login.default_domain", site)));
	if (site_account_find(s->d->site, s->arena, text, &acc, &e) != SITE_OK)
		return false;
	*out = arena_str(s->arena, str_of(acc.id));
	return true;
}

/* As the store has it; false: nobody here. */
static bool
stored_identifier(struct session *s, struct str text, struct str *out)
{
	struct str id = text;
	bool negative = text.n > 1 && text.p[0] == '-', known;

	if (negative)
		id = str_sub(text, 1, text.n);
	if (str_ieqc(id, "anyone")) {
		*out = STR("anyone");
		known = true;
	} else if (id.n && id.p[0] == '@') {
		known = stored_domain(s, str_sub(id, 1, id.n), out);
	} else {
		known = stored_account(s, id, out);
	}
	/* The id of an account that is no more, as GETACL shows it. */
	if (!known && account_id_valid(id)) {
		*out = id;
		known = true;
	}
	if (known && negative)
		*out = arena_printf(s->arena, "-%.*s", STR_ARG(*out));
	return known;
}

static struct str
shown_identifier(struct session *s, struct str stored)
{
	bool negative = stored.n && stored.p[0] == '-';
	struct str id = negative ? str_sub(stored, 1, stored.n) : stored;
	struct site_account acc;
	struct err e = ERR_INIT;

	if (!account_id_valid(id) ||
	    site_account_get(s->d->site, s->arena, id, &acc, &e) != SITE_OK)
		return stored;
	return negative ? arena_printf(s->arena, "-%.*s", STR_ARG(acc.address))
			: acc.address;
}

/* ------------------------------------------------------------------------
 * SETACL and DELETEACL
 */

struct edit {
	char op; /* '+', '-', or 0: replace */
	unsigned rights;
};

static bool
take_edit(struct parse *p, struct edit *out)
{
	struct str text;

	out->op = 0;
	if (!parse_sp(p) || !parse_astring(p, &text) || !parse_end(p))
		return false;
	if (text.n && (text.p[0] == '+' || text.p[0] == '-')) {
		out->op = text.p[0];
		text = str_sub(text, 1, text.n);
	}
	if (!rights_parse(text, &out->rights))
		return parse_fail(p, "unknown right");
	return true;
}

static unsigned
edited(const struct edit *ed, unsigned old)
{
	switch (ed->op) {
	case '+':
		return old | ed->rights;
	case '-':
		return old & ~ed->rights;
	default:
		return ed->rights;
	}
}

/* What the row of an identifier says; *known: there is one. */
static unsigned
row_rights(
    const struct share *list, size_t n, struct str identifier, bool *known)
{
	unsigned rights;

	*known = false;
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(list[i].identifier, identifier) ||
		    !rights_parse(list[i].rights, &rights))
			continue;
		*known = true;
		return rights;
	}
	return 0;
}

static enum store_rc
write_rights(struct session *s, const struct place *p, struct str identifier,
    unsigned rights, struct err *e)
{
	struct buf letters = { 0 };
	enum store_rc rc;

	rights_put(&letters, rights);
	rc = share_set(p->account, p->m.id, identifier, buf_str(&letters), e);
	buf_fini(&letters);
	if (rc != STORE_OK)
		return rc;
	acl_changed(s, p->account);
	/* He may know nothing of this owner yet. */
	if (account_id_valid(identifier))
		watch_wake(s->d->watch, identifier);
	return STORE_OK;
}

/* The site may not want things shared with everybody. */
static bool
anyone_allowed(struct session *s, const struct place *p)
{
	struct str id = str_of(p->owner);
	struct site_scope scope = { .account = id };

	return !str_eqc(
	    site_setting(s->d->site, s->arena, "sharing.anyone", scope), "no");
}

static enum reply
set_rights(struct session *s, struct cmd *c, const struct place *p,
    struct str identifier, const struct edit *ed)
{
	bool owner = str_eqc(identifier, p->owner), known;
	struct err e = ERR_INIT;
	struct share *list;
	unsigned rights;
	enum store_rc rc;
	size_t n;

	rc = share_list(p->account, s->arena, p->m.id, &list, &n, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	rights = row_rights(list, n, identifier, &known);
	if (!known && n >= MAX_IDENTIFIERS)
		return no(c, "LIMIT", "Too many identifiers");
	rights = edited(ed, owner && !known ? RIGHTS_ALL : rights);
	if (owner)
		rights |= RIGHTS_OWNER;
	rc = write_rights(s, p, identifier, rights, &e);
	return rc == STORE_OK ? REPLY_OK : store_failed(s, c, rc, &e);
}

enum reply
cmd_setacl(struct session *s, struct cmd *c)
{
	struct place p;
	struct edit ed;
	struct str id;
	enum reply r;

	EXPECT(c, take_edit(&c->p, &ed));
	if (!place_find(s, c, c->arg[0], RIGHT_ADMIN, &p, &r))
		return r;
	if (!stored_identifier(s, c->arg[1], &id))
		return no(c, "CANNOT", "There is no such user here");
	if (str_eqc(id, "anyone") && !anyone_allowed(s, &p))
		return no(c, "CANNOT", "Sharing with anyone is not allowed");
	return set_rights(s, c, &p, id, &ed);
}

enum reply
cmd_deleteacl(struct session *s, struct cmd *c)
{
	struct err e = ERR_INIT;
	struct place p;
	struct str id;
	enum store_rc rc;
	enum reply r;

	if (!place_find(s, c, c->arg[0], RIGHT_ADMIN, &p, &r))
		return r;
	if (!stored_identifier(s, c->arg[1], &id))
		return no(c, "CANNOT", "There is no such user here");
	rc = write_rights(s, &p, id, 0, &e);
	return rc == STORE_OK ? REPLY_OK : store_failed(s, c, rc, &e);
}

/* ------------------------------------------------------------------------
 * GETACL, LISTRIGHTS and MYRIGHTS
 */

static void
put_head(struct session *s, const char *word, const struct place *p)
{
	struct buf *out = conn_out(s->conn);

	BUF_LIT(out, "* ");
	buf_puts(out, word);
	buf_putc(out, ' ');
	write_mailbox(out, p->name, session_utf8(s));
}

static void
put_pair(struct session *s, struct str stored, unsigned rights)
{
	struct buf *out = conn_out(s->conn);

	buf_putc(out, ' ');
	write_astring(out, shown_identifier(s, stored));
	buf_putc(out, ' ');
	if (rights)
		rights_put_compat(out, rights);
	else
		BUF_LIT(out, "\"\"");
}

enum reply
cmd_getacl(struct session *s, struct cmd *c)
{
	struct err e = ERR_INIT;
	struct place p;
	struct share *list;
	enum store_rc rc;
	enum reply r;
	bool known;
	size_t n;

	if (!place_find(s, c, c->arg[0], RIGHT_ADMIN, &p, &r))
		return r;
	rc = share_list(p.account, s->arena, p.m.id, &list, &n, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	put_head(s, "ACL", &p);
	row_rights(list, n, str_of(p.owner), &known);
	if (!known)
		put_pair(s, str_of(p.owner), RIGHTS_ALL);
	for (size_t i = 0; i < n; i++) {
		unsigned rights;

		if (rights_parse(list[i].rights, &rights))
			put_pair(s, list[i].identifier, rights);
	}
	BUF_LIT(conn_out(s->conn), "\r\n");
	return REPLY_OK;
}

enum reply
cmd_listrights(struct session *s, struct cmd *c)
{
	struct buf *out = conn_out(s->conn);
	struct place p;
	struct str id;
	enum reply r;

	if (!place_find(s, c, c->arg[0], RIGHT_ADMIN, &p, &r))
		return r;
	if (!stored_identifier(s, c->arg[1], &id))
		return no(c, "CANNOT", "There is no such user here");
	put_head(s, "LISTRIGHTS", &p);
	buf_putc(out, ' ');
	write_astring(out, c->arg[1]);
	/* What he always has, then what goes together: all one by one. */
	if (str_eqc(id, p.owner))
		BUF_LIT(out, " la r s w i p k x t e c d\r\n");
	else
		BUF_LIT(out, " \"\" l r s w i p k x t e a c d\r\n");
	return REPLY_OK;
}

void
acl_put_myrights(struct session *s, const struct place *p)
{
	struct buf *out = conn_out(s->conn);

	put_head(s, "MYRIGHTS", p);
	buf_putc(out, ' ');
	rights_put_compat(out, p->rights);
	BUF_LIT(out, "\r\n");
}

enum reply
cmd_myrights(struct session *s, struct cmd *c)
{
	const unsigned any = RIGHT_LOOKUP | RIGHT_READ | RIGHT_INSERT |
			     RIGHT_CREATE | RIGHT_DELETE | RIGHT_ADMIN;
	struct place p;
	enum reply r;

	if (!place_find(s, c, c->arg[0], 0, &p, &r))
		return r;
	if (!(p.rights & any))
		return place_denied(c, &p);
	acl_put_myrights(s, &p);
	return REPLY_OK;
}
