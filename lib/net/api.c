/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/internal.h"

/* What protocols call on their connection. */

struct buf *
conn_out(struct conn *c)
{
	return &c->out;
}

bool
conn_out_full(struct conn *c)
{
	return conn_unsent(c) >= OUT_HIGH;
}

bool
conn_stopping(const struct conn *c)
{
	return c->loop->server->stop;
}

void
conn_run(struct conn *c)
{
	c->run = true;
}

void
conn_close(struct conn *c)
{
	c->closing = true;
}

void
conn_wake(struct conn *c)
{
	unsigned old = atomic_fetch_or(&c->state, ST_WAKE);

	if (!(old & (ST_WAKE | ST_BUSY)))
		loop_post(c->loop, c);
}

void
conn_set_timeout(struct conn *c, unsigned seconds)
{
	c->timeout = seconds;
	c->active = net_seconds();
}

void
conn_delay(struct conn *c, unsigned milliseconds)
{
	c->delay_ms = milliseconds;
}

void
conn_compress(struct conn *c, bool on)
{
	c->zip_switch = on != conn_compressed(c);
}

bool
conn_compressed(const struct conn *c)
{
	return c->zip && !c->zip_off;
}

const struct conn_peer *
conn_peer(const struct conn *c)
{
	return &c->peer;
}

bool
conn_tls(const struct conn *c)
{
	return c->ssl != NULL;
}

struct str
conn_tls_info(const struct conn *c, char *buf, size_t n)
{
	int len;

	if (!c->ssl || n == 0)
		return STR_NULL;
	len = snprintf(buf, n, "%s %s", SSL_get_version(c->ssl),
	    SSL_get_cipher_name(c->ssl));
	return str_sub((struct str){ buf, n - 1 }, 0, (size_t)len);
}

const struct x509_st *
conn_certificate(const struct conn *c, bool *trusted)
{
	X509 *cert = c->ssl ? SSL_get0_peer_certificate(c->ssl) : NULL;

	*trusted = cert && SSL_get_verify_result(c->ssl) == X509_V_OK;
	return cert;
}

const char *
conn_id(const struct conn *c)
{
	return c->id;
}

bool
conn_starttls_available(const struct conn *c)
{
	return !c->ssl && tls_available(c->loop->server->tls);
}

struct net_server *
conn_server(const struct conn *c)
{
	return c->loop->server;
}

void *
conn_session(const struct conn *c)
{
	return c->session;
}

void *
conn_listen_arg(const struct conn *c)
{
	return c->listener->arg;
}

void
conn_set_user(struct conn *c, struct str user)
{
	char *copy = NULL, *old;

	if (user.n > 0) {
		copy = mem_alloc(user.n + 1);
		memcpy(copy, user.p, user.n);
		copy[user.n] = '\0';
	}
	pthread_mutex_lock(&c->loop->lock);
	old = c->user;
	c->user = copy;
	pthread_mutex_unlock(&c->loop->lock);
	free(old);
}
