/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LMTPD_SESSION_H
#define LMTPD_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/spool.h"
#include "deliver/deliver.h"
#include "lmtpd/data.h"
#include "lmtpd/envelope.h"
#include "net/daemon.h"
#include "net/server.h"

/*
 * An LMTP session (RFC 2033). session.c moves bytes: it cuts lines, takes in
 * messages and runs what may block on a worker. commands.c is the protocol.
 */

/* What all sessions share; the numbers change at a reload. */
struct lmtp {
	struct deliver *deliver;
	struct site *site;
	const char *hostname;
	_Atomic uint64_t max_size;
	_Atomic unsigned max_recipients, timeout;
	struct metric *messages, *bytes, *results[DELIVER_RCS];
};
extern struct lmtp lmtp;
extern const struct net_proto lmtp_proto;

enum {
	ST_START = 1, /* before LHLO */
	ST_READY = 2,
	ST_MAIL = 4, /* a sender, no recipient */
	ST_RCPT = 8, /* recipients that were accepted */
	ST_ANY = 15,
};

enum input {
	IN_COMMAND,
	IN_SKIP, /* the rest of a line that is too long */
	IN_DATA,
	IN_CHUNK,
};

enum job { JOB_COMMAND, JOB_WRITE, JOB_MESSAGE };

struct command;

struct session {
	struct conn *c;
	unsigned state;
	enum input input;
	enum job job;
	unsigned errors;
	uint32_t transactions;
	int64_t progress; /* when the client last got ahead, monotonic ms */
	size_t trickle;   /* octets since, too few to count */
	char *helo;
	char *queue_id;                /* XFORWARD IDENT */
	struct arena *arena;           /* of the transaction */
	const struct command *command; /* to run on a worker */
	struct str args;
	struct mail_args mail;
	struct deliver_by by;
	struct deliver_rcpt *rcpts;
	size_t nrcpts, rcpts_cap, tried;
	struct spool spool;
	struct data data;
	bool too_big;
	uint64_t chunk_left;
	bool chunk_last, chunk_bad; /* bad: read away, not kept */
};

struct command {
	const char *name;
	unsigned states; /* where it is legal */
	bool blocks;     /* runs on a worker */
	enum net_next (*run)(struct session *s, struct str args);
	const char *help;
};
/* NULL: there is none of that name. */
const struct command *command_find(struct str name);
enum net_next command_run(
    struct session *s, const struct command *cmd, struct str args);
/* The table, for tests; sorted by name. */
const struct command *command_table(size_t *count);

/* "250 2.1.0 text\r\n"; an empty STATUS leaves it out. */
void reply(struct session *s, unsigned code, const char *status,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The same for a mistake of the client; false when there were too many. */
enum net_next complain(struct session *s, unsigned code, const char *status,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

void session_reset(struct session *s); /* forget the transaction */
/* From the loop: the text or chunk is there. */
void session_message(struct session *s);
/* A message is there, on a worker: deliver it and answer. */
void session_deliver(struct session *s);
/* The chunk is there: deliver if it was the last, or answer. */
void session_chunk_done(struct session *s);

#endif
