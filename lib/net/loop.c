/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/relay.h"

static void serve(struct conn *c);

/* ------------------------------------------------------------------------
 * The queue
 */

void
loop_poke(struct loop *loop)
{
	uint64_t one = 1;
	ssize_t done = write(loop->eventfd, &one, sizeof(one));

	(void)done; /* full means that it is awake already */
}

void
loop_push(struct loop *loop, struct conn *c)
{
	struct conn *head = atomic_load(&loop->queue);

	do
		c->queue_next = head;
	while (!atomic_compare_exchange_weak(&loop->queue, &head, c));
	if (!head)
		loop_poke(loop);
}

void
loop_post(struct loop *loop, struct conn *c)
{
	if (!(atomic_fetch_or(&c->state, ST_QUEUED) & ST_QUEUED))
		loop_push(loop, c);
}

/* ------------------------------------------------------------------------
 * Serving one connection
 */

static void on_event(int fd, short what, void *arg);

static void
listen_for(struct conn *c, bool want_write)
{
	short what = EV_READ | EV_ET | EV_PERSIST;

	if (c->added)
		event_del(&c->ev);
	if (want_write)
		what |= EV_WRITE;
	event_assign(&c->ev, c->loop->base, c->fd, what, on_event, c);
	event_add(&c->ev, NULL);
	c->want_write = want_write;
}

static void
add(struct conn *c)
{
	struct loop *loop = c->loop;

	listen_for(c, false);
	c->added = true;
	pthread_mutex_lock(&loop->lock);
	c->next = loop->conns;
	if (c->next)
		c->next->prev = c;
	loop->conns = c;
	pthread_mutex_unlock(&loop->lock);
	log_debug("connected", LOG_CSTR("id", c->id),
	    LOG_CSTR("proto", c->listener->proto->name),
	    LOG_CSTR("peer", c->peer.address), LOG_UINT("port", c->peer.port));
}

static void
destroy(struct conn *c)
{
	struct loop *loop = c->loop;
	struct net_server *s = loop->server;

	if (atomic_load(&c->state) & ST_QUEUED) {
		c->phase = PHASE_CLOSED; /* once more, from the queue */
		c->dead = true;
		return;
	}
	wheel_cancel(&loop->wheel, &c->timer);
	event_del(&c->ev);
	pthread_mutex_lock(&loop->lock);
	if (c->prev)
		c->prev->next = c->next;
	else
		loop->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&loop->lock);
	conn_free(c);
	/* The last one lets all loops end. */
	if (atomic_fetch_sub(&s->nconns, 1) == 1 && s->stop) {
		for (unsigned i = 0; i < s->nloops; i++)
			loop_poke(&s->loops[i]);
	}
}

static void
end_delay(int fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	event_free(c->delay);
	c->delay = NULL;
	c->delay_ms = 0;
	c->active = net_seconds();
	serve(c);
}

static void
begin_delay(struct conn *c)
{
	struct timeval tv = { c->delay_ms / 1000,
		(suseconds_t)(c->delay_ms % 1000) * 1000 };

	c->delay = evtimer_new(c->loop->base, end_delay, c);
	evtimer_add(c->delay, &tv);
}

static void
on_relay(int fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	c->relay->readable = true;
	c->relay->blocked = false;
	serve(c);
}

/* From here on the loop alone serves C. */
static void
watch_relay(struct conn *c)
{
	struct relay *r = c->relay;

	event_assign(&r->ev, c->loop->base, r->fd,
	    EV_READ | EV_WRITE | EV_ET | EV_PERSIST, on_relay, c);
	event_add(&r->ev, NULL);
	r->added = true;
	loop_post(c->loop, c);
}

/* Let a worker close the session. */
static void
finish(struct conn *c)
{
	if (c->relay && c->relay->added)
		event_del(&c->relay->ev);
	wheel_cancel(&c->loop->wheel, &c->timer);
	if (c->delay)
		event_free(c->delay);
	c->delay = NULL;
	c->delay_ms = 0;
	c->phase = PHASE_CLOSING;
	work_start(c);
}

static void
linger(struct conn *c)
{
	struct loop *loop = c->loop;

	if (c->phase == PHASE_CLOSED) {
		c->phase = PHASE_LINGER;
		c->active = net_seconds();
		wheel_set(&loop->wheel, &c->timer, conn_due(c));
	}
	if (!c->dead && !c->eof)
		conn_discard(c, loop->scratch);
	if (c->dead || c->eof)
		destroy(c);
}

/* See to what the step left to the loop. */
static void
settle(struct conn *c)
{
	struct loop *loop = c->loop;
	uint32_t due;

	if (conn_finished(c)) {
		finish(c);
		return;
	}
	due = conn_due(c);
	if (due < c->timer.due)
		wheel_set(&loop->wheel, &c->timer, due);
	if (c->run) {
		work_start(c);
		return;
	}
	if (c->relay && !c->relay->added)
		watch_relay(c);
	if (c->delay_ms && !c->delay)
		begin_delay(c);
	if (c->want_write != c->blocked)
		listen_for(c, c->blocked);
	/* It had its share of reads: others first. */
	if (c->attention && (c->readable || relay_more(c)) && conn_idle(c))
		loop_post(loop, c);
}

static void
give_up(struct conn *c)
{
	struct loop *loop = c->loop;

	if (!loop->stopping)
		return;
	if (c->phase < PHASE_OPEN || c->delay_ms ||
	    clock_mono_ms() > loop->stop_at)
		c->dead = true;
}

/* C is the loop's: do all that can be done for it. */
static void
serve(struct conn *c)
{
	if (atomic_fetch_and(&c->state, ~(unsigned)ST_EVENT) & ST_EVENT)
		c->readable = true;
	c->attention = false;
	give_up(c);
	if (c->phase == PHASE_CLOSED || c->phase == PHASE_LINGER) {
		linger(c);
		return;
	}
	if (c->phase == PHASE_PROXY && !c->dead)
		conn_proxy(c);
	if (c->phase != PHASE_PROXY && !c->dead) {
		conn_borrow(c, c->loop->scratch);
		conn_step(c, c->loop->scratch);
		conn_return(c, c->loop->scratch);
	}
	settle(c);
}

static void
news(struct conn *c)
{
	if (!(atomic_fetch_or(&c->state, ST_EVENT) & ST_BUSY))
		serve(c);
}

static void
on_event(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	news(arg);
}

/* ------------------------------------------------------------------------
 * Timers
 */

static void
log_timeout(struct conn *c)
{
	static const char *const phases[] = { "proxy header", "tls handshake",
		"output" };
	static struct limit lines;

	if (c->phase <= PHASE_OPEN && limit_pass(&lines, 10))
		log_info("timeout", LOG_CSTR("id", c->id),
		    LOG_CSTR("proto", c->listener->proto->name),
		    LOG_CSTR("peer", c->peer.address),
		    LOG_CSTR("waited_for", phases[c->phase]));
}

static void
on_timer(struct conn *c, uint32_t now)
{
	const struct net_proto *proto = c->listener->proto;
	uint32_t due;

	if (atomic_fetch_or(&c->state, ST_EVENT) & ST_BUSY)
		return; /* set anew when the worker gives it back */
	due = conn_due(c);
	if (due > now) {
		if (due != UINT32_MAX)
			wheel_set(&c->loop->wheel, &c->timer, due);
		return;
	}
	if (!conn_idle(c) || conn_unsent(c) > 0) {
		log_timeout(c);
		c->dead = true;
	} else if (c->relay) {
		conn_borrow(c, c->loop->scratch);
		relay_say(c, proto->relay_idle);
		c->closing = true;
	} else if (proto->timeout) {
		c->active = now;
		conn_borrow(c, c->loop->scratch);
		proto->timeout(c->session);
	} else {
		c->closing = true;
	}
	serve(c);
}

static void
on_tick(int fd, short what, void *arg)
{
	struct loop *loop = arg;
	uint32_t now = net_seconds();
	struct timer *t;

	(void)fd;
	(void)what;
	while ((t = wheel_expire(&loop->wheel, now)) != NULL)
		on_timer((struct conn *)(void *)((char *)t -
						 offsetof(struct conn, timer)),
		    now);
	if (loop->stopping && clock_mono_ms() > loop->stop_at) {
		for (struct conn *c = loop->conns, *next; c; c = next) {
			next = c->next;
			news(c);
		}
	}
}

/* ------------------------------------------------------------------------
 * The thread
 */

static void
serve_queue(struct loop *loop)
{
	struct conn *c = atomic_exchange(&loop->queue, NULL), *list = NULL;

	while (c) { /* it is a stack: turn it over */
		struct conn *next = c->queue_next;

		c->queue_next = list;
		list = c;
		c = next;
	}
	while ((c = list) != NULL) {
		list = c->queue_next;
		if (!c->added)
			add(c);
		if (!(atomic_fetch_and(&c->state, ~(unsigned)ST_QUEUED) &
			ST_BUSY))
			serve(c);
	}
}

static void
begin_stop(struct loop *loop)
{
	struct net_server *s = loop->server;

	loop->stopping = true;
	loop->stop_at = clock_mono_ms() + STOP_SECONDS * 1000;
	if (loop == &s->loops[0]) {
		listen_stop(s);
		s->deaf = true;
		for (unsigned i = 1; i < s->nloops; i++)
			loop_poke(&s->loops[i]);
	}
	for (struct conn *c = loop->conns, *next; c; c = next) {
		next = c->next;
		news(c);
	}
}

static void
on_wakeup(int fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct net_server *s = loop->server;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		log_error("eventfd", LOG_INT("errno", errno));
	serve_queue(loop);
	if (s->stop && !loop->stopping)
		begin_stop(loop);
	if (s->deaf && s->nconns == 0)
		event_base_loopbreak(loop->base);
}

bool
loop_init(struct loop *loop, struct net_server *s, struct err *e)
{
	struct event_config *cfg = event_config_new();
	struct timeval second = { 1, 0 };

	/* A base is touched by its own thread only. */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	loop->server = s;
	loop->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	pthread_mutex_init(&loop->lock, NULL);
	loop->eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!loop->base || loop->eventfd < 0) {
		err_errno(e, "cannot make an event loop");
		return false;
	}
	loop->scratch = scratch_new();
	wheel_init(&loop->wheel, net_seconds());
	loop->wakeup = event_new(
	    loop->base, loop->eventfd, EV_READ | EV_PERSIST, on_wakeup, loop);
	loop->tick = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
	event_add(loop->wakeup, NULL);
	event_add(loop->tick, &second);
	return true;
}

void
loop_fini(struct loop *loop)
{
	if (loop->wakeup)
		event_free(loop->wakeup);
	if (loop->tick)
		event_free(loop->tick);
	if (loop->base)
		event_base_free(loop->base);
	if (loop->eventfd >= 0)
		close(loop->eventfd);
	scratch_free(loop->scratch);
	pthread_mutex_destroy(&loop->lock);
}

void
loop_run(struct loop *loop)
{
	event_base_dispatch(loop->base);
}
