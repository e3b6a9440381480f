/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "backend/context.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "net/gate.h"
#include "net/server.h"
#include "net/tls.h"

#define READ_SIZE 16384

struct peer {
	int fd;
	SSL *ssl;
	struct site_backend to; /* its strings: until the login is done */
	const char *what;       /* "backend" */
	char *name;             /* "host:port" for people */
	int64_t deadline;       /* monotonic milliseconds */
	int64_t patience;       /* when set, each step has so many of them */
	bool inside, failed;    /* for the gate */
	struct buf in;
	size_t at; /* what of it is used */
};

static bool
broken(struct peer *p, struct err *e, const char *what)
{
	p->failed = true;
	err_set(e, "%s %s: %s", p->what, p->name, what);
	return false;
}

/* ------------------------------------------------------------------------
 * Waiting
 */

static bool
await(struct peer *p, short events, struct err *e)
{
	struct pollfd pfd = { .fd = p->fd, .events = events };
	int64_t left;
	int n;

	if (p->patience)
		p->deadline = clock_mono_ms() + p->patience;
	do {
		left = p->deadline - clock_mono_ms();
		n = left > 0 ? poll(&pfd, 1, (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	return n > 0 || broken(p, e, "no answer in time");
}

/* After a TLS call that returned RC: is it worth another try? */
static bool
await_tls(struct peer *p, int rc, struct err *e)
{
	char why[256];

	switch (SSL_get_error(p->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return await(p, POLLIN, e);
	case SSL_ERROR_WANT_WRITE:
		return await(p, POLLOUT, e);
	case SSL_ERROR_ZERO_RETURN:
		return broken(p, e, "closed the connection");
	}
	tls_error(why, sizeof(why));
	return broken(p, e, *why ? why : "the TLS connection broke");
}

/* ------------------------------------------------------------------------
 * Connecting
 */

static bool
try_address(struct peer *p, const struct addrinfo *ai, struct err *e)
{
	int error = 0;
	socklen_t n = sizeof(error);

	p->fd = socket(ai->ai_family,
	    ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);
	if (p->fd < 0)
		return broken(p, e, strerror(errno));
	if (connect(p->fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return true;
	if (errno != EINPROGRESS)
		return broken(p, e, strerror(errno));
	if (!await(p, POLLOUT, e))
		return false;
	getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &n);
	return error == 0 || broken(p, e, strerror(error));
}

static bool
dial(struct peer *p, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	char host[256], port[8];
	bool ok = false;
	int rc;

	snprintf(host, sizeof(host), "%.*s", STR_ARG(p->to.host));
	snprintf(port, sizeof(port), "%u", p->to.port);
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc != 0)
		return broken(p, e, gai_strerror(rc));
	for (const struct addrinfo *ai = list; ai && !ok; ai = ai->ai_next) {
		if (p->fd >= 0)
			close(p->fd);
		p->fd = -1;
		ok = try_address(p, ai, e);
	}
	freeaddrinfo(list);
	return ok;
}

bool
peer_connect_to(const char *what, const struct site_backend *b,
    struct peer **out, struct err *e)
{
	struct peer *p = mem_zalloc(sizeof(*p));
	struct buf name = { 0 };

	buf_printf(&name, "%.*s:%u", STR_ARG(b->host), b->port);
	p->fd = -1;
	p->what = what;
	p->name = mem_strdup(buf_cstr(&name));
	buf_fini(&name);
	p->to = *b;
	p->deadline = clock_mono_ms() + (int64_t)b->timeout * 1000;
	p->inside = gate_enter(p->name);
	if (!p->inside)
		broken(p, e, "too many are waiting for its answer");
	else if (dial(p, e) &&
		 (b->tls != BACKEND_TLS || peer_start_tls(p, e))) {
		*out = p;
		return true;
	}
	peer_free(&p);
	*out = NULL;
	return false;
}

bool
peer_connect(const struct site_backend *b, struct peer **out, struct err *e)
{
	return peer_connect_to("backend", b, out, e);
}

void
peer_interrupt(struct peer *p)
{
	shutdown(p->fd, SHUT_RDWR);
}

void
peer_free(struct peer **pp)
{
	struct peer *p = *pp;

	*pp = NULL;
	if (!p)
		return;
	if (p->inside)
		gate_leave(p->name, !p->failed);
	SSL_free(p->ssl);
	if (p->fd >= 0)
		close(p->fd);
	buf_fini(&p->in);
	free(p->name);
	free(p);
}

/* ------------------------------------------------------------------------
 * TLS
 */

static bool
expect_host(struct peer *p)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(p->ssl);
	char host[256];

	snprintf(host, sizeof(host), "%.*s", STR_ARG(p->to.host));
	if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
		return true;
	return SSL_set_tlsext_host_name(p->ssl, host) == 1 &&
	       SSL_set1_host(p->ssl, host) == 1;
}

static bool
make_ssl(struct peer *p, struct err *e)
{
	p->ssl = context_ssl(p->to.verify, p->to.ca_file, e);
	if (!p->ssl) {
		p->failed = true;
		err_prefix(e, "%s %s", p->what, p->name);
		return false;
	}
	return (expect_host(p) && SSL_set_fd(p->ssl, p->fd) == 1) ||
	       broken(p, e, "TLS cannot begin");
}

bool
peer_start_tls(struct peer *p, struct err *e)
{
	int rc;

	/* What came in clear text counts for nothing. */
	buf_fini(&p->in);
	p->at = 0;
	if (!make_ssl(p, e))
		return false;
	do {
		ERR_clear_error();
		rc = SSL_connect(p->ssl);
	} while (rc != 1 && await_tls(p, rc, e));
	return rc == 1;
}

bool
peer_tls(const struct peer *p)
{
	return p->ssl != NULL;
}

/* ------------------------------------------------------------------------
 * Lines
 */

bool
peer_send(struct peer *p, struct str text, struct err *e)
{
	while (text.n > 0) {
		ssize_t n;

		ERR_clear_error();
		n = p->ssl ? SSL_write(p->ssl, text.p, (int)text.n)
			   : send(p->fd, text.p, text.n, MSG_NOSIGNAL);
		if (n > 0) {
			text = str_sub(text, (size_t)n, STR_NPOS);
		} else if (p->ssl) {
			if (!await_tls(p, (int)n, e))
				return false;
		} else if (errno == EAGAIN || errno == EINTR) {
			if (!await(p, POLLOUT, e))
				return false;
		} else {
			return broken(p, e, strerror(errno));
		}
	}
	return true;
}

static bool
read_more(struct peer *p, struct err *e)
{
	buf_drop(&p->in, p->at);
	p->at = 0;
	if (p->in.n > PEER_MAX_LINE)
		return broken(p, e, "sent a line that is too long");
	for (;;) {
		char *to = buf_reserve(&p->in, READ_SIZE);
		ssize_t n;

		ERR_clear_error();
		n = p->ssl ? SSL_read(p->ssl, to, READ_SIZE)
			   : recv(p->fd, to, READ_SIZE, 0);
		if (n > 0) {
			p->in.n += (size_t)n;
			return true;
		}
		if (p->ssl) {
			if (!await_tls(p, (int)n, e))
				return false;
		} else if (n == 0) {
			return broken(p, e, "closed the connection");
		} else if (errno == EAGAIN || errno == EINTR) {
			if (!await(p, POLLIN, e))
				return false;
		} else {
			return broken(p, e, strerror(errno));
		}
	}
}

bool
peer_line(struct peer *p, struct str *line, struct err *e)
{
	for (;;) {
		struct str rest = str_sub(buf_str(&p->in), p->at, STR_NPOS);
		size_t end = str_chr(rest, '\n');

		if (end != STR_NPOS) {
			*line = str_sub(rest, 0, end);
			if (line->n > 0 && line->p[line->n - 1] == '\r')
				line->n--;
			p->at += end + 1;
			return true;
		}
		if (!read_more(p, e))
			return false;
	}
}

bool
peer_confused(struct peer *p, struct str line, struct err *e)
{
	err_set(e, "%s %s: unexpected \"%.*s\"", p->what, p->name,
	    STR_ARG(str_sub(line, 0, 200)));
	return false;
}

void
peer_patience(struct peer *p, unsigned seconds)
{
	p->patience = (int64_t)seconds * 1000;
}

void
peer_relay(struct peer **pp, struct conn *c)
{
	struct peer *p = *pp;

	conn_relay(c, p->fd, p->ssl, str_sub(buf_str(&p->in), p->at, STR_NPOS));
	conn_set_timeout(c, p->to.idle_timeout);
	p->fd = -1;
	p->ssl = NULL;
	peer_free(pp);
}
