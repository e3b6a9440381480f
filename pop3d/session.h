/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef POP3D_SESSION_H
#define POP3D_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "mime/downgrade.h"
#include "net/daemon.h"
#include "net/server.h"
#include "pop3d/delay.h"
#include "pop3d/line.h"
#include "pop3d/lock.h"
#include "pop3d/maildrop.h"
#include "site/site.h"

/*
 * A POP3 session (RFC 1939): what a connection is between commands.
 *
 *	session.c       bytes: lines, workers, timeouts, the end
 *	commands.c      the table of commands; from a line to its reply
 *	cmd_session.c   CAPA, STLS, NOOP, QUIT and others that touch no mail
 *	cmd_login.c     USER and PASS, APOP, AUTH
 *	cmd_maildrop.c  STAT, LIST, UIDL, DELE, RSET
 *	proxy.c         accounts that another server holds
 *	cmd_retr.c      RETR and TOP
 */

struct sasl;
struct command;
struct session;

/* Shared by all sessions. */
struct pop3d {
	struct store *store;
	struct site *site;
	struct locks *locks;
	struct delays *delays;
	const char *hostname;
	unsigned timeout, login_timeout; /* seconds */
	bool plaintext_auth;
	struct metric *logins, *refused, *retrieved, *bytes, *removed;
};

enum { /* session states, as bits for the command table */
	ST_AUTHORIZATION = 1,
	ST_TRANSACTION = 2,
	ST_ANY = 3,
};

enum input {
	IN_COMMAND,
	IN_SKIP, /* the rest of a line that is too long */
	IN_SASL, /* the client's part of AUTH */
};

struct session {
	struct pop3d *d;
	struct conn *conn;
	struct arena *arena; /* of the command that runs; else empty */
	unsigned state;
	enum input input, after_skip;
	unsigned errors;  /* mistakes of the client in a row */
	int64_t progress; /* the last whole line, monotonic milliseconds */
	unsigned hops;    /* fronts that may still follow (backend.h) */
	/* A line for a worker. */
	const struct command *command;
	struct args args;
	struct str line; /* in IN_SASL; P == NULL: it was too long */
	/* The rest of a long answer; NULL: there is none. */
	enum net_next (*step)(struct session *s);
	void *data;         /* of step, in the arena */
	struct buf scratch; /* of step */
	struct buf ascii;   /* the same after downgrading */
	struct downgrade downgrade;
	/* AUTHORIZATION */
	char *challenge; /* of APOP; NULL: it is not offered */
	char *user;
	struct sasl *sasl;
	bool utf8;   /* UTF8 was said (RFC 6856) */
	bool proved; /* only the client's empty answer is still to come */
	/* TRANSACTION */
	char id[17];
	struct account *account;
	struct maildrop drop;
	struct policy policy;
	uint32_t retrieved, topped;
	uint64_t bytes;
};

extern const struct net_proto pop3_proto;

/* "+OK text", and "-ERR [code] text"; CODE may be NULL. */
void reply_ok(struct session *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
enum net_next reply_err(struct session *s, const char *code, const char *text);
/* The same for a mistake of the client; too many end the session. */
enum net_next complain(struct session *s, const char *text);

/* Passwords may not travel on this connection. */
bool session_insecure(const struct session *s);
struct site_peer session_peer(const struct session *s);

/* Enter TRANSACTION as the account of SITE, and answer. */
enum net_next session_login(
    struct session *s, const struct site_account *acc, const char *mechanism);
/* proxy.c: the same as the account of another server; PASSWORD is empty if the
 * mechanism did not tell it. */
enum net_next proxy_login(struct session *s, const struct site_account *acc,
    const char *mechanism, struct str password);
/* Leave it, with UPDATE or without; false: mail could not be removed. */
bool session_leave(struct session *s, bool update);

#endif
