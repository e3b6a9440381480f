/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * The shape of every daemon: event loops own connections, workers execute
 * commands.
 *
 * A connection belongs to one loop thread for life. The loop reads and hands
 * bytes to the protocol's input(), which must not block; when a command is
 * complete it calls conn_run(), and the protocol's run() is called on a
 * worker, where it may block on the store. While it runs, the connection is
 * the worker's: the loop neither reads nor calls any other function of the
 * protocol for it. So a session needs no lock of its own.
 *
 * An idle connection holds no buffer: input that was not consumed and output
 * that was not sent are the only bytes kept.
 */

struct net_server;
struct conn;

enum net_next {
	NET_DONE,     /* command finished: send its output, take more input */
	NET_MORE,     /* send the output; call run() again once it drained */
	NET_STARTTLS, /* send the output, then negotiate TLS; input that came
		       * before the handshake is thrown away (no injection) */
	NET_CLOSE,    /* send the output, then close */
};

struct net_proto {
	const char *name; /* "imap": for logs, metrics and `mailstead who` */

	/*
	 * "Loop" means that it must not block; it may well be the worker that
	 * just ran a command of the same connection.
	 */
	/* Loop. A connection is ready (TLS done where it is implicit). Returns
	 * the session; NULL closes. The greeting goes to conn_out(). */
	void *(*open)(struct conn *c);
	/* Loop. Bytes are there and nothing runs. Returns how many it used;
	 * the rest is offered again with more behind it. After conn_run() it
	 * must return at once. Short replies ("+ OK") may go to conn_out(). */
	size_t (*input)(void *session, struct str in);
	/* Worker. The command, or its next step after NET_MORE. */
	enum net_next (*run)(void *session);
	/* Loop. The handshake that NET_STARTTLS began is done: what the server
	 * says unasked goes to conn_out(). NULL: nothing. */
	void (*secured)(void *session);
	/* Loop. conn_set_timeout() has passed without input and nothing runs.
	 * Say so in conn_out() and conn_close(), or set a new timeout. */
	void (*timeout)(void *session);
	/* Loop. After conn_wake(), once nothing runs. Usually conn_run(). */
	void (*wake)(void *session);
	/* Loop. The server stops: say BYE or 421; it closes by itself. */
	void (*stop)(void *session);
	/* Worker. The connection is gone: free the session. May block. */
	void (*close)(void *session);
	/* Replies of pipelined commands may be sent together (RFC 2920): a
	 * reply waits while the next command, already here, is executed. */
	bool batch;
	/*
	 * What the client of a relayed connection is told, CRLF included, when
	 * the server stops, or when neither side has sent anything for the time
	 * of conn_set_timeout(). It does not go into the middle of a line of
	 * the backend. NULL: nothing.
	 */
	const char *relay_stop, *relay_idle;
};

/* Output goes here; sent when the callback returns. */
struct buf *conn_out(struct conn *c);
/* Enough output for one step: return NET_MORE (the high-water mark). */
bool conn_out_full(struct conn *c);
/* The server stops: what takes long on a worker should come to an end. */
bool conn_stopping(const struct conn *c);
void conn_run(struct conn *c);   /* from input(), wake() or timeout() */
void conn_close(struct conn *c); /* after the output was sent */
/* From any thread; many wakes before it is served are one. C must be open:
 * unregister before close() returns. */
void conn_wake(struct conn *c);
void conn_set_timeout(struct conn *c, unsigned seconds); /* 0: none */
/*
 * From run(), before it returns NET_DONE: what is in conn_out() is still sent,
 * then AHEAD; from then on the client's bytes, those included that it sent
 * ahead, go to the connected socket FD and back, until one of the two closes.
 * The protocol is asked nothing any more but close(), and there is no timeout
 * unless one is set after this. SSL (may be NULL) and FD
 * are the connection's from here on; FD must not block.
 */
struct ssl_st;
void conn_relay(struct conn *c, int fd, struct ssl_st *ssl, struct str ahead);
/* From run(): hold back the output and further input for so long, without
 * holding the worker (penalty for failed logins). */
void conn_delay(struct conn *c, unsigned milliseconds);
/*
 * From run(): what is in conn_out() goes out as it is sent now; from then on
 * both sides compress (RFC 4978), or stop doing so (ON false). Input that the
 * protocol has not taken yet is taken for what the client sent under the new
 * rule. Above TLS, and not together with NET_STARTTLS.
 */
void conn_compress(struct conn *c, bool on);
bool conn_compressed(const struct conn *c);

struct conn_peer {
	char address[64]; /* "192.0.2.1", "2001:db8::1" or "local" */
	uint16_t port;
	bool loopback; /* includes Unix sockets */
	int64_t uid;   /* who connected to a Unix socket; -1: not known */
};
const struct conn_peer *conn_peer(const struct conn *c); /* after PROXY */
bool conn_tls(const struct conn *c);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", empty without TLS. */
struct str conn_tls_info(const struct conn *c, char *buf, size_t n);
/*
 * Append the channel binding of TYPE: "tls-exporter" (RFC 9266),
 * "tls-server-end-point" or "tls-unique" (RFC 5929). False: there is none of
 * that type. CONN is a struct conn; as sasl_options wants it.
 */
bool conn_binding(const void *conn, const char *type, struct buf *out);
/*
 * The client's certificate, which lives as long as the connection; NULL: none,
 * or it is not asked for. *trusted: an authority of tls_client_ca vouches for
 * it.
 */
struct x509_st;
const struct x509_st *conn_certificate(const struct conn *c, bool *trusted);
/* Short unique text for logs and for the client to quote. */
const char *conn_id(const struct conn *c);
bool conn_starttls_available(const struct conn *c);
struct net_server *conn_server(const struct conn *c);
void *conn_session(const struct conn *c);
/* Who is logged in, for `mailstead who`; copied; empty: nobody. */
void conn_set_user(struct conn *c, struct str user);

/* ------------------------------------------------------------------------
 * Server
 */

struct net_options {
	const char *name;        /* the daemon: "imapd" */
	unsigned loops, workers; /* 0: one loop a core, eight workers a core */
	unsigned max_connections, max_per_address;
	const char *trusted_proxies; /* may send PROXY protocol v1 or v2 */
	const char *tls_cert, *tls_key, *tls_min;
	bool tls_client_certs; /* ask clients for certificates */
	const char *tls_client_ca, *tls_client_crl;
	/* Certificates by SNI: append PEM chain and key for NAME, or return
	 * false for the default. Called on a worker, so it may block; cached
	 * by the server until net_reload(). May be NULL. */
	bool (*certificate)(
	    void *arg, struct str name, struct buf *chain, struct buf *key);
	void *certificate_arg;
};

bool net_server_new(
    const struct net_options *o, struct net_server **out, struct err *e);
/*
 * Listen on each of SPEC: "unix:NAME" (in RUN_DIR unless absolute),
 * "host:port", "*:port" or "[v6]:port", separated by spaces or commas. A
 * spec ending in "?proxy" expects a PROXY header, "?mode=0666" sets the mode
 * of a Unix socket (default 0660). ARG is for the protocol.
 * Sockets passed by the service manager (LISTEN_FDS) that match are used
 * instead of binding.
 */
bool net_listen(struct net_server *s, const char *spec, const char *run_dir,
    const struct net_proto *proto, bool tls, void *arg, struct err *e);
/* "mode=0660" of such a spec, for who listens in another way. */
bool net_mode_parse(struct str option, mode_t *out);
void *conn_listen_arg(const struct conn *c);
/* The port of the INDEX-th socket listened on ("host:0" takes a free one);
 * 0: a Unix socket, or there is no such socket. */
uint16_t net_port(const struct net_server *s, size_t index);
/* Run until net_stop(); then closes gracefully, within 10 seconds. */
void net_run(struct net_server *s);
void net_stop(struct net_server *s);                  /* from any thread */
bool net_reload(struct net_server *s, struct err *e); /* certificates */
void net_server_free(struct net_server **s);

/* Is the daemon ready for its work? What /healthz answers; WHY is a line for
 * people. Any thread; without it a daemon is ready while it does not stop. */
void net_set_health(struct net_server *s, bool (*ready)(struct buf *why));

/* Append a JSON array with an object for each connection. Any thread. */
void net_who(struct net_server *s, struct buf *out);

/*
 * Run task(arg, i) for each i in [0, count) on the workers and wait for all.
 * The caller works too, so calling it from run() cannot deadlock.
 */
void net_parallel(struct net_server *s, size_t count,
    void (*task)(void *arg, size_t i), void *arg);

#endif
