/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/map.h"
#include "site/alias.h"
#include "site/setting.h"

/*
 * From an address to accounts. A walk expands aliases depth first; `path` is
 * the chain of aliases being expanded, so that one that comes back to itself
 * is seen and then means its account; `done` are those expanded already, so
 * that two ways to one alias do not multiply.
 */

#define MAX_DEPTH 20

struct step {
	const struct step *up;
	struct str key;
};

struct walk {
	struct site *site;
	struct reader_slot *r;
	struct arena *arena;
	struct map *done; /* alias keys */
	struct map *seen; /* targets: account ids and address keys */
	struct buf targets;
	size_t missing;
	bool direct;
	bool no_catchall; /* for the address asked about */
	struct err *e;
};

static bool
on_path(const struct step *path, struct str key)
{
	for (; path; path = path->up) {
		if (str_eq(path->key, key))
			return true;
	}
	return false;
}

static enum site_rc
add_target(struct walk *w, const struct site_target *t, struct str identity)
{
	if (map_set(w->seen, identity, w))
		return SITE_OK;
	if (w->targets.n / sizeof(*t) >= SITE_MAX_TARGETS)
		return site_fail(w->e, SITE_INVALID,
		    "aliases lead to more than %d targets", SITE_MAX_TARGETS);
	buf_put(&w->targets, t, sizeof(*t));
	return SITE_OK;
}

static enum site_rc expand(struct walk *w, const struct site_address *addr,
    struct str detail, const struct step *path, unsigned depth);

/* "@domain" as a target keeps the local part it was reached by. */
static enum site_rc
expand_target(struct walk *w, struct str text, struct str local,
    struct str detail, const struct step *path, unsigned depth)
{
	struct site_address addr;
	enum site_rc rc;

	if (!site_address_parse(w->arena, text, &addr))
		return site_fail(
		    w->e, SITE_INVALID, "alias target \"%.*s\"", STR_ARG(text));
	if (addr.local.n == 0) {
		addr.local = local;
		addr.key = arena_printf(w->arena, "%.*s@%.*s",
		    STR_ARG(address_fold(w->arena, local)),
		    STR_ARG(addr.domain));
	}
	rc = expand(w, &addr, detail, path, depth + 1);
	if (rc != SITE_NOTFOUND && rc != SITE_DISABLED)
		return rc;
	w->missing++;
	return SITE_OK;
}

static enum site_rc
expand_alias(struct walk *w, int64_t id, struct str key, struct str local,
    struct str detail, const struct step *path, unsigned depth)
{
	struct step here = { path, key };
	struct str *targets;
	size_t count;
	enum site_rc rc;

	if (depth >= MAX_DEPTH)
		return site_fail(w->e, SITE_INVALID,
		    "aliases nest deeper than %d at %.*s", MAX_DEPTH,
		    STR_ARG(key));
	rc = alias_targets(w->r->q, w->arena, id, &targets, &count, w->e);
	for (size_t i = 0; rc == SITE_OK && i < count; i++)
		rc = expand_target(w, targets[i], local, detail, &here, depth);
	return rc;
}

/* SITE_NOTFOUND: no such alias, or it is being expanded right now. */
static enum site_rc
try_alias(struct walk *w, struct str key, struct str local, struct str detail,
    const struct step *path, unsigned depth)
{
	struct alias_row row;
	enum site_rc rc;

	if (on_path(path, key))
		return SITE_NOTFOUND;
	rc = alias_row_get(w->r->q, key, &row, w->e);
	if (rc != SITE_OK)
		return rc;
	if (row.disabled)
		return site_fail(w->e, SITE_DISABLED, "alias %.*s is disabled",
		    STR_ARG(key));
	if (map_set(w->done, key, w))
		return SITE_OK;
	return expand_alias(w, row.id, key, local, detail, path, depth);
}

static bool
same_case(struct walk *w, const struct site_account *acc, struct str local)
{
	struct site_scope scope = { .domain = acc->domain };
	struct site_address own;

	if (!setting_uint_on(w->site, w->r, "address.case_sensitive", scope))
		return true;
	return site_address_parse(w->arena, acc->address, &own) &&
	       str_eq(own.local, local);
}

static enum site_rc
try_account(struct walk *w, struct str key, struct str local, struct str detail,
    unsigned depth)
{
	struct site_target t = { .local = true, .detail = detail };
	enum site_rc rc =
	    account_by_key(w->site, w->r, w->arena, key, &t.account, w->e);

	if (rc != SITE_OK)
		return rc;
	if (!same_case(w, &t.account, local))
		return site_fail(w->e, SITE_NOTFOUND,
		    "%.*s differs in case from the account", STR_ARG(key));
	t.address = t.account.address;
	w->direct = depth == 0 && detail.n == 0;
	return add_target(w, &t, arena_str(w->arena, str_of(t.account.id)));
}

static enum site_rc
try_local(struct walk *w, const struct site_address *addr, struct str local,
    struct str detail, const struct step *path, unsigned depth)
{
	struct str key = arena_printf(w->arena, "%.*s@%.*s",
	    STR_ARG(address_fold(w->arena, local)), STR_ARG(addr->domain));
	enum site_rc rc = try_alias(w, key, addr->local, detail, path, depth);

	return rc == SITE_NOTFOUND ? try_account(w, key, local, detail, depth)
				   : rc;
}

/* The whole local part, then what is before its last separator, and so on. */
static enum site_rc
try_locals(struct walk *w, const struct site_address *addr, struct str detail,
    const struct step *path, unsigned depth)
{
	struct site_scope scope = { .domain = addr->domain };
	struct str separators =
	    setting_on(w->site, w->r, w->arena, "address.separators", scope);
	enum site_rc rc = try_local(w, addr, addr->local, detail, path, depth);

	for (size_t i = addr->local.n; rc == SITE_NOTFOUND && i-- > 1;) {
		if (str_chr(separators, addr->local.p[i]) == STR_NPOS)
			continue;
		rc = try_local(w, addr, str_sub(addr->local, 0, i),
		    str_sub(addr->local, i + 1, STR_NPOS), path, depth);
	}
	return rc;
}

static enum site_rc
try_catchall(struct walk *w, const struct site_address *addr, struct str detail,
    const struct step *path, unsigned depth)
{
	struct str key;

	if (depth == 0 && w->no_catchall)
		return SITE_NOTFOUND;
	key = arena_printf(w->arena, "@%.*s", STR_ARG(addr->domain));
	return try_alias(w, key, addr->local, detail, path, depth);
}

/* Follow a domain alias; *row and addr->domain become the real domain's. */
static enum site_rc
real_domain(struct walk *w, struct site_address *addr, struct domain_row *row)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc;

	if (!row->alias_of || row->disabled)
		return SITE_OK;
	rc = sq_one(w->r->q, &st, w->e,
	    "SELECT name, disabled FROM domains WHERE id = ?",
	    SQ_I(row->alias_of));
	if (rc != SQ_ROW)
		return site_rc_of(rc);
	addr->domain = sq_dup(w->arena, st, 0);
	row->disabled = sq_int(st, 1) != 0;
	sq_reset(st);
	return SITE_OK;
}

static enum site_rc
add_remote(struct walk *w, const struct site_address *addr)
{
	struct site_target t = {
		.address = address_format(w->arena, addr->local, addr->domain),
	};

	/* Another host's local parts are its own to fold. */
	return add_target(w, &t, t.address);
}

static enum site_rc
expand(struct walk *w, const struct site_address *asked, struct str detail,
    const struct step *path, unsigned depth)
{
	struct site_address addr = *asked;
	struct domain_row row;
	enum site_rc rc = domain_row_get(w->r->q, addr.domain, &row, w->e);

	if (rc == SITE_NOTFOUND)
		return add_remote(w, &addr);
	if (rc == SITE_OK)
		rc = real_domain(w, &addr, &row);
	if (rc != SITE_OK)
		return rc;
	if (row.disabled)
		return site_fail(w->e, SITE_DISABLED, "domain %.*s is disabled",
		    STR_ARG(addr.domain));
	if ((rc = try_locals(w, &addr, detail, path, depth)) == SITE_NOTFOUND)
		rc = try_catchall(w, &addr, detail, path, depth);
	if (rc == SITE_NOTFOUND)
		site_fail(
		    w->e, rc, "nobody has the address %.*s", STR_ARG(addr.key));
	return rc;
}

static enum site_rc
resolve_with(struct site *s, struct arena *a, struct str address,
    bool no_catchall, struct site_targets *out, struct err *e)
{
	struct walk w = {
		.site = s, .arena = a, .no_catchall = no_catchall, .e = e
	};
	struct site_address addr;
	enum site_rc rc;

	*out = (struct site_targets){ 0 };
	if (!site_address_parse(a, address, &addr) || addr.local.n == 0)
		return site_fail(e, SITE_INVALID, "\"%.*s\" is not an address",
		    STR_ARG(address));
	if ((rc = site_reader(s, &w.r, e)) != SITE_OK)
		return rc;
	w.done = map_new();
	w.seen = map_new();
	rc = expand(&w, &addr, STR_NULL, NULL, 0);
	site_reader_done(s, w.r);
	map_free(&w.done);
	map_free(&w.seen);
	out->list = site_rows(a, &w.targets, sizeof(*out->list), &out->count);
	out->direct = w.direct;
	out->missing = w.missing;
	if (rc == SITE_OK && out->count == 0)
		return site_fail(e, SITE_NOTFOUND,
		    "the alias %.*s leads nowhere", STR_ARG(addr.key));
	return rc;
}

enum site_rc
site_resolve(struct site *s, struct arena *a, struct str address,
    struct site_targets *out, struct err *e)
{
	return resolve_with(s, a, address, false, out, e);
}

/* ------------------------------------------------------------------------
 * Who may send as an address
 */

/* An account may use its own address even while an alias redirects it. */
static enum site_rc
own_account(struct site *s, struct arena *a, struct str address,
    struct buf *rows, struct err *e)
{
	struct site_account acc;
	enum site_rc rc = site_account_find(s, a, address, &acc, e);

	if (rc == SITE_OK)
		buf_put(rows, &acc, sizeof(acc));
	return rc == SITE_NOTFOUND ? SITE_OK : rc;
}

static void
add_accounts(const struct site_targets *t, struct buf *rows)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct site_account *acc = &t->list[i].account;
		const struct site_account *own = (const void *)rows->p;

		if (t->list[i].local &&
		    (rows->n == 0 || strcmp(own->id, acc->id) != 0))
			buf_put(rows, acc, sizeof(*acc));
	}
}

enum site_rc
site_senders(struct site *s, struct arena *a, struct str address,
    struct site_account **list, size_t *count, struct err *e)
{
	struct site_address addr;
	struct site_targets targets;
	struct site_scope scope = { 0 };
	struct buf rows = { 0 };
	enum site_rc rc;

	*count = 0;
	if (!site_address_parse(a, address, &addr))
		return site_fail(e, SITE_INVALID, "\"%.*s\" is not an address",
		    STR_ARG(address));
	scope.domain = addr.domain;
	if ((rc = own_account(s, a, address, &rows, e)) != SITE_OK)
		return rc;
	rc = resolve_with(s, a, address,
	    !site_setting_bool(s, "sender.catchall", scope), &targets, e);
	if (rc == SITE_OK)
		add_accounts(&targets, &rows);
	*list = site_rows(a, &rows, sizeof(**list), count);
	return rc == SITE_NOTFOUND || rc == SITE_DISABLED ? SITE_OK : rc;
}

enum site_rc
site_may_send_as(struct site *s, const struct site_account *acc,
    struct str address, bool *yes, struct err *e)
{
	struct arena *a = arena_new();
	struct site_account *list;
	size_t count;
	enum site_rc rc = site_senders(s, a, address, &list, &count, e);

	*yes = false;
	for (size_t i = 0; i < count; i++)
		*yes |= strcmp(list[i].id, acc->id) == 0;
	arena_free(&a);
	return rc;
}

struct str
site_target_address(
    struct site *s, struct arena *a, const struct site_target *t)
{
	struct site_scope scope = { .domain = t->account.domain };
	struct str separators, address = t->address;
	size_t at = str_rchr(address, '@');

	if (t->detail.n == 0)
		return address;
	separators = site_setting(s, a, "address.separators", scope);
	if (separators.n == 0 || str_starts(address, STR("\"")))
		return address;
	return arena_printf(a, "%.*s%c%.*s%.*s",
	    STR_ARG(str_sub(address, 0, at)), separators.p[0],
	    STR_ARG(t->detail), STR_ARG(str_sub(address, at, STR_NPOS)));
}
