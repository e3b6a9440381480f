/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/filter_list.h"

#include "base/clock.h"
#include "ctl/verbs.h"

/* Whom the filter blocks and allows: for the site, a domain, an account. */

static int
read_scope(struct ctl *c, struct site_scope *out)
{
	struct str name = str_of(ctl_option(c, "for"));
	struct site_account acc;
	int status = ctl_open_site(c);

	*out = (struct site_scope){ .domain = STR_NULL };
	if (status != 0 || name.n == 0)
		return status;
	if (str_chr(name, '@') == STR_NPOS) {
		out->domain = name;
		return 0;
	}
	if ((status = ctl_account(c, name, &acc)) == 0) {
		out->domain = acc.domain;
		out->account = arena_str(c->arena, str_of(acc.id));
	}
	return status;
}

static int
read_expiry(struct ctl *c, int64_t *out)
{
	const char *text = ctl_option(c, "expires");
	uint64_t seconds;

	*out = 0;
	if (!text)
		return 0;
	if (!str_duration(str_of(text), &seconds) || seconds == 0 ||
	    seconds > INT32_MAX)
		return ctl_failf(c, EX_USAGE, "such as 12h, 7d or 4w",
		    "\"%s\" is not a duration", text);
	*out = clock_now() + (int64_t)seconds;
	return 0;
}

static int
put(struct ctl *c, enum site_list_kind kind, const char *what)
{
	struct site_list_entry new = {
		.kind = kind,
		.entry = ctl_arg(c, 0),
		.note = str_of(ctl_option(c, "note")),
	};
	enum site_rc rc;
	int status = read_expiry(c, &new.expires);

	if (status == 0)
		status = read_scope(c, &new.scope);
	if (status != 0)
		return status;
	rc = site_list_set(c->site, &c->by, &new, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	return out_done(c, json_pack("{s:s}", "entry", c->argv[0]), "%s is %s",
	    c->argv[0], what);
}

int
cmd_filter_block(struct ctl *c)
{
	return put(c, SITE_LIST_BLOCK, "blocked");
}

int
cmd_filter_allow(struct ctl *c)
{
	return put(c, SITE_LIST_ALLOW, "allowed");
}

int
cmd_greylist_allow(struct ctl *c)
{
	return put(c, SITE_LIST_KNOWN, "no stranger any more");
}

static bool
is_of(const struct site_list_entry *e, const struct site_scope *scope)
{
	return str_eq(e->scope.account, scope->account) &&
	       str_ieq(e->scope.domain, scope->domain);
}

static json_t *
describe(struct ctl *c, const struct site_list_entry *e)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:I, s:I}", "entry",
	    json_str(site_list_text(c->arena, e->entry)), "action",
	    site_list_kind_name(e->kind), "for", json_str(filter_list_for(e)),
	    "note", json_str(e->note), "by", json_str(e->made_by), "created",
	    (json_int_t)e->created, "expires", (json_int_t)e->expires);
}

struct str
filter_list_for(const struct site_list_entry *e)
{
	return e->address.n > 0 ? e->address : e->scope.domain;
}

int
filter_list_read(struct ctl *c, struct site_list_entry **list, size_t *n)
{
	struct site_list_entry *all;
	struct site_scope scope;
	enum site_rc rc;
	size_t count;
	int status = read_scope(c, &scope);

	if (status != 0)
		return status;
	rc = site_list_read(
	    c->site, c->arena, clock_now(), &all, &count, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	*list = all;
	*n = 0;
	for (size_t i = 0; i < count; i++) {
		if (!ctl_option(c, "for") || is_of(&all[i], &scope))
			all[(*n)++] = all[i];
	}
	return 0;
}

int
cmd_filter_list(struct ctl *c)
{
	static const struct column columns[] = {
		{ "entry", "ENTRY", COL_TEXT },
		{ "action", "ACTION", COL_TEXT },
		{ "for", "FOR", COL_TEXT },
		{ "expires", "EXPIRES", COL_TIME },
		{ "by", "BY", COL_TEXT },
		{ "note", "NOTE", COL_TEXT },
		{ "created", NULL, COL_TIME },
		{ NULL, NULL, COL_TEXT },
	};
	struct site_list_entry *list;
	json_t *rows;
	size_t n;
	int status = filter_list_read(c, &list, &n);

	if (status != 0)
		return status;
	rows = json_array();
	for (size_t i = 0; i < n; i++) {
		if (list[i].kind != SITE_LIST_KNOWN)
			json_array_append_new(rows, describe(c, &list[i]));
	}
	return out_rows(c, columns, rows);
}

static int
take_out(
    struct ctl *c, enum site_list_kind kind, const char *verb, const char *what)
{
	struct site_scope scope;
	enum site_rc rc;
	int status = read_scope(c, &scope);

	if (status != 0)
		return status;
	rc = site_list_remove(
	    c->site, &c->by, kind, ctl_arg(c, 0), scope, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, verb);
	return out_done(c, json_pack("{s:s}", "entry", c->argv[0]),
	    "%s is %s any more", c->argv[0], what);
}

int
cmd_filter_remove(struct ctl *c)
{
	return take_out(c, SITE_LIST_BLOCK,
	    "mailstead filter list shows those there are",
	    "neither blocked nor allowed there");
}

int
cmd_greylist_remove(struct ctl *c)
{
	return take_out(c, SITE_LIST_KNOWN,
	    "mailstead filter greylist list shows those there are",
	    "not kept from greylisting there");
}
