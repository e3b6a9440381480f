/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "base/conf.h"
#include "lmtpd/forward.h"
#include "lmtpd/session.h"
#include "outbox/outbox.h"
#include "site/setting.h"
#include "site/site.h"
#include "store/store.h"

static struct store *store;
static struct outbox *outbox;
static struct metric *outgoing[OUTBOX_RESULTS];

static bool
listen_on(const struct conf *c, struct net_server *s, struct err *e)
{
	return net_listen(s, conf_get(c, "lmtpd.listen"),
	    conf_get(c, "run_dir"), &lmtp_proto, false, NULL, e);
}

static void
parallel(
    void *arg, size_t count, void (*task)(void *targ, size_t i), void *targ)
{
	net_parallel(arg, count, task, targ);
}

static void
set_limits(const struct conf *c)
{
	lmtp.max_size = conf_size(c, "lmtpd.max_size");
	lmtp.max_recipients = (unsigned)conf_uint(c, "lmtpd.max_recipients");
	lmtp.timeout = (unsigned)conf_duration(c, "lmtpd.timeout");
}

static void
add_metrics(void)
{
	lmtp.messages = metric_counter(
	    "mailstead_lmtp_messages_total", NULL, "Messages received");
	lmtp.bytes = metric_counter(
	    "mailstead_lmtp_bytes_total", NULL, "Their size in bytes");
	for (int i = 0; i < DELIVER_RCS; i++) {
		char labels[64];

		snprintf(labels, sizeof(labels), "result=\"%s\"",
		    deliver_rc_name((enum deliver_rc)i));
		lmtp.results[i] = metric_counter("mailstead_deliveries_total",
		    labels, "Recipients by result");
	}
}

static void
count_outgoing(void *arg, enum outbox_result r)
{
	(void)arg;
	metric_add(outgoing[r], 1);
}

static bool
start_outbox(const char *hostname, struct err *e)
{
	struct outbox_options o = { .site = lmtp.site,
		.store = store,
		.hostname = hostname,
		.scan = true,
		.tried = count_outgoing };

	for (int i = 0; i < OUTBOX_RESULTS; i++) {
		char labels[64];

		snprintf(labels, sizeof(labels), "result=\"%s\"",
		    outbox_result_name((enum outbox_result)i));
		outgoing[i] = metric_counter("mailstead_outgoing_total", labels,
		    "Recipients of mail that accounts send");
	}
	return outbox_new(&o, &outbox, e);
}

static void
wake_outbox(void *arg, struct str account)
{
	(void)arg;
	outbox_wake(outbox, account);
}

static bool
open_store(const struct conf *c, struct err *e)
{
	struct site_scope everywhere = { .domain = STR_NULL };
	struct store_options o = {
		.data_dir = conf_get(c, "data_dir"),
		.run_dir = conf_get(c, "run_dir"),
		.max_open = (unsigned)conf_uint(c, "account_cache"),
		.blob_threshold = site_setting_uint(
		    lmtp.site, "store.blob_threshold", everywhere),
	};

	return store_open(&o, &store, e) == STORE_OK;
}

static void
stop(void)
{
	outbox_free(&outbox);
	deliver_free(&lmtp.deliver);
	store_close(&store);
	site_close(&lmtp.site);
}

static bool
start(const struct conf *c, struct net_server *s, struct err *e)
{
	struct deliver_options o = { .hostname = conf_hostname(c),
		.parallel = parallel,
		.parallel_arg = s,
		.forward = forward_message,
		.queued = wake_outbox };

	set_limits(c);
	lmtp.hostname = o.hostname;
	add_metrics();
	spool_configure(conf_get(c, "data_dir"),
	    conf_size(c, "lmtpd.spool_memory"), DELIVER_HEADROOM);
	if (site_open(conf_get(c, "data_dir"), &lmtp.site, e) != SITE_OK)
		return false;
	if (!open_store(c, e) || !start_outbox(o.hostname, e)) {
		stop();
		return false;
	}
	o.site = lmtp.site;
	o.store = store;
	lmtp.deliver = deliver_new(&o);
	return true;
}

static bool
certificate(void *arg, struct str name, struct buf *chain, struct buf *key)
{
	(void)arg;
	return site_serve_certificate(lmtp.site, name, chain, key);
}

static const struct daemon lmtpd = {
	.name = "lmtpd",
	.start = start,
	.listen = listen_on,
	.reload = set_limits,
	.stop = stop,
	.certificate = certificate,
};

int
main(int argc, char **argv)
{
	return daemon_main(&lmtpd, argc, argv);
}
