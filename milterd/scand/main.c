/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scand: scans mail for viruses with libclamav, and speaks clamd's protocol.
 * The process that clients talk to holds the listening sockets and parses no
 * mail; see session.h. Keepers and scanners are processes of the same
 * program: keeper.h, scanner.h.
 */
#include <string.h>

#include "milterd/scand/keeper.h"
#include "milterd/scand/session.h"

static struct scand scand;

static bool
listen_all(const struct conf *c, struct net_server *s, struct err *e)
{
	return net_listen(s, conf_get(c, "scand.listen"),
	    conf_get(c, "run_dir"), &scand_proto, false, &scand, e);
}

static bool
ready(struct buf *why)
{
	bool ok = crew_state(scand.crew).ready;

	buf_puts(why, ok ? "ok\n" : "no scanner has proven itself\n");
	return ok;
}

static double
read_signatures(void *arg)
{
	(void)arg;
	return supervisor_signatures(scand.supervisor);
}

/* ARG, if there is one, is for failures. */
static double
read_loads(void *arg)
{
	return supervisor_loads(scand.supervisor, arg != NULL);
}

static double
read_idle(void *arg)
{
	(void)arg;
	return crew_state(scand.crew).idle;
}

static double
read_busy(void *arg)
{
	(void)arg;
	return crew_state(scand.crew).busy;
}

static double
read_waiting(void *arg)
{
	(void)arg;
	return crew_state(scand.crew).waiting;
}

static double
read_spool(void *arg)
{
	(void)arg;
	return (double)atomic_load(&scand.budget.used);
}

static void
add_counters(void)
{
	static const char scans[] = "mailstead_scand_scans_total";
	static const char help[] = "Streams scanned, by result";

	scand.clean = metric_counter(scans, "result=\"clean\"", help);
	scand.found = metric_counter(scans, "result=\"found\"", help);
	scand.failed = metric_counter(scans, "result=\"error\"", help);
	scand.refused = metric_counter("mailstead_scand_refused_total", NULL,
	    "Streams refused by a limit before they were scanned");
	scand.bytes = metric_counter(
	    "mailstead_scand_bytes_total", NULL, "Octets of streams scanned");
}

static void
add_gauges(void)
{
	metric_gauge("mailstead_scand_signatures", NULL,
	    "Signatures in service", read_signatures, NULL);
	metric_gauge("mailstead_scand_loads", "result=\"ok\"",
	    "Loads of the databases since the start", read_loads, NULL);
	metric_gauge("mailstead_scand_loads", "result=\"failed\"",
	    "Loads of the databases since the start", read_loads, &scand);
	metric_gauge("mailstead_scand_scanners", "state=\"idle\"",
	    "Scanners by what they do", read_idle, NULL);
	metric_gauge("mailstead_scand_scanners", "state=\"busy\"",
	    "Scanners by what they do", read_busy, NULL);
	metric_gauge("mailstead_scand_waiting", NULL,
	    "Streams that wait for a scanner", read_waiting, NULL);
	metric_gauge("mailstead_scand_spool_bytes", NULL, "Memory of streams",
	    read_spool, NULL);
}

static bool
start(const struct conf *c, struct net_server *s, struct err *e)
{
	if (!settings_read(c, &scand.settings, e))
		return false;
	scand.budget.max = scand.settings.spool_memory;
	scand.crew = crew_new(scand.settings.queue_time);
	if (!supervisor_start(conf_path(c), &scand.settings, scand.crew,
		&scand.supervisor, e))
		return false;
	add_counters();
	add_gauges();
	net_set_health(s, ready);
	return true;
}

/* Keepers read the file themselves. */
static void
reload(const struct conf *c)
{
	(void)c;
	supervisor_reload(scand.supervisor);
}

static void
stop(void)
{
	crew_stop(scand.crew);
	supervisor_stop(&scand.supervisor);
	crew_free(&scand.crew);
}

int
main(int argc, char **argv)
{
	static const struct daemon d = {
		.name = "scand",
		.listen = listen_all,
		.start = start,
		.reload = reload,
		.stop = stop,
	};

	if (argc == KEEPER_ARGUMENTS && strcmp(argv[1], KEEPER_ARGUMENT) == 0)
		return keeper_main(argv);
	return daemon_main(&d, argc, argv);
}
