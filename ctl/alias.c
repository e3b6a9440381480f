/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/verbs.h"

static const struct column columns[] = {
	{ "address", "ALIAS", COL_TEXT },
	{ "disabled", "DISABLED", COL_BOOL },
	{ "targets", "TARGETS", COL_LIST },
	{ NULL, NULL, COL_TEXT },
};

static json_t *
alias_json(const struct site_alias *al)
{
	json_t *targets = json_array();

	for (size_t i = 0; i < al->count; i++)
		json_array_append_new(targets, json_str(al->targets[i]));
	return json_pack("{s:o, s:o, s:b, s:I}", "address",
	    json_str(al->address), "targets", targets, "disabled",
	    (int)al->disabled, "created", (json_int_t)al->created);
}

static int
failed(struct ctl *c, enum site_rc rc)
{
	return ctl_site_failed(c, rc,
	    rc == SITE_EXISTS ? "\"mailstead alias set\" changes it"
	    : rc == SITE_NOTFOUND
		? "\"mailstead alias list\" shows those there "
		  "are; an alias needs a domain of this site"
		: NULL);
}

static void
targets_given(struct ctl *c, struct site_alias *al)
{
	struct str *targets =
	    arena_array(c->arena, (size_t)c->argc, sizeof(*targets));

	for (int i = 1; i < c->argc; i++)
		targets[i - 1] = ctl_arg(c, i);
	al->targets = targets;
	al->count = (size_t)c->argc - 1;
}

static int
write_alias(struct ctl *c, const struct site_alias *al, bool new)
{
	enum site_rc rc = site_alias_set(c->site, &c->by, al, new, &c->err);

	if (rc != SITE_OK)
		return failed(c, rc);
	return out_done(c, alias_json(al), "%s alias %.*s",
	    new ? "added" : "changed", STR_ARG(al->address));
}

int
cmd_alias_add(struct ctl *c)
{
	struct site_alias al = { .address = ctl_arg(c, 0) };
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	targets_given(c, &al);
	return write_alias(c, &al, true);
}

int
cmd_alias_set(struct ctl *c)
{
	struct site_alias al;
	const bool *disabled;
	enum site_rc rc;
	bool value;
	int status;

	if ((status = yes_no_option(c, "disabled", &value, &disabled)) != 0 ||
	    (status = ctl_open_site(c)) != 0)
		return status;
	if (!disabled && c->argc == 1)
		return ctl_failf(c, EX_USAGE, NULL,
		    "nothing to change: give targets or --disabled");
	rc = site_alias_get(c->site, c->arena, ctl_arg(c, 0), &al, &c->err);
	if (rc != SITE_OK)
		return failed(c, rc);
	if (disabled)
		al.disabled = value;
	if (c->argc > 1)
		targets_given(c, &al);
	return write_alias(c, &al, false);
}

int
cmd_alias_list(struct ctl *c)
{
	struct site_alias *list;
	enum site_rc rc;
	json_t *rows;
	size_t count;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_alias_list(
	    c->site, c->arena, ctl_arg(c, 0), &list, &count, &c->err);
	if (rc != SITE_OK)
		return failed(c, rc);
	rows = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(rows, alias_json(&list[i]));
	return out_rows(c, columns, rows);
}

int
cmd_alias_show(struct ctl *c)
{
	struct site_alias al;
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_alias_get(c->site, c->arena, ctl_arg(c, 0), &al, &c->err);
	return rc == SITE_OK ? out_record(c, columns, alias_json(&al))
			     : failed(c, rc);
}

int
cmd_alias_remove(struct ctl *c)
{
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_alias_remove(c->site, &c->by, ctl_arg(c, 0), &c->err);
	if (rc != SITE_OK)
		return failed(c, rc);
	return out_done(c,
	    json_pack("{s:o}", "address", json_str(ctl_arg(c, 0))),
	    "removed alias %s", c->argv[0]);
}

/* ------------------------------------------------------------------------
 * Where mail goes
 */

int
cmd_resolve(struct ctl *c)
{
	static const struct column target_columns[] = {
		{ "address", "TARGET", COL_TEXT },
		{ "where", "WHERE", COL_TEXT },
		{ "detail", "DETAIL", COL_TEXT },
		{ "state", "STATE", COL_TEXT },
		{ NULL, NULL, COL_TEXT },
	};
	struct site_targets t;
	enum site_rc rc;
	json_t *rows;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_resolve(c->site, c->arena, ctl_arg(c, 0), &t, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	if (t.missing)
		ctl_warn(c, "%zu targets do not exist", t.missing);
	rows = json_array();
	for (size_t i = 0; i < t.count; i++) {
		const struct site_target *x = &t.list[i];

		json_array_append_new(rows,
		    json_pack("{s:o, s:s, s:o, s:s, s:s}", "address",
			json_str(x->address), "where",
			x->local ? "account" : "elsewhere", "detail",
			json_str(x->detail), "state",
			x->local ? site_account_state_name(x->account.state)
				 : "",
			"id", x->local ? x->account.id : ""));
	}
	return out_rows(c, target_columns, rows);
}
