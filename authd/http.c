/* SPDX-License-Identifier: BSD-2-Clause */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "authd/auth.h"
#include "authd/http_request.h"
#include "authd/sts_file.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/addr.h"
#include "net/daemon.h"
#include "site/backend.h"

/*
 * What nginx's mail proxy asks (ngx_mail_auth_http_module): is this login
 * right, and which server is it for. One request a connection, as nginx sends
 * them. The policy files of MTA-STS are here as well (sts_file.h).
 *
 * nginx talks to servers without TLS and as the user, so it is sent to a
 * backend itself only where that is what the backend's settings say. For all
 * others it is sent to our own daemons, which know how to go on.
 */

#define MAX_REQUEST 16384
#define SECONDS 30

struct session {
	struct conn *c;
	struct arena *arena;
	struct str request; /* in the arena */
};

static void *
on_open(struct conn *c)
{
	struct session *s = mem_zalloc(sizeof(*s));

	s->c = c;
	s->arena = arena_new();
	conn_set_timeout(c, SECONDS);
	return s;
}

static void
on_close(void *session)
{
	struct session *s = session;

	mem_wipe((char *)(uintptr_t)s->request.p, s->request.n);
	arena_free(&s->arena);
	free(s);
}

static size_t
on_input(void *session, struct str in)
{
	struct session *s = session;
	size_t end = str_find(in, STR("\r\n\r\n"));

	if (end == STR_NPOS) {
		if (in.n > MAX_REQUEST)
			conn_close(s->c);
		return 0;
	}
	s->request = arena_str(s->arena, str_sub(in, 0, end + 2));
	conn_run(s->c);
	return in.n;
}

/* ------------------------------------------------------------------------
 * Answers
 */

static void
put_head(struct session *s)
{
	buf_puts(conn_out(s->c), "HTTP/1.1 200 OK\r\nConnection: close\r\n"
				 "Content-Length: 0\r\n");
}

/* WAIT: seconds until the client may try again; 0: it is cut off. */
static void
put_refusal(
    struct session *s, const char *status, const char *smtp_code, unsigned wait)
{
	struct buf *out = conn_out(s->c);

	put_head(s);
	buf_printf(out, "Auth-Status: %s\r\n", status);
	if (smtp_code)
		buf_printf(out, "Auth-Error-Code: %s\r\n", smtp_code);
	if (wait)
		buf_printf(out, "Auth-Wait: %u\r\n", wait);
	buf_puts(out, "\r\n");
}

static void
put_server(struct session *s, const char *address, const char *port)
{
	struct buf *out = conn_out(s->c);

	put_head(s);
	buf_printf(out,
	    "Auth-Status: OK\r\nAuth-Server: %s\r\nAuth-Port: %s\r\n\r\n",
	    address, port);
}

/* nginx wants a number, not a name. */
static bool
put_resolved(struct session *s, struct str host, uint16_t port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	char name[256], number[8], address[64];
	int rc;

	snprintf(name, sizeof(name), "%.*s", STR_ARG(host));
	snprintf(number, sizeof(number), "%u", port);
	rc = getaddrinfo(name, number, &hints, &list);
	if (rc != 0) {
		log_error("backend", LOG_STR("host", host),
		    LOG_CSTR("error", gai_strerror(rc)));
		return false;
	}
	rc = getnameinfo(list->ai_addr, list->ai_addrlen, address,
	    sizeof(address), NULL, 0, NI_NUMERICHOST);
	freeaddrinfo(list);
	if (rc == 0)
		put_server(s, address, number);
	return rc == 0;
}

/* ------------------------------------------------------------------------
 * Where to
 */

static const struct {
	const char *name;
	bool proxied; /* an account's backend may have it */
	enum site_backend_proto proto;
} protocols[AUTHD_PROTOCOLS] = {
	[AUTHD_IMAP] = { "imap", true, SITE_BACKEND_IMAP },
	[AUTHD_POP3] = { "pop3", true, SITE_BACKEND_POP3 },
	[AUTHD_SMTP] = { "smtp", false, SITE_BACKEND_IMAP },
};

static bool
find_protocol(struct str name, enum authd_protocol *out)
{
	for (size_t i = 0; i < AUTHD_PROTOCOLS; i++) {
		if (str_ieqc(name, protocols[i].name)) {
			*out = (enum authd_protocol)i;
			return true;
		}
	}
	return false;
}

static bool
direct(const struct site_backend *b)
{
	return b->tls == BACKEND_NO_TLS && b->master_user.n == 0;
}

static void
send_to_server(
    struct session *s, const struct site_account *acc, enum authd_protocol p)
{
	const struct authd_place *own = &authd.servers[p];
	struct site_backend b;

	if (protocols[p].proxied &&
	    site_backend(authd.site, s->arena, acc, protocols[p].proto, &b) &&
	    direct(&b)) {
		if (!put_resolved(s, b.host, b.port))
			put_refusal(
			    s, "Temporary server problem", "451 4.3.0", 0);
	} else if (own->host.n == 0 || !put_resolved(s, own->host, own->port)) {
		put_refusal(
		    s, "This protocol is not served here", "451 4.3.0", 0);
	}
}

/* ------------------------------------------------------------------------
 * The login
 */

static void
refuse(
    struct session *s, enum site_rc rc, unsigned delay_ms, const struct err *e)
{
	bool denied = rc == SITE_DENIED || rc == SITE_BLOCKED ||
		      rc == SITE_NOTFOUND || rc == SITE_DISABLED;

	LOG_AT(denied ? LOG_INFO : LOG_ERROR, "login failed",
	    LOG_CSTR("id", conn_id(s->c)), LOG_CSTR("mechanism", "nginx"),
	    LOG_CSTR("result", site_rc_name(rc)), LOG_ERR(e));
	if (denied)
		put_refusal(s, "Authentication failed", "535 5.7.8",
		    delay_ms / 1000 + 1);
	else
		put_refusal(s, "Temporary server problem", "454 4.7.0", 0);
}

static void
log_in(struct session *s, const struct http_request *r, enum authd_protocol p)
{
	struct site_credentials cred = { .mechanism = STR("PLAIN"),
		.user = r->user,
		.password = r->password,
		.peer = { .address = arena_cstr(s->arena, r->client),
		    .service = protocols[p].name,
		    .tls = r->tls } };
	struct site_account acc;
	struct err e = ERR_INIT;
	struct addr addr;
	unsigned delay_ms = 0;
	enum site_rc rc;

	if (!addr_parse(r->client, &addr)) {
		put_refusal(s, "Temporary server problem", "451 4.3.0", 0);
		return;
	}
	cred.peer.loopback = addr_loopback(&addr);
	rc = site_login(authd.site, s->arena, &cred, &acc, &delay_ms, &e);
	if (rc == SITE_OK)
		send_to_server(s, &acc, p);
	else
		refuse(s, rc, delay_ms, &e);
}

static enum net_next
on_run(void *session)
{
	struct session *s = session;
	struct http_request r;
	enum authd_protocol p;

	metric_add(authd.requests, 1);
	if (sts_file_wanted(s->request))
		sts_file_answer(authd.site, s->arena, authd.hostname,
		    s->request, conn_out(s->c));
	else if (!http_request_parse(s->arena, s->request, &r))
		buf_puts(conn_out(s->c), "HTTP/1.1 400 Bad Request\r\n"
					 "Connection: close\r\n"
					 "Content-Length: 0\r\n\r\n");
	else if (!str_ieqc(r.method, "plain"))
		put_refusal(s, "Use PLAIN or LOGIN", "504 5.5.4", 1);
	else if (!find_protocol(r.protocol, &p))
		put_refusal(s, "No such protocol", "451 4.3.0", 0);
	else
		log_in(s, &r, p);
	return NET_CLOSE;
}

const struct net_proto http_proto = {
	.name = "http",
	.open = on_open,
	.input = on_input,
	.run = on_run,
	.close = on_close,
};
