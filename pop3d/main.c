/* SPDX-License-Identifier: BSD-2-Clause */
/* pop3d: POP3 (RFC 1939) over the account store. See session.h. */
#include "backend/backend.h"
#include "oauth/oauth.h"
#include "pop3d/session.h"

static struct pop3d pop3d;

static bool
listen_all(const struct conf *c, struct net_server *s, struct err *e)
{
	const char *run_dir = conf_get(c, "run_dir");

	return net_listen(s, conf_get(c, "pop3d.listen"), run_dir, &pop3_proto,
		   false, &pop3d, e) &&
	       net_listen(s, conf_get(c, "pop3d.listen_tls"), run_dir,
		   &pop3_proto, true, &pop3d, e);
}

static void
add_metrics(void)
{
	pop3d.logins = metric_counter(
	    "mailstead_pop3_logins_total", "result=\"ok\"", "Logins by result");
	pop3d.refused = metric_counter("mailstead_pop3_logins_total",
	    "result=\"refused\"", "Logins by result");
	pop3d.retrieved = metric_counter(
	    "mailstead_pop3_retrieved_total", NULL, "Messages retrieved whole");
	pop3d.bytes = metric_counter(
	    "mailstead_pop3_bytes_total", NULL, "Message bytes sent");
	pop3d.removed = metric_counter("mailstead_pop3_removed_total", NULL,
	    "Messages removed or hidden at QUIT");
}

static bool
start(const struct conf *c, struct net_server *s, struct err *e)
{
	struct store_options o = { .data_dir = conf_get(c, "data_dir"),
		.run_dir = conf_get(c, "run_dir"),
		.max_open = (unsigned)conf_uint(c, "account_cache") };

	(void)s;
	pop3d.hostname = conf_hostname(c);
	add_metrics();
	pop3d.timeout = (unsigned)conf_duration(c, "pop3d.timeout");
	pop3d.login_timeout = (unsigned)conf_duration(c, "pop3d.login_timeout");
	pop3d.plaintext_auth = conf_bool(c, "plaintext_auth");
	pop3d.delays = delays_new();
	if (site_open(o.data_dir, &pop3d.site, e) != SITE_OK)
		return false;
	site_set_prover(pop3d.site, backend_prove);
	site_set_token_check(pop3d.site, oauth_check);
	return store_open(&o, &pop3d.store, e) == STORE_OK &&
	       locks_open(o.run_dir, &pop3d.locks, e);
}

static void
stop(void)
{
	locks_close(&pop3d.locks);
	delays_free(&pop3d.delays);
	store_close(&pop3d.store);
	site_close(&pop3d.site);
}

static bool
certificate(void *arg, struct str name, struct buf *chain, struct buf *key)
{
	(void)arg;
	return site_serve_certificate(pop3d.site, name, chain, key);
}

int
main(int argc, char **argv)
{
	static const struct daemon d = {
		.name = "pop3d",
		.listen = listen_all,
		.start = start,
		.stop = stop,
		.certificate = certificate,
	};

	return daemon_main(&d, argc, argv);
}
