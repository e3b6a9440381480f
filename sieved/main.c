/* SPDX-License-Identifier: BSD-2-Clause */
/* sieved: ManageSieve (RFC 5804) over the account store. See session.h. */
#include "backend/backend.h"
#include "oauth/oauth.h"
#include "sieved/session.h"

static struct sieved sieved;

static bool
listen_all(const struct conf *c, struct net_server *s, struct err *e)
{
	const char *run_dir = conf_get(c, "run_dir");

	return net_listen(s, conf_get(c, "sieved.listen"), run_dir,
		   &sieve_proto, false, &sieved, e) &&
	       net_listen(s, conf_get(c, "sieved.listen_tls"), run_dir,
		   &sieve_proto, true, &sieved, e);
}

static void
add_metrics(void)
{
	static const char logins[] = "mailstead_sieve_logins_total";

	sieved.logins =
	    metric_counter(logins, "result=\"ok\"", "Logins by result");
	sieved.refused =
	    metric_counter(logins, "result=\"refused\"", "Logins by result");
	sieved.stored = metric_counter(
	    "mailstead_sieve_stored_total", NULL, "Scripts stored");
	sieved.invalid = metric_counter("mailstead_sieve_invalid_total", NULL,
	    "Scripts that did not compile");
}

static bool
start(const struct conf *c, struct net_server *s, struct err *e)
{
	struct store_options o = { .data_dir = conf_get(c, "data_dir"),
		.run_dir = conf_get(c, "run_dir"),
		.max_open = (unsigned)conf_uint(c, "account_cache") };

	(void)s;
	sieved.hostname = conf_hostname(c);
	add_metrics();
	sieved.timeout = (unsigned)conf_duration(c, "sieved.timeout");
	sieved.login_timeout =
	    (unsigned)conf_duration(c, "sieved.login_timeout");
	sieved.plaintext_auth = conf_bool(c, "plaintext_auth");
	if (site_open(o.data_dir, &sieved.site, e) != SITE_OK)
		return false;
	site_set_prover(sieved.site, backend_prove);
	site_set_token_check(sieved.site, oauth_check);
	return store_open(&o, &sieved.store, e) == STORE_OK;
}

static void
stop(void)
{
	store_close(&sieved.store);
	site_close(&sieved.site);
}

static bool
certificate(void *arg, struct str name, struct buf *chain, struct buf *key)
{
	(void)arg;
	return site_serve_certificate(sieved.site, name, chain, key);
}

int
main(int argc, char **argv)
{
	static const struct daemon d = {
		.name = "sieved",
		.listen = listen_all,
		.start = start,
		.stop = stop,
		.certificate = certificate,
	};

	return daemon_main(&d, argc, argv);
}
