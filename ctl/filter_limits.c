/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/limits.h"

#include "base/clock.h"
#include "ctl/verbs.h"

/* What counts of limits now. */

/* Whose settings have the limit of this row. */
static struct site_scope
scope_of(struct ctl *c, const struct limit_row *r)
{
	struct site_scope scope = { .domain = STR_NULL };
	struct site_account acc;
	struct err e = ERR_INIT;

	if (r->limit->subject == LIMIT_DOMAIN)
		scope.domain = r->subject;
	else if (r->limit->subject == LIMIT_ACCOUNT &&
		 site_account_find(c->site, c->arena, r->subject, &acc, &e) ==
		     SITE_OK)
		return (struct site_scope){ acc.domain,
			arena_str(c->arena, str_of(acc.id)) };
	return scope;
}

static json_t *
describe(struct ctl *c, const struct limit_row *r)
{
	uint64_t max =
	    site_setting_uint(c->site, r->limit->setting, scope_of(c, r));

	return json_pack("{s:o, s:s, s:I, s:I, s:I}", "subject",
	    json_str(r->subject), "limit", r->limit->setting, "used",
	    (json_int_t)r->used, "max", (json_int_t)max, "window",
	    (json_int_t)r->limit->window);
}

static int
show(struct ctl *c, struct filter_db *db)
{
	static const struct column columns[] = {
		{ "subject", "WHO", COL_TEXT },
		{ "limit", "LIMIT", COL_TEXT },
		{ "used", "USED", COL_NUMBER },
		{ "max", "OF", COL_NUMBER },
		{ "window", NULL, COL_NUMBER },
		{ NULL, NULL, COL_TEXT },
	};
	struct limit_row *list;
	json_t *rows;
	size_t n;

	if (limits_list(db, c->arena, ctl_arg(c, 0), clock_now(), &list, &n,
		&c->err) != SQ_OK)
		return ctl_fail(c, EX_TEMPFAIL, NULL);
	rows = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows, describe(c, &list[i]));
	return out_rows(c, columns, rows);
}

int
cmd_filter_limits(struct ctl *c)
{
	struct filter_db *db;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	if (!filter_db_open(conf_get(c->conf, "data_dir"), &db, &c->err))
		return ctl_fail(c, EX_UNAVAILABLE, NULL);
	status = show(c, db);
	filter_db_close(&db);
	return status;
}
