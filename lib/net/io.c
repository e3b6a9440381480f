/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/log.h"

/* What SSL_read() and SSL_write() may want of the socket. */
static int
tls_result(struct conn *c, int rc)
{
	switch (SSL_get_error(c->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return -1;
	case SSL_ERROR_WANT_WRITE:
		c->blocked = true;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	}
	return -2;
}

static ssize_t
read_some(struct conn *c, char *p, size_t n)
{
	ssize_t got;

	if (c->ssl) {
		int rc;

		if (conn_unsent(c) == 0)
			c->blocked = false;
		ERR_clear_error(); /* of others: SSL_get_error() looks there */
		rc = SSL_read(c->ssl, p, (int)n);
		got = rc > 0 ? rc : tls_result(c, rc);
	} else {
		do
			got = recv(c->fd, p, n, 0);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			got = errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
	}
	if (got <= 0)
		c->readable = false;
	return got;
}

static void
inflating_failed(struct conn *c)
{
	static struct limit lines;

	if (limit_pass(&lines, 10))
		log_info("inflating_failed", LOG_CSTR("id", c->id),
		    LOG_CSTR("proto", c->listener->proto->name),
		    LOG_CSTR("peer", c->peer.address));
}

/* At most one reading of the socket. What it brings may inflate to more than
 * was asked for, or to nothing yet: C stays readable then. */
static ssize_t
read_zipped(struct conn *c, char *p, size_t n)
{
	ssize_t got;

	if (zip_hungry(c->zip)) {
		got = read_some(c, zip_room(c->zip), ZIP_READ);
		if (got <= 0)
			return got;
		zip_fed(c->zip, (size_t)got);
	}
	got = zip_inflate(c->zip, p, n);
	if (got == 0)
		c->readable = false;
	if (got == -2)
		inflating_failed(c);
	return got;
}

/* Clear text that came behind what was compressed. */
static size_t
read_behind(struct conn *c, char *p, size_t n)
{
	n = zip_behind(c->zip, p, n);
	if (n == 0) {
		zip_free(&c->zip);
		c->zip_off = false;
	}
	return n;
}

ssize_t
io_read(struct conn *c, char *p, size_t n)
{
	size_t got;

	if (c->zip && zip_ended(c->zip) && (got = read_behind(c, p, n)) > 0)
		return (ssize_t)got;
	return c->zip ? read_zipped(c, p, n) : read_some(c, p, n);
}

void
io_switch_zip(struct conn *c, struct scratch *s)
{
	c->zip_switch = false;
	if (c->zip && !c->zip_off) {
		c->zip_off = true;
		zip_end(c->zip);
		return;
	}
	zip_free(&c->zip);
	c->zip = zip_new();
	c->zip_off = false;
	zip_borrow(c->zip, &s->zip);
	zip_feed(c->zip, str_sub(buf_str(&c->in), c->in_at, STR_NPOS));
	buf_fini(&c->in);
	c->in_at = 0;
	c->readable = true;
}

static ssize_t
write_some(struct conn *c, const char *p, size_t n)
{
	ssize_t put;

	if (c->ssl) {
		int rc;

		ERR_clear_error();
		rc = SSL_write(c->ssl, p, n > INT32_MAX ? INT32_MAX : (int)n);
		if (rc > 0)
			return rc;
		rc = tls_result(c, rc);
		/* A write that waits to read is woken by that reading. */
		return rc == 0 ? -2 : rc;
	}
	do
		put = send(c->fd, p, n, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put >= 0)
		return put;
	return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
}

/* What goes to the socket next. Only what was compressed can be sent, so all
 * of the output is, before anything of it. */
static struct str
outgoing(struct conn *c)
{
	struct str out = str_sub(buf_str(&c->out), c->out_at, STR_NPOS);

	if (!c->zip || c->zip_off)
		return out;
	if (zip_out(c->zip).n == 0 && out.n > 0) {
		zip_deflate(c->zip, out);
		c->out.n = c->out_at = 0;
	}
	return zip_out(c->zip);
}

static void
sent(struct conn *c, size_t n)
{
	if (c->zip && !c->zip_off)
		zip_sent(c->zip, n);
	else
		c->out_at += n;
	c->active = net_seconds();
}

bool
io_flush(struct conn *c)
{
	struct str out;

	c->blocked = false;
	while ((out = outgoing(c)).n > 0) {
		ssize_t put = write_some(c, out.p, out.n);

		if (put == -2)
			return false;
		if (put == -1) {
			c->blocked = true;
			return true;
		}
		sent(c, (size_t)put);
	}
	c->out.n = c->out_at = 0;
	return true;
}

static void
handshake_failed(struct conn *c)
{
	static struct limit lines;
	char why[256];

	tls_error(why, sizeof(why));
	atomic_fetch_add(&c->loop->server->tls_failed, 1);
	if (limit_pass(&lines, 10))
		log_info("tls_failed", LOG_CSTR("id", c->id),
		    LOG_CSTR("proto", c->listener->proto->name),
		    LOG_CSTR("peer", c->peer.address), LOG_CSTR("error", why));
	c->dead = true;
}

void
io_handshake(struct conn *c)
{
	int rc;

	c->readable = c->blocked = false;
	if (!c->ssl)
		c->ssl = tls_accept(c->loop->server->tls, c->fd);
	if (!c->ssl) {
		handshake_failed(c);
		return;
	}
	ERR_clear_error();
	rc = SSL_do_handshake(c->ssl);
	if (rc == 1) {
		c->phase = PHASE_OPEN;
		c->readable = true;
		c->active = net_seconds();
		pthread_mutex_lock(&c->loop->lock);
		c->secure = true;
		pthread_mutex_unlock(&c->loop->lock);
		return;
	}
	rc = tls_result(c, rc);
	if (rc != -1)
		handshake_failed(c);
}

void
io_shutdown(struct conn *c)
{
	if (c->ssl) {
		/* One close_notify; an answer is not waited for. */
		if (!c->dead && SSL_is_init_finished(c->ssl))
			SSL_shutdown(c->ssl);
		ERR_clear_error();
		SSL_free(c->ssl);
		c->ssl = NULL;
	}
	shutdown(c->fd, SHUT_WR);
}
