/* SPDX-License-Identifier: BSD-2-Clause */
/* Sieve scripts of accounts and of the site: what there is, and changing it. */
#include "ctl/sieve.h"

#include <stdio.h>

#include "base/codec.h"
#include "ctl/verbs.h"
#include "script/note.h"

static const char list_hint[] =
    "\"mailstead sieve list\" shows those there are";

static json_t *
hash_json(const uint8_t hash[SHA256_LEN])
{
	struct buf b = { 0 };
	json_t *v;

	hex_encode(&b, hash, SHA256_LEN);
	v = json_str(buf_str(&b));
	buf_fini(&b);
	return v;
}

static int
store_failed(struct ctl *c, enum store_rc rc)
{
	static const char *const hints[STORE_BUG + 1] = {
		[STORE_NOTFOUND] = list_hint,
		[STORE_QUOTA] = "see the setting sieve.max_storage",
		[STORE_LIMIT] = "see the setting sieve.max_scripts",
	};

	return ctl_store_failed(c, rc, hints[rc]);
}

static int
site_failed(struct ctl *c, enum site_rc rc)
{
	return ctl_site_failed(c, rc, rc == SITE_NOTFOUND ? list_hint : NULL);
}

/* ------------------------------------------------------------------------
 * list
 */

/* How it failed when it ran last, or "". */
static json_t *
failure_json(const struct sieve_target *t, const struct script *s)
{
	struct buf text = { 0 };
	struct err e = ERR_INIT;
	bool found;
	json_t *value;

	script_note_get(t->account, s->name, s->hash, &found, &text, &e);
	value = json_str(buf_str(&text));
	buf_fini(&text);
	return value;
}

static int
list_account(struct ctl *c, const struct sieve_target *t)
{
	static const struct column columns[] = {
		{ "name", "SCRIPT", COL_TEXT },
		{ "active", "ACTIVE", COL_BOOL },
		{ "size", "SIZE", COL_SIZE },
		{ "changed", "CHANGED", COL_TIME },
		{ "failure", "FAILURE", COL_TEXT },
		{ "hash", NULL, COL_TEXT },
		{ NULL, NULL, COL_TEXT },
	};
	struct script *list;
	json_t *rows;
	size_t n;
	enum store_rc rc =
	    script_list(t->account, c->arena, &list, &n, &c->err);

	if (rc != STORE_OK)
		return store_failed(c, rc);
	rows = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows,
		    json_pack("{s:o, s:b, s:I, s:I, s:I, s:o, s:o}", "name",
			json_str(list[i].name), "active", (int)list[i].active,
			"size", (json_int_t)list[i].size, "created",
			(json_int_t)list[i].created, "changed",
			(json_int_t)list[i].changed, "failure",
			failure_json(t, &list[i]), "hash",
			hash_json(list[i].hash)));
	return out_rows(c, columns, rows);
}

static bool
wanted(const struct ctl *c, const struct site_script *w)
{
	const char *place = ctl_option(c, "place");
	const char *domain = ctl_option(c, "domain");

	return (!place ||
		   str_ieqc(str_of(site_script_place_name(w->place)), place)) &&
	       (!domain || str_ieqc(w->domain, domain));
}

static int
list_site(struct ctl *c)
{
	static const struct column columns[] = {
		{ "domain", "DOMAIN", COL_TEXT },
		{ "place", "PLACE", COL_TEXT },
		{ "name", "SCRIPT", COL_TEXT },
		{ "size", "SIZE", COL_SIZE },
		{ "changed", "CHANGED", COL_TIME },
		{ "hash", NULL, COL_TEXT },
		{ NULL, NULL, COL_TEXT },
	};
	struct site_script *list;
	json_t *rows;
	size_t n;
	int status = ctl_open_site(c);
	enum site_rc rc;

	if (status != 0)
		return status;
	rc = site_script_list(c->site, c->arena, &list, &n, &c->err);
	if (rc != SITE_OK)
		return site_failed(c, rc);
	rows = json_array();
	for (size_t i = 0; i < n; i++) {
		if (wanted(c, &list[i]))
			json_array_append_new(rows,
			    json_pack("{s:o, s:s, s:o, s:I, s:I, s:o}",
				"domain", json_str(list[i].domain), "place",
				site_script_place_name(list[i].place), "name",
				json_str(list[i].name), "size",
				(json_int_t)list[i].size, "changed",
				(json_int_t)list[i].changed, "hash",
				hash_json(list[i].hash)));
	}
	return out_rows(c, columns, rows);
}

int
cmd_sieve_list(struct ctl *c)
{
	struct sieve_target t;
	int status;

	if (c->argc == 0)
		return list_site(c);
	if ((status = sieve_target(c, false, &t)) == 0)
		status = list_account(c, &t);
	sieve_target_fini(&t);
	return status;
}

/* ------------------------------------------------------------------------
 * get
 */

static int
read_script(struct ctl *c, struct sieve_target *t, struct buf *out)
{
	enum store_rc store;
	enum site_rc site;

	if (t->account) {
		store = script_get(
		    t->account, c->arena, t->name, NULL, out, &c->err);
		return store == STORE_OK ? 0 : store_failed(c, store);
	}
	site = site_script_get(c->site, &t->site, out, &c->err);
	return site == SITE_OK ? 0 : site_failed(c, site);
}

int
cmd_sieve_get(struct ctl *c)
{
	struct sieve_target t;
	struct buf text = { 0 };
	int status = sieve_target(c, true, &t);

	if (status == 0)
		status = read_script(c, &t, &text);
	if (status == 0 && c->json)
		status = out_done(c,
		    json_pack("{s:o, s:o}", "name", json_str(t.name), "source",
			json_str(buf_str(&text))),
		    "%s", "");
	else if (status == 0 && text.n > 0)
		fwrite(text.p, 1, text.n, stdout);
	buf_fini(&text);
	sieve_target_fini(&t);
	return status;
}

/* ------------------------------------------------------------------------
 * put
 */

static int
write_script(struct ctl *c, const struct sieve_target *t,
    const struct script_source *source, struct str text)
{
	enum store_rc rc;
	enum site_rc site;

	if (!t->account) {
		site =
		    site_script_put(c->site, &c->by, &t->site, text, &c->err);
		return site == SITE_OK ? 0 : site_failed(c, site);
	}
	rc = script_put(
	    t->account, t->name, text, &source->rules.store, &c->err);
	if (rc == STORE_OK && ctl_switch(c, "activate"))
		rc = script_activate(t->account, t->name, &c->err);
	return rc == STORE_OK ? 0 : store_failed(c, rc);
}

static int
compile_and_write(struct ctl *c, const struct sieve_target *t, struct str text,
    struct sieve_diags *d)
{
	struct script_source source;

	sieve_target_source(c, t, &source);
	if (text.n > source.rules.limits.script)
		return ctl_failf(c, EX_DATAERR,
		    "see the setting sieve.max_script_size",
		    "the script has %zu octets, more than %zu", text.n,
		    source.rules.limits.script);
	if (ctl_switch(c, "activate"))
		source.rules.caps = sieve_caps_delivery(source.rules.caps);
	if (script_check(&source, c->arena, t->name, text, d)) {
		if (!c->json)
			sieve_print_diags(d);
		return write_script(c, t, &source, text);
	}
	sieve_print_diags(d);
	return ctl_failf(c, EX_DATAERR, "nothing was stored",
	    "the script has %u error%s", d->errors, d->errors == 1 ? "" : "s");
}

int
cmd_sieve_put(struct ctl *c)
{
	struct sieve_target t;
	struct sieve_diags d = { 0 };
	struct buf text = { 0 };
	int status = sieve_target(c, true, &t);

	if (status == 0 && ctl_switch(c, "activate") && !t.account)
		status = ctl_failf(c, EX_USAGE,
		    "its place says when a script of the site runs",
		    "--activate is for scripts of accounts");
	if (status == 0)
		status = sieve_read_file(
		    c, t.next < c->argc ? c->argv[t.next] : "-", &text);
	if (status == 0)
		status = compile_and_write(c, &t, buf_str(&text), &d);
	if (status == 0)
		status = out_done(c,
		    json_pack("{s:o, s:I, s:o}", "name", json_str(t.name),
			"size", (json_int_t)text.n, "warnings",
			sieve_diags_json(&d)),
		    "stored the script \"%.*s\"", STR_ARG(t.name));
	buf_fini(&text);
	sieve_target_fini(&t);
	return status;
}

/* ------------------------------------------------------------------------
 * Changing
 */

static int
changed(struct ctl *c, struct str name, const char *what)
{
	return out_done(c, json_pack("{s:o}", "name", json_str(name)),
	    "%s the script \"%.*s\"", what, STR_ARG(name));
}

/* It may have been stored when other extensions were allowed, or for IMAP
 * events, where no script needs to be active. */
static int
activate(struct ctl *c, struct sieve_target *t)
{
	struct script_source source;
	struct sieve_diags d;
	struct buf text = { 0 };
	enum store_rc rc = STORE_OK;
	int status = read_script(c, t, &text);

	if (status != 0)
		return status;
	sieve_target_source(c, t, &source);
	source.rules.caps = sieve_caps_delivery(source.rules.caps);
	if (script_check(&source, c->arena, t->name, buf_str(&text), &d)) {
		rc = script_activate(t->account, t->name, &c->err);
		status = rc == STORE_OK ? 0 : store_failed(c, rc);
	} else {
		sieve_print_diags(&d);
		status = ctl_failf(c, EX_DATAERR,
		    "put it anew without them, or see the setting "
		    "sieve.extensions",
		    "the script has errors");
	}
	buf_fini(&text);
	return status;
}

int
cmd_sieve_activate(struct ctl *c)
{
	struct sieve_target t;
	int status = sieve_target(c, true, &t);

	if (status == 0)
		status = activate(c, &t);
	if (status == 0)
		status = changed(c, t.name, "activated");
	sieve_target_fini(&t);
	return status;
}

int
cmd_sieve_deactivate(struct ctl *c)
{
	struct sieve_target t;
	enum store_rc rc;
	int status = sieve_target(c, false, &t);

	if (status == 0) {
		rc = script_activate(t.account, STR(""), &c->err);
		status = rc != STORE_OK ? store_failed(c, rc)
					: out_done(c,
					      json_pack("{s:o}", "address",
						  json_str(t.acc.address)),
					      "%.*s has no active script",
					      STR_ARG(t.acc.address));
	}
	sieve_target_fini(&t);
	return status;
}

int
cmd_sieve_rename(struct ctl *c)
{
	struct sieve_target t;
	struct str to = ctl_arg(c, 2);
	enum store_rc rc;
	int status = sieve_target(c, true, &t);

	if (status == 0 && !sieve_name_valid(to))
		status = ctl_failf(c, EX_DATAERR, NULL,
		    "a Sieve script cannot be called \"%s\"", c->argv[2]);
	if (status == 0) {
		rc = script_rename(t.account, t.name, to, &c->err);
		status = rc == STORE_OK ? changed(c, to, "renamed it to")
					: store_failed(c, rc);
	}
	sieve_target_fini(&t);
	return status;
}

static int
delete_script(struct ctl *c, const struct sieve_target *t)
{
	enum store_rc rc;
	enum site_rc site;

	if (!t->account) {
		site = site_script_delete(c->site, &c->by, &t->site, &c->err);
		return site == SITE_OK ? 0 : site_failed(c, site);
	}
	rc = script_delete(t->account, t->name, &c->err);
	if (rc == STORE_INVALID)
		return ctl_store_failed(c, rc,
		    "activate another one, or \"mailstead sieve deactivate\"");
	return rc == STORE_OK ? 0 : store_failed(c, rc);
}

int
cmd_sieve_delete(struct ctl *c)
{
	struct sieve_target t;
	int status = sieve_target(c, true, &t);

	if (status == 0)
		status = delete_script(c, &t);
	if (status == 0)
		status = changed(c, t.name, "deleted");
	sieve_target_fini(&t);
	return status;
}
