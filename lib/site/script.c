/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/script.h"

#include <string.h>

#include "base/clock.h"
#include "site/script_row.h"

#define MAX_NAME 512

/* In the order they run. */
static const struct place {
	const char *name;
	bool of_site, of_domain;
} places[] = {
	[SITE_SCRIPT_BEFORE] = { "before", true, false },
	[SITE_SCRIPT_DOMAIN] = { "domain", false, true },
	[SITE_SCRIPT_AFTER] = { "after", true, false },
	[SITE_SCRIPT_GLOBAL] = { "global", true, true },
};
#define PLACES LEN(places)

const char *
site_script_place_name(enum site_script_place place)
{
	return places[place].name;
}

bool
site_script_place_find(struct str name, enum site_script_place *out)
{
	for (size_t i = 0; i < PLACES; i++) {
		if (str_ieqc(name, places[i].name)) {
			*out = (enum site_script_place)i;
			return true;
		}
	}
	return false;
}

static enum site_rc
check(const struct site_script *w, struct err *e)
{
	const struct place *p = &places[w->place];
	bool ok =
	    w->name.n > 0 && w->name.n <= MAX_NAME && str_is_utf8(w->name);

	for (size_t i = 0; ok && i < w->name.n; i++)
		ok = (unsigned char)w->name.p[i] >= ' ' && w->name.p[i] != 0x7f;
	if (!ok)
		return site_fail(e, SITE_INVALID,
		    "the name of a Sieve script has 1 to %d octets of UTF-8"
		    " without control characters",
		    MAX_NAME);
	if (w->domain.n ? p->of_domain : p->of_site)
		return SITE_OK;
	return site_fail(e, SITE_INVALID, "%s has no Sieve scripts at \"%s\"",
	    w->domain.n ? "a domain" : "the site", p->name);
}

/* 0: the site. */
static enum site_rc
domain_id(struct sq *q, struct str name, int64_t *id, struct err *e)
{
	struct arena *a;
	struct domain_row row = { 0 };
	enum site_rc rc;

	*id = 0;
	if (name.n == 0)
		return SITE_OK;
	a = arena_new();
	rc = site_domain_normalize(a, name, &name)
		 ? domain_row_get(q, name, &row, e)
		 : site_fail(e, SITE_INVALID, "\"%.*s\" is not a domain name",
		       STR_ARG(name));
	*id = row.id;
	arena_free(&a);
	return rc;
}

enum site_rc
script_missing(const struct site_script *w, struct err *e)
{
	return site_fail(e, SITE_NOTFOUND,
	    "%s%.*s has no Sieve script \"%.*s\" at \"%s\"",
	    w->domain.n ? "domain " : "the site", STR_ARG(w->domain),
	    STR_ARG(w->name), places[w->place].name);
}

/* ------------------------------------------------------------------------
 * Changing
 */

static enum site_rc
end_change(struct site *s, enum site_rc rc, const struct site_by *by,
    const char *action, const struct site_script *w, struct err *e)
{
	struct arena *a = arena_new();

	rc = site_change_end(s, rc, by, action,
	    w->domain.n ? w->domain : STR("site"),
	    arena_printf(a, "%s %.*s", places[w->place].name, STR_ARG(w->name)),
	    e);
	arena_free(&a);
	return rc;
}

static enum sq_rc
write_script(struct sq *q, const struct site_script *w, int64_t domain,
    struct str source, struct err *e)
{
	uint8_t hash[SHA256_LEN];

	sha256(source, hash);
	return sq_run(q, e,
	    "INSERT INTO scripts (domain, place, name, hash, size, changed,"
	    " source) VALUES (nullif(?, 0), ?, ?, ?, ?, ?, ?)"
	    " ON CONFLICT (ifnull(domain, 0), place, name) DO UPDATE SET"
	    " hash = excluded.hash, size = excluded.size,"
	    " changed = excluded.changed, source = excluded.source",
	    SQ_I(domain), SQ_C(places[w->place].name), SQ_T(w->name),
	    SQ_B(((struct str){ (const char *)hash, sizeof(hash) })),
	    SQ_I(source.n), SQ_I(clock_now()),
	    SQ_B(source.p ? source : STR("")));
}

enum site_rc
site_script_put(struct site *s, const struct site_by *by,
    const struct site_script *what, struct str source, struct err *e)
{
	struct sq *q;
	int64_t domain;
	enum site_rc rc = check(what, e);

	if (rc != SITE_OK || (rc = site_change_begin(s, &q, e)) != SITE_OK)
		return rc;
	rc = domain_id(q, what->domain, &domain, e);
	if (rc == SITE_OK)
		rc = site_rc_of(write_script(q, what, domain, source, e));
	return end_change(s, rc, by, "script.put", what, e);
}

static enum site_rc
delete_script(
    struct sq *q, const struct site_script *w, int64_t domain, struct err *e)
{
	enum sq_rc rc = sq_run(q, e,
	    "DELETE FROM scripts WHERE ifnull(domain, 0) = ? AND place = ?"
	    " AND name = ?",
	    SQ_I(domain), SQ_C(places[w->place].name), SQ_T(w->name));

	if (rc == SQ_OK && sq_changes(q) == 0)
		return script_missing(w, e);
	return site_rc_of(rc);
}

enum site_rc
site_script_delete(struct site *s, const struct site_by *by,
    const struct site_script *what, struct err *e)
{
	struct sq *q;
	int64_t domain;
	enum site_rc rc = site_change_begin(s, &q, e);

	if (rc != SITE_OK)
		return rc;
	rc = domain_id(q, what->domain, &domain, e);
	if (rc == SITE_OK)
		rc = delete_script(q, what, domain, e);
	return end_change(s, rc, by, "script.delete", what, e);
}

/* ------------------------------------------------------------------------
 * Reading
 */

static void
read_facts(struct sqlite3_stmt *st, int column, struct site_script *out)
{
	struct str hash = sq_blob(st, column);

	memset(out->hash, 0, SHA256_LEN);
	if (hash.n == SHA256_LEN)
		memcpy(out->hash, hash.p, SHA256_LEN);
	out->size = (uint64_t)sq_int(st, column + 1);
	out->changed = sq_int(st, column + 2);
}

void
script_row(struct sqlite3_stmt *st, struct arena *a, struct site_script *out)
{
	*out = (struct site_script){ .domain = sq_dup(a, st, 1),
		.name = sq_dup(a, st, 2) };
	site_script_place_find(sq_str(st, 0), &out->place);
	read_facts(st, 3, out);
}

static enum site_rc
read_source(
    struct sq *q, struct site_script *w, struct buf *source, struct err *e)
{
	struct sqlite3_stmt *st;
	int64_t domain;
	enum site_rc rc = domain_id(q, w->domain, &domain, e);
	enum sq_rc sq;

	if (rc != SITE_OK)
		return rc;
	sq = sq_one(q, &st, e,
	    "SELECT hash, size, changed, source FROM scripts"
	    " WHERE ifnull(domain, 0) = ? AND place = ? AND name = ?",
	    SQ_I(domain), SQ_C(places[w->place].name), SQ_T(w->name));
	if (sq != SQ_ROW)
		return sq == SQ_DONE ? script_missing(w, e) : site_rc_of(sq);
	read_facts(st, 0, w);
	if (source)
		buf_putstr(source, sq_blob(st, 3));
	sq_reset(st);
	return SITE_OK;
}

enum site_rc
site_script_get(
    struct site *s, struct site_script *what, struct buf *source, struct err *e)
{
	struct reader_slot *r;
	enum site_rc rc = site_reader(s, &r, e);

	if (rc != SITE_OK)
		return rc;
	rc = read_source(r->q, what, source, e);
	site_reader_done(s, r);
	return rc;
}

enum sq_rc
script_rows(
    struct sqlite3_stmt *st, struct arena *a, struct buf *rows, struct err *e)
{
	enum sq_rc sq;

	while ((sq = sq_step(st, e)) == SQ_ROW) {
		struct site_script row;

		script_row(st, a, &row);
		buf_put(rows, &row, sizeof(row));
	}
	return sq;
}

enum site_rc
site_script_list(struct site *s, struct arena *a, struct site_script **list,
    size_t *count, struct err *e)
{
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	struct buf rows = { 0 };
	enum site_rc rc = site_reader(s, &r, e);
	enum sq_rc sq;

	*list = NULL;
	*count = 0;
	if (rc != SITE_OK)
		return rc;
	sq = sq_start(r->q, &st, e,
	    "SELECT " SCRIPT_COLUMNS " FROM scripts s"
	    " LEFT JOIN domains d ON d.id = s.domain"
	    " ORDER BY d.name, " SCRIPT_ORDER ", s.name");
	if (sq == SQ_OK)
		sq = script_rows(st, a, &rows, e);
	site_reader_done(s, r);
	*list = site_rows(a, &rows, sizeof(**list), count);
	return site_rc_of(sq);
}
