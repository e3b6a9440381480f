/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/mem.h"

#define BROKEN_AFTER_MS 300000 /* a backend that acknowledges nothing */

/* A host that vanished without a word is noticed in the end. */
static void
keep_alive(int fd)
{
	unsigned ms = BROKEN_AFTER_MS;
	int on = 1;

	/* Unix sockets have neither. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void
conn_relay(struct conn *c, int fd, struct ssl_st *ssl, struct str ahead)
{
	struct relay *r = mem_zalloc(sizeof(*r));

	r->fd = fd;
	r->ssl = ssl;
	r->readable = true;
	if (ssl)
		SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	keep_alive(fd);
	keep_alive(c->fd);
	buf_putstr(&r->ahead, ahead);
	c->relay = r;
	c->timeout = 0;
}

void
relay_free(struct relay **rp)
{
	struct relay *r = *rp;

	*rp = NULL;
	if (!r)
		return;
	if (r->ssl) {
		if (!r->eof && SSL_is_init_finished(r->ssl))
			SSL_shutdown(r->ssl);
		ERR_clear_error();
		SSL_free(r->ssl);
	}
	close(r->fd);
	buf_fini(&r->ahead);
	buf_fini(&r->out);
	free(r);
}

/* As io_read(): bytes; 0: the end; -1: nothing now; -2: broken. */
static ssize_t
tls_result(struct relay *r, int rc)
{
	switch (SSL_get_error(r->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	}
	return -2;
}

static ssize_t
receive(struct relay *r, char *p, size_t n)
{
	ssize_t got;

	if (r->ssl) {
		int rc;

		ERR_clear_error();
		rc = SSL_read(r->ssl, p, (int)n);
		return rc > 0 ? rc : tls_result(r, rc);
	}
	do
		got = recv(r->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
}

static ssize_t
transmit(struct relay *r, const char *p, size_t n)
{
	ssize_t put;

	if (r->ssl) {
		int rc;

		ERR_clear_error();
		rc = SSL_write(r->ssl, p, n > INT32_MAX ? INT32_MAX : (int)n);
		return rc > 0 ? rc : tls_result(r, rc);
	}
	do
		put = send(r->fd, p, n, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put >= 0)
		return put;
	return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
}

bool
relay_flush(struct conn *c)
{
	struct relay *r = c->relay;

	while (r->out_at < r->out.n && !r->blocked) {
		ssize_t put =
		    transmit(r, r->out.p + r->out_at, r->out.n - r->out_at);

		if (put == -1)
			r->blocked = true;
		else if (put <= 0)
			return false;
		else
			r->out_at += (size_t)put;
	}
	if (r->out_at == r->out.n) { /* an idle session keeps no buffer */
		buf_fini(&r->out);
		r->out_at = 0;
	}
	return true;
}

bool
relay_more(const struct conn *c)
{
	return c->relay && c->relay->readable && !c->relay->eof;
}

/* N octets were put into the client's output. */
static void
note_output(struct conn *c, size_t n)
{
	c->active = net_seconds();
	if (n > 0)
		c->relay->in_line = c->out.p[c->out.n - 1] != '\n';
}

bool
relay_read(struct conn *c)
{
	struct relay *r = c->relay;
	ssize_t got;

	if (r->ahead.n > 0) {
		buf_putstr(&c->out, buf_str(&r->ahead));
		note_output(c, r->ahead.n);
		buf_fini(&r->ahead);
		return true;
	}
	if (!relay_more(c))
		return false;
	got = receive(r, buf_reserve(&c->out, READ_CHUNK), READ_CHUNK);
	if (got == -1) {
		r->readable = false;
		return false;
	}
	if (got <= 0) {
		r->eof = true;
		c->closing = true; /* once the client has what came before */
		return true;
	}
	c->out.n += (size_t)got;
	note_output(c, (size_t)got);
	return true;
}

void
relay_say(struct conn *c, const char *text)
{
	if (text && !c->relay->in_line && c->relay->ahead.n == 0)
		buf_puts(&c->out, text);
}

size_t
relay_take(struct conn *c, struct str in)
{
	struct relay *r = c->relay;

	buf_drop(&r->out, r->out_at);
	r->out_at = 0;
	buf_putstr(&r->out, in);
	if (!relay_flush(c))
		c->dead = true;
	return in.n;
}

bool
relay_full(const struct conn *c)
{
	return c->relay && c->relay->out.n - c->relay->out_at > OUT_LOW;
}
