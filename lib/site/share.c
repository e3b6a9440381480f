/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/share.h"

#include "site/internal.h"

static enum site_rc
write_rows(struct sq *q, struct str owner, const char *kind,
    const struct site_share *list, size_t count, struct err *e)
{
	int64_t n;
	enum site_rc rc = account_number(q, owner, &n, e);
	enum sq_rc sq;

	if (rc != SITE_OK)
		return rc;
	sq =
	    sq_run(q, e, "DELETE FROM share_index WHERE owner = ? AND kind = ?",
		SQ_I(n), SQ_C(kind));
	for (size_t i = 0; sq == SQ_OK && i < count; i++)
		sq = sq_run(q, e,
		    "INSERT OR IGNORE INTO share_index (owner, kind, item,"
		    " grantee) VALUES (?, ?, ?, ?)",
		    SQ_I(n), SQ_C(kind), SQ_I(list[i].item),
		    SQ_T(list[i].grantee));
	return site_rc_of(sq);
}

enum site_rc
site_share_update(struct site *s, const struct site_by *by, struct str owner,
    const char *kind, site_share_list get, void *arg, struct err *e)
{
	struct arena *a = arena_new();
	struct site_share *list;
	struct sq *q;
	size_t count;
	enum site_rc rc = site_change_begin(s, &q, e);

	if (rc != SITE_OK)
		goto out;
	rc = get(arg, a, &list, &count, e)
		 ? write_rows(q, owner, kind, list, count, e)
		 : SITE_IO;
	rc = site_change_end(s, rc, by, "share", owner,
	    arena_printf(a, "%s: %zu grants", kind, count), e);
out:
	arena_free(&a);
	return rc;
}

enum site_rc
site_share_owners(struct site *s, struct arena *a,
    const struct site_account *acc, const char *kind,
    struct site_account **list, size_t *count, struct err *e)
{
	struct str domain = arena_printf(a, "@%.*s", STR_ARG(acc->domain));
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	struct buf rows = { 0 };
	enum site_rc rc;
	enum sq_rc sq;

	*list = NULL;
	*count = 0;
	if ((rc = site_reader(s, &r, e)) != SITE_OK)
		return rc;
	sq = sq_start(r->q, &st, e,
	    "SELECT DISTINCT a.id, a.address, d.name"
	    " FROM share_index i JOIN accounts a ON a.n = i.owner"
	    " JOIN domains d ON d.id = a.domain"
	    " WHERE i.grantee IN (?, ?, 'anyone') AND i.kind = ? AND a.id <> ?1"
	    " ORDER BY a.key",
	    SQ_C(acc->id), SQ_T(domain), SQ_C(kind));
	while (sq == SQ_OK && (sq = sq_step(st, e)) == SQ_ROW) {
		struct site_account o = { .address = sq_dup(a, st, 1),
			.domain = sq_dup(a, st, 2) };
		struct str id = sq_str(st, 0);

		for (size_t i = 0; i < id.n && i < sizeof(o.id) - 1; i++)
			o.id[i] = id.p[i];
		buf_put(&rows, (const char *)&o, sizeof(o));
		sq = SQ_OK;
	}
	site_reader_done(s, r);
	*list = site_rows(a, &rows, sizeof(**list), count);
	return site_rc_of(sq);
}
