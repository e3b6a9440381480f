/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "ctl/verbs.h"
#include "filter/quarantine.h"
#include "store/check.h"

/*
 * A backup is a folder laid out like the data directory: site.db, the
 * quarantine, and accounts/xx/ID with each account as of one moment, verified;
 * manifest.json is written last, so a folder without it is a backup that did
 * not finish.
 */

#define MAX_MANIFEST (256u << 20)

static const char *
part(struct ctl *c, const char *dir, const char *name)
{
	return arena_printf(c->arena, "%s/%s", dir, name).p;
}

static const char *
account_dir(struct ctl *c, const char *dir, const char *id)
{
	return arena_printf(c->arena, "%s/accounts/%.2s/%s", dir, id, id).p;
}

/* An account that another server holds may have no store here: *HELD tells. */
static int
backup_account(
    struct ctl *c, const char *dest, const struct site_account *acc, bool *held)
{
	const char *dir = account_dir(c, dest, acc->id);
	const char *parent =
	    arena_printf(c->arena, "%s/accounts/%.2s", dest, acc->id).p;
	struct account *a;
	enum store_rc rc;

	rc = account_open(c->store, str_of(acc->id), &a, &c->err);
	*held = rc != STORE_NOTFOUND || acc->backend.n == 0;
	if (!*held)
		return 0;
	if (rc == STORE_OK && !fs_mkdirs(parent, 0700, &c->err)) {
		account_close(&a);
		return ctl_fail(c, EX_CANTCREAT, NULL);
	}
	if (rc == STORE_OK) {
		rc = account_backup(
		    a, dir, !ctl_switch(c, "no-verify"), &c->err);
		account_close(&a);
	}
	if (rc == STORE_OK)
		return 0;
	err_prefix(&c->err, "%.*s", STR_ARG(acc->address));
	return ctl_store_failed(c, rc, NULL);
}

static json_t *
manifest_row(const struct site_account *acc)
{
	return json_pack("{s:s, s:o, s:o}", "id", acc->id, "address",
	    json_str(acc->address), "name", json_str(acc->name));
}

static int
write_manifest(struct ctl *c, const char *dest, json_t *accounts, bool site)
{
	json_t *o = json_pack("{s:i, s:I, s:b, s:O}", "format", 1, "created",
	    (json_int_t)clock_now(), "site", (int)site, "accounts", accounts);
	char *text = json_dumps(o, JSON_INDENT(1));
	bool ok = fs_write_durable(
	    part(c, dest, "manifest.json"), str_of(text), 0600, &c->err);

	free(text);
	json_decref(o);
	return ok ? 0 : ctl_fail(c, EX_CANTCREAT, NULL);
}

/* Those named on the command line, else all. */
static int
chosen_accounts(struct ctl *c, struct site_account **list, size_t *count)
{
	enum site_rc rc;

	if (c->argc == 1) {
		rc = site_account_list(c->site, c->arena, STR_NULL, STR_NULL, 0,
		    list, count, &c->err);
		return rc == SITE_OK ? 0 : ctl_site_failed(c, rc, NULL);
	}
	*count = (size_t)c->argc - 1;
	*list = arena_array(c->arena, *count, sizeof(**list));
	for (size_t i = 0; i < *count; i++) {
		int status =
		    ctl_account(c, ctl_arg(c, (int)i + 1), &(*list)[i]);

		if (status != 0)
			return status;
	}
	return 0;
}

static int
backup_all(struct ctl *c, const char *dest, json_t *rows)
{
	struct site_account *list;
	struct progress bar;
	size_t count;
	int status = chosen_accounts(c, &list, &count);

	if (status != 0)
		return status;
	progress_start(&bar, c, "backing up", count);
	for (size_t i = 0; status == 0 && i < count; i++) {
		bool held;

		progress_add(&bar, 1);
		status = backup_account(c, dest, &list[i], &held);
		if (held)
			json_array_append_new(rows, manifest_row(&list[i]));
	}
	progress_end(&bar);
	return status;
}

static int
backup_quarantine(struct ctl *c, const char *dest)
{
	const char *data = conf_get(c->conf, "data_dir");
	struct quarantine *q = NULL;
	bool ok;

	if (!quarantine_exists(data))
		return 0;
	ok = quarantine_open(data, c->site, &q, &c->err) &&
	     quarantine_backup(q, dest, &c->err);
	quarantine_close(&q);
	return ok ? 0 : ctl_fail(c, EX_IOERR, NULL);
}

static int
backup_site(struct ctl *c, const char *dest)
{
	enum site_rc rc =
	    site_backup(c->site, part(c, dest, "site.db"), &c->err);

	return rc == SITE_OK ? backup_quarantine(c, dest)
			     : ctl_site_failed(c, rc, NULL);
}

int
cmd_backup(struct ctl *c)
{
	const char *dest = c->argv[0];
	bool whole = c->argc == 1;
	json_t *rows;
	size_t count;
	int status = ctl_open_store(c);

	if (status != 0)
		return status;
	if (mkdir(dest, 0700) != 0) {
		err_errno(&c->err, "cannot make the folder %s", dest);
		return ctl_fail(
		    c, EX_CANTCREAT, "name one that does not exist yet");
	}
	rows = json_array();
	if (whole)
		status = backup_site(c, dest);
	if (status == 0)
		status = backup_all(c, dest, rows);
	if (status == 0)
		status = write_manifest(c, dest, rows, whole);
	count = json_array_size(rows);
	json_decref(rows);
	if (status != 0)
		return status;
	return out_done(c,
	    json_pack("{s:s, s:I, s:b}", "folder", dest, "accounts",
		(json_int_t)count, "site", (int)whole),
	    "backed up %zu accounts%s to %s", count,
	    whole ? " and the site database" : "", dest);
}

/* ------------------------------------------------------------------------
 * Restore
 */

static int
read_manifest(struct ctl *c, const char *source, json_t **out)
{
	const char *path = part(c, source, "manifest.json");
	struct buf text = { 0 };
	json_error_t wrong;

	*out = NULL;
	if (!fs_read(path, MAX_MANIFEST, &text, &c->err))
		return ctl_fail(c, EX_NOINPUT,
		    "a folder without manifest.json is no finished backup");
	*out = json_loadb(text.p, text.n, 0, &wrong);
	buf_fini(&text);
	if (json_integer_value(json_object_get(*out, "format")) == 1)
		return 0;
	json_decref(*out);
	*out = NULL;
	return ctl_failf(
	    c, EX_DATAERR, NULL, "%s is not a manifest we know", path);
}

static const char *
field(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s ? s : "";
}

static int
restore_store(
    struct ctl *c, const char *source, const char *from_id, const char *id)
{
	enum store_rc rc = account_restore(
	    c->store, str_of(id), account_dir(c, source, from_id), &c->err);

	return rc == STORE_OK ? 0 : ctl_store_failed(c, rc, NULL);
}

static int
restore_site(struct ctl *c, const char *source, const json_t *manifest)
{
	const char *data = conf_get(c->conf, "data_dir");
	const char *db = part(c, data, "site.db");
	struct buf text = { 0 };
	struct progress bar;
	const json_t *list = json_object_get(manifest, "accounts");
	int status = 0;

	if (access(db, F_OK) == 0)
		return ctl_failf(c, EX_CANTCREAT,
		    "move it away for a full restore, or name the accounts "
		    "to bring back",
		    "%s exists", db);
	if (!json_is_true(json_object_get(manifest, "site")))
		return ctl_failf(c, EX_DATAERR, "name the accounts",
		    "this backup holds accounts only");
	if (!fs_mkdirs(data, 0700, &c->err) ||
	    !fs_read(
		part(c, source, "site.db"), SIZE_MAX / 2, &text, &c->err) ||
	    !fs_write_durable(db, buf_str(&text), 0600, &c->err))
		status = ctl_fail(c, EX_CANTCREAT, NULL);
	buf_fini(&text);
	if (status == 0 && quarantine_exists(source) &&
	    !quarantine_restore(data, source, &c->err))
		status = ctl_fail(c, EX_CANTCREAT, NULL);
	if (status == 0)
		status = ctl_open_store(c);
	progress_start(&bar, c, "restoring", json_array_size(list));
	for (size_t i = 0; status == 0 && i < json_array_size(list); i++) {
		const char *id = field(json_array_get(list, i), "id");

		status = restore_store(c, source, id, id);
		progress_add(&bar, 1);
	}
	progress_end(&bar);
	return status;
}

static const json_t *
find_row(const json_t *manifest, const char *name)
{
	const json_t *list = json_object_get(manifest, "accounts");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *row = json_array_get(list, i);

		if (str_ieqc(str_of(name), field(row, "address")) ||
		    strcmp(name, field(row, "id")) == 0)
			return row;
	}
	return NULL;
}

/* The account to put it into: the one of that address, or a new one without
 * a password, since ids are never used twice. */
static int
restore_target(struct ctl *c, const json_t *row, struct site_account *acc)
{
	struct str address = str_of(field(row, "address"));
	enum store_rc store_rc;
	enum site_rc rc =
	    site_account_find(c->site, c->arena, address, acc, &c->err);

	if (rc == SITE_NOTFOUND) {
		rc = site_account_add(c->site, c->arena, &c->by, address,
		    str_of(field(row, "name")), STR_NULL, acc, &c->err);
		if (rc == SITE_OK)
			ctl_warn(c, "made account %.*s anew; set its password",
			    STR_ARG(address));
		return rc == SITE_OK ? 0 : ctl_site_failed(c, rc, NULL);
	}
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	if (!ask_yes(c, "Replace what the account holds now?"))
		return ctl_failf(c, EX_USAGE, "confirm with --yes",
		    "%.*s holds mail", STR_ARG(address));
	store_rc = account_remove(c->store, str_of(acc->id), &c->err);
	return store_rc == STORE_OK || store_rc == STORE_NOTFOUND
		   ? 0
		   : ctl_store_failed(c, store_rc, NULL);
}

static int
restore_accounts(struct ctl *c, const char *source, const json_t *manifest)
{
	int status = ctl_open_store(c);

	for (int i = 1; status == 0 && i < c->argc; i++) {
		const json_t *row = find_row(manifest, c->argv[i]);
		struct site_account acc;

		if (!row)
			return ctl_failf(c, EX_NOINPUT,
			    "manifest.json lists those it holds",
			    "the backup has no account %s", c->argv[i]);
		status = restore_target(c, row, &acc);
		if (status == 0)
			status =
			    restore_store(c, source, field(row, "id"), acc.id);
	}
	return status;
}

int
cmd_restore(struct ctl *c)
{
	const char *source = c->argv[0];
	size_t count;
	json_t *manifest;
	int status = read_manifest(c, source, &manifest);

	if (status != 0)
		return status;
	status = c->argc == 1 ? restore_site(c, source, manifest)
			      : restore_accounts(c, source, manifest);
	count = c->argc == 1
		    ? json_array_size(json_object_get(manifest, "accounts"))
		    : (size_t)c->argc - 1;
	json_decref(manifest);
	if (status != 0)
		return status;
	return out_done(c, json_pack("{s:I}", "accounts", (json_int_t)count),
	    "restored %zu accounts from %s", count, source);
}
