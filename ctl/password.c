/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/mem.h"
#include "ctl/verbs.h"

int
cmd_password(struct ctl *c)
{
	struct str password, hash;
	struct site_account a;
	enum site_rc rc;
	int status;

	if ((status = ctl_account(c, ctl_arg(c, 0), &a)) != 0 ||
	    (status = password_given(c, &password, &hash)) != 0)
		return status;
	if (password.n == 0 && hash.n == 0 && !ctl_switch(c, "no-password"))
		return ctl_failf(c, EX_DATAERR,
		    "--no-password removes a password",
		    "the password is empty");
	rc = hash.n ? site_password_set_hash(
			  c->site, &c->by, str_of(a.id), hash, &c->err)
		    : site_password_set(
			  c->site, &c->by, str_of(a.id), password, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	return out_done(c,
	    json_pack("{s:s, s:o, s:b}", "id", a.id, "address",
		json_str(a.address), "password",
		(int)(password.n + hash.n > 0)),
	    "%s the password of %.*s", password.n + hash.n ? "set" : "removed",
	    STR_ARG(a.address));
}

/* ------------------------------------------------------------------------
 * App passwords
 */

int
cmd_app_password_add(struct ctl *c)
{
	struct site_account a;
	struct buf plain = { 0 };
	enum site_rc rc;
	int status = ctl_account(c, ctl_arg(c, 0), &a);

	if (status != 0)
		return status;
	rc = site_app_password_add(
	    c->site, &c->by, str_of(a.id), ctl_arg(c, 1), &plain, &c->err);
	status =
	    rc == SITE_OK
		? out_done(c,
		      json_pack("{s:o, s:o, s:o}", "address",
			  json_str(a.address), "label", json_str(ctl_arg(c, 1)),
			  "password", json_str(buf_str(&plain))),
		      "%s", buf_cstr(&plain))
		: ctl_site_failed(c, rc, NULL);
	if (plain.p)
		mem_wipe(plain.p, plain.n);
	buf_fini(&plain);
	return status;
}

int
cmd_app_password_list(struct ctl *c)
{
	static const struct column columns[] = {
		{ "id", "ID", COL_NUMBER },
		{ "label", "LABEL", COL_TEXT },
		{ "created", "CREATED", COL_TIME },
		{ "last_used", "LAST USED", COL_TIME },
		{ NULL, NULL, COL_TEXT },
	};
	struct site_app_password *list;
	struct site_account a;
	enum site_rc rc;
	json_t *rows;
	size_t count;
	int status = ctl_account(c, ctl_arg(c, 0), &a);

	if (status != 0)
		return status;
	rc = site_app_password_list(
	    c->site, c->arena, str_of(a.id), &list, &count, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	rows = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
		    rows, json_pack("{s:I, s:o, s:I, s:I}", "id",
			      (json_int_t)list[i].id, "label",
			      json_str(list[i].label), "created",
			      (json_int_t)list[i].created, "last_used",
			      (json_int_t)list[i].last_used));
	return out_rows(c, columns, rows);
}

int
cmd_app_password_remove(struct ctl *c)
{
	struct site_account a;
	enum site_rc rc;
	uint64_t id;
	int status = ctl_account(c, ctl_arg(c, 0), &a);

	if (status != 0)
		return status;
	if (!str_u64(ctl_arg(c, 1), &id) || id > INT64_MAX)
		return ctl_failf(c, EX_USAGE,
		    "\"mailstead app-password list ADDRESS\" shows the ids",
		    "\"%s\" is not an id", c->argv[1]);
	rc = site_app_password_remove(
	    c->site, &c->by, str_of(a.id), (int64_t)id, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	return out_done(c, json_pack("{s:I}", "id", (json_int_t)id),
	    "removed app password %llu", (unsigned long long)id);
}

/* ------------------------------------------------------------------------
 * Blocks
 */

int
cmd_block_list(struct ctl *c)
{
	static const struct column columns[] = {
		{ "peer", "FROM", COL_TEXT },
		{ "user", "ACCOUNT", COL_TEXT },
		{ "failures", "FAILURES", COL_NUMBER },
		{ "last", "LAST", COL_TIME },
		{ "until", "BLOCKED UNTIL", COL_TIME },
		{ NULL, NULL, COL_TEXT },
	};
	struct site_block *list;
	enum site_rc rc;
	json_t *rows;
	size_t count;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_block_list(c->site, c->arena, &list, &count, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	rows = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(rows,
		    json_pack("{s:o, s:o, s:I, s:I, s:I}", "peer",
			json_str(list[i].peer), "user", json_str(list[i].user),
			"failures", (json_int_t)list[i].failures, "last",
			(json_int_t)list[i].last, "until",
			(json_int_t)list[i].until));
	return out_rows(c, columns, rows);
}

int
cmd_block_remove(struct ctl *c)
{
	struct str user = str_of(ctl_option(c, "user"));
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_unblock(c->site, &c->by, ctl_arg(c, 0), user, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	return out_done(c,
	    json_pack("{s:o, s:o}", "peer", json_str(ctl_arg(c, 0)), "user",
		json_str(user)),
	    "forgot the failed logins");
}
