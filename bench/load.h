/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <pthread.h>

#include "base/buf.h"
#include "bench/conn.h"

/* What load.c (the clients and the clock) and operation.c (what a client does
 * in each step) share. */

struct options {
	const char *host, *users, *password, *mail, *mailbox;
	long port, lmtp_port, clients, seconds, count, first, accounts;
	long recipients, messages, timeout, idle, tls, pause;
};

extern struct options opt;

struct client {
	struct conn conn;
	struct conn *watch; /* a second connection, in IDLE */
	pthread_t thread;
	long number; /* 0 and up */
	long steps;
	struct buf out;
	int64_t began_us; /* of this step; it may say that it began later */
	uint32_t *us;     /* of each operation */
	size_t ops, cap;
	uint64_t bytes;
	int64_t ended_us;
	bool ok;
};

struct operation {
	const char *name;
	bool (*open)(
	    struct client *c); /* before the clock starts; may be NULL */
	bool (*step)(struct client *c, long turn);
	bool needs_mail;
};

/* NULL: there is none. */
const struct operation *operation_find(const char *name);

bool imap_login(struct client *c, struct conn *k, long user);
bool imap_select(struct client *c, struct conn *k);
bool imap_idle(struct client *c, struct conn *k);

/* Each run of the program sends other serial numbers. */
void mails_read(const char *path, int64_t serial);

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
