/* SPDX-License-Identifier: BSD-2-Clause */
#include "authd/auth.h"
#include "authd/policy.h"
#include "backend/backend.h"
#include "base/log.h"
#include "net/daemon.h"
#include "oauth/oauth.h"
#include "site/backend.h"

/*
 * authd answers the MTA: who may log in (auth.c) and who lives here (map.c);
 * and nginx's mail proxy: who may log in, and at which server (http.c).
 * It reads the site database; and for the MTA's look-ups of other domains' TLS
 * (policy.c) it asks the Internet, and remembers answers in filter.db.
 */

struct authd authd;

static void
configure(const struct conf *c)
{
	authd.hostname = conf_hostname(c);
	authd.plaintext = conf_bool(c, "plaintext_auth");
}

/* The forms of a backend's host and of these are the same. */
static bool
set_servers(const struct conf *c, struct err *e)
{
	static const char *const keys[AUTHD_PROTOCOLS] = {
		[AUTHD_IMAP] = "authd.imap_server",
		[AUTHD_POP3] = "authd.pop3_server",
		[AUTHD_SMTP] = "authd.smtp_server"
	};

	for (size_t i = 0; i < AUTHD_PROTOCOLS; i++) {
		struct authd_place *p = &authd.servers[i];
		struct str text = str_of(conf_get(c, keys[i]));

		if (text.n == 0)
			continue;
		if (!site_backend_find(
			text, SITE_BACKEND_IMAP, &p->host, &p->port) ||
		    p->port == 0) {
			err_set(e, "%s = \"%s\": expected host:port", keys[i],
			    text.p);
			return false;
		}
	}
	return true;
}

static bool
start(const struct conf *c, struct net_server *s, struct err *e)
{
	(void)s;
	configure(c);
	if (!set_servers(c, e))
		return false;
	authd.requests = metric_counter(
	    "mailstead_authd_requests_total", NULL, "SASL exchanges begun");
	authd.lookups = metric_counter("mailstead_authd_lookups_total", NULL,
	    "socketmap requests answered");
	if (site_open(conf_get(c, "data_dir"), &authd.site, e) != SITE_OK)
		return false;
	site_set_prover(authd.site, backend_prove);
	site_set_token_check(authd.site, oauth_check);
	policy_start(c, authd.site);
	return true;
}

static bool
open_sockets(const struct conf *c, struct net_server *s, struct err *e)
{
	const char *run_dir = conf_get(c, "run_dir");

	return net_listen(s, conf_get(c, "authd.listen"), run_dir, &auth_proto,
		   false, NULL, e) &&
	       net_listen(s, conf_get(c, "authd.listen_map"), run_dir,
		   &map_proto, false, NULL, e) &&
	       net_listen(s, conf_get(c, "authd.listen_http"), run_dir,
		   &http_proto, false, NULL, e);
}

static void
stop(void)
{
	policy_stop();
	site_close(&authd.site);
}

static const struct daemon description = {
	.name = "authd",
	.listen = open_sockets,
	.start = start,
	.reload = configure,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return daemon_main(&description, argc, argv);
}
