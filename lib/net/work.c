/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/internal.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/relay.h"

#define ROUNDS 32 /* commands in a row before others get their turn */

/* ------------------------------------------------------------------------
 * What a worker lends
 */

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

struct scratch *
scratch_new(void)
{
	struct scratch *s = mem_alloc(sizeof(*s));

	s->out = (struct buf){ 0 };
	s->zip = (struct zip_kit){ 0 };
	return s;
}

void
scratch_free(struct scratch *s)
{
	if (!s)
		return;
	buf_fini(&s->out);
	zip_kit_fini(&s->zip);
	free(s);
}

static void
free_mine(void *p)
{
	scratch_free(p);
}

static void
make_key(void)
{
	if (pthread_key_create(&scratch_key, free_mine) != 0)
		abort();
}

static struct scratch *
my_scratch(void)
{
	struct scratch *s;

	pthread_once(&scratch_once, make_key);
	s = pthread_getspecific(scratch_key);
	if (!s) {
		s = scratch_new();
		pthread_setspecific(scratch_key, s);
	}
	return s;
}

/* ------------------------------------------------------------------------
 * A turn of work
 */

static void
run_command(struct conn *c)
{
	c->more = false;
	buf_drop(&c->out, c->out_at);
	c->out_at = 0;
	switch (c->listener->proto->run(c->session)) {
	case NET_DONE:
		break;
	case NET_MORE:
		c->more = true;
		break;
	case NET_STARTTLS:
		c->starttls = true;
		break;
	case NET_CLOSE:
		c->closing = true;
		break;
	}
	c->fresh = true;
	c->active = net_seconds();
}

static void
close_session(struct conn *c)
{
	if (c->session && c->listener->proto->close)
		c->listener->proto->close(c->session);
	c->session = NULL;
	conn_set_user(c, STR_NULL);
	relay_free(&c->relay);
	io_shutdown(c);
	c->phase = PHASE_CLOSED;
}

/* What the loop has to let go of before its session is closed, it hands to a
 * worker itself. */
static bool
may_close(const struct conn *c)
{
	return c->phase == PHASE_OPEN && conn_finished(c) && !c->relay &&
	       !c->delay;
}

static void
work(struct conn *c)
{
	c->run = false;
	if (c->phase == PHASE_HANDSHAKE)
		io_handshake(c);
	else if (c->phase == PHASE_OPEN)
		run_command(c);
	else if (c->phase == PHASE_CLOSING)
		close_session(c);
}

/*
 * Give C back to its loop. False if there was news that the worker can see to
 * itself; C is still its own then.
 */
static bool
release(struct conn *c)
{
	struct loop *loop = c->loop;
	unsigned old, new;

	if (conn_due(c) < c->timer.due)
		c->attention = true; /* its timer is too late */
	old = atomic_load(&c->state);
	do {
		if (!c->attention &&
		    ((old & ST_EVENT) || ((old & ST_WAKE) && conn_idle(c)))) {
			atomic_fetch_and(&c->state, ~(unsigned)ST_EVENT);
			c->readable = true;
			return false;
		}
		new = old & ~(unsigned)ST_BUSY;
		if (c->attention)
			new |= ST_QUEUED;
	} while (!atomic_compare_exchange_weak(&c->state, &old, new));
	/* From here on C is its loop's, unless we hold it by ST_QUEUED. */
	if ((new &ST_QUEUED) && !(old & ST_QUEUED))
		loop_push(loop, c);
	return true;
}

static void
turn(struct task *t)
{
	struct conn *c =
	    (struct conn *)(void *)((char *)t - offsetof(struct conn, task));
	struct scratch *s = my_scratch();

	c->attention = false;
	conn_borrow(c, s);
	for (int round = 1;; round++) {
		if (c->run)
			work(c);
		conn_step(c, s);
		if (!c->run && may_close(c)) {
			c->phase = PHASE_CLOSING;
			c->run = true;
		}
		if (c->run && round < ROUNDS)
			continue;
		conn_return(c, s);
		if (c->run) {
			pool_push(c->loop->server->pool, &c->task);
			return;
		}
		if (round >= ROUNDS)
			c->attention = true;
		if (release(c))
			return;
		conn_borrow(c, s);
	}
}

void
work_start(struct conn *c)
{
	c->run = true;
	c->task.run = turn;
	atomic_fetch_or(&c->state, ST_BUSY);
	pool_push(c->loop->server->pool, &c->task);
}
