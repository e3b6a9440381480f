/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/verbs.h"

static const char *const type_names[] = { "text", "yes|no", "number", "size",
	"duration", "choice", "words" };

/* --domain, --account, or the site. NAME is how it is shown. */
static int
scope_given(struct ctl *c, struct site_scope *scope, struct str *name)
{
	const char *domain = ctl_option(c, "domain");
	const char *address = ctl_option(c, "account");
	struct site_account *a;
	int status = ctl_open_site(c);

	*scope = (struct site_scope){ 0 };
	*name = STR("site");
	if (status != 0 || (!domain && !address))
		return status;
	if (domain && address)
		return ctl_failf(
		    c, EX_USAGE, NULL, "give --domain or --account, not both");
	if (domain) {
		if (!site_domain_normalize(
			c->arena, str_of(domain), &scope->domain))
			return ctl_failf(c, EX_USAGE, NULL,
			    "\"%s\" is not a domain name", domain);
		*name = scope->domain;
		return 0;
	}
	a = ARENA_NEW(c->arena, struct site_account);
	status = ctl_account(c, str_of(address), a);
	*scope = site_scope_of(a);
	*name = a->address;
	return status;
}

static const struct site_setting *
known(struct ctl *c, int *status)
{
	const struct site_setting *k = site_setting_find(ctl_arg(c, 0));

	*status = 0;
	if (!k)
		*status = ctl_failf(c, EX_DATAERR,
		    "\"mailstead setting list\" shows them",
		    "there is no setting \"%s\"", c->argv[0]);
	return k;
}

static json_t *
setting_json(struct ctl *c, const struct site_setting *k,
    struct site_scope scope, struct str name)
{
	struct str value = site_setting(c->site, c->arena, k->key, scope);

	return json_pack("{s:s, s:o, s:o, s:s, s:s, s:s}", "key", k->key,
	    "value", json_str(value), "scope", json_str(name), "default",
	    k->value, "type", k->choices ? k->choices : type_names[k->type],
	    "help", k->help);
}

int
cmd_setting_get(struct ctl *c)
{
	const struct site_setting *k;
	struct site_scope scope;
	struct str name;
	json_t *o;
	int status;

	if (!(k = known(c, &status)) ||
	    (status = scope_given(c, &scope, &name)) != 0)
		return status;
	o = setting_json(c, k, scope, name);
	return out_done(
	    c, o, "%s", json_string_value(json_object_get(o, "value")));
}

static int
list_table(struct ctl *c)
{
	static const struct column columns[] = {
		{ "key", "KEY", COL_TEXT },
		{ "value", "VALUE", COL_TEXT },
		{ "default", "DEFAULT", COL_TEXT },
		{ "help", "MEANING", COL_TEXT },
		{ NULL, NULL, COL_TEXT },
	};
	struct site_scope scope;
	struct str name;
	json_t *rows;
	int status = scope_given(c, &scope, &name);

	if (status != 0)
		return status;
	rows = json_array();
	for (const struct site_setting *k = site_settings(); k->key; k++)
		json_array_append_new(rows, setting_json(c, k, scope, name));
	return out_rows(c, columns, rows);
}

/* The account's address rather than its id. */
static struct str
scope_name(struct ctl *c, struct site_scope scope)
{
	struct site_account a;

	if (scope.account.n && site_account_get(c->site, c->arena,
				   scope.account, &a, &c->err) == SITE_OK)
		return a.address;
	return scope.account.n  ? scope.account
	       : scope.domain.n ? scope.domain
				: STR("site");
}

static int
list_rows(struct ctl *c)
{
	static const struct column columns[] = {
		{ "scope", "SCOPE", COL_TEXT },
		{ "key", "KEY", COL_TEXT },
		{ "value", "VALUE", COL_TEXT },
		{ NULL, NULL, COL_TEXT },
	};
	struct site_setting_row *list;
	enum site_rc rc;
	json_t *rows;
	size_t count;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_setting_list(c->site, c->arena, (struct site_scope){ 0 },
	    true, &list, &count, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	rows = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
		    rows, json_pack("{s:o, s:s, s:o}", "scope",
			      json_str(scope_name(c, list[i].scope)), "key",
			      list[i].setting->key, "value",
			      json_str(list[i].value)));
	return out_rows(c, columns, rows);
}

int
cmd_setting_list(struct ctl *c)
{
	return ctl_switch(c, "all") ? list_rows(c) : list_table(c);
}

static int
change(struct ctl *c, struct str value)
{
	const struct site_setting *k;
	struct site_scope scope;
	struct str name;
	enum site_rc rc;
	json_t *o;
	int status;

	if (!(k = known(c, &status)) ||
	    (status = scope_given(c, &scope, &name)) != 0)
		return status;
	rc = site_setting_set(
	    c->site, &c->by, str_of(k->key), scope, value, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	o = setting_json(c, k, scope, name);
	return out_done(c, o, "%s of %.*s is now \"%s\"", k->key, STR_ARG(name),
	    json_string_value(json_object_get(o, "value")));
}

int
cmd_setting_set(struct ctl *c)
{
	return change(c, ctl_arg(c, 1));
}

int
cmd_setting_unset(struct ctl *c)
{
	return change(c, STR_NULL);
}

/* ------------------------------------------------------------------------
 * Audit trail
 */

int
cmd_audit(struct ctl *c)
{
	static const struct column columns[] = {
		{ "time", "TIME", COL_TIME },
		{ "who", "WHO", COL_TEXT },
		{ "from", "FROM", COL_TEXT },
		{ "action", "ACTION", COL_TEXT },
		{ "object", "OBJECT", COL_TEXT },
		{ "detail", "DETAIL", COL_TEXT },
		{ NULL, NULL, COL_TEXT },
	};
	const char *text = ctl_option(c, "limit");
	struct site_audit_row *list;
	uint64_t limit = 50;
	enum site_rc rc;
	json_t *rows;
	size_t count;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	if (text && (!str_u64(str_of(text), &limit) || limit > 1000000))
		return ctl_failf(
		    c, EX_USAGE, NULL, "--limit is a number up to 1000000");
	rc = site_audit_list(
	    c->site, c->arena, 0, limit, &list, &count, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	rows = json_array();
	for (size_t i = count; i-- > 0;)
		json_array_append_new(rows,
		    json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "time",
			(json_int_t)list[i].time, "who", json_str(list[i].who),
			"from", json_str(list[i].from), "action",
			json_str(list[i].action), "object",
			json_str(list[i].object), "detail",
			json_str(list[i].detail)));
	return out_rows(c, columns, rows);
}
