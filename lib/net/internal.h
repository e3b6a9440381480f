/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>

#include "net/addr.h"
#include "net/pool.h"
#include "net/server.h"
#include "net/tls.h"
#include "net/wheel.h"
#include "net/zip.h"

/*
 * How a connection changes hands.
 *
 * The owner of a connection is its loop, or, while ST_BUSY is set, the worker
 * that runs its task; only the owner touches the fields below "owner". The
 * loop gives it away with pool_push() and gets it back when the worker clears
 * ST_BUSY with one compare-and-swap. Nobody is woken then unless there is a
 * reason: an event that came meanwhile (ST_EVENT, ST_WAKE), or something that
 * only the loop can do (c->attention). In that case the worker sets ST_QUEUED
 * in the same operation and puts the connection on the loop's queue; while
 * ST_QUEUED is set the connection is not freed.
 *
 * conn_step() is the whole life of an open connection: it flushes, reads and
 * offers input until it must wait for something. Loop and worker run the same
 * function, so a pipelined command costs no change of hands.
 */
enum {
	ST_BUSY = 1,
	ST_EVENT = 2,  /* the socket or the server has news */
	ST_WAKE = 4,   /* conn_wake() */
	ST_QUEUED = 8, /* on the loop's queue, once */
};

enum phase {
	PHASE_PROXY,     /* waits for the PROXY header */
	PHASE_HANDSHAKE, /* TLS; its steps are executed by workers */
	PHASE_OPEN,
	PHASE_CLOSING, /* a worker closes the session */
	PHASE_LINGER,  /* reads away what comes, so that a last reply is not
			* lost to a reset */
	PHASE_CLOSED,
};

#define READ_CHUNK 65536
#define MAX_LEFTOVER 131072 /* input a protocol may leave unconsumed */
#define OUT_HIGH 262144
#define OUT_LOW 65536
#define KEEP_OUT 524288 /* output buffer kept per thread */
#define HANDSHAKE_SECONDS 30
#define PROXY_SECONDS 10
#define STALL_SECONDS 300 /* a client that does not read its replies */
#define LINGER_SECONDS 2
#define STOP_SECONDS 10

/* What a thread lends to the connection it works on. */
struct scratch {
	char in[MAX_LEFTOVER + READ_CHUNK];
	struct buf out;
	struct zip_kit zip;
};

struct relay;

struct listener {
	struct net_server *server;
	const struct net_proto *proto;
	void *arg;
	bool tls, proxy;
	int fd;
	uint16_t port;
	char *path; /* of a Unix socket we made: removed at the end */
	struct event *ev;
};

struct loop {
	struct net_server *server;
	struct event_base *base;
	struct event *wakeup, *tick;
	int eventfd;
	pthread_t thread;
	_Atomic(struct conn *) queue; /* a stack of connections to serve */
	struct scratch *scratch;
	struct wheel wheel;
	pthread_mutex_t lock; /* the list and conn.user, for `who` */
	struct conn *conns;
	bool stopping;
	int64_t stop_at; /* after it, nobody is waited for */
};

struct net_server {
	char *name;
	unsigned nloops, nworkers, max_connections, max_per_address;
	struct addr_list *trusted;
	struct addr_counts *counts;
	struct tls *tls;
	struct loop *loops;
	struct pool *pool;
	struct listener **listeners;
	size_t nlisteners;
	int *inherited; /* LISTEN_FDS not yet matched */
	size_t ninherited;
	int reserve_fd; /* given up to accept when out of them */
	unsigned next_loop;
	bool (*ready)(struct buf *why); /* may be NULL */
	_Atomic bool stop, deaf; /* deaf: no connection will come any more */
	_Atomic unsigned nconns;
	_Atomic uint64_t accepted, refused, tls_failed;
};

struct conn {
	struct task task;
	struct conn *queue_next;
	_Atomic unsigned state;
	int fd;
	struct loop *loop;
	struct listener *listener;

	/* The loop's alone. */
	struct timer timer;
	struct event ev;
	struct event *delay;
	bool added;      /* is in the loop's list, has an event */
	bool want_write; /* EV_WRITE is registered */
	struct conn *prev, *next;

	/* The owner's. */
	void *session;
	SSL *ssl;
	struct zip *zip;     /* the peer compresses, and so do we */
	struct relay *relay; /* the backend that bytes are moved to and from */
	struct buf in, out;
	size_t in_at, out_at; /* what of them is used already */
	uint32_t active;      /* second of the last input or output */
	uint32_t timeout;     /* seconds; 0: none */
	uint32_t delay_ms;
	uint8_t phase;
	bool opened : 1;
	bool readable : 1; /* a read may find something */
	bool fresh : 1;    /* leftover was not offered as it is now */
	bool eof : 1;
	bool run : 1;  /* run() is to be called */
	bool more : 1; /* run() again when the output drained */
	bool starttls : 1;
	bool secured : 1;    /* STARTTLS is begun or done, and not yet told */
	bool zip_switch : 1; /* begin or end to compress once all is sent */
	bool zip_off : 1;    /* only the peer still compresses */
	bool closing : 1;    /* close after the output was sent */
	bool dead : 1;       /* close now */
	bool blocked : 1;    /* the socket takes no more */
	bool attention : 1;  /* the loop must serve it */
	bool stop_said : 1;
	bool counted : 1; /* in the count of its address */
	bool trusted : 1; /* may speak PROXY */

	struct addr addr;
	struct conn_peer peer;
	char id[12];
	char *user; /* this and the next under loop->lock, as is peer */
	bool secure;
	int64_t since;
};

/* conn.c: by the owner, on any thread */
struct conn *conn_new(struct loop *loop, struct listener *l, int fd);
void conn_free(struct conn *c); /* closes the socket */
/* Move on until C waits for a worker (c->run), the loop or the peer. */
void conn_step(struct conn *c, struct scratch *s);
/* Around a turn: C's output uses the thread's buffer, and gives it back
 * unless something is left in it. */
void conn_borrow(struct conn *c, struct scratch *s);
void conn_return(struct conn *c, struct scratch *s);
/* Take one reading of the PROXY header. */
void conn_proxy(struct conn *c);
void conn_discard(struct conn *c, struct scratch *s);
/* Nothing is left to be done but to close its session. */
bool conn_finished(const struct conn *c);
/* May it be closed: nothing runs, nothing is half sent? */
bool conn_idle(const struct conn *c);
size_t conn_unsent(const struct conn *c); /* octets of output */
uint32_t conn_due(const struct conn *c);  /* UINT32_MAX: never */
uint32_t net_seconds(void);

/* io.c */
/* Bytes read; 0: the end; -1: nothing now; -2: broken. */
ssize_t io_read(struct conn *c, char *p, size_t n);
bool io_flush(struct conn *c); /* false: broken */
void io_handshake(struct conn *c);
/* All is sent that was to be sent as before: begin to compress, or end it.
 * What the client has sent ahead of our word is what it compresses from now
 * on. */
void io_switch_zip(struct conn *c, struct scratch *s);
void io_shutdown(struct conn *c);

/* loop.c */
bool loop_init(struct loop *loop, struct net_server *s, struct err *e);
void loop_fini(struct loop *loop);
void loop_run(struct loop *loop);
/* Any thread. A connection it has not seen before begins its life there. */
void loop_post(struct loop *loop, struct conn *c);
/* The second half of it, for who has set ST_QUEUED. */
void loop_push(struct loop *loop, struct conn *c);
void loop_poke(struct loop *loop); /* any thread */

/* work.c */
struct scratch *scratch_new(void);
void scratch_free(struct scratch *s);
void work_start(struct conn *c); /* by the loop: gives C to a worker */

/* listen.c */
void listen_inherit(struct net_server *s);
void listen_start(struct net_server *s);
void listen_stop(struct net_server *s);
void listen_free(struct net_server *s);

/* limit.c: at most a few lines of a kind per second */
struct limit {
	_Atomic int64_t second;
	_Atomic unsigned count;
};
bool limit_pass(struct limit *l, unsigned per_second);

/* server.c */
struct event_base *net_base(struct net_server *s); /* of the first loop */

#endif
