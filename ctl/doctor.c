/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/doctor.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ctl/daemons.h"
#include "ctl/verbs.h"

/* ------------------------------------------------------------------------
 * Findings
 */

static const char *const health_names[] = { "ok", "warning", "wrong" };

void
doctor_report(
    struct doctor *d, enum health h, const char *mend, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->count[h]++;
	json_array_append_new(d->findings,
	    json_pack("{s:s, s:o, s:o}", "health", health_names[h], "finding",
		json_str(str_of(text)), "mend", json_str(str_of(mend))));
	if (d->c->json)
		return;
	printf("%-8s %s\n", health_names[h], text);
	if (mend)
		printf("%-8s mend: %s\n", "", mend);
}

const char *
doctor_text(struct doctor *d, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return arena_cstr(d->c->arena, str_of(text));
}

/* ------------------------------------------------------------------------
 * User and folders
 */

static const struct passwd *
check_user(struct doctor *d)
{
	const char *name = conf_get(d->c->conf, "user");
	const struct passwd *pw = *name ? getpwnam(name) : NULL;

	if (*name && !pw)
		doctor_report(d, HEALTH_BAD,
		    doctor_text(d,
			"useradd --system --home-dir / "
			"--shell /usr/sbin/nologin %s",
			name),
		    "there is no user \"%s\" for the daemons", name);
	return pw;
}

static void
check_folder(
    struct doctor *d, const char *key, mode_t others, const struct passwd *pw)
{
	const char *path = conf_get(d->c->conf, key);
	struct stat st;

	if (stat(path, &st) != 0)
		doctor_report(d, HEALTH_BAD,
		    doctor_text(
			d, "mailstead -c %s setup", conf_path(d->c->conf)),
		    "%s %s is not there", key, path);
	else if (!S_ISDIR(st.st_mode))
		doctor_report(
		    d, HEALTH_BAD, NULL, "%s %s is not a folder", key, path);
	else if (pw && st.st_uid != pw->pw_uid)
		doctor_report(d, HEALTH_BAD,
		    doctor_text(d, "chown -R %s: %s", pw->pw_name, path),
		    "%s %s does not belong to %s", key, path, pw->pw_name);
	else if ((st.st_mode & 0007) & ~others)
		doctor_report(d, HEALTH_WARN,
		    doctor_text(d, "chmod o-rwx %s", path),
		    "%s %s is open to everybody", key, path);
	else
		doctor_report(d, HEALTH_OK, NULL, "%s %s", key, path);
}

#define LEAST_FREE (UINT64_C(1) << 30)

static void
check_space(struct doctor *d)
{
	const char *path = conf_get(d->c->conf, "data_dir");
	struct statvfs fs;
	uint64_t room;

	if (statvfs(path, &fs) != 0)
		return;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room < LEAST_FREE || fs.f_favail < 1000)
		doctor_report(d, HEALTH_BAD,
		    "mail is deferred when the disk is full: make room",
		    "only %llu MB and %llu files are free in %s",
		    (unsigned long long)room >> 20,
		    (unsigned long long)fs.f_favail, path);
	else
		doctor_report(d, HEALTH_OK, NULL, "%llu GB free in %s",
		    (unsigned long long)room >> 30, path);
}

static void
check_folders(struct doctor *d)
{
	const struct passwd *pw = check_user(d);

	check_folder(d, "data_dir", 0, pw);
	check_folder(d, "run_dir", 05, pw);
	check_space(d);
}

/* ------------------------------------------------------------------------
 * The site database
 */

static void
check_content(struct doctor *d)
{
	struct ctl *c = d->c;
	struct site_domain *list;
	uint64_t accounts = 0;
	size_t count = 0;

	if (site_domain_list(c->site, c->arena, &list, &count, &c->err) !=
	    SITE_OK) {
		doctor_report(d, HEALTH_BAD, NULL, "%s", c->err.msg);
		return;
	}
	for (size_t i = 0; i < count; i++)
		accounts += list[i].accounts;
	if (count == 0)
		doctor_report(d, HEALTH_WARN, "mailstead domain add NAME",
		    "the site has no domain");
	else if (accounts == 0)
		doctor_report(d, HEALTH_WARN, "mailstead account add ADDRESS",
		    "the site has no account");
	else
		doctor_report(d, HEALTH_OK, NULL, "%zu domains, %llu accounts",
		    count, (unsigned long long)accounts);
}

static void
check_database(struct doctor *d)
{
	struct ctl *c = d->c;
	const char *dir = conf_get(c->conf, "data_dir");
	const char *path = doctor_text(d, "%s/site.db", dir);

	if (access(path, F_OK) != 0) {
		doctor_report(d, HEALTH_BAD,
		    doctor_text(d, "mailstead -c %s setup", conf_path(c->conf)),
		    "%s is not there", path);
		return;
	}
	if (site_open(dir, &c->site, &c->err) != SITE_OK) {
		doctor_report(d, HEALTH_BAD,
		    "restore it: mailstead restore FOLDER", "%s", c->err.msg);
		return;
	}
	check_content(d);
}

/* ------------------------------------------------------------------------
 * Daemons
 */

static void
check_daemons(struct doctor *d)
{
	for (size_t i = 0; daemon_names[i]; i++) {
		if (daemon_runs(d->c, daemon_names[i]))
			doctor_report(
			    d, HEALTH_OK, NULL, "%s runs", daemon_names[i]);
		else
			doctor_report(d, HEALTH_BAD,
			    doctor_text(d, "%s/%s -c %s", MS_LIBEXECDIR,
				daemon_names[i], conf_path(d->c->conf)),
			    "%s does not run", daemon_names[i]);
	}
}

/* In the order in which one fault explains the next. */
static void (*const checks[])(struct doctor *d) = {
	check_folders,
	check_database,
	check_daemons,
	doctor_sockets,
	doctor_tls,
	doctor_dns,
	doctor_backends,
	doctor_logins,
	doctor_outgoing,
	doctor_scanners,
	doctor_postfix,
};

/* 0 if nothing is wrong; warnings do not count. */
int
cmd_doctor(struct ctl *c)
{
	struct doctor d = { .c = c, .findings = json_array() };
	bool wrong;
	int status;

	for (size_t i = 0; i < LEN(checks); i++)
		checks[i](&d);
	wrong = d.count[HEALTH_BAD] > 0;
	status = out_done(c,
	    json_pack("{s:o, s:i, s:i}", "findings", d.findings, "wrong",
		(int)d.count[HEALTH_BAD], "warnings",
		(int)d.count[HEALTH_WARN]),
	    "\n%u wrong, %u warnings, %u ok", d.count[HEALTH_BAD],
	    d.count[HEALTH_WARN], d.count[HEALTH_OK]);
	return status ? status : wrong;
}
