/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/rnd.h"
#include "site/backend.h"
#include "site/credentials.h"
#include "site/internal.h"

static const char *const state_names[] = { "active", "disabled", "suspended" };

const char *
site_account_state_name(enum site_account_state state)
{
	return state_names[state];
}

bool
site_account_state_parse(struct str s, enum site_account_state *out)
{
	for (unsigned i = 0; i <= SITE_SUSPENDED; i++) {
		if (str_ieqc(s, state_names[i])) {
			*out = (enum site_account_state)i;
			return true;
		}
	}
	return false;
}

/* ------------------------------------------------------------------------
 * Reading
 */

#define SELECT_ACCOUNT                                                         \
	"SELECT a.id, a.address, d.name, a.name, a.state, a.backend,"          \
	" a.password IS NOT NULL, a.created, a.revision, l.time"               \
	" FROM accounts a JOIN domains d ON d.id = a.domain"                   \
	" LEFT JOIN logins l ON l.account = a.n"

static void
read_row(struct arena *a, struct sqlite3_stmt *st, struct site_account *out)
{
	struct str id = sq_str(st, 0);

	*out = (struct site_account){
		.address = sq_dup(a, st, 1),
		.domain = sq_dup(a, st, 2),
		.name = sq_dup(a, st, 3),
		.state = (enum site_account_state)sq_int(st, 4),
		.backend = sq_dup(a, st, 5),
		.has_password = sq_int(st, 6) != 0,
		.created = sq_int(st, 7),
		.revision = (uint64_t)sq_int(st, 8),
		.last_login = sq_int(st, 9),
	};
	memcpy(
	    out->id, id.p, id.n < sizeof(out->id) ? id.n : sizeof(out->id) - 1);
}

static void
read_quota(struct site *s, struct reader_slot *r, struct site_account *acc)
{
	struct site_scope scope = site_scope_of(acc);

	acc->quota_bytes = setting_uint_on(s, r, "quota.bytes", scope);
	acc->quota_messages = setting_uint_on(s, r, "quota.messages", scope);
}

static enum site_rc
read_one(struct site *s, struct reader_slot *r, struct arena *a, enum sq_rc sq,
    struct sqlite3_stmt *st, struct str what, struct site_account *out,
    struct err *e)
{
	if (sq == SQ_DONE)
		return site_fail(e, SITE_NOTFOUND,
		    "there is no account %.*s here", STR_ARG(what));
	if (sq != SQ_ROW)
		return site_rc_of(sq);
	read_row(a, st, out);
	sq_reset(st);
	read_quota(s, r, out);
	return SITE_OK;
}

enum site_rc
account_by_key(struct site *s, struct reader_slot *r, struct arena *a,
    struct str key, struct site_account *out, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc sq =
	    sq_one(r->q, &st, e, SELECT_ACCOUNT " WHERE a.key = ?", SQ_T(key));

	return read_one(s, r, a, sq, st, key, out, e);
}

enum site_rc
site_account_find(struct site *s, struct arena *a, struct str address,
    struct site_account *out, struct err *e)
{
	struct site_address addr;
	struct reader_slot *r;
	enum site_rc rc;

	if (!site_address_parse(a, address, &addr))
		return site_fail(e, SITE_INVALID, "\"%.*s\" is not an address",
		    STR_ARG(address));
	if ((rc = site_reader(s, &r, e)) != SITE_OK)
		return rc;
	rc = account_by_key(s, r, a, addr.key, out, e);
	site_reader_done(s, r);
	return rc;
}

enum site_rc
site_account_get(struct site *s, struct arena *a, struct str id,
    struct site_account *out, struct err *e)
{
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	enum site_rc rc = site_reader(s, &r, e);
	enum sq_rc sq;

	if (rc != SITE_OK)
		return rc;
	sq = sq_one(r->q, &st, e, SELECT_ACCOUNT " WHERE a.id = ?", SQ_T(id));
	rc = read_one(s, r, a, sq, st, id, out, e);
	site_reader_done(s, r);
	return rc;
}

static enum sq_rc
read_list(struct reader_slot *r, struct arena *a, struct str domain,
    struct str after, size_t limit, struct buf *rows, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc =
	    domain.n
		? sq_start(r->q, &st, e,
		      SELECT_ACCOUNT " WHERE a.domain = (SELECT id FROM "
				     "domains WHERE name = ?)"
				     " AND a.key > ? ORDER BY a.key LIMIT ?",
		      SQ_T(domain), SQ_T(after),
		      SQ_I(limit ? limit : INT64_MAX))
		: sq_start(r->q, &st, e,
		      SELECT_ACCOUNT " WHERE a.key > ? ORDER BY a.key LIMIT ?",
		      SQ_T(after), SQ_I(limit ? limit : INT64_MAX));

	while (rc == SQ_OK && (rc = sq_step(st, e)) == SQ_ROW) {
		struct site_account acc;

		read_row(a, st, &acc);
		buf_put(rows, &acc, sizeof(acc));
		rc = SQ_OK;
	}
	return rc;
}

enum site_rc
site_account_list(struct site *s, struct arena *a, struct str domain,
    struct str after, size_t limit, struct site_account **list, size_t *count,
    struct err *e)
{
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
	sq = read_list(r, a, domain, after, limit, &rows, e);
	*list = site_rows(a, &rows, sizeof(**list), count);
	for (size_t i = 0; i < *count; i++)
		read_quota(s, r, &(*list)[i]);
	site_reader_done(s, r);
	return site_rc_of(sq);
}

enum site_rc
account_number(struct sq *q, struct str id, int64_t *out, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc =
	    sq_one(q, &st, e, "SELECT n FROM accounts WHERE id = ?", SQ_T(id));

	if (rc == SQ_DONE)
		return site_fail(e, SITE_NOTFOUND,
		    "there is no account with id %.*s", STR_ARG(id));
	if (rc != SQ_ROW)
		return site_rc_of(rc);
	*out = sq_int(st, 0);
	sq_reset(st);
	return SITE_OK;
}

enum site_rc
account_touch(struct sq *q, int64_t n, struct err *e)
{
	return site_rc_of(sq_run(q, e,
	    "UPDATE accounts SET revision = revision + 1 WHERE n = ?",
	    SQ_I(n)));
}

/* ------------------------------------------------------------------------
 * Changing
 */

static enum site_rc
parse_new_address(
    struct arena *a, struct str text, struct site_address *addr, struct err *e)
{
	if (!site_address_parse(a, text, addr) || addr->local.n == 0)
		return site_fail(e, SITE_INVALID, "\"%.*s\" is not an address",
		    STR_ARG(text));
	return SITE_OK;
}

static bool
id_taken(struct sq *q, struct str id, struct err *e)
{
	struct sqlite3_stmt *st;
	bool taken = sq_one(q, &st, e,
			 "SELECT 1 FROM removed_accounts WHERE id = ?1"
			 " UNION ALL SELECT 1 FROM accounts WHERE id = ?1",
			 SQ_T(id)) == SQ_ROW;

	if (taken)
		sq_reset(st);
	return taken;
}

static struct str
new_id(struct sq *q, struct arena *a, struct err *e)
{
	struct buf hex = { 0 };
	struct str id;
	uint8_t raw[8];

	do {
		buf_clear(&hex);
		rnd_bytes(raw, sizeof(raw));
		hex_encode(&hex, raw, sizeof(raw));
	} while (id_taken(q, buf_str(&hex), e));
	id = arena_str(a, buf_str(&hex));
	buf_fini(&hex);
	return id;
}

static enum site_rc
insert(struct sq *q, struct arena *a, const struct site_address *addr,
    struct str name, const struct credentials *c, struct str *id, struct err *e)
{
	struct domain_row domain;
	enum site_rc rc = domain_row_get(q, addr->domain, &domain, e);
	enum sq_rc sq;

	if (rc != SITE_OK)
		return rc;
	if (domain.alias_of)
		return site_fail(e, SITE_INVALID,
		    "%.*s is an alias of another domain: add the account there",
		    STR_ARG(addr->domain));
	*id = new_id(q, a, e);
	sq = sq_run(q, e,
	    "INSERT INTO accounts (id, key, address, domain, name, created)"
	    " VALUES (?, ?, ?, ?, ?, ?)",
	    SQ_T(*id), SQ_T(addr->key),
	    SQ_T(address_format(a, addr->local, addr->domain)), SQ_I(domain.id),
	    SQ_T(name), SQ_I(clock_now()));
	if (sq == SQ_OK)
		sq = credentials_write(q, sq_last_id(q), c, e);
	return site_insert_rc(sq, e, addr->key);
}

enum site_rc
site_account_add(struct site *s, struct arena *a, const struct site_by *by,
    struct str address, struct str name, struct str password,
    struct site_account *out, struct err *e)
{
	struct site_address addr;
	struct credentials c;
	struct str id;
	struct sq *q;
	enum site_rc rc;

	if ((rc = parse_new_address(a, address, &addr, e)) != SITE_OK ||
	    (rc = credentials_make(s, a,
		 (struct site_scope){ .domain = addr.domain }, password, true,
		 &c, e)) != SITE_OK ||
	    (rc = site_change_begin(s, &q, e)) != SITE_OK)
		return rc;
	rc = insert(q, a, &addr, name, &c, &id, e);
	rc = site_change_end(s, rc, by, "account.add", addr.key,
	    rc == SITE_OK ? id : STR_NULL, e);
	return rc == SITE_OK ? site_account_get(s, a, id, out, e) : rc;
}

static enum site_rc
rename_account(
    struct sq *q, struct arena *a, int64_t n, struct str address, struct err *e)
{
	struct site_address addr;
	struct domain_row domain;
	enum site_rc rc;

	if ((rc = parse_new_address(a, address, &addr, e)) != SITE_OK ||
	    (rc = domain_row_get(q, addr.domain, &domain, e)) != SITE_OK)
		return rc;
	if (domain.alias_of)
		return site_fail(e, SITE_INVALID,
		    "%.*s is an alias of another domain", STR_ARG(addr.domain));
	return site_insert_rc(
	    sq_run(q, e,
		"UPDATE accounts SET key = ?, address = ?, domain = ?"
		" WHERE n = ?",
		SQ_T(addr.key),
		SQ_T(address_format(a, addr.local, addr.domain)),
		SQ_I(domain.id), SQ_I(n)),
	    e, addr.key);
}

static enum site_rc
set_fields(struct sq *q, struct arena *a, int64_t n, unsigned fields,
    const struct site_account *new, struct err *e)
{
	enum sq_rc rc = SQ_OK;
	enum site_rc site_rc;

	if (fields & SITE_SET_BACKEND && !site_backend_valid(new->backend))
		return site_fail(e, SITE_INVALID,
		    "\"%.*s\" is not a backend: HOST[:PORT] or "
		    "PROTOCOL=HOST[:PORT] ...",
		    STR_ARG(new->backend));
	if (fields & SITE_SET_NAME)
		rc = sq_run(q, e, "UPDATE accounts SET name = ? WHERE n = ?",
		    SQ_T(new->name), SQ_I(n));
	if (rc == SQ_OK && fields & SITE_SET_STATE)
		rc = sq_run(q, e, "UPDATE accounts SET state = ? WHERE n = ?",
		    SQ_I(new->state), SQ_I(n));
	if (rc == SQ_OK && fields & SITE_SET_BACKEND)
		rc = sq_run(q, e, "UPDATE accounts SET backend = ? WHERE n = ?",
		    SQ_T(new->backend), SQ_I(n));
	if (rc != SQ_OK)
		return site_rc_of(rc);
	if (fields & SITE_SET_ADDRESS) {
		site_rc = rename_account(q, a, n, new->address, e);
		if (site_rc != SITE_OK)
			return site_rc;
	}
	return account_touch(q, n, e);
}

/* For the audit trail: what was set, with its new value. */
static struct str
describe(struct arena *a, unsigned fields, const struct site_account *new)
{
	struct buf b = { 0 };
	struct str out;

	if (fields & SITE_SET_NAME)
		buf_printf(&b, "name=%.*s ", STR_ARG(new->name));
	if (fields & SITE_SET_STATE)
		buf_printf(
		    &b, "state=%s ", site_account_state_name(new->state));
	if (fields & SITE_SET_BACKEND)
		buf_printf(&b, "backend=%.*s ", STR_ARG(new->backend));
	if (fields & SITE_SET_ADDRESS)
		buf_printf(&b, "address=%.*s ", STR_ARG(new->address));
	out = arena_str(a, str_trim(buf_str(&b)));
	buf_fini(&b);
	return out;
}

enum site_rc
site_account_set(struct site *s, const struct site_by *by, unsigned fields,
    const struct site_account *new, struct err *e)
{
	struct arena *a;
	struct sq *q;
	int64_t n;
	enum site_rc rc = site_change_begin(s, &q, e);

	if (rc != SITE_OK)
		return rc;
	a = arena_new();
	if ((rc = account_number(q, str_of(new->id), &n, e)) == SITE_OK)
		rc = set_fields(q, a, n, fields, new, e);
	rc = site_change_end(s, rc, by, "account.set", str_of(new->id),
	    describe(a, fields, new), e);
	arena_free(&a);
	return rc;
}

static enum site_rc
remove_account(struct sq *q, struct str id, struct err *e)
{
	int64_t n;
	enum site_rc rc = account_number(q, id, &n, e);
	enum sq_rc sq;

	if (rc != SITE_OK)
		return rc;
	sq = sq_run(q, e,
	    "INSERT INTO removed_accounts"
	    " SELECT id, address, ? FROM accounts WHERE n = ?",
	    SQ_I(clock_now()), SQ_I(n));
	if (sq == SQ_OK)
		sq = sq_run(q, e, "DELETE FROM accounts WHERE n = ?", SQ_I(n));
	return site_rc_of(sq);
}

enum site_rc
site_account_remove(
    struct site *s, const struct site_by *by, struct str id, struct err *e)
{
	struct sq *q;
	enum site_rc rc = site_change_begin(s, &q, e);

	if (rc != SITE_OK)
		return rc;
	rc = remove_account(q, id, e);
	return site_change_end(s, rc, by, "account.remove", id, STR_NULL, e);
}
