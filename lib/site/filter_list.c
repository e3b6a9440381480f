/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/filter_list.h"

#include "base/clock.h"
#include "net/addr.h"
#include "site/internal.h"

#define KINDS LEN(kinds)
static const struct {
	const char *name;
	const char *set, *removed; /* in the audit trail */
	const char *said;          /* of an entry */
} kinds[] = {
	[SITE_LIST_BLOCK] = { "block", "filter.block", "filter.remove",
	    "neither blocked nor allowed" },
	[SITE_LIST_ALLOW] = { "allow", "filter.allow", "filter.remove",
	    "neither blocked nor allowed" },
	[SITE_LIST_KNOWN] = { "known", "greylist.allow", "greylist.remove",
	    "not kept from greylisting" },
};

const char *
site_list_kind_name(enum site_list_kind k)
{
	return kinds[k].name;
}

static enum site_list_kind
kind_of(struct str name)
{
	size_t k = SITE_LIST_BLOCK;

	while (k + 1 < KINDS && !str_eqc(name, kinds[k].name))
		k++;
	return (enum site_list_kind)k;
}

/* ------------------------------------------------------------------------
 * What an entry looks like
 */

static bool
normalize_network(struct arena *a, struct str text, struct str *out)
{
	struct conn_peer peer;
	struct addr base;
	unsigned bits;

	if (!addr_network_parse(text, &base, &bits))
		return false;
	base = addr_network(&base, bits);
	addr_peer(&base, 0, &peer);
	if (bits == 128)
		*out = arena_str(a, str_of(peer.address));
	else
		*out = arena_printf(a, "%s/%u", peer.address,
		    addr_is_v4(&base) ? bits - 96 : bits);
	return true;
}

static bool
normalize_sender(struct arena *a, struct str text, struct str *out)
{
	struct site_address address;

	if (!site_address_parse(a, text, &address))
		return false;
	*out = address.key;
	return true;
}

/* A name without a dot is none that an address leads to, and an address with a
 * dot behind it no name. */
static bool
normalize_host(struct arena *a, struct str text, struct str *out)
{
	bool below = str_starts(text, STR("."));

	if (!site_domain_normalize(a, str_sub(text, below, SIZE_MAX), out) ||
	    str_chr(*out, '.') == STR_NPOS ||
	    site_list_type_of(*out) != SITE_LIST_HOST)
		return false;
	if (below)
		*out = arena_printf(a, ".%.*s", STR_ARG(*out));
	return true;
}

enum site_list_type
site_list_type_of(struct str entry)
{
	struct addr base;
	unsigned bits;

	if (str_chr(entry, '@') != STR_NPOS)
		return SITE_LIST_SENDER;
	if (str_chr(entry, '/') != STR_NPOS ||
	    addr_network_parse(entry, &base, &bits))
		return SITE_LIST_NETWORK;
	return SITE_LIST_HOST;
}

bool
site_list_normalize(struct arena *a, struct str text, struct str *out)
{
	static bool (*const by_type[])(
	    struct arena *, struct str, struct str *) = {
		[SITE_LIST_NETWORK] = normalize_network,
		[SITE_LIST_HOST] = normalize_host,
		[SITE_LIST_SENDER] = normalize_sender,
	};

	return by_type[site_list_type_of(text)](a, text, out);
}

struct str
site_list_text(struct arena *a, struct str entry)
{
	size_t at = str_rchr(entry, '@');

	if (at == STR_NPOS)
		return entry;
	return address_format(
	    a, str_sub(entry, 0, at), str_sub(entry, at + 1, SIZE_MAX));
}

static enum site_rc
normalize(struct arena *a, struct str text, struct str *out, struct err *e)
{
	if (site_list_normalize(a, text, out))
		return SITE_OK;
	return site_fail(e, SITE_INVALID,
	    "\"%.*s\" is no address, network, host name, .domain, sender's "
	    "address or @domain",
	    STR_ARG(text));
}

/* ------------------------------------------------------------------------
 * Changing
 */

struct place {
	int64_t domain, account; /* 0: none */
	struct str name;         /* for the audit trail */
};

static enum site_rc
find_place(struct sq *q, struct arena *a, struct site_scope scope,
    struct place *out, struct err *e)
{
	struct domain_row row;
	enum site_rc rc;

	*out = (struct place){ .name = STR("site") };
	if (scope.account.n) {
		out->name = scope.account;
		return account_number(q, scope.account, &out->account, e);
	}
	if (scope.domain.n == 0)
		return SITE_OK;
	if (!site_domain_normalize(a, scope.domain, &out->name))
		return site_fail(e, SITE_INVALID,
		    "\"%.*s\" is not a domain name", STR_ARG(scope.domain));
	rc = domain_row_get(q, out->name, &row, e);
	out->domain = row.id;
	return rc;
}

static enum sq_rc
take_out(struct sq *q, enum site_list_kind kind, struct str entry,
    const struct place *p, struct err *e)
{
	return sq_run(q, e,
	    "DELETE FROM filter_list WHERE entry = ? AND (kind = 'known') = ?"
	    " AND ifnull(account, 0) = ? AND ifnull(domain, 0) = ?",
	    SQ_T(entry), SQ_I(kind == SITE_LIST_KNOWN), SQ_I(p->account),
	    SQ_I(p->domain));
}

static enum sq_rc
put(struct sq *q, const struct site_by *by, struct str entry,
    const struct site_list_entry *new, const struct place *p, struct err *e)
{
	struct site_by who;
	enum sq_rc rc = take_out(q, new->kind, entry, p, e);

	if (rc != SQ_OK)
		return rc;
	site_by_or_system(by, &who);
	return sq_run(q, e,
	    "INSERT INTO filter_list (entry, kind, domain, account, note,"
	    " made_by, created, expires)"
	    " VALUES (?, ?, nullif(?, 0), nullif(?, 0), ?, ?, ?, ?)",
	    SQ_T(entry), SQ_C(kinds[new->kind].name), SQ_I(p->domain),
	    SQ_I(p->account), SQ_T(new->note), SQ_T(who.who), SQ_I(clock_now()),
	    SQ_I(new->expires));
}

enum site_rc
site_list_set(struct site *s, const struct site_by *by,
    const struct site_list_entry *new, struct err *e)
{
	struct arena *a = arena_new();
	struct place p = { .name = STR_NULL };
	struct str entry;
	struct sq *q;
	enum site_rc rc = normalize(a, new->entry, &entry, e);

	if (rc == SITE_OK && (rc = site_change_begin(s, &q, e)) == SITE_OK) {
		rc = find_place(q, a, new->scope, &p, e);
		if (rc == SITE_OK)
			rc = site_rc_of(put(q, by, entry, new, &p, e));
		rc = site_change_end(s, rc, by, kinds[new->kind].set, p.name,
		    site_list_text(a, entry), e);
	}
	arena_free(&a);
	return rc;
}

static enum site_rc
remove_one(struct sq *q, enum site_list_kind kind, struct str entry,
    const struct place *p, struct err *e)
{
	enum sq_rc rc = take_out(q, kind, entry, p, e);

	if (rc == SQ_OK && sq_changes(q) == 0)
		return site_fail(e, SITE_NOTFOUND, "\"%.*s\" is %s there",
		    STR_ARG(entry), kinds[kind].said);
	return site_rc_of(rc);
}

enum site_rc
site_list_remove(struct site *s, const struct site_by *by,
    enum site_list_kind kind, struct str text, struct site_scope scope,
    struct err *e)
{
	struct arena *a = arena_new();
	struct place p = { .name = STR_NULL };
	struct str entry;
	struct sq *q;
	enum site_rc rc = normalize(a, text, &entry, e);

	if (rc == SITE_OK && (rc = site_change_begin(s, &q, e)) == SITE_OK) {
		rc = find_place(q, a, scope, &p, e);
		if (rc == SITE_OK)
			rc = remove_one(q, kind, entry, &p, e);
		rc = site_change_end(s, rc, by, kinds[kind].removed, p.name,
		    site_list_text(a, entry), e);
	}
	arena_free(&a);
	return rc;
}

/* ------------------------------------------------------------------------
 * Reading
 */

static struct site_list_entry
entry_of(struct arena *a, struct sqlite3_stmt *st)
{
	return (struct site_list_entry){
		.kind = kind_of(sq_str(st, 0)),
		.entry = sq_dup(a, st, 1),
		.scope = { .domain = sq_dup(a, st, 2),
		    .account = sq_dup(a, st, 3) },
		.address = sq_dup(a, st, 4),
		.note = sq_dup(a, st, 5),
		.made_by = sq_dup(a, st, 6),
		.created = sq_int(st, 7),
		.expires = sq_int(st, 8),
	};
}

static enum sq_rc
read_rows(
    struct sq *q, struct arena *a, int64_t now, struct buf *rows, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc = sq_start(q, &st, e,
	    "SELECT l.kind, l.entry, ifnull(d.name, h.name), a.id, a.address,"
	    " l.note, l.made_by, l.created, l.expires FROM filter_list l"
	    " LEFT JOIN domains d ON d.id = l.domain"
	    " LEFT JOIN accounts a ON a.n = l.account"
	    " LEFT JOIN domains h ON h.id = a.domain"
	    " WHERE l.expires = 0 OR l.expires > ?"
	    " ORDER BY l.entry, l.account, l.domain",
	    SQ_I(now));

	if (rc != SQ_OK)
		return rc;
	while ((rc = sq_step(st, e)) == SQ_ROW) {
		struct site_list_entry one = entry_of(a, st);

		buf_put(rows, &one, sizeof(one));
	}
	return rc == SQ_DONE ? SQ_OK : rc;
}

enum site_rc
site_list_read(struct site *s, struct arena *a, int64_t now,
    struct site_list_entry **list, size_t *count, struct err *e)
{
	struct reader_slot *r;
	struct buf rows = { 0 };
	enum site_rc rc = site_reader(s, &r, e);

	*count = 0;
	if (rc != SITE_OK)
		return rc;
	rc = site_rc_of(read_rows(r->q, a, now, &rows, e));
	site_reader_done(s, r);
	*list = site_rows(a, &rows, sizeof(**list), count);
	return rc;
}
