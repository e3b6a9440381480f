/* SPDX-License-Identifier: BSD-2-Clause */
#include <grp.h>
#include <linux/capability.h>
#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sanitize.h"
#include "ctl/ctl.h"

/*
 * Files of the site belong to the user of the daemons. A command that root
 * types must not leave root's files among them, so it becomes that user
 * first; VERB_FILES keep the right to reach the caller's files.
 */

static bool
keep_file_rights(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = 1u << CAP_DAC_OVERRIDE,
		    .permitted = 1u << CAP_DAC_OVERRIDE },
	};

	return syscall(SYS_capset, &head, data) == 0;
}

static int
become_user(struct ctl *c)
{
	const char *name = conf_get(c->conf, "user");
	const struct passwd *pw;
	bool files = c->verb->flags & VERB_FILES;

	if (geteuid() != 0 || c->verb->flags & VERB_ROOT || !*name)
		return 0;
	pw = getpwnam(name);
	if (!pw)
		return ctl_failf(c, EX_CONFIG,
		    "create it, or set \"user\" in the configuration",
		    "there is no user \"%s\"", name);
	if (pw->pw_uid == 0)
		return 0;
	if ((files && prctl(PR_SET_KEEPCAPS, 1) != 0) ||
	    initgroups(name, pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 ||
	    setuid(pw->pw_uid) != 0 || (files && !keep_file_rights())) {
		err_errno(&c->err, "cannot become user %s", name);
		return ctl_fail(c, EX_OSERR, NULL);
	}
	if (SANITIZED)
		prctl(PR_SET_DUMPABLE, 1);
	return 0;
}

/* "cli:NAME" of whoever typed it, also through sudo. */
static struct str
who_am_i(struct arena *a)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *pw = getpwuid(getuid());

	if (getuid() == 0 && sudo && *sudo)
		return arena_printf(a, "cli:%s", sudo);
	return arena_printf(a, "cli:%s", pw ? pw->pw_name : "?");
}

static int
load_conf(struct ctl *c)
{
	if (c->verb->flags & VERB_NO_CONF)
		return 0;
	if (conf_load(c->conf_path, &c->conf, &c->err))
		return 0;
	return ctl_fail(c, EX_CONFIG,
	    "name the file with -c FILE, or make a site with "
	    "\"mailstead setup\"");
}

static int
run(struct ctl *c, int argc, char **argv)
{
	int status = ctl_parse(c, argc, argv);

	if (status != 0 || !c->verb)
		return status;
	c->by.who = who_am_i(c->arena);
	if ((status = load_conf(c)) != 0)
		return status;
	if (c->conf && (status = become_user(c)) != 0)
		return status;
	return c->verb->run(c);
}

int
main(int argc, char **argv)
{
	struct ctl c = { .arena = arena_new() };
	int status;

	setlocale(LC_ALL, "");
	signal(SIGPIPE, SIG_IGN);
	log_init("mailstead", LOG_WARN, LOG_LOGFMT);
	status = run(&c, argc, argv);
	store_close(&c.store);
	site_close(&c.site);
	conf_free(&c.conf);
	arena_free(&c.arena);
	if (fflush(stdout) != 0 && status == 0)
		status = EX_IOERR;
	return status;
}
