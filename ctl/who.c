/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ctl/daemons.h"
#include "ctl/outgoing.h"
#include "ctl/verbs.h"
#include "net/control.h"

const char *const daemon_names[] = { "lmtpd", "imapd", "pop3d", "sieved",
	"milterd", "authd", NULL };

/* ------------------------------------------------------------------------
 * who
 */

static bool
matches(const json_t *row, const char *user)
{
	const char *name = json_string_value(json_object_get(row, "user"));

	return !user || (name && str_ieqc(str_of(name), user));
}

/* The sessions of one daemon, with its name added. */
static void
add_sessions(struct ctl *c, const char *daemon, const char *user, json_t *rows)
{
	struct buf body = { 0 };
	json_t *list, *row;
	json_error_t wrong;
	size_t i;

	if (!control_get(
		conf_get(c->conf, "run_dir"), daemon, "/who", &body, &c->err)) {
		ctl_warn(c, "%s", c->err.msg);
		buf_fini(&body);
		return;
	}
	list = json_loadb(body.p, body.n, 0, &wrong);
	json_array_foreach(list, i, row)
	{
		if (!matches(row, user))
			continue;
		json_object_set_new(row, "daemon", json_string(daemon));
		json_array_append(rows, row);
	}
	json_decref(list);
	buf_fini(&body);
}

int
cmd_who(struct ctl *c)
{
	static const struct column columns[] = {
		{ "daemon", "DAEMON", COL_TEXT },
		{ "protocol", "PROTOCOL", COL_TEXT },
		{ "user", "USER", COL_TEXT },
		{ "address", "FROM", COL_TEXT },
		{ "tls", "TLS", COL_BOOL },
		{ "since", "SINCE", COL_TIME },
		{ "id", "SESSION", COL_TEXT },
		{ NULL, NULL, COL_TEXT },
	};
	json_t *rows = json_array();

	for (size_t i = 0; daemon_names[i]; i++)
		add_sessions(
		    c, daemon_names[i], c->argc > 0 ? c->argv[0] : NULL, rows);
	return out_rows(c, columns, rows);
}

/* ------------------------------------------------------------------------
 * status
 */

/* The value of a metric without labels, or 0. */
static int64_t
metric_value(struct str page, const char *name)
{
	struct str line;
	struct buf text = { 0 };
	int64_t v = 0;

	while (str_split(&page, '\n', &line)) {
		size_t space = str_chr(line, ' ');

		if (space == STR_NPOS ||
		    !str_eqc(str_sub(line, 0, space), name))
			continue;
		buf_putstr(&text, str_sub(line, space + 1, line.n));
		v = (int64_t)strtod(buf_cstr(&text), NULL);
		break;
	}
	buf_fini(&text);
	return v;
}

/* Resident memory by the process id in NAME.pid; 0 if it cannot be told. */
static int64_t
memory_of(struct ctl *c, const char *name)
{
	char path[64];
	long pid = 0, pages = 0;
	FILE *f = fopen(arena_printf(c->arena, "%s/%s.pid",
			    conf_get(c->conf, "run_dir"), name)
			    .p,
	    "re");

	if (!f)
		return 0;
	if (fscanf(f, "%ld", &pid) != 1)
		pid = 0;
	fclose(f);
	snprintf(path, sizeof(path), "/proc/%ld/statm", pid);
	if (pid == 0 || !(f = fopen(path, "re")))
		return 0;
	if (fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	fclose(f);
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* The sessions a daemon lists; its control connections are not among them. */
static int64_t
count_sessions(const char *run, const char *name)
{
	struct buf body = { 0 };
	struct err ignored;
	json_error_t wrong;
	json_t *list = NULL;
	int64_t n;

	if (control_get(run, name, "/who", &body, &ignored))
		list = json_loadb(body.p, body.n, 0, &wrong);
	n = (int64_t)json_array_size(list);
	json_decref(list);
	buf_fini(&body);
	return n;
}

bool
daemon_runs(struct ctl *c, const char *name)
{
	struct buf body = { 0 };
	struct err ignored;
	bool ok = control_get(
	    conf_get(c->conf, "run_dir"), name, "/healthz", &body, &ignored);

	buf_fini(&body);
	return ok;
}

static json_t *
daemon_json(struct ctl *c, const char *name, bool *ok)
{
	const char *run = conf_get(c->conf, "run_dir");
	struct buf body = { 0 };
	struct err ignored;
	int64_t started = 0;
	bool runs = daemon_runs(c, name);

	if (runs && control_get(run, name, "/metrics", &body, &ignored))
		started = metric_value(
		    buf_str(&body), "mailstead_start_time_seconds");
	buf_fini(&body);
	*ok = *ok && runs;
	return json_pack("{s:s, s:b, s:I, s:I, s:I}", "daemon", name, "running",
	    (int)runs, "sessions",
	    (json_int_t)(runs ? count_sessions(run, name) : 0), "memory",
	    (json_int_t)(runs ? memory_of(c, name) : 0), "since",
	    (json_int_t)started);
}

static json_t *
site_json(struct ctl *c)
{
	struct site_domain *list;
	struct statvfs fs;
	uint64_t accounts = 0, aliases = 0, room = 0;
	size_t count = 0;

	if (site_domain_list(c->site, c->arena, &list, &count, &c->err) !=
	    SITE_OK)
		ctl_warn(c, "%s", c->err.msg);
	for (size_t i = 0; i < count; i++) {
		accounts += list[i].accounts;
		aliases += list[i].aliases;
	}
	if (statvfs(conf_get(c->conf, "data_dir"), &fs) == 0)
		room = (uint64_t)fs.f_bavail * fs.f_frsize;
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "data_dir",
	    conf_get(c->conf, "data_dir"), "domains", (json_int_t)count,
	    "accounts", (json_int_t)accounts, "aliases", (json_int_t)aliases,
	    "free", (json_int_t)room, "outgoing",
	    (json_int_t)count_outgoing(c));
}

static const struct column daemon_columns[] = {
	{ "daemon", "DAEMON", COL_TEXT },
	{ "running", "RUNNING", COL_BOOL },
	{ "sessions", "SESSIONS", COL_NUMBER },
	{ "memory", "MEMORY", COL_LIMIT },
	{ "since", "SINCE", COL_TIME },
	{ NULL, NULL, COL_TEXT },
};

static const struct column site_columns[] = {
	{ "data_dir", "Data", COL_TEXT },
	{ "free", "Free space", COL_SIZE },
	{ "domains", "Domains", COL_NUMBER },
	{ "accounts", "Accounts", COL_NUMBER },
	{ "aliases", "Aliases", COL_NUMBER },
	{ "outgoing", "Mail to be sent", COL_NUMBER },
	{ NULL, NULL, COL_TEXT },
};

/* 0 only if every daemon runs. */
int
cmd_status(struct ctl *c)
{
	json_t *daemons, *site;
	bool ok = true;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	daemons = json_array();
	for (size_t i = 0; daemon_names[i]; i++)
		json_array_append_new(
		    daemons, daemon_json(c, daemon_names[i], &ok));
	site = site_json(c);
	if (c->json) {
		status = out_done(c,
		    json_pack("{s:o, s:o}", "daemons", daemons, "site", site),
		    " ");
	} else {
		out_rows(c, daemon_columns, daemons);
		status = out_record(c, site_columns, site);
	}
	return status ? status : !ok;
}
