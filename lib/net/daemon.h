/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_DAEMON_H
#define NET_DAEMON_H

#include <stdbool.h>

#include "base/conf.h"
#include "base/err.h"
#include "net/server.h"

/*
 * What every daemon's main() does around its protocol: options (-c FILE,
 * -d for debug, -V), configuration, log, listeners bound as root, dropping
 * to the configured user, SIGTERM and SIGHUP, a pid file NAME.pid in run_dir
 * and the control socket NAME.ctl there, which speaks HTTP: GET /metrics
 * (Prometheus text), /healthz, /who (JSON, one entry a session).
 */
struct daemon {
	const char *name;
	/* Called as the final user, before listeners accept. */
	bool (*start)(
	    const struct conf *c, struct net_server *s, struct err *e);
	/* Called before binding: net_listen() for each socket. */
	bool (*listen)(
	    const struct conf *c, struct net_server *s, struct err *e);
	void (*reload)(const struct conf *c); /* SIGHUP; may be NULL */
	void (*stop)(void); /* after the last connection closed */
	/* As in struct net_options; may be NULL. */
	bool (*certificate)(
	    void *arg, struct str name, struct buf *chain, struct buf *key);
	/* Threads, unless the configuration says how many; 0: eight a core. */
	unsigned workers;
	/* All connections come from a few hosts, which have no limit each. */
	bool few_clients;
	/* What the process may still do: the last step before serving.
	 * NULL: no-new-privileges only. */
	bool (*sandbox)(struct err *e);
};

int daemon_main(const struct daemon *d, int argc, char **argv);

/* Counters of the metrics page: atomic adds, no lock. Registered for the
 * life of the process; NAME as Prometheus wants it, LABELS may be NULL. */
struct metric;
struct metric *metric_counter(
    const char *name, const char *labels, const char *help);
void metric_add(struct metric *m, double value);
/* A gauge read when somebody asks. */
void metric_gauge(const char *name, const char *labels, const char *help,
    double (*read)(void *arg), void *arg);

#endif
