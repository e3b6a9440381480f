/* SPDX-License-Identifier: BSD-2-Clause */
/* milterd: the mail filter for Postfix and Sendmail. See milter.h and
 * lib/filter. */
#include <stdio.h>

#include "base/chores.h"
#include "base/spool.h"
#include "dns/dns.h"
#include "filter/report_send.h"
#include "filter/rotation.h"
#include "milterd/mailbox_work.h"
#include "milterd/milter.h"

/* Each may wait for the DNS and for scanners. */
#define WORKERS 128

static struct site *site;
static struct dns *dns;
static struct psl *psl;
static struct filter_db *db;
static struct filter *filter;
static struct mailbox_work *mailboxes;
static struct reports reports;
static struct rotation rotation;
static struct chores *chores;
static struct chores *lessons; /* apart: a spam engine may hang */

static bool
listen_on(const struct conf *c, struct net_server *s, struct err *e)
{
	return net_listen(s, conf_get(c, "milterd.listen"),
	    conf_get(c, "run_dir"), &milter_proto, false, NULL, e);
}

static void
add_metrics(struct milter_counters *m)
{
	m->connections = metric_counter("mailstead_milter_connections_total",
	    NULL, "Connections from the MTA");
	for (int i = 0; i < FILTER_ACTIONS; i++) {
		char labels[64];

		snprintf(labels, sizeof(labels), "action=\"%s\"",
		    filter_action_name((enum filter_action)i));
		m->messages[i] =
		    metric_counter("mailstead_filter_messages_total", labels,
			"Messages by what was done");
	}
}

static bool
open_dns(const struct conf *c, struct err *e)
{
	const char *anchor = conf_get(c, "milterd.trust_anchor");
	const struct dns_options o = {
		.forward = conf_get(c, "milterd.dns_servers"),
		.trust_anchor = *anchor ? anchor : NULL,
	};

	return dns_new(&o, &dns, e);
}

static void
stop(void)
{
	chores_stop(&chores);
	chores_stop(&lessons);
	filter_free(&filter);
	filter_db_close(&db);
	mailbox_work_close(&mailboxes);
	dns_free(&dns);
	psl_close(&psl);
	site_close(&site);
}

static bool
start_chores(const char *hostname, struct err *e)
{
	const struct chore list[] = {
		{ "quarantine", SWEEP_EVERY, mailbox_work_sweep, mailboxes },
		{ "digests", DIGEST_EVERY, mailbox_work_digest, mailboxes },
		{ "reports", REPORT_EVERY, reports_chore, &reports },
		{ "dkim_rotation", ROTATION_EVERY, rotation_chore, &rotation },
	};
	const struct chore training = { "training", TRAIN_EVERY,
		mailbox_work_train, mailboxes };

	reports = (struct reports){
		.site = site,
		.db = db,
		.resolver = dns_resolver(dns),
		.psl = psl,
		.hostname = hostname,
	};
	rotation = (struct rotation){ site, dns_resolver(dns) };
	chores = chores_start(list, LEN(list), e);
	lessons = chores ? chores_start(&training, 1, e) : NULL;
	return lessons != NULL;
}

static bool
start(const struct conf *c, struct net_server *s, struct err *e)
{
	struct filter_options o = { .hostname = conf_hostname(c) };
	struct milter_counters m;

	(void)s;
	add_metrics(&m);
	if (site_open(conf_get(c, "data_dir"), &site, e) != SITE_OK ||
	    !psl_open(NULL, &psl, e) || !open_dns(c, e) ||
	    !filter_db_open(conf_get(c, "data_dir"), &db, e) ||
	    !mailbox_work_open(c, site, &mailboxes, e))
		return false;
	spool_configure(conf_get(c, "data_dir"),
	    conf_size(c, "milterd.spool_memory"), FILTER_HEADROOM);
	o.site = site;
	o.db = db;
	o.quarantine = mailbox_work_quarantine(mailboxes);
	o.psl = psl;
	o.resolver = dns_resolver(dns);
	filter = filter_new(&o);
	milter_set_up(filter, &m);
	return start_chores(o.hostname, e);
}

int
main(int argc, char **argv)
{
	static const struct daemon d = {
		.name = "milterd",
		.listen = listen_on,
		.start = start,
		.stop = stop,
		.workers = WORKERS,
		.few_clients = true,
	};

	return daemon_main(&d, argc, argv);
}
