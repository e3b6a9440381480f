/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "net/proxy.h"
#include "net/relay.h"

#define READS_PER_STEP 16 /* then others get their turn */
#define BATCH_BYTES 16384 /* replies held back for those that follow */

uint32_t
net_seconds(void)
{
	return (uint32_t)(clock_mono_ms() / 1000) + 1;
}

/* ------------------------------------------------------------------------
 * Making and freeing
 */

/* Eight letters and digits that rise from a random start. */
static void
make_id(char out[12])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	static _Atomic uint64_t next;
	uint64_t v, zero = 0;

	if (atomic_load(&next) == 0)
		atomic_compare_exchange_strong(&next, &zero, rnd_u64() | 1);
	v = atomic_fetch_add(&next, 1);
	for (int i = 7; i >= 0; i--) {
		out[i] = digits[v & 31];
		v >>= 5;
	}
	out[8] = '\0';
}

struct conn *
conn_new(struct loop *loop, struct listener *l, int fd)
{
	struct conn *c = mem_zalloc(sizeof(*c));

	c->loop = loop;
	c->listener = l;
	c->fd = fd;
	c->phase = l->proxy ? PHASE_PROXY
		   : l->tls ? PHASE_HANDSHAKE
			    : PHASE_OPEN;
	c->since = clock_now();
	c->active = net_seconds();
	timer_init(&c->timer);
	make_id(c->id);
	return c;
}

void
conn_free(struct conn *c)
{
	struct net_server *s = c->loop->server;

	if (c->counted)
		addr_counts_give(s->counts, &c->addr);
	zip_free(&c->zip);
	SSL_free(c->ssl);
	close(c->fd);
	relay_free(&c->relay);
	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c->user);
	free(c);
}

/* ------------------------------------------------------------------------
 * The step
 */

size_t
conn_unsent(const struct conn *c)
{
	return c->out.n - c->out_at + (c->zip ? zip_out(c->zip).n : 0);
}

bool
conn_finished(const struct conn *c)
{
	return c->dead ||
	       (c->closing && conn_unsent(c) == 0 && c->delay_ms == 0);
}

bool
conn_idle(const struct conn *c)
{
	return c->phase == PHASE_OPEN && c->opened && !c->run && !c->more &&
	       c->delay_ms == 0 && !c->closing && !c->starttls &&
	       !c->zip_switch && !c->dead && conn_unsent(c) <= OUT_LOW;
}

uint32_t
conn_due(const struct conn *c)
{
	switch (c->phase) {
	case PHASE_PROXY:
		return c->active + PROXY_SECONDS + 1;
	case PHASE_HANDSHAKE:
		return c->active + HANDSHAKE_SECONDS + 1;
	case PHASE_LINGER:
		return c->active + LINGER_SECONDS + 1;
	case PHASE_OPEN:
		if (c->delay_ms)
			return UINT32_MAX;
		if (conn_unsent(c) > 0)
			return c->active +
			       (c->closing ? HANDSHAKE_SECONDS : STALL_SECONDS);
		return c->timeout ? c->active + c->timeout + 1 : UINT32_MAX;
	}
	return UINT32_MAX;
}

static void
too_long(struct conn *c)
{
	static struct limit lines;

	if (limit_pass(&lines, 10))
		log_warn("input_too_long", LOG_CSTR("id", c->id),
		    LOG_CSTR("proto", c->listener->proto->name),
		    LOG_CSTR("peer", c->peer.address));
	c->dead = true;
}

/* Offer IN until the protocol takes nothing; returns how much it took. */
static size_t
offer(struct conn *c, struct str in)
{
	const struct net_proto *proto = c->listener->proto;
	size_t used = 0, n;

	do {
		struct str rest = str_sub(in, used, STR_NPOS);

		n = c->relay ? relay_take(c, rest)
			     : proto->input(c->session, rest);
		used += n < in.n - used ? n : in.n - used;
	} while (n > 0 && used < in.n && !c->run && !c->closing &&
		 conn_unsent(c) <= OUT_LOW);
	c->fresh = n > 0;
	if (!c->fresh && !c->run && !c->closing && in.n - used > MAX_LEFTOVER)
		too_long(c);
	return used;
}

static void
offer_leftover(struct conn *c)
{
	c->in_at += offer(c, str_sub(buf_str(&c->in), c->in_at, STR_NPOS));
	if (c->in_at == c->in.n) {
		buf_fini(&c->in);
		c->in_at = 0;
	}
}

static void
keep_leftover(struct conn *c, const char *p, size_t n)
{
	c->in_at = 0;
	c->in.n = 0;
	if (n > 0 && n <= c->in.cap && c->in.cap / 4 <= n) {
		buf_put(&c->in, p, n);
		return;
	}
	buf_fini(&c->in);
	buf_put(&c->in, p, n);
}

static void
take_input(struct conn *c, struct scratch *s)
{
	size_t left = c->in.n - c->in_at, used;
	ssize_t got;

	got = io_read(c, s->in + left, READ_CHUNK);
	if (got == 0)
		c->eof = true;
	if (got == -2)
		c->dead = true;
	if (got <= 0)
		return;
	c->active = net_seconds();
	if (left > 0)
		memcpy(s->in, c->in.p + c->in_at, left);
	left += (size_t)got;
	used = offer(c, (struct str){ s->in, left });
	keep_leftover(c, s->in + used, left - used);
}

static void
open_session(struct conn *c)
{
	c->opened = true;
	c->readable = true;
	c->session = c->listener->proto->open(c);
	if (!c->session)
		c->closing = true;
}

static void
tell_secured(struct conn *c)
{
	const struct net_proto *proto = c->listener->proto;

	c->secured = false;
	if (proto->secured)
		proto->secured(c->session);
}

/* What came before the handshake came in clear text: forget it, so that
 * nobody on the way can slip in commands (CVE-2011-0411 and its kin). */
static void
start_tls(struct conn *c)
{
	buf_fini(&c->in);
	c->in_at = 0;
	c->fresh = c->starttls = false;
	c->secured = true;
	zip_free(&c->zip); /* only a rest of it, if anything */
	c->phase = PHASE_HANDSHAKE;
	c->active = net_seconds();
	c->readable = true;
}

static void
say_stop(struct conn *c)
{
	const struct net_proto *proto = c->listener->proto;

	c->stop_said = true;
	if (c->relay)
		relay_say(c, proto->relay_stop);
	else if (proto->stop)
		proto->stop(c->session);
	c->closing = true;
}

static void
serve_wake(struct conn *c)
{
	const struct net_proto *proto = c->listener->proto;

	atomic_fetch_and(&c->state, ~(unsigned)ST_WAKE);
	if (proto->wake && !c->relay)
		proto->wake(c->session);
}

/* Is it better to answer the commands at hand first? */
static bool
batching(const struct conn *c)
{
	return c->listener->proto->batch && !c->closing && !c->starttls &&
	       !c->zip_switch && !c->more && conn_unsent(c) < BATCH_BYTES &&
	       (c->run || (c->fresh && c->in_at < c->in.n));
}

static bool
may_read(const struct conn *c)
{
	return c->readable && !relay_full(c);
}

/* What to do next with nothing to send in the way. False: wait. */
static bool
next_input(struct conn *c, struct scratch *s, unsigned *reads)
{
	if (c->loop->server->stop && !c->stop_said) {
		say_stop(c);
	} else if (atomic_load(&c->state) & ST_WAKE) {
		serve_wake(c);
	} else if (c->fresh && c->in_at < c->in.n) {
		offer_leftover(c);
	} else if (c->eof) {
		c->closing = true;
	} else if (c->relay && *reads < READS_PER_STEP && relay_read(c)) {
		++*reads;
	} else if (may_read(c) && (*reads)++ < READS_PER_STEP) {
		take_input(c, s);
	} else {
		c->attention |= may_read(c) || relay_more(c);
		return false;
	}
	return true;
}

/* A relayed connection is its loop's, which watches the other side. */
static bool
relay_ready(struct conn *c)
{
	if (!c->relay->added) {
		c->attention = true;
		return false;
	}
	if (!relay_flush(c))
		c->dead = true;
	c->attention |= c->dead;
	return !c->dead;
}

/* False when there is something to wait for. */
static bool
step(struct conn *c, struct scratch *s, unsigned *reads)
{
	if (c->phase == PHASE_HANDSHAKE && !c->dead) {
		c->run = c->readable;
		c->attention |= c->blocked;
		return false;
	}
	if (c->phase == PHASE_OPEN && !c->opened)
		open_session(c);
	if (c->phase == PHASE_OPEN && c->secured && !c->dead)
		tell_secured(c);
	if (c->dead || c->phase != PHASE_OPEN || c->delay_ms) {
		c->attention = true;
		return false;
	}
	if (conn_unsent(c) > 0 && !batching(c) && !io_flush(c)) {
		c->dead = true;
		return true;
	}
	if (c->run)
		return false;
	c->attention |= c->blocked;
	if (c->relay && !relay_ready(c))
		return false;
	if (conn_unsent(c) == 0 && c->starttls) {
		start_tls(c);
		return true;
	}
	if (conn_unsent(c) == 0 && c->zip_switch) {
		io_switch_zip(c, s);
		return true;
	}
	if (conn_unsent(c) == 0 && c->closing) {
		c->attention = true;
		return false;
	}
	if (c->starttls || c->zip_switch || c->closing)
		return false;
	if (c->more) {
		c->run = conn_unsent(c) <= OUT_LOW;
		return false;
	}
	return conn_unsent(c) <= OUT_LOW && next_input(c, s, reads);
}

void
conn_step(struct conn *c, struct scratch *s)
{
	unsigned reads = 0;

	while (step(c, s, &reads))
		continue;
}

void
conn_borrow(struct conn *c, struct scratch *s)
{
	if (c->zip)
		zip_borrow(c->zip, &s->zip);
	if (c->out.p)
		return;
	c->out = s->out;
	s->out = (struct buf){ 0 };
}

void
conn_return(struct conn *c, struct scratch *s)
{
	if (c->zip)
		zip_return(c->zip);
	if (!c->out.p || c->out_at < c->out.n)
		return;
	c->out.n = c->out_at = 0;
	if (s->out.p || c->out.cap > KEEP_OUT) {
		buf_fini(&c->out);
		return;
	}
	s->out = c->out;
	c->out = (struct buf){ 0 };
}

/* ------------------------------------------------------------------------
 * Before and after the session
 */

static bool
proxied_limit(struct conn *c)
{
	struct net_server *s = c->loop->server;
	static struct limit lines;

	if (addr_loopback(&c->addr) || addr_list_has(s->trusted, &c->addr))
		return true;
	c->counted = addr_counts_take(s->counts, &c->addr, s->max_per_address);
	if (c->counted)
		return true;
	atomic_fetch_add(&s->refused, 1);
	if (limit_pass(&lines, 10))
		log_warn("refused", LOG_CSTR("reason", "too many from address"),
		    LOG_CSTR("peer", c->peer.address));
	return false;
}

static void
proxy_failed(struct conn *c, const char *why)
{
	static struct limit lines;

	if (limit_pass(&lines, 10))
		log_warn("proxy_header", LOG_CSTR("id", c->id),
		    LOG_CSTR("peer", c->peer.address), LOG_CSTR("error", why));
	c->dead = true;
}

void
conn_proxy(struct conn *c)
{
	char head[PROXY_MAX];
	struct proxy p;
	ssize_t n;

	if (!c->trusted) {
		proxy_failed(c, "peer is not a trusted proxy");
		return;
	}
	n = recv(c->fd, head, sizeof(head), MSG_PEEK);
	if (n == 0)
		c->dead = true;
	if (n <= 0)
		return;
	switch (proxy_parse((struct str){ head, (size_t)n }, &p)) {
	case PROXY_PARTIAL:
		return;
	case PROXY_BAD:
		proxy_failed(c, "malformed header");
		return;
	case PROXY_OK:
		break;
	}
	if (recv(c->fd, head, p.length, 0) != (ssize_t)p.length) {
		proxy_failed(c, "header vanished");
		return;
	}
	if (!p.local) {
		c->addr = p.src;
		pthread_mutex_lock(&c->loop->lock);
		addr_peer(&p.src, p.port, &c->peer);
		pthread_mutex_unlock(&c->loop->lock);
		if (!proxied_limit(c)) {
			c->dead = true;
			return;
		}
	}
	c->phase = c->listener->tls ? PHASE_HANDSHAKE : PHASE_OPEN;
	c->active = net_seconds();
	c->readable = true;
}

void
conn_discard(struct conn *c, struct scratch *s)
{
	/* Bounded: who still sends after that gets the reset. */
	for (int i = 0; i < READS_PER_STEP; i++) {
		ssize_t n = recv(c->fd, s->in, sizeof(s->in), 0);

		if (n < 0)
			return;
		if (n == 0) {
			c->eof = true;
			return;
		}
	}
	c->eof = true;
}
