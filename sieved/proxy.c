/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounts that another server holds: log in there, then lib/net moves the
 * bytes; or send the client there. */
#include "backend/backend.h"
#include "base/log.h"
#include "sieved/command.h"
#include "site/backend.h"

static void
log_login(struct session *s, const struct site_account *acc,
    const char *mechanism, const char *how)
{
	log_info("login", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address),
	    LOG_STR("user", acc->address), LOG_CSTR("account", acc->id),
	    LOG_CSTR("mechanism", mechanism),
	    LOG_CSTR("tls", conn_tls(s->conn) ? "yes" : "no"),
	    LOG_STR(how, acc->backend));
}

static enum net_next
refused(struct session *s, const struct site_account *acc, enum backend_rc rc,
    const struct err *e)
{
	LOG_AT(rc == BACKEND_DENIED ? LOG_INFO : LOG_ERROR,
	    "backend login failed", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address),
	    LOG_STR("user", acc->address), LOG_STR("backend", acc->backend),
	    LOG_ERR(e));
	metric_add(s->d->refused, 1);
	if (rc == BACKEND_DENIED)
		return reply_no(s, NULL, "Authentication failed");
	return reply_no(
	    s, "TRYLATER", "The server of this account is not available");
}

enum net_next
proxy_login(struct session *s, const struct site_account *acc,
    const char *mechanism, struct str password, const char *code)
{
	struct backend_login l = { .site = s->d->site,
		.account = acc,
		.password = password,
		.address = conn_peer(s->conn)->address,
		.port = conn_peer(s->conn)->port,
		.session = conn_id(s->conn),
		.hops = s->hops };
	struct err e = ERR_INIT;
	struct peer *p;
	enum backend_rc rc = backend_sieve(&l, &p, &e);

	if (rc != BACKEND_OK)
		return refused(s, acc, rc, &e);
	conn_set_user(s->conn, acc->address);
	metric_add(s->d->logins, 1);
	log_login(s, acc, mechanism, "backend");
	reply_ok(s, code, "Logged in");
	peer_relay(&p, s->conn);
	return NET_DONE;
}

/* ------------------------------------------------------------------------
 * Referrals (RFC 5804, section 1.3)
 */

bool
proxy_refers(struct session *s, const struct site_account *acc)
{
	struct site_backend to;

	return acc->backend.n &&
	       site_setting_bool(
		   s->d->site, "sieve.referral", site_scope_of(acc)) &&
	       site_backend(s->d->site, s->arena, acc, SITE_BACKEND_SIEVE, &to);
}

enum net_next
proxy_refer(struct session *s, const struct site_account *acc)
{
	struct site_backend to;
	struct str url;
	bool v6;

	site_backend(s->d->site, s->arena, acc, SITE_BACKEND_SIEVE, &to);
	v6 = str_chr(to.host, ':') != STR_NPOS;
	url = arena_printf(s->arena, "REFERRAL \"sieve://%s%.*s%s:%u\"",
	    v6 ? "[" : "", STR_ARG(to.host), v6 ? "]" : "", to.port);
	log_login(s, acc, "-", "referred");
	return reply_bye(s, url.p, "Your scripts are on that server");
}
