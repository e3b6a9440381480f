/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"
#include "base/log.h"
#include "site/internal.h"

static enum site_rc
normalize(struct arena *a, struct str name, struct str *out, struct err *e)
{
	if (!site_domain_normalize(a, name, out))
		return site_fail(e, SITE_INVALID,
		    "\"%.*s\" is not a domain name", STR_ARG(name));
	return SITE_OK;
}

enum site_rc
domain_row_get(
    struct sq *q, struct str name, struct domain_row *out, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc = sq_one(q, &st, e,
	    "SELECT id, parent, alias_of, disabled FROM domains"
	    " WHERE name = ?",
	    SQ_T(name));

	if (rc == SQ_DONE)
		return site_fail(e, SITE_NOTFOUND,
		    "there is no domain %.*s here", STR_ARG(name));
	if (rc != SQ_ROW)
		return site_rc_of(rc);
	*out = (struct domain_row){
		.id = sq_int(st, 0),
		.parent = sq_int(st, 1),
		.alias_of = sq_int(st, 2),
		.disabled = sq_int(st, 3) != 0,
	};
	sq_reset(st);
	return SITE_OK;
}

/* The nearest hosted domain above NAME; *out is 0 if there is none. */
static enum site_rc
find_parent(struct sq *q, struct str name, int64_t *out, struct err *e)
{
	struct domain_row row;
	size_t dot;

	*out = 0;
	while ((dot = str_chr(name, '.')) != STR_NPOS) {
		enum site_rc rc;

		name = str_sub(name, dot + 1, name.n);
		rc = domain_row_get(q, name, &row, e);
		if (rc == SITE_OK)
			*out = row.id;
		if (rc != SITE_NOTFOUND)
			return rc;
	}
	return SITE_OK;
}

/* A domain alias of a domain alias would need following: refuse it. */
static enum site_rc
find_alias_of(struct sq *q, struct str name, struct str target, int64_t *out,
    struct err *e)
{
	struct domain_row row;
	enum site_rc rc;

	*out = 0;
	if (target.n == 0)
		return SITE_OK;
	if ((rc = domain_row_get(q, target, &row, e)) != SITE_OK)
		return rc;
	if (row.alias_of || str_eq(name, target))
		return site_fail(e, SITE_INVALID,
		    "%.*s cannot be an alias of %.*s, which is one itself",
		    STR_ARG(name), STR_ARG(target));
	*out = row.id;
	return SITE_OK;
}

static struct sq_value
id_or_null(int64_t id)
{
	return id ? SQ_I(id) : SQ_NULL;
}

/* Domains between NAME and its parent now have a nearer one. */
static enum sq_rc
adopt_children(
    struct sq *q, struct str name, int64_t id, int64_t parent, struct err *e)
{
	return sq_run(q, e,
	    "UPDATE domains SET parent = ?1 WHERE id <> ?1"
	    " AND ifnull(parent, 0) = ?2"
	    " AND substr(name, -length(?3) - 1) = '.' || ?3",
	    SQ_I(id), SQ_I(parent), SQ_T(name));
}

static enum site_rc
add(struct sq *q, struct str name, struct str target, struct err *e)
{
	int64_t parent, alias_of;
	enum site_rc rc;
	enum sq_rc sq;

	if ((rc = find_parent(q, name, &parent, e)) != SITE_OK ||
	    (rc = find_alias_of(q, name, target, &alias_of, e)) != SITE_OK)
		return rc;
	sq = sq_run(q, e,
	    "INSERT INTO domains (name, parent, alias_of, created)"
	    " VALUES (?, ?, ?, ?)",
	    SQ_T(name), id_or_null(parent), id_or_null(alias_of),
	    SQ_I(clock_now()));
	if (sq != SQ_OK)
		return site_insert_rc(sq, e, name);
	return site_rc_of(adopt_children(q, name, sq_last_id(q), parent, e));
}

enum site_rc
site_domain_add(struct site *s, const struct site_by *by, struct str name,
    struct str alias_of, struct err *e)
{
	struct arena *a = arena_new();
	struct sq *q;
	enum site_rc rc;

	if ((rc = normalize(a, name, &name, e)) != SITE_OK ||
	    (alias_of.n &&
		(rc = normalize(a, alias_of, &alias_of, e)) != SITE_OK) ||
	    (rc = site_change_begin(s, &q, e)) != SITE_OK)
		goto out;
	rc = add(q, name, alias_of, e);
	rc = site_change_end(s, rc, by, "domain.add", name, alias_of, e);
out:
	arena_free(&a);
	return rc;
}

#define SELECT_DOMAIN                                                          \
	"SELECT d.name, p.name, t.name, d.disabled, d.created,"                \
	" (SELECT count(*) FROM accounts WHERE domain = d.id),"                \
	" (SELECT count(*) FROM aliases WHERE domain = d.id)"                  \
	" FROM domains d LEFT JOIN domains p ON p.id = d.parent"               \
	" LEFT JOIN domains t ON t.id = d.alias_of"

static void
read_domain(struct arena *a, struct sqlite3_stmt *st, struct site_domain *out)
{
	*out = (struct site_domain){
		.name = sq_dup(a, st, 0),
		.parent = sq_dup(a, st, 1),
		.alias_of = sq_dup(a, st, 2),
		.disabled = sq_int(st, 3) != 0,
		.created = sq_int(st, 4),
		.accounts = (uint64_t)sq_int(st, 5),
		.aliases = (uint64_t)sq_int(st, 6),
	};
}

enum site_rc
site_domain_get(struct site *s, struct arena *a, struct str name,
    struct site_domain *out, struct err *e)
{
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	enum site_rc rc;
	enum sq_rc sq;

	if ((rc = normalize(a, name, &name, e)) != SITE_OK ||
	    (rc = site_reader(s, &r, e)) != SITE_OK)
		return rc;
	sq =
	    sq_one(r->q, &st, e, SELECT_DOMAIN " WHERE d.name = ?", SQ_T(name));
	if (sq == SQ_ROW) {
		read_domain(a, st, out);
		sq_reset(st);
	} else if (sq == SQ_DONE) {
		rc = site_fail(e, SITE_NOTFOUND, "there is no domain %.*s here",
		    STR_ARG(name));
	} else {
		rc = site_rc_of(sq);
	}
	site_reader_done(s, r);
	return rc;
}

enum site_rc
site_domain_list(struct site *s, struct arena *a, struct site_domain **list,
    size_t *count, struct err *e)
{
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	enum site_rc rc;
	struct buf rows = { 0 };
	enum sq_rc sq;

	*count = 0;
	*list = NULL;
	if ((rc = site_reader(s, &r, e)) != SITE_OK)
		return rc;
	sq = sq_start(r->q, &st, e, SELECT_DOMAIN " ORDER BY d.name");
	while (sq == SQ_OK && (sq = sq_step(st, e)) == SQ_ROW) {
		struct site_domain d;

		read_domain(a, st, &d);
		buf_put(&rows, &d, sizeof(d));
		sq = SQ_OK;
	}
	site_reader_done(s, r);
	*list = site_rows(a, &rows, sizeof(**list), count);
	return site_rc_of(sq);
}

static enum site_rc
set(struct sq *q, struct str name, const bool *disabled, struct str alias_of,
    struct err *e)
{
	struct domain_row row;
	enum site_rc rc = domain_row_get(q, name, &row, e);
	int64_t target;

	if (rc != SITE_OK)
		return rc;
	if (disabled)
		rc = site_rc_of(
		    sq_run(q, e, "UPDATE domains SET disabled = ? WHERE id = ?",
			SQ_I(*disabled), SQ_I(row.id)));
	if (rc != SITE_OK || !alias_of.p)
		return rc;
	if ((rc = find_alias_of(q, name, alias_of, &target, e)) != SITE_OK)
		return rc;
	return site_rc_of(
	    sq_run(q, e, "UPDATE domains SET alias_of = ? WHERE id = ?",
		id_or_null(target), SQ_I(row.id)));
}

enum site_rc
site_domain_set(struct site *s, const struct site_by *by, struct str name,
    const bool *disabled, struct str alias_of, struct err *e)
{
	struct arena *a = arena_new();
	struct str detail =
	    disabled ? *disabled ? STR("disabled=yes") : STR("disabled=no")
		     : STR_NULL;
	struct sq *q;
	enum site_rc rc;

	if ((rc = normalize(a, name, &name, e)) != SITE_OK ||
	    (alias_of.n &&
		(rc = normalize(a, alias_of, &alias_of, e)) != SITE_OK) ||
	    (rc = site_change_begin(s, &q, e)) != SITE_OK)
		goto out;
	rc = set(q, name, disabled, alias_of, e);
	if (alias_of.p)
		detail = arena_printf(a, "%.*s alias_of=%.*s", STR_ARG(detail),
		    STR_ARG(alias_of));
	rc = site_change_end(s, rc, by, "domain.set", name, detail, e);
out:
	arena_free(&a);
	return rc;
}

static enum site_rc
in_use(
    struct sq *q, struct str name, const struct domain_row *row, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc = sq_one(q, &st, e,
	    "SELECT (SELECT count(*) FROM accounts WHERE domain = ?1),"
	    " (SELECT count(*) FROM domains WHERE alias_of = ?1)",
	    SQ_I(row->id));
	int64_t accounts, domains;

	if (rc != SQ_ROW)
		return site_rc_of(rc);
	accounts = sq_int(st, 0);
	domains = sq_int(st, 1);
	sq_reset(st);
	if (accounts || domains)
		return site_fail(e, SITE_EXISTS,
		    "%.*s still has %lld accounts and %lld domain aliases",
		    STR_ARG(name), (long long)accounts, (long long)domains);
	return SITE_OK;
}

static enum site_rc
remove_domain(struct sq *q, struct str name, struct err *e)
{
	struct domain_row row;
	enum site_rc rc;
	enum sq_rc sq;

	if ((rc = domain_row_get(q, name, &row, e)) != SITE_OK ||
	    (rc = in_use(q, name, &row, e)) != SITE_OK)
		return rc;
	sq = sq_run(q, e, "UPDATE domains SET parent = ? WHERE parent = ?",
	    id_or_null(row.parent), SQ_I(row.id));
	if (sq == SQ_OK)
		sq = sq_run(
		    q, e, "DELETE FROM domains WHERE id = ?", SQ_I(row.id));
	return site_rc_of(sq);
}

enum site_rc
site_domain_remove(
    struct site *s, const struct site_by *by, struct str name, struct err *e)
{
	struct arena *a = arena_new();
	struct sq *q;
	enum site_rc rc;

	if ((rc = normalize(a, name, &name, e)) != SITE_OK ||
	    (rc = site_change_begin(s, &q, e)) != SITE_OK)
		goto out;
	rc = remove_domain(q, name, e);
	rc = site_change_end(s, rc, by, "domain.remove", name, STR_NULL, e);
out:
	arena_free(&a);
	return rc;
}

/* ------------------------------------------------------------------------
 * Certificates
 */

static enum sq_rc
get_certificate(struct sq *q, struct str name, struct buf *chain,
    struct buf *key, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc = sq_one(q, &st, e,
	    "SELECT chain, key FROM certificates WHERE name = ?", SQ_T(name));

	if (rc == SQ_ROW) {
		buf_putstr(chain, sq_str(st, 0));
		buf_putstr(key, sq_str(st, 1));
		sq_reset(st);
	}
	return rc;
}

enum site_rc
site_certificate(struct site *s, struct str name, struct buf *chain,
    struct buf *key, struct err *e)
{
	struct arena *a = arena_new();
	struct reader_slot *r;
	struct str host, star;
	enum site_rc rc;
	enum sq_rc sq;

	if ((rc = normalize(a, name, &host, e)) != SITE_OK ||
	    (rc = site_reader(s, &r, e)) != SITE_OK)
		goto out;
	sq = get_certificate(r->q, host, chain, key, e);
	if (sq == SQ_DONE && str_chr(host, '.') != STR_NPOS) {
		star = arena_printf(a, "*%.*s",
		    STR_ARG(str_sub(host, str_chr(host, '.'), host.n)));
		sq = get_certificate(r->q, star, chain, key, e);
	}
	if (sq == SQ_DONE)
		rc = site_fail(e, SITE_NOTFOUND,
		    "no certificate is stored for %.*s", STR_ARG(host));
	else
		rc = site_rc_of(sq);
	site_reader_done(s, r);
out:
	arena_free(&a);
	return rc;
}

bool
site_serve_certificate(
    struct site *s, struct str name, struct buf *chain, struct buf *key)
{
	struct err e = ERR_INIT;
	enum site_rc rc;

	if (!s)
		return false;
	rc = site_certificate(s, name, chain, key, &e);
	if (rc != SITE_OK && rc != SITE_NOTFOUND)
		log_error("cannot read a certificate", LOG_STR("name", name),
		    LOG_ERR(&e));
	return rc == SITE_OK;
}

enum site_rc
site_certificate_set(struct site *s, const struct site_by *by, struct str name,
    struct str chain, struct str key, struct err *e)
{
	struct arena *a = arena_new();
	bool star = str_starts(name, STR("*."));
	struct str host;
	struct sq *q;
	enum site_rc rc;
	enum sq_rc sq;

	if ((rc = normalize(a, str_sub(name, star ? 2 : 0, name.n), &host,
		 e)) != SITE_OK ||
	    (rc = site_change_begin(s, &q, e)) != SITE_OK)
		goto out;
	if (star)
		host = arena_printf(a, "*.%.*s", STR_ARG(host));
	if (chain.n)
		sq = sq_run(q, e,
		    "INSERT OR REPLACE INTO certificates VALUES (?, ?, ?, ?)",
		    SQ_T(host), SQ_T(chain), SQ_T(key), SQ_I(clock_now()));
	else
		sq = sq_run(q, e, "DELETE FROM certificates WHERE name = ?",
		    SQ_T(host));
	rc = site_rc_of(sq);
	if (rc == SITE_OK && chain.n == 0 && sq_changes(q) == 0)
		rc = site_fail(e, SITE_NOTFOUND,
		    "no certificate is stored for %.*s", STR_ARG(host));
	rc = site_change_end(s, rc, by,
	    chain.n ? "certificate.set" : "certificate.remove", host, STR_NULL,
	    e);
out:
	arena_free(&a);
	return rc;
}
