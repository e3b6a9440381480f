/* SPDX-License-Identifier: BSD-2-Clause */
#include "authd/policy.h"

#include "base/chores.h"
#include "base/log.h"
#include "dns/dns.h"
#include "net/gate.h"
#include "outbound/outbound.h"
#include "outbound/tls_collect.h"
#include "outbound/tls_send.h"

#define GATE "tls_policy"

static struct dns *dns;
static struct filter_db *db;
static struct outbound *outbound; /* NULL: it could not be started */
static struct tls_collect *collect;
static struct tls_reports reports;
static struct chores *chores;

static bool
open_parts(const struct conf *c, struct err *e)
{
	const char *anchor = conf_get(c, "authd.trust_anchor");
	const struct dns_options o = {
		.forward = conf_get(c, "authd.dns_servers"),
		.trust_anchor = *anchor ? anchor : NULL,
	};

	return dns_new(&o, &dns, e) &&
	       filter_db_open(conf_get(c, "data_dir"), &db, e);
}

static void
start_chores(struct err *e)
{
	const struct chore list[] = {
		{ "sts_refresh", OUTBOUND_REFRESH, outbound_refresh, outbound },
		{ "tls_log", TLS_COLLECT_EVERY, tls_collect_run, collect },
		{ "tls_reports", TLS_SEND_EVERY, tls_reports_chore, &reports },
	};

	chores = chores_start(list, LEN(list), e);
	if (!chores)
		log_error("tls_policy", LOG_ERR(e));
}

void
policy_start(const struct conf *c, struct site *s)
{
	struct outbound_options o = { .site = s };
	struct err e = ERR_INIT;

	if (!open_parts(c, &e)) {
		log_error("tls_policy", LOG_ERR(&e));
		return;
	}
	o.resolver = dns_resolver(dns);
	o.db = db;
	outbound = outbound_new(&o);
	collect = tls_collect_new(&o, outbound);
	reports = (struct tls_reports){
		.site = s,
		.db = db,
		.resolver = o.resolver,
		.hostname = conf_hostname(c),
	};
	start_chores(&e);
}

void
policy_stop(void)
{
	if (chores)
		chores_stop(&chores);
	tls_collect_free(&collect);
	outbound_free(&outbound);
	filter_db_close(&db);
	dns_free(&dns);
}

static enum lookup_rc
ask(struct arena *a, struct str key, struct buf *out)
{
	struct err e = ERR_INIT;

	switch (outbound_policy(outbound, a, key, out, &e)) {
	case OUTBOUND_POLICY:
		return LOOKUP_FOUND;
	case OUTBOUND_NONE:
		return LOOKUP_NOTFOUND;
	case OUTBOUND_LATER:
		break;
	}
	log_warn("tls_policy", LOG_STR("domain", key), LOG_ERR(&e));
	buf_clear(out);
	buf_puts(out, "the TLS policy of the domain is not known for now");
	return LOOKUP_TEMP;
}

enum lookup_rc
policy_lookup(struct arena *a, struct str key, struct buf *out)
{
	enum lookup_rc rc;

	if (!outbound || !gate_enter(GATE)) {
		buf_puts(out, outbound ? "too many look-ups wait for the DNS"
				       : "TLS policies are not served; see "
					 "the log of authd");
		return LOOKUP_TEMP;
	}
	rc = ask(a, key, out);
	gate_leave(GATE, rc != LOOKUP_TEMP);
	return rc;
}
