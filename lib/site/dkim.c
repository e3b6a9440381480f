/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/dkim.h"

#include "base/clock.h"
#include "site/internal.h"

static const char *const states[] = {
	[SITE_DKIM_PENDING] = "pending",
	[SITE_DKIM_ACTIVE] = "active",
	[SITE_DKIM_RETIRED] = "retired",
};

const char *
site_dkim_state_name(enum site_dkim_state s)
{
	return states[s];
}

bool
site_dkim_state_parse(struct str s, enum site_dkim_state *out)
{
	for (size_t i = 0; i < LEN(states); i++) {
		if (str_ieqc(s, states[i])) {
			*out = (enum site_dkim_state)i;
			return true;
		}
	}
	return false;
}

static enum site_rc
domain_id(
    struct sq *q, struct str name, int64_t *id, struct arena *a, struct err *e)
{
	struct domain_row row;
	struct str normal;
	enum site_rc rc;

	if (!site_domain_normalize(a, name, &normal))
		return site_fail(e, SITE_INVALID,
		    "\"%.*s\" is not a domain name", STR_ARG(name));
	rc = domain_row_get(q, normal, &row, e);
	*id = row.id;
	return rc;
}

/* ------------------------------------------------------------------------
 * Changing
 */

/* One label or more of letters, digits and inner hyphens. */
static bool
selector_ok(struct str s)
{
	char before = '.';

	if (s.n == 0 || s.n > 63)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool edge = before == '.' || i + 1 == s.n || s.p[i + 1] == '.';

		if (!ascii_digit(c) &&
		    !(ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') &&
		    ((c != '-' && c != '.') || edge))
			return false;
		before = c;
	}
	return true;
}

enum site_rc
site_dkim_add(struct site *s, const struct site_by *by,
    const struct site_dkim_key *key, struct err *e)
{
	struct arena *a = arena_new();
	int64_t now = clock_now(), domain;
	struct sq *q;
	enum site_rc rc;

	if (!selector_ok(key->selector)) {
		arena_free(&a);
		return site_fail(e, SITE_INVALID,
		    "\"%.*s\" cannot be a selector: letters, digits and "
		    "hyphens, at most 63",
		    STR_ARG(key->selector));
	}
	if ((rc = site_change_begin(s, &q, e)) == SITE_OK) {
		rc = domain_id(q, key->domain, &domain, a, e);
		if (rc == SITE_OK)
			rc = site_insert_rc(
			    sq_run(q, e,
				"INSERT INTO dkim_keys (domain, selector,"
				" algorithm, private_pem, state, created,"
				" changed) VALUES (?, ?, ?, ?, ?, ?, ?)",
				SQ_I(domain), SQ_T(key->selector),
				SQ_T(key->algorithm), SQ_T(key->pem),
				SQ_T(str_of(states[key->state])), SQ_I(now),
				SQ_I(now)),
			    e, STR("this selector of the domain"));
		rc = site_change_end(
		    s, rc, by, "dkim.add", key->domain, key->selector, e);
	}
	arena_free(&a);
	return rc;
}

/* After a statement on one key. */
static enum site_rc
one_changed(struct sq *q, enum sq_rc rc, struct str selector, struct err *e)
{
	if (rc == SQ_OK && sq_changes(q) == 0)
		return site_fail(e, SITE_NOTFOUND,
		    "the domain has no DKIM key with the selector \"%.*s\"",
		    STR_ARG(selector));
	return site_rc_of(rc);
}

/* A change of the key: RUN does it, in the domain with ID. */
struct change {
	const struct site_by *by;
	const char *action; /* in the audit trail */
	struct str domain, selector;
	int64_t value;
	enum sq_rc (*run)(
	    struct sq *q, const struct change *c, int64_t id, struct err *e);
};

static enum site_rc
change_key(struct site *s, const struct change *c, struct err *e)
{
	struct arena *a = arena_new();
	struct sq *q;
	int64_t id;
	enum site_rc rc = site_change_begin(s, &q, e);

	if (rc == SITE_OK) {
		rc = domain_id(q, c->domain, &id, a, e);
		if (rc == SITE_OK)
			rc =
			    one_changed(q, c->run(q, c, id, e), c->selector, e);
		rc = site_change_end(
		    s, rc, c->by, c->action, c->domain, c->selector, e);
	}
	arena_free(&a);
	return rc;
}

static enum sq_rc
run_set(struct sq *q, const struct change *c, int64_t id, struct err *e)
{
	return sq_run(q, e,
	    "UPDATE dkim_keys SET state = ?, changed = ?"
	    " WHERE domain = ? AND selector = ?",
	    SQ_C(states[c->value]), SQ_I(clock_now()), SQ_I(id),
	    SQ_T(c->selector));
}

enum site_rc
site_dkim_set(struct site *s, const struct site_by *by, struct str domain,
    struct str selector, enum site_dkim_state state, struct err *e)
{
	const struct change c = { by, "dkim.set", domain, selector,
		(int64_t)state, run_set };

	return change_key(s, &c, e);
}

static enum sq_rc
run_switch(struct sq *q, const struct change *c, int64_t id, struct err *e)
{
	enum sq_rc rc = sq_run(q, e,
	    "UPDATE dkim_keys SET state = 'retired', changed = ?1"
	    " WHERE domain = ?2 AND state = 'active' AND selector <> ?3"
	    " AND algorithm = (SELECT algorithm FROM dkim_keys"
	    " WHERE domain = ?2 AND selector = ?3)",
	    SQ_I(clock_now()), SQ_I(id), SQ_T(c->selector));

	return rc == SQ_OK ? run_set(q, c, id, e) : rc;
}

enum site_rc
site_dkim_switch(struct site *s, const struct site_by *by, struct str domain,
    struct str selector, struct err *e)
{
	const struct change c = { by, "dkim.switch", domain, selector,
		SITE_DKIM_ACTIVE, run_switch };

	return change_key(s, &c, e);
}

static enum sq_rc
run_seen(struct sq *q, const struct change *c, int64_t id, struct err *e)
{
	return sq_run(q, e,
	    "UPDATE dkim_keys SET seen = ?"
	    " WHERE domain = ? AND selector = ?",
	    SQ_I(c->value), SQ_I(id), SQ_T(c->selector));
}

enum site_rc
site_dkim_seen(struct site *s, const struct site_by *by, struct str domain,
    struct str selector, int64_t seen, struct err *e)
{
	const struct change c = { by, "dkim.seen", domain, selector, seen,
		run_seen };

	return change_key(s, &c, e);
}

static enum sq_rc
run_remove(struct sq *q, const struct change *c, int64_t id, struct err *e)
{
	return sq_run(q, e,
	    "DELETE FROM dkim_keys WHERE domain = ? AND selector = ?", SQ_I(id),
	    SQ_T(c->selector));
}

enum site_rc
site_dkim_remove(struct site *s, const struct site_by *by, struct str domain,
    struct str selector, struct err *e)
{
	const struct change c = { by, "dkim.remove", domain, selector, 0,
		run_remove };

	return change_key(s, &c, e);
}

/* ------------------------------------------------------------------------
 * Reading
 */

#define COLUMNS                                                                \
	"SELECT d.name, k.selector, k.algorithm, k.private_pem, k.state,"      \
	" k.created, k.changed, k.seen FROM dkim_keys k JOIN domains d"        \
	" ON d.id = k.domain "

static enum site_rc
read_keys(struct arena *a, struct sqlite3_stmt *st, enum sq_rc sq,
    struct site_dkim_key **list, size_t *count, struct err *e)
{
	struct buf rows = { 0 };

	while (sq == SQ_OK && (sq = sq_step(st, e)) == SQ_ROW) {
		struct site_dkim_key k = {
			.domain = sq_dup(a, st, 0),
			.selector = sq_dup(a, st, 1),
			.algorithm = sq_dup(a, st, 2),
			.pem = sq_dup(a, st, 3),
			.created = sq_int(st, 5),
			.changed = sq_int(st, 6),
			.seen = sq_int(st, 7),
		};

		if (site_dkim_state_parse(sq_dup(a, st, 4), &k.state))
			buf_put(&rows, &k, sizeof(k));
		sq = SQ_OK;
	}
	*list = site_rows(a, &rows, sizeof(**list), count);
	return site_rc_of(sq);
}

enum site_rc
site_dkim_list(struct site *s, struct arena *a, struct str domain,
    struct site_dkim_key **list, size_t *count, struct err *e)
{
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	int64_t id = 0;
	enum sq_rc sq;
	enum site_rc rc = site_reader(s, &r, e);

	*count = 0;
	if (rc != SITE_OK)
		return rc;
	if (domain.n > 0)
		rc = domain_id(r->q, domain, &id, a, e);
	if (rc == SITE_OK) {
		sq = domain.n > 0
			 ? sq_start(r->q, &st, e,
			       COLUMNS "WHERE k.domain = ? ORDER BY k.id DESC",
			       SQ_I(id))
			 : sq_start(r->q, &st, e,
			       COLUMNS "ORDER BY d.name, k.id DESC");
		rc = read_keys(a, st, sq, list, count, e);
	}
	site_reader_done(s, r);
	return rc;
}

/* Of the domain with ID, or those above it that are hosted. */
static enum site_rc
signing_of(struct reader_slot *r, struct arena *a, struct str name,
    struct site_dkim_key **list, size_t *count, struct err *e)
{
	struct sqlite3_stmt *st;
	enum site_rc rc;

	while (name.n > 0) {
		enum sq_rc sq = sq_start(r->q, &st, e,
		    COLUMNS "WHERE d.name = ? AND k.state = 'active'"
			    " ORDER BY k.id DESC",
		    SQ_T(name));

		rc = read_keys(a, st, sq, list, count, e);
		if (rc != SITE_OK || *count > 0)
			return rc;
		name = str_chr(name, '.') == STR_NPOS
			   ? STR_NULL
			   : str_sub(name, str_chr(name, '.') + 1, SIZE_MAX);
	}
	return SITE_OK;
}

enum site_rc
site_dkim_signing(struct site *s, struct arena *a, struct str domain,
    struct site_dkim_key **list, size_t *count, struct err *e)
{
	struct reader_slot *r;
	struct str normal;
	enum site_rc rc;

	*count = 0;
	*list = NULL;
	if (!site_domain_normalize(a, domain, &normal))
		return SITE_OK;
	if ((rc = site_reader(s, &r, e)) != SITE_OK)
		return rc;
	rc = signing_of(r, a, normal, list, count, e);
	site_reader_done(s, r);
	return rc;
}
