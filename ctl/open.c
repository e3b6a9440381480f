/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>

#include "ctl/ctl.h"

/* ------------------------------------------------------------------------
 * Failures
 */

int
ctl_fail(struct ctl *c, int status, const char *hint)
{
	json_t *o;

	if (!c->json) {
		fprintf(stderr, "mailstead: %s\n", c->err.msg);
		if (hint)
			fprintf(stderr, "  next: %s\n", hint);
		return status;
	}
	o = json_pack("{s:{s:i, s:o}}", "error", "status", status, "message",
	    json_str(str_of(c->err.msg)));
	if (hint)
		json_object_set_new(
		    json_object_get(o, "error"), "next", json_string(hint));
	json_dumpf(o, stderr, JSON_COMPACT);
	fputc('\n', stderr);
	json_decref(o);
	return status;
}

int
ctl_failf(struct ctl *c, int status, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->err.msg, sizeof(c->err.msg), fmt, ap);
	va_end(ap);
	return ctl_fail(c, status, hint);
}

void
ctl_warn(struct ctl *c, const char *fmt, ...)
{
	va_list ap;

	(void)c;
	va_start(ap, fmt);
	fputs("mailstead: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

/* What usually helps, when the caller knows nothing better. */
int
ctl_site_failed(struct ctl *c, enum site_rc rc, const char *hint)
{
	static const struct {
		int status;
		const char *hint;
	} table[] = {
		[SITE_NOTFOUND] = { EX_NOUSER, NULL },
		[SITE_EXISTS] = { EX_CANTCREAT, NULL },
		[SITE_INVALID] = { EX_DATAERR, NULL },
		[SITE_DENIED] = { EX_NOPERM, NULL },
		[SITE_BLOCKED] = { EX_NOPERM, "see \"mailstead block list\"" },
		[SITE_DISABLED] = { EX_NOPERM, NULL },
		[SITE_BUSY] = { EX_TEMPFAIL,
		    "another process is writing: try again" },
		[SITE_NOSPACE] = { EX_CANTCREAT,
		    "free some disk space, or run this as root or the "
		    "daemons' user" },
		[SITE_CORRUPT] = { EX_SOFTWARE,
		    "restore site.db from a backup" },
		[SITE_IO] = { EX_IOERR,
		    "\"mailstead setup\" makes a site; \"mailstead doctor\" "
		    "checks one" },
		[SITE_BUG] = { EX_SOFTWARE, "please report this" },
	};

	return ctl_fail(c, table[rc].status, hint ? hint : table[rc].hint);
}

int
ctl_store_failed(struct ctl *c, enum store_rc rc, const char *hint)
{
	static const struct {
		int status;
		const char *hint;
	} table[] = {
		[STORE_NOTFOUND] = { EX_NOINPUT, NULL },
		[STORE_EXISTS] = { EX_CANTCREAT, NULL },
		[STORE_INVALID] = { EX_DATAERR, NULL },
		[STORE_QUOTA] = { EX_CANTCREAT,
		    "raise the quota: mailstead account set ADDRESS "
		    "--quota SIZE" },
		[STORE_LIMIT] = { EX_UNAVAILABLE, NULL },
		[STORE_BUSY] = { EX_TEMPFAIL,
		    "another process is writing: try again" },
		[STORE_NOSPACE] = { EX_CANTCREAT, "free some disk space" },
		[STORE_CORRUPT] = { EX_SOFTWARE,
		    "run \"mailstead check --repair\"" },
		[STORE_IO] = { EX_IOERR, NULL },
		[STORE_BUG] = { EX_SOFTWARE, "please report this" },
	};

	return ctl_fail(c, table[rc].status, hint ? hint : table[rc].hint);
}

/* ------------------------------------------------------------------------
 * Opening
 */

int
ctl_open_site(struct ctl *c)
{
	enum site_rc rc;

	if (c->site)
		return 0;
	rc = site_open(conf_get(c->conf, "data_dir"), &c->site, &c->err);
	return rc == SITE_OK ? 0 : ctl_site_failed(c, rc, NULL);
}

static const struct site_scope whole_site;

int
ctl_open_store(struct ctl *c)
{
	struct store_options o;
	enum store_rc rc;
	int status = ctl_open_site(c);

	if (status != 0 || c->store)
		return status;
	o = (struct store_options){
		.data_dir = conf_get(c->conf, "data_dir"),
		.run_dir = conf_get(c->conf, "run_dir"),
		.blob_threshold = site_setting_uint(
		    c->site, "store.blob_threshold", whole_site),
		.no_indexer = true,
	};
	rc = store_open(&o, &c->store, &c->err);
	return rc == STORE_OK ? 0 : ctl_store_failed(c, rc, NULL);
}

int
ctl_account(struct ctl *c, struct str name, struct site_account *out)
{
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = account_id_valid(name)
		 ? site_account_get(c->site, c->arena, name, out, &c->err)
		 : site_account_find(c->site, c->arena, name, out, &c->err);
	return rc == SITE_OK
		   ? 0
		   : ctl_site_failed(c, rc,
			 rc == SITE_NOTFOUND ? "\"mailstead account list\" "
					       "shows those there are"
					     : NULL);
}

int
ctl_open_account(struct ctl *c, struct str name, struct site_account *acc,
    struct account **out)
{
	enum store_rc rc;
	int status;

	if ((status = ctl_open_store(c)) != 0 ||
	    (status = ctl_account(c, name, acc)) != 0)
		return status;
	rc = account_open(c->store, str_of(acc->id), out, &c->err);
	return rc == STORE_OK ? 0 : ctl_store_failed(c, rc, NULL);
}
