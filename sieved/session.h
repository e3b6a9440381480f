/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVED_SESSION_H
#define SIEVED_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "net/daemon.h"
#include "net/server.h"
#include "script/rules.h"
#include "sieved/args.h"
#include "sieved/frame.h"
#include "site/site.h"

/*
 * A ManageSieve session (RFC 5804): what a connection is between commands.
 *
 *	frame.c, args.c  bytes: where a command ends, and its words
 *	session.c        answers, workers, timeouts, the account, the end
 *	commands.c       the table of commands
 *	cmd_session.c    CAPABILITY, STARTTLS, NOOP, LOGOUT, UNAUTHENTICATE
 *	cmd_login.c      AUTHENTICATE
 *	cmd_script.c     all that is about scripts
 *	proxy.c          accounts that another server holds
 */

struct sasl;
struct command;

/* Shared by all sessions. */
struct sieved {
	struct store *store;
	struct site *site;
	const char *hostname;
	unsigned timeout, login_timeout; /* seconds */
	bool plaintext_auth;
	struct metric *logins, *refused, *stored, *invalid;
};

enum { /* session states, as bits for the command table */
	ST_NEW = 1,
	ST_AUTH = 2,
	ST_ANY = 3,
};

struct session {
	struct sieved *d;
	struct conn *conn;
	struct arena *arena; /* of the command that runs; else empty */
	unsigned state;
	struct frame frame;
	enum frame_event event; /* what the frame said of a command */
	unsigned errors;        /* mistakes of the client in a row */
	int64_t progress;       /* the last command, monotonic milliseconds */
	unsigned hops;          /* fronts that may still follow (backend.h) */
	struct sasl *sasl;      /* not NULL: an AUTHENTICATE is going on */
	/* ST_AUTH; the strings are of `kept`. */
	struct arena *kept;
	struct site_account who;
	struct account *account;
};

extern const struct net_proto sieve_proto;

/* "OK (CODE) "text""; CODE (without brackets) and TEXT may be NULL. */
enum net_next reply_ok(struct session *s, const char *code, const char *text);
enum net_next reply_no(struct session *s, const char *code, const char *text);
enum net_next reply_bye(struct session *s, const char *code, const char *text);
/* NO for a mistake of the client; too many of them end the session. */
enum net_next complain(struct session *s, const char *text);

/* Passwords may not travel on this connection. */
bool session_insecure(const struct session *s);
struct site_peer session_peer(const struct session *s);
/* What may be used before and after logging in: the site's, or the
 * account's. */
void session_rules(const struct session *s, struct rules *out);

/* Enter ST_AUTH as the account of SITE, and leave it. False: the store says
 * no, which was logged. */
bool session_login(struct session *s, const struct site_account *acc);
void session_logout(struct session *s);

#endif
