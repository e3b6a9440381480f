/* SPDX-License-Identifier: BSD-2-Clause */
/* imapd: IMAP4rev1 (RFC 3501) over the account store. See session.h. */
#include "backend/backend.h"
#include "imapd/session.h"
#include "imapd/sieve_url.h"
#include "net/daemon.h"
#include "oauth/oauth.h"
#include "outbox/outbox.h"
#include "script/programs.h"

static struct imapd imapd;
static struct buf sieve_url;

static bool
listen_all(const struct conf *c, struct net_server *s, struct err *e)
{
	const char *run_dir = conf_get(c, "run_dir");

	return net_listen(s, conf_get(c, "imapd.listen"), run_dir, &imap_proto,
		   false, &imapd, e) &&
	       net_listen(s, conf_get(c, "imapd.listen_tls"), run_dir,
		   &imap_proto, true, &imapd, e);
}

/* For scripts that run when users change their mail. */
static bool
start_scripts(const struct conf *c, struct err *e)
{
	struct outbox_options o = { .site = imapd.site,
		.store = imapd.store,
		.hostname = imapd.hostname };

	if (sieve_url_put(&sieve_url, imapd.hostname,
		str_of(conf_get(c, "sieved.listen"))))
		imapd.sieve_url = buf_cstr(&sieve_url);
	imapd.programs = programs_new();
	return outbox_new(&o, &imapd.outbox, e);
}

static bool
start(const struct conf *c, struct net_server *s, struct err *e)
{
	struct store_options o = { .data_dir = conf_get(c, "data_dir"),
		.run_dir = conf_get(c, "run_dir"),
		.max_open = (unsigned)conf_uint(c, "account_cache") };

	(void)s;
	imapd.hostname = conf_hostname(c);
	imapd.timeout = (unsigned)conf_duration(c, "imapd.timeout");
	imapd.login_timeout = (unsigned)conf_duration(c, "imapd.login_timeout");
	imapd.max_literal = conf_size(c, "imapd.max_literal");
	imapd.max_line = conf_size(c, "imapd.max_line");
	imapd.message_limit = (unsigned)conf_uint(c, "imapd.message_limit");
	imapd.literal_minus = conf_bool(c, "imapd.literal_minus");
	imapd.plaintext_auth = conf_bool(c, "plaintext_auth");
	/* Messages being received all at once, in memory. */
	imapd.max_literals = imapd.max_literal * 8;
	if (site_open(o.data_dir, &imapd.site, e) != SITE_OK)
		return false;
	site_set_prover(imapd.site, backend_prove);
	site_set_token_check(imapd.site, oauth_check);
	return store_open(&o, &imapd.store, e) == STORE_OK &&
	       watch_new(imapd.store, &imapd.watch, e) && start_scripts(c, e);
}

static void
stop(void)
{
	outbox_free(&imapd.outbox);
	programs_free(&imapd.programs);
	buf_fini(&sieve_url);
	store_close(&imapd.store);
	watch_free(&imapd.watch);
	site_close(&imapd.site);
}

static bool
certificate(void *arg, struct str name, struct buf *chain, struct buf *key)
{
	(void)arg;
	return site_serve_certificate(imapd.site, name, chain, key);
}

int
main(int argc, char **argv)
{
	static const struct daemon d = {
		.name = "imapd",
		.listen = listen_all,
		.start = start,
		.stop = stop,
		.certificate = certificate,
	};

	return daemon_main(&d, argc, argv);
}
