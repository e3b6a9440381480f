/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounts that another server holds: log in there, then lib/net moves the
 * bytes. */
#include "backend/backend.h"
#include "base/log.h"
#include "pop3d/command.h"

static void
log_proxied(
    struct session *s, const struct site_account *acc, const char *mechanism)
{
	log_info("login", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address),
	    LOG_STR("user", acc->address), LOG_CSTR("account", acc->id),
	    LOG_CSTR("mechanism", mechanism),
	    LOG_CSTR("tls", conn_tls(s->conn) ? "yes" : "no"),
	    LOG_STR("backend", acc->backend));
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
		return reply_err(s, "AUTH", "Authentication failed");
	return reply_err(
	    s, "SYS/TEMP", "The server of this account is not available");
}

enum net_next
proxy_login(struct session *s, const struct site_account *acc,
    const char *mechanism, struct str password)
{
	struct backend_login l = { .site = s->d->site,
		.account = acc,
		.password = password,
		.address = conn_peer(s->conn)->address,
		.port = conn_peer(s->conn)->port,
		.session = conn_id(s->conn),
		.hops = s->hops,
		.utf8 = s->utf8 };
	struct err e = ERR_INIT;
	struct peer *p;
	enum backend_rc rc = backend_pop3(&l, &p, &e);

	if (rc != BACKEND_OK)
		return refused(s, acc, rc, &e);
	conn_set_user(s->conn, acc->address);
	metric_add(s->d->logins, 1);
	log_proxied(s, acc, mechanism);
	reply_ok(s, "Logged in");
	peer_relay(&p, s->conn);
	return NET_DONE;
}
