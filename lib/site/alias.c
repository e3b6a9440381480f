/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/alias.h"
#include "base/clock.h"

static enum site_rc
parse_address(
    struct arena *a, struct str text, struct site_address *out, struct err *e)
{
	if (!site_address_parse(a, text, out))
		return site_fail(e, SITE_INVALID, "\"%.*s\" is not an address",
		    STR_ARG(text));
	return SITE_OK;
}

/* ------------------------------------------------------------------------
 * Changing
 */

/* One row of alias_targets each, in the order given. */
static enum site_rc
write_targets(struct sq *q, struct arena *a, int64_t id,
    const struct site_alias *alias, struct err *e)
{
	enum sq_rc rc =
	    sq_run(q, e, "DELETE FROM alias_targets WHERE alias = ?", SQ_I(id));

	for (size_t i = 0; rc == SQ_OK && i < alias->count; i++) {
		struct site_address t;
		enum site_rc bad = parse_address(a, alias->targets[i], &t, e);

		if (bad != SITE_OK)
			return bad;
		rc = sq_run(q, e, "INSERT INTO alias_targets VALUES (?, ?, ?)",
		    SQ_I(id), SQ_I(i),
		    SQ_T(address_format(a, t.local, t.domain)));
	}
	return site_rc_of(rc);
}

static enum site_rc
write_alias(struct sq *q, struct arena *a, const struct site_address *addr,
    const struct site_alias *alias, bool must_be_new, struct err *e)
{
	struct domain_row domain;
	struct alias_row old;
	enum site_rc rc = domain_row_get(q, addr->domain, &domain, e);
	enum sq_rc sq;

	if (rc != SITE_OK)
		return rc;
	rc = alias_row_get(q, addr->key, &old, e);
	if (rc == SITE_OK && must_be_new)
		return site_fail(e, SITE_EXISTS, "alias %.*s exists already",
		    STR_ARG(addr->key));
	if (rc == SITE_NOTFOUND) {
		sq = sq_run(q, e,
		    "INSERT INTO aliases (key, address, domain, disabled,"
		    " created) VALUES (?, ?, ?, ?, ?)",
		    SQ_T(addr->key),
		    SQ_T(address_format(a, addr->local, addr->domain)),
		    SQ_I(domain.id), SQ_I(alias->disabled), SQ_I(clock_now()));
		old.id = sq_last_id(q);
	} else {
		sq =
		    sq_run(q, e, "UPDATE aliases SET disabled = ? WHERE id = ?",
			SQ_I(alias->disabled), SQ_I(old.id));
	}
	return sq == SQ_OK ? write_targets(q, a, old.id, alias, e)
			   : site_rc_of(sq);
}

static struct str
describe(struct arena *a, const struct site_alias *alias)
{
	struct buf b = { 0 };
	struct str out;

	buf_puts(&b, alias->disabled ? "disabled" : "");
	for (size_t i = 0; i < alias->count; i++) {
		buf_puts(&b, b.n ? " " : "");
		buf_putstr(&b, alias->targets[i]);
	}
	out = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return out;
}

enum site_rc
site_alias_set(struct site *s, const struct site_by *by,
    const struct site_alias *alias, bool must_be_new, struct err *e)
{
	struct arena *a = arena_new();
	struct site_address addr;
	struct sq *q;
	enum site_rc rc = parse_address(a, alias->address, &addr, e);

	if (rc == SITE_OK &&
	    (alias->count == 0 || alias->count > SITE_MAX_TARGETS))
		rc = site_fail(e, SITE_INVALID,
		    "an alias has between 1 and %d targets", SITE_MAX_TARGETS);
	if (rc == SITE_OK)
		rc = site_change_begin(s, &q, e);
	if (rc != SITE_OK)
		goto out;
	rc = write_alias(q, a, &addr, alias, must_be_new, e);
	rc = site_change_end(
	    s, rc, by, "alias.set", addr.key, describe(a, alias), e);
out:
	arena_free(&a);
	return rc;
}

enum site_rc
site_alias_remove(
    struct site *s, const struct site_by *by, struct str address, struct err *e)
{
	struct arena *a = arena_new();
	struct site_address addr;
	struct sq *q;
	enum site_rc rc;

	if ((rc = parse_address(a, address, &addr, e)) != SITE_OK ||
	    (rc = site_change_begin(s, &q, e)) != SITE_OK)
		goto out;
	rc = site_rc_of(
	    sq_run(q, e, "DELETE FROM aliases WHERE key = ?", SQ_T(addr.key)));
	if (rc == SITE_OK && sq_changes(q) == 0)
		rc = site_fail(e, SITE_NOTFOUND, "there is no alias %.*s",
		    STR_ARG(address));
	rc = site_change_end(s, rc, by, "alias.remove", addr.key, STR_NULL, e);
out:
	arena_free(&a);
	return rc;
}

/* ------------------------------------------------------------------------
 * Reading
 */

enum site_rc
alias_row_get(
    struct sq *q, struct str key, struct alias_row *out, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc = sq_one(q, &st, e,
	    "SELECT id, disabled FROM aliases WHERE key = ?", SQ_T(key));

	if (rc == SQ_DONE)
		return site_fail(
		    e, SITE_NOTFOUND, "there is no alias %.*s", STR_ARG(key));
	if (rc != SQ_ROW)
		return site_rc_of(rc);
	out->id = sq_int(st, 0);
	out->disabled = sq_int(st, 1) != 0;
	sq_reset(st);
	return SITE_OK;
}

enum site_rc
alias_targets(struct sq *q, struct arena *a, int64_t id, struct str **list,
    size_t *count, struct err *e)
{
	struct sqlite3_stmt *st;
	struct buf rows = { 0 };
	enum sq_rc rc = sq_start(q, &st, e,
	    "SELECT target FROM alias_targets WHERE alias = ?"
	    " ORDER BY position",
	    SQ_I(id));

	while (rc == SQ_OK && (rc = sq_step(st, e)) == SQ_ROW) {
		struct str t = sq_dup(a, st, 0);

		buf_put(&rows, &t, sizeof(t));
		rc = SQ_OK;
	}
	*list = site_rows(a, &rows, sizeof(**list), count);
	return site_rc_of(rc);
}

struct alias_id {
	int64_t id;
	struct site_alias alias;
};

static enum sq_rc
read_rows(
    struct sqlite3_stmt *st, struct arena *a, struct buf *rows, struct err *e)
{
	enum sq_rc rc;

	while ((rc = sq_step(st, e)) == SQ_ROW) {
		struct alias_id row = {
			.id = sq_int(st, 0),
			.alias = {
			    .address = sq_dup(a, st, 1),
			    .disabled = sq_int(st, 2) != 0,
			    .created = sq_int(st, 3),
			},
		};

		buf_put(rows, &row, sizeof(row));
	}
	return rc;
}

static enum site_rc
fill(struct sq *q, struct arena *a, struct buf *rows, struct site_alias **list,
    size_t *count, struct err *e)
{
	struct alias_id *all = site_rows(a, rows, sizeof(*all), count);
	enum site_rc rc = SITE_OK;

	*list = arena_array(a, *count + 1, sizeof(**list));
	for (size_t i = 0; rc == SITE_OK && i < *count; i++) {
		struct str *targets;

		(*list)[i] = all[i].alias;
		rc = alias_targets(
		    q, a, all[i].id, &targets, &(*list)[i].count, e);
		(*list)[i].targets = targets;
	}
	return rc;
}

#define SELECT_ALIAS                                                           \
	"SELECT x.id, x.address, x.disabled, x.created FROM aliases x"

enum site_rc
site_alias_get(struct site *s, struct arena *a, struct str address,
    struct site_alias *out, struct err *e)
{
	struct site_address addr;
	struct site_alias *list = NULL;
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	struct buf rows = { 0 };
	size_t count = 0;
	enum site_rc rc;
	enum sq_rc sq;

	if ((rc = parse_address(a, address, &addr, e)) != SITE_OK ||
	    (rc = site_reader(s, &r, e)) != SITE_OK)
		return rc;
	sq = sq_start(
	    r->q, &st, e, SELECT_ALIAS " WHERE x.key = ?", SQ_T(addr.key));
	if (sq == SQ_OK)
		sq = read_rows(st, a, &rows, e);
	rc = site_rc_of(sq);
	if (rc == SITE_OK)
		rc = fill(r->q, a, &rows, &list, &count, e);
	site_reader_done(s, r);
	buf_fini(&rows);
	if (rc == SITE_OK && count == 0)
		return site_fail(e, SITE_NOTFOUND, "there is no alias %.*s",
		    STR_ARG(address));
	if (rc == SITE_OK)
		*out = list[0];
	return rc;
}

enum site_rc
site_alias_list(struct site *s, struct arena *a, struct str domain,
    struct site_alias **list, size_t *count, struct err *e)
{
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	struct buf rows = { 0 };
	enum site_rc rc;
	enum sq_rc sq;

	*count = 0;
	if (domain.n && !site_domain_normalize(a, domain, &domain))
		return site_fail(e, SITE_INVALID,
		    "\"%.*s\" is not a domain name", STR_ARG(domain));
	if ((rc = site_reader(s, &r, e)) != SITE_OK)
		return rc;
	sq = sq_start(r->q, &st, e,
	    SELECT_ALIAS " JOIN domains d ON d.id = x.domain"
			 " WHERE ?1 = '' OR d.name = ?1 ORDER BY x.key",
	    SQ_T(domain));
	if (sq == SQ_OK)
		sq = read_rows(st, a, &rows, e);
	rc = site_rc_of(sq);
	if (rc == SITE_OK)
		rc = fill(r->q, a, &rows, list, count, e);
	site_reader_done(s, r);
	buf_fini(&rows);
	return rc;
}
