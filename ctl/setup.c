/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sanitize.h"
#include "ctl/verbs.h"

/*
 * setup makes what is missing and leaves alone what is there, so it can be
 * run again: the configuration file, the folders with the right owner,
 * site.db, the first domain and account.
 */

static const struct {
	const char *option, *key;
} conf_options[] = {
	{ "data-dir", "data_dir" },
	{ "run-dir", "run_dir" },
	{ "user", "user" },
	{ "hostname", "hostname" },
};

static const char *
conf_file(const struct ctl *c)
{
	const char *path = c->conf_path;

	if (!path)
		path = getenv("MAILSTEAD_CONF");
	return path ? path : MS_SYSCONFDIR "/mailstead/mailstead.conf";
}

static int
write_conf(struct ctl *c, const char *path)
{
	struct buf text = { 0 };
	struct str dir = str_of(path);
	size_t slash = str_rchr(dir, '/');
	bool ok = true;

	BUF_LIT(&text,
	    "# Mailstead's bootstrap configuration: mailstead.conf(5). All "
	    "else is in the site\n"
	    "# database; see \"mailstead setting list\".\n");
	for (size_t i = 0; i < LEN(conf_options); i++) {
		const char *v = ctl_option(c, conf_options[i].option);

		if (v)
			buf_printf(&text, "%s = %s\n", conf_options[i].key, v);
	}
	if (slash != STR_NPOS && slash > 0)
		ok = fs_mkdirs(arena_cstr(c->arena, str_sub(dir, 0, slash)),
		    0755, &c->err);
	ok = ok && fs_write_durable(path, buf_str(&text), 0644, &c->err);
	buf_fini(&text);
	return ok ? 0
		  : ctl_fail(c, EX_CANTCREAT,
			"run it as root, or name another file with -c");
}

static int
ensure_conf(struct ctl *c)
{
	const char *path = conf_file(c);
	int status = 0;

	if (access(path, F_OK) != 0)
		status = write_conf(c, path);
	if (status != 0)
		return status;
	c->conf_path = path;
	return conf_load(path, &c->conf, &c->err)
		   ? 0
		   : ctl_fail(c, EX_CONFIG, NULL);
}

/* ------------------------------------------------------------------------
 * Folders
 */

static int
find_owner(struct ctl *c, uid_t *uid, gid_t *gid)
{
	const char *name = conf_get(c->conf, "user");
	const struct passwd *pw;

	*uid = geteuid();
	*gid = getegid();
	if (*uid != 0 || !*name)
		return 0;
	pw = getpwnam(name);
	if (!pw)
		return ctl_failf(c, EX_NOUSER,
		    "make one: useradd --system --home-dir / "
		    "--shell /usr/sbin/nologin NAME; or give --user NAME",
		    "there is no user \"%s\"", name);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

static int
make_folder(struct ctl *c, const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;

	if (!fs_mkdirs(path, mode, &c->err))
		return ctl_fail(c, EX_CANTCREAT, NULL);
	if (stat(path, &st) == 0 && st.st_uid == uid)
		return 0;
	if (chown(path, uid, gid) == 0)
		return 0;
	err_errno(&c->err, "cannot give %s to its user", path);
	return ctl_fail(c, EX_CANTCREAT, NULL);
}

/* Others pass through run_dir to sockets, but do not look around in it. */
static int
make_folders(struct ctl *c)
{
	const char *data = conf_get(c->conf, "data_dir");
	const char *run = conf_get(c->conf, "run_dir");
	uid_t uid;
	gid_t gid;
	int status;

	if ((status = find_owner(c, &uid, &gid)) != 0 ||
	    (status = make_folder(c, data, 0700, uid, gid)) != 0 ||
	    (status = make_folder(c, run, 0755, uid, gid)) != 0)
		return status;
	if (geteuid() == uid)
		return 0;
	if (setgroups(0, NULL) == 0 && setgid(gid) == 0 && setuid(uid) == 0) {
		if (SANITIZED)
			prctl(PR_SET_DUMPABLE, 1);
		return 0;
	}
	err_errno(&c->err, "cannot become user %s", conf_get(c->conf, "user"));
	return ctl_fail(c, EX_OSERR, NULL);
}

/* ------------------------------------------------------------------------
 * Content
 */

static int
ensure_domain(struct ctl *c, struct str name)
{
	enum site_rc rc;

	if (name.n == 0)
		return 0;
	rc = site_domain_add(c->site, &c->by, name, STR_NULL, &c->err);
	if (rc == SITE_OK || rc == SITE_EXISTS)
		return 0;
	return ctl_site_failed(c, rc, NULL);
}

static int
ensure_account(struct ctl *c, struct str address)
{
	struct site_account a;
	struct str password;
	enum site_rc rc;
	size_t at = str_rchr(address, '@');
	int status;

	if (address.n == 0)
		return 0;
	rc = site_account_find(c->site, c->arena, address, &a, &c->err);
	if (rc == SITE_OK)
		return 0;
	if (rc != SITE_NOTFOUND)
		return ctl_site_failed(c, rc, NULL);
	if ((status = ensure_domain(c, str_sub(address, at + 1, address.n))) !=
		0 ||
	    (status = ask_password(c, &password)) != 0)
		return status;
	return account_make(c, address, password, STR_NULL, &a);
}

int
cmd_setup(struct ctl *c)
{
	struct str domain = str_of(ctl_option(c, "domain"));
	struct str address = str_of(ctl_option(c, "account"));
	int status;

	if ((status = ensure_conf(c)) != 0 || (status = make_folders(c)) != 0 ||
	    (status = ctl_open_store(c)) != 0 ||
	    (status = ensure_domain(c, domain)) != 0 ||
	    (status = ensure_account(c, address)) != 0)
		return status;
	return out_done(c,
	    json_pack("{s:s, s:s, s:s}", "config", conf_path(c->conf),
		"data_dir", conf_get(c->conf, "data_dir"), "run_dir",
		conf_get(c->conf, "run_dir")),
	    "The site is in %s, its configuration in %s.\n"
	    "Start lmtpd, imapd, pop3d, sieved, milterd and authd, then see "
	    "\"mailstead doctor\".",
	    conf_get(c->conf, "data_dir"), conf_path(c->conf));
}
