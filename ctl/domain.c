/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fs.h"
#include "base/mem.h"
#include "ctl/verbs.h"

static const struct column columns[] = {
	{ "name", "DOMAIN", COL_TEXT },
	{ "unicode", NULL, COL_TEXT },
	{ "accounts", "ACCOUNTS", COL_NUMBER },
	{ "aliases", "ALIASES", COL_NUMBER },
	{ "parent", "INHERITS FROM", COL_TEXT },
	{ "alias_of", "ALIAS OF", COL_TEXT },
	{ "disabled", "DISABLED", COL_BOOL },
	{ "created", "CREATED", COL_TIME },
	{ NULL, NULL, COL_TEXT },
};

static json_t *
domain_json(struct ctl *c, const struct site_domain *d)
{
	return json_pack("{s:o, s:o, s:I, s:I, s:o, s:o, s:b, s:I}", "name",
	    json_str(d->name), "unicode",
	    json_str(site_domain_display(c->arena, d->name)), "accounts",
	    (json_int_t)d->accounts, "aliases", (json_int_t)d->aliases,
	    "parent", json_str(d->parent), "alias_of", json_str(d->alias_of),
	    "disabled", (int)d->disabled, "created", (json_int_t)d->created);
}

static int
failed(struct ctl *c, enum site_rc rc)
{
	return ctl_site_failed(c, rc,
	    rc == SITE_NOTFOUND
		? "\"mailstead domain list\" shows those there are; "
		  "\"mailstead domain add NAME\" makes one"
		: NULL);
}

/* What a verb that changed a domain shows: the domain. */
static int
done(struct ctl *c, struct str name, const char *what)
{
	struct site_domain d;
	enum site_rc rc = site_domain_get(c->site, c->arena, name, &d, &c->err);

	if (rc != SITE_OK)
		return failed(c, rc);
	return out_done(
	    c, domain_json(c, &d), "%s domain %.*s", what, STR_ARG(d.name));
}

int
cmd_domain_add(struct ctl *c)
{
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_domain_add(c->site, &c->by, ctl_arg(c, 0),
	    str_of(ctl_option(c, "alias-of")), &c->err);
	return rc == SITE_OK ? done(c, ctl_arg(c, 0), "added") : failed(c, rc);
}

int
cmd_domain_list(struct ctl *c)
{
	json_t *rows = json_array();
	struct site_domain *list;
	enum site_rc rc;
	size_t count;
	int status = ctl_open_site(c);

	if (status == 0) {
		rc =
		    site_domain_list(c->site, c->arena, &list, &count, &c->err);
		status = rc == SITE_OK ? 0 : failed(c, rc);
	}
	if (status != 0) {
		json_decref(rows);
		return status;
	}
	for (size_t i = 0; i < count; i++)
		json_array_append_new(rows, domain_json(c, &list[i]));
	return out_rows(c, columns, rows);
}

int
cmd_domain_show(struct ctl *c)
{
	struct site_domain d;
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_domain_get(c->site, c->arena, ctl_arg(c, 0), &d, &c->err);
	return rc == SITE_OK ? out_record(c, columns, domain_json(c, &d))
			     : failed(c, rc);
}

bool
parse_yes_no(struct str s, bool *out)
{
	*out = str_ieqc(s, "yes");
	return *out || str_ieqc(s, "no");
}

int
yes_no_option(struct ctl *c, const char *name, bool *value, const bool **out)
{
	const char *text = ctl_option(c, name);

	*out = NULL;
	if (!text)
		return 0;
	if (!parse_yes_no(str_of(text), value))
		return ctl_failf(c, EX_USAGE, NULL, "--%s is yes or no", name);
	*out = value;
	return 0;
}

int
cmd_domain_set(struct ctl *c)
{
	const char *alias_of = ctl_option(c, "alias-of");
	const bool *disabled;
	bool value;
	enum site_rc rc;
	int status;

	if ((status = yes_no_option(c, "disabled", &value, &disabled)) != 0 ||
	    (status = ctl_open_site(c)) != 0)
		return status;
	if (!disabled && !alias_of)
		return ctl_failf(c, EX_USAGE, NULL,
		    "nothing to change: give --disabled or --alias-of");
	rc = site_domain_set(c->site, &c->by, ctl_arg(c, 0), disabled,
	    str_of(alias_of), &c->err);
	return rc == SITE_OK ? done(c, ctl_arg(c, 0), "changed")
			     : failed(c, rc);
}

int
cmd_domain_remove(struct ctl *c)
{
	struct site_domain d;
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_domain_get(c->site, c->arena, ctl_arg(c, 0), &d, &c->err);
	if (rc != SITE_OK)
		return failed(c, rc);
	if (d.aliases > 0 &&
	    !ask_yes(c, "Remove the domain with its aliases and settings?"))
		return ctl_failf(c, EX_USAGE, "confirm with --yes",
		    "%.*s has %llu aliases", STR_ARG(d.name),
		    (unsigned long long)d.aliases);
	rc = site_domain_remove(c->site, &c->by, d.name, &c->err);
	if (rc == SITE_EXISTS)
		return ctl_site_failed(
		    c, rc, "remove them first: mailstead account list DOMAIN");
	if (rc != SITE_OK)
		return failed(c, rc);
	return out_done(c, json_pack("{s:o}", "name", json_str(d.name)),
	    "removed domain %.*s", STR_ARG(d.name));
}

/* ------------------------------------------------------------------------
 * Certificates
 */

#define MAX_PEM 65536

static int
read_pem(struct ctl *c, const char *path, const char *mark, struct buf *out)
{
	if (!fs_read(path, MAX_PEM, out, &c->err))
		return ctl_fail(c, EX_NOINPUT, NULL);
	if (str_find(buf_str(out), str_of(mark)) == STR_NPOS)
		return ctl_failf(c, EX_DATAERR,
		    "both files are PEM: first the chain, then the key",
		    "%s holds no %s", path, mark);
	return 0;
}

int
cmd_certificate_set(struct ctl *c)
{
	struct buf chain = { 0 }, key = { 0 };
	enum site_rc rc;
	int status;

	if ((status = read_pem(c, c->argv[1], "BEGIN CERTIFICATE", &chain)) !=
		0 ||
	    (status = read_pem(c, c->argv[2], "PRIVATE KEY", &key)) != 0 ||
	    (status = ctl_open_site(c)) != 0)
		goto out;
	rc = site_certificate_set(c->site, &c->by, ctl_arg(c, 0),
	    buf_str(&chain), buf_str(&key), &c->err);
	status = rc == SITE_OK
		     ? out_done(c,
			   json_pack("{s:o}", "name", json_str(ctl_arg(c, 0))),
			   "stored the certificate of %s; running daemons "
			   "take it at a reload (SIGHUP)",
			   c->argv[0])
		     : ctl_site_failed(c, rc, NULL);
out:
	if (key.p)
		mem_wipe(key.p, key.n);
	buf_fini(&key);
	buf_fini(&chain);
	return status;
}

int
cmd_certificate_remove(struct ctl *c)
{
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_certificate_set(
	    c->site, &c->by, ctl_arg(c, 0), STR_NULL, STR_NULL, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	return out_done(c, json_pack("{s:o}", "name", json_str(ctl_arg(c, 0))),
	    "removed the certificate of %s", c->argv[0]);
}
