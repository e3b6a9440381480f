/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quotas (RFC 9208). An account is one quota root, named by its address; where
 * nothing is limited there is none. Limits are settings, quota.bytes and its
 * kin.
 */
#include "imapd/place.h"
#include "site/setting.h"
#include "site/share.h"

struct root {
	struct site_account acc;
	struct account *account;
};

/* ------------------------------------------------------------------------
 * Resources
 */

#define KIB 1024 /* STORAGE counts in these */

static const struct quota_resource {
	const char *name, *setting;
	uint64_t unit;
} resources[] = {
	{ "STORAGE", "quota.bytes", KIB },
	{ "MESSAGE", "quota.messages", 1 },
	{ "MAILBOX", "quota.mailboxes", 1 },
};
#define RESOURCES LEN(resources)

static uint64_t
in_units(uint64_t n, uint64_t unit)
{
	return n / unit + (n % unit != 0);
}

/* Of all resources; false: none has a limit. */
static bool
read_limits(
    struct session *s, const struct site_account *acc, uint64_t out[RESOURCES])
{
	struct site_scope scope = { .account = str_of(acc->id) };
	bool any = false;

	for (size_t i = 0; i < RESOURCES; i++) {
		out[i] =
		    site_setting_uint(s->d->site, resources[i].setting, scope);
		any = any || out[i];
	}
	return any;
}

/* In the order of the table. */
static enum store_rc
read_usage(struct session *s, struct account *a, uint64_t out[RESOURCES],
    struct err *e)
{
	struct mailbox *list;
	struct usage used;
	size_t n;
	enum store_rc rc = account_usage(a, &used, e);

	if (rc == STORE_OK)
		rc = mailbox_list(a, s->arena, &list, &n, e);
	if (rc != STORE_OK)
		return rc;
	out[0] = used.bytes;
	out[1] = used.messages;
	out[2] = n;
	return STORE_OK;
}

static void
put_resource(struct buf *out, const char **sep, const struct quota_resource *r,
    uint64_t used, uint64_t limit)
{
	if (!limit)
		return;
	buf_puts(out, *sep);
	buf_puts(out, r->name);
	buf_putc(out, ' ');
	buf_putu(out, in_units(used, r->unit));
	buf_putc(out, ' ');
	buf_putu(out, in_units(limit, r->unit));
	*sep = " ";
}

static enum store_rc
put_quota(struct session *s, const struct root *root, struct err *e)
{
	struct buf *out = conn_out(s->conn);
	uint64_t limits[RESOURCES], used[RESOURCES];
	const char *sep = "";
	enum store_rc rc;

	if (!read_limits(s, &root->acc, limits))
		return STORE_OK;
	if ((rc = read_usage(s, root->account, used, e)) != STORE_OK)
		return rc;
	BUF_LIT(out, "* QUOTA ");
	write_astring(out, root->acc.address);
	BUF_LIT(out, " (");
	for (size_t i = 0; i < RESOURCES; i++)
		put_resource(out, &sep, &resources[i], used[i], limits[i]);
	BUF_LIT(out, ")\r\n");
	return STORE_OK;
}

/* ------------------------------------------------------------------------
 * Roots, and who may see and set them
 */

static bool
is_admin(struct session *s, const struct site_account *acc)
{
	struct site_scope scope = { acc->domain, STR_NULL };
	struct str rest = site_setting(
		       s->d->site, s->arena, "quota.admins", scope),
		   word;

	while (str_split(&rest, ' ', &word)) {
		if (str_ieqc(word, s->address))
			return true;
	}
	return false;
}

/* One of its mailboxes can be read. */
static bool
reads_from(struct session *s, const struct root *root)
{
	struct share_who who = place_who(s, false, root->acc.domain);
	struct share_right *list;
	struct err e = ERR_INIT;
	size_t n;

	if (share_rights_all(root->account, s->arena, &who, &list, &n, &e) !=
	    STORE_OK)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (list[i].rights & RIGHT_READ)
			return true;
	}
	return false;
}

static enum store_rc
read_root(struct session *s, struct str id, struct root *out, struct err *e)
{
	if (site_account_get(s->d->site, s->arena, id, &out->acc, e) != SITE_OK)
		return STORE_IO;
	return place_account(s, id, &out->account, e);
}

static bool
find_root(struct session *s, struct cmd *c, struct str name, struct root *out,
    enum reply *r)
{
	struct err e = ERR_INIT;
	enum store_rc rc = STORE_OK;

	if (site_account_find(s->d->site, s->arena, name, &out->acc, &e) !=
	    SITE_OK)
		rc = STORE_NOTFOUND;
	if (rc == STORE_OK)
		rc = read_root(s, str_of(out->acc.id), out, &e);
	if (rc == STORE_OK && (out->account == s->account ||
				  is_admin(s, &out->acc) || reads_from(s, out)))
		return true;
	if (rc != STORE_OK && rc != STORE_NOTFOUND)
		*r = store_failed(s, c, rc, &e);
	else
		*r = no(c, "NONEXISTENT", "No such quota root");
	return false;
}

enum reply
cmd_getquota(struct session *s, struct cmd *c)
{
	uint64_t limits[RESOURCES];
	struct err e = ERR_INIT;
	struct root root;
	enum store_rc rc;
	enum reply r;

	if (!find_root(s, c, c->arg[0], &root, &r))
		return r;
	if (!read_limits(s, &root.acc, limits))
		return no(c, "NONEXISTENT", "No such quota root");
	rc = put_quota(s, &root, &e);
	return rc == STORE_OK ? REPLY_OK : store_failed(s, c, rc, &e);
}

enum reply
cmd_getquotaroot(struct session *s, struct cmd *c)
{
	struct buf *out = conn_out(s->conn);
	uint64_t limits[RESOURCES];
	struct err e = ERR_INIT;
	struct root root;
	struct place p;
	enum store_rc rc;
	enum reply r;

	if (!place_find(s, c, c->arg[0], RIGHT_READ, &p, &r))
		return r;
	rc = read_root(s, str_of(p.owner), &root, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	BUF_LIT(out, "* QUOTAROOT ");
	write_mailbox(out, p.name, session_utf8(s));
	if (read_limits(s, &root.acc, limits)) {
		buf_putc(out, ' ');
		write_astring(out, root.acc.address);
	}
	BUF_LIT(out, "\r\n");
	rc = put_quota(s, &root, &e);
	return rc == STORE_OK ? REPLY_OK : store_failed(s, c, rc, &e);
}

/* ------------------------------------------------------------------------
 * SETQUOTA
 */

/* By resource; 0: no limit, as for those that are not named. */
static bool
take_limits(struct parse *p, uint64_t limits[RESOURCES], bool *unknown)
{
	*unknown = false;
	for (size_t i = 0; i < RESOURCES; i++)
		limits[i] = 0;
	if (!parse_sp(p) || !parse_char(p, '('))
		return false;
	if (parse_try(p, ')'))
		return parse_end(p);
	do {
		uint64_t n;
		struct str name;
		size_t i = 0;

		if (!parse_atom(p, &name) || !parse_sp(p) || !parse_u64(p, &n))
			return false;
		while (i < RESOURCES && !str_ieqc(name, resources[i].name))
			i++;
		if (i == RESOURCES || n > INT64_MAX / KIB)
			*unknown = true;
		else
			limits[i] = n * resources[i].unit;
	} while (parse_try(p, ' '));
	return parse_char(p, ')') && parse_end(p);
}

static enum site_rc
set_limits(struct session *s, const struct root *root,
    const uint64_t limits[RESOURCES], struct err *e)
{
	struct site_by by = { str_of(s->address),
		str_of(conn_peer(s->conn)->address) };
	struct site_scope scope = { .account = str_of(root->acc.id) };
	enum site_rc rc = SITE_OK;

	for (size_t i = 0; rc == SITE_OK && i < RESOURCES; i++)
		rc = site_setting_set(s->d->site, &by,
		    str_of(resources[i].setting), scope,
		    arena_printf(
			s->arena, "%llu", (unsigned long long)limits[i]),
		    e);
	return rc;
}

enum reply
cmd_setquota(struct session *s, struct cmd *c)
{
	uint64_t limits[RESOURCES];
	struct err e = ERR_INIT;
	struct root root;
	enum store_rc rc;
	enum reply r;
	bool unknown;

	EXPECT(c, take_limits(&c->p, limits, &unknown));
	if (!find_root(s, c, c->arg[0], &root, &r))
		return r;
	if (!is_admin(s, &root.acc))
		return no(c, "NOPERM", "Only administrators set quotas");
	if (unknown)
		return no(c, "CANNOT", "That cannot be limited");
	rc = set_limits(s, &root, limits, &e) == SITE_OK ? STORE_OK : STORE_IO;
	if (rc == STORE_OK)
		rc = put_quota(s, &root, &e);
	return rc == STORE_OK ? REPLY_OK : store_failed(s, c, rc, &e);
}
