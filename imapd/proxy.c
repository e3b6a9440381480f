/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/proxy.h"

#include "backend/backend.h"
#include "base/log.h"

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

static enum reply
refused(struct session *s, struct cmd *c, const struct site_account *acc,
    enum backend_rc rc, const struct err *e)
{
	LOG_AT(rc == BACKEND_DENIED ? LOG_INFO : LOG_ERROR,
	    "backend login failed", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address),
	    LOG_STR("user", acc->address), LOG_STR("backend", acc->backend),
	    LOG_ERR(e));
	if (rc == BACKEND_DENIED)
		return no(c, "AUTHENTICATIONFAILED", "Authentication failed");
	return no(c, "UNAVAILABLE",
	    "The server of this account is not "
	    "available");
}

/* What the backend can, but for logging in as somebody else: nobody would
 * look for the backend of that account. */
static struct str
capability_code(struct session *s, struct str words)
{
	struct buf code = { 0 };
	struct str word, out;

	BUF_LIT(&code, "CAPABILITY");
	while (words.n && str_split(&words, ' ', &word)) {
		if (word.n == 0 || str_ieqc(word, "UNAUTHENTICATE"))
			continue;
		buf_putc(&code, ' ');
		buf_putstr(&code, word);
	}
	out = arena_str(s->arena, buf_str(&code));
	buf_fini(&code);
	return out;
}

enum reply
proxy_login(struct session *s, struct cmd *c, const struct site_account *acc,
    const char *mechanism, struct str password)
{
	struct backend_login l = { .site = s->d->site,
		.account = acc,
		.password = password,
		.address = conn_peer(s->conn)->address,
		.port = conn_peer(s->conn)->port,
		.session = conn_id(s->conn),
		.hops = s->hops };
	struct buf capability = { 0 };
	struct err e = ERR_INIT;
	struct peer *p;
	enum backend_rc rc = backend_imap(&l, &p, &capability, &e);

	if (rc == BACKEND_OK) {
		c->code = capability_code(s, buf_str(&capability));
		c->text = "Logged in";
		conn_set_user(s->conn, acc->address);
		log_proxied(s, acc, mechanism);
		peer_relay(&p, s->conn);
	}
	buf_fini(&capability);
	return rc == BACKEND_OK ? REPLY_OK : refused(s, c, acc, rc, &e);
}
