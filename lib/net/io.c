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

ssize_t
io_read(struct conn *c, char *p, size_t n)
{
	ssize_t got;

	if (c->ssl) {
		int rc;

		if (c->out_at == c->out.n)
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

bool
io_flush(struct conn *c)
{
	c->blocked = false;
	while (c->out_at < c->out.n) {
		ssize_t put =
		    write_some(c, c->out.p + c->out_at, c->out.n - c->out_at);

		if (put == -2)
			return false;
		if (put == -1) {
			c->blocked = true;
			return true;
		}
		c->out_at += (size_t)put;
		c->active = net_seconds();
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
