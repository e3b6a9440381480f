/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include "backend/peer.h"
#include "backend/reply.h"
#include "base/buf.h"
#include "site/site.h"

struct conn;

/*
 * Accounts that another server holds: log in there on behalf of a client who
 * has logged in here, then let lib/net move the bytes.
 *
 * Loops: each front tells the next how many more there may be (Dovecot's
 * x-proxy-ttl in IMAP's ID, and TTL in XCLIENT); who gets none left
 * refuses.
 */

#define BACKEND_HOPS 5

enum backend_rc {
	BACKEND_OK,
	BACKEND_DENIED, /* the backend does not take this login */
	BACKEND_DOWN,   /* it cannot be asked now: a temporary failure */
};

struct backend_login {
	struct site *site;
	const struct site_account *account;
	struct str password; /* the user's; empty: not known */
	/* Of the client, for the backend's log. */
	const char *address;
	uint16_t port;
	const char *session;
	unsigned hops; /* how many fronts may still follow */
	bool utf8;     /* POP3: in UTF8 mode, if it can (RFC 6856) */
	bool own; /* as the user himself: to see if the password is right */
};

/*
 * Log in; on BACKEND_OK the connection is as the protocol has it after
 * login. CAPABILITY gets what the backend offers then, without the word
 * itself. They block for up to the setting backend.timeout.
 */
enum backend_rc backend_imap(const struct backend_login *l, struct peer **out,
    struct buf *capability, struct err *e);
enum backend_rc backend_pop3(
    const struct backend_login *l, struct peer **out, struct err *e);
enum backend_rc backend_sieve(
    const struct backend_login *l, struct peer **out, struct err *e);

struct backend_message {
	struct str from, to;
	struct str head, raw; /* one after the other; CRLF line ends */
	bool utf8;            /* needs SMTPUTF8 (RFC 6531) */
	/* RFC 3461 and 2852, as they go over the line; empty: not said. */
	struct str notify, orcpt, ret, envid, by;
	bool *tells; /* set: the server takes those of RFC 3461; or NULL */
	const char *hostname; /* ours */
};
/*
 * Hand a message to the account's LMTP server. Returns the code it answered
 * with: 250 means that it has the message, 0 that it could not be asked. REPLY
 * has the answer, and E a sentence about it unless that was 250.
 */
unsigned backend_lmtp(struct site *s, const struct site_account *acc,
    const struct backend_message *m, struct backend_reply *reply,
    struct err *e);

/* Can the server be reached for that protocol, and does it greet us, with TLS
 * if that is set? Nobody logs in. */
bool backend_probe(struct site *s, const struct site_account *acc,
    enum site_backend_proto proto, struct err *e);

/* For site_set_prover(): does the account's backend take this password? */
enum site_rc backend_prove(struct site *s, const struct site_account *acc,
    struct str password, struct err *e);

#endif
