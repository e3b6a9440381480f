/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/verbs.h"
#include "filter/quarantine.h"

static const struct column list_columns[] = {
	{ "address", "ADDRESS", COL_TEXT },
	{ "name", "NAME", COL_TEXT },
	{ "state", "STATE", COL_TEXT },
	{ "quota_bytes", "QUOTA", COL_LIMIT },
	{ "backend", "BACKEND", COL_TEXT },
	{ "last_login", "LAST LOGIN", COL_TIME },
	{ NULL, NULL, COL_TEXT },
};

static const struct column show_columns[] = {
	{ "address", "Address", COL_TEXT },
	{ "id", "Id", COL_TEXT },
	{ "name", "Name", COL_TEXT },
	{ "state", "State", COL_TEXT },
	{ "password", "Password set", COL_BOOL },
	{ "backend", "Backend", COL_TEXT },
	{ "quota_bytes", "Storage limit", COL_LIMIT },
	{ "used_bytes", "Storage used", COL_SIZE },
	{ "quota_messages", "Message limit", COL_LIMIT },
	{ "used_messages", "Messages", COL_NUMBER },
	{ "created", "Created", COL_TIME },
	{ "last_login", "Last login", COL_TIME },
	{ NULL, NULL, COL_TEXT },
};

static json_t *
account_json(const struct site_account *a)
{
	return json_pack(
	    "{s:s, s:o, s:o, s:o, s:s, s:b, s:o, s:I, s:I, s:I, s:I}", "id",
	    a->id, "address", json_str(a->address), "domain",
	    json_str(a->domain), "name", json_str(a->name), "state",
	    site_account_state_name(a->state), "password", (int)a->has_password,
	    "backend", json_str(a->backend), "quota_bytes",
	    (json_int_t)a->quota_bytes, "quota_messages",
	    (json_int_t)a->quota_messages, "created", (json_int_t)a->created,
	    "last_login", (json_int_t)a->last_login);
}

/* ------------------------------------------------------------------------
 * Quota: settings in the account's scope
 */

static int
set_quota(struct ctl *c, const struct site_account *a, const char *option,
    const char *key)
{
	const char *value = ctl_option(c, option);
	struct str text = str_of(value);
	enum site_rc rc;

	if (!value)
		return 0;
	if (str_ieqc(text, "default"))
		text = STR_NULL;
	rc = site_setting_set(
	    c->site, &c->by, str_of(key), site_scope_of(a), text, &c->err);
	return rc == SITE_OK ? 0 : ctl_site_failed(c, rc, NULL);
}

static int
set_quotas(struct ctl *c, const struct site_account *a)
{
	int status = set_quota(c, a, "quota", "quota.bytes");

	return status != 0 ? status
			   : set_quota(c, a, "messages", "quota.messages");
}

/* ------------------------------------------------------------------------
 * Adding
 */

int
password_given(struct ctl *c, struct str *password, struct str *hash)
{
	const char *text = ctl_option(c, "hash");

	*password = STR_NULL;
	*hash = str_of(text);
	if (text || ctl_switch(c, "no-password"))
		return 0;
	return ask_password(c, password);
}

/* What cannot be made whole is taken back. */
static int
undo_add(struct ctl *c, const struct site_account *a, int status)
{
	struct err e = ERR_INIT;

	if (site_account_remove(c->site, &c->by, str_of(a->id), &e) != SITE_OK)
		ctl_warn(c, "could not take back the account: %s", e.msg);
	return status;
}

static int
complete(struct ctl *c, struct site_account *a, struct str hash)
{
	const char *backend = ctl_option(c, "backend");
	enum site_rc rc = SITE_OK;
	enum store_rc store_rc;

	if (hash.n)
		rc = site_password_set_hash(
		    c->site, &c->by, str_of(a->id), hash, &c->err);
	if (rc == SITE_OK && backend) {
		a->backend = str_of(backend);
		rc = site_account_set(
		    c->site, &c->by, SITE_SET_BACKEND, a, &c->err);
	}
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	/* Also with a backend: mail can be imported before the move. */
	store_rc = account_create(c->store, str_of(a->id), &c->err);
	return store_rc == STORE_OK ? 0 : ctl_store_failed(c, store_rc, NULL);
}

int
account_make(struct ctl *c, struct str address, struct str password,
    struct str hash, struct site_account *out)
{
	enum site_rc rc;
	int status = ctl_open_store(c);

	if (status != 0)
		return status;
	rc = site_account_add(c->site, c->arena, &c->by, address,
	    str_of(ctl_option(c, "name")), password, out, &c->err);
	if (rc == SITE_NOTFOUND)
		return ctl_site_failed(c, rc,
		    "make the domain first: mailstead domain add DOMAIN");
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	if ((status = complete(c, out, hash)) != 0 ||
	    (status = set_quotas(c, out)) != 0)
		return undo_add(c, out, status);
	return 0;
}

/* What a verb that changed an account shows: the account. */
static int
done(struct ctl *c, const char *id, const char *what)
{
	struct site_account a;
	enum site_rc rc =
	    site_account_get(c->site, c->arena, str_of(id), &a, &c->err);

	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	return out_done(
	    c, account_json(&a), "%s account %.*s", what, STR_ARG(a.address));
}

int
cmd_account_add(struct ctl *c)
{
	struct str password, hash;
	struct site_account a;
	int status = password_given(c, &password, &hash);

	if (status == 0)
		status = account_make(c, ctl_arg(c, 0), password, hash, &a);
	return status == 0 ? done(c, a.id, "added") : status;
}

/* ------------------------------------------------------------------------
 * Showing
 */

static int
number_option(
    struct ctl *c, const char *name, uint64_t otherwise, uint64_t *out)
{
	const char *text = ctl_option(c, name);

	*out = otherwise;
	if (!text || str_u64(str_of(text), out))
		return 0;
	return ctl_failf(c, EX_USAGE, NULL, "--%s is a number", name);
}

int
cmd_account_list(struct ctl *c)
{
	struct site_account *list;
	struct site_address after = { 0 };
	const char *text = ctl_option(c, "after");
	enum site_rc rc;
	uint64_t limit;
	json_t *rows;
	size_t count;
	int status;

	if ((status = number_option(c, "limit", 0, &limit)) != 0 ||
	    (status = ctl_open_site(c)) != 0)
		return status;
	if (text && !site_address_parse(c->arena, str_of(text), &after))
		return ctl_failf(c, EX_USAGE, NULL, "--after is an address");
	rc = site_account_list(c->site, c->arena, ctl_arg(c, 0), after.key,
	    limit, &list, &count, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	rows = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(rows, account_json(&list[i]));
	return out_rows(c, list_columns, rows);
}

static void
add_usage(struct ctl *c, const struct site_account *a, json_t *o)
{
	struct usage u = { 0 };
	struct account *account;
	enum store_rc rc =
	    account_open(c->store, str_of(a->id), &account, &c->err);

	if (rc == STORE_OK) {
		rc = account_usage(account, &u, &c->err);
		account_close(&account);
	}
	if (rc != STORE_OK && a->backend.n == 0)
		ctl_warn(c, "its store cannot be read: %s", c->err.msg);
	json_object_set_new(o, "used_bytes", json_integer((json_int_t)u.bytes));
	json_object_set_new(
	    o, "used_messages", json_integer((json_int_t)u.messages));
}

int
cmd_account_show(struct ctl *c)
{
	struct site_account a;
	json_t *o;
	int status;

	if ((status = ctl_open_store(c)) != 0 ||
	    (status = ctl_account(c, ctl_arg(c, 0), &a)) != 0)
		return status;
	o = account_json(&a);
	add_usage(c, &a, o);
	return out_record(c, show_columns, o);
}

/* ------------------------------------------------------------------------
 * Changing
 */

static int
fields_given(struct ctl *c, struct site_account *a, unsigned *fields)
{
	const char *v;

	*fields = 0;
	if ((v = ctl_option(c, "name"))) {
		a->name = str_of(v);
		*fields |= SITE_SET_NAME;
	}
	if ((v = ctl_option(c, "address"))) {
		a->address = str_of(v);
		*fields |= SITE_SET_ADDRESS;
	}
	if ((v = ctl_option(c, "backend"))) {
		a->backend = str_of(v);
		*fields |= SITE_SET_BACKEND;
	}
	if ((v = ctl_option(c, "state"))) {
		if (!site_account_state_parse(str_of(v), &a->state))
			return ctl_failf(c, EX_USAGE, NULL,
			    "--state is active, disabled or suspended");
		*fields |= SITE_SET_STATE;
	}
	if (*fields || ctl_option(c, "quota") || ctl_option(c, "messages"))
		return 0;
	return ctl_failf(c, EX_USAGE, "its options are shown by --help",
	    "nothing to change");
}

/* A site that was restored has no store for it: backups leave it out. */
static int
come_home(struct ctl *c, const struct site_account *a)
{
	enum store_rc rc;
	int status = ctl_open_store(c);

	if (status != 0)
		return status;
	rc = account_create(c->store, str_of(a->id), &c->err);
	return rc == STORE_OK || rc == STORE_EXISTS
		   ? 0
		   : ctl_store_failed(c, rc, NULL);
}

int
cmd_account_set(struct ctl *c)
{
	struct site_account a;
	unsigned fields;
	enum site_rc rc;
	int status;

	if ((status = ctl_account(c, ctl_arg(c, 0), &a)) != 0 ||
	    (status = fields_given(c, &a, &fields)) != 0)
		return status;
	if (fields & SITE_SET_BACKEND && a.backend.n == 0 &&
	    (status = come_home(c, &a)) != 0)
		return status;
	if (fields) {
		rc = site_account_set(c->site, &c->by, fields, &a, &c->err);
		if (rc != SITE_OK)
			return ctl_site_failed(c, rc, NULL);
	}
	if ((status = set_quotas(c, &a)) != 0)
		return status;
	return done(c, a.id, "changed");
}

/* Mail that was kept from the account goes with it. */
static bool
forget_quarantine(struct ctl *c, const struct site_account *a)
{
	const char *dir = conf_get(c->conf, "data_dir");
	struct quarantine *q;
	bool ok;

	if (!quarantine_exists(dir))
		return true;
	if (!quarantine_open(dir, c->site, &q, &c->err))
		return false;
	ok = quarantine_forget(q, str_of(a->id), &c->err);
	quarantine_close(&q);
	return ok;
}

/* The name goes first: a store without a name is only dead weight, which
 * "mailstead check" finds; a name without a store would bounce mail. */
int
cmd_account_remove(struct ctl *c)
{
	struct site_account a;
	enum store_rc store_rc;
	enum site_rc rc;
	int status;

	if ((status = ctl_open_store(c)) != 0 ||
	    (status = ctl_account(c, ctl_arg(c, 0), &a)) != 0)
		return status;
	if (!ask_yes(c, "Remove the account with all its mail?"))
		return ctl_failf(c, EX_USAGE, "confirm with --yes",
		    "%.*s was not removed", STR_ARG(a.address));
	rc = site_account_remove(c->site, &c->by, str_of(a.id), &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	store_rc = account_remove(c->store, str_of(a.id), &c->err);
	if (store_rc != STORE_OK && store_rc != STORE_NOTFOUND)
		return ctl_store_failed(c, store_rc,
		    "the account is gone, its mail is not: remove its folder");
	if (!forget_quarantine(c, &a))
		return ctl_fail(c, EX_UNAVAILABLE,
		    "the account is gone; what it has in quarantine expires");
	return out_done(
	    c, account_json(&a), "removed account %.*s", STR_ARG(a.address));
}
