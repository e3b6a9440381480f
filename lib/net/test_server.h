/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_TEST_SERVER_H
#define NET_TEST_SERVER_H

#include "net/internal.h"

/*
 * What the tests of lib/net share: real servers on loopback with a line
 * protocol that can be told to misbehave or to be slow; its verbs are the
 * rows of verbs[] in test_server.c.
 */

extern const struct net_proto echo;
extern _Atomic int echo_opened, echo_closed, echo_stopped;
extern _Atomic size_t echo_largest;         /* output buffer seen */
extern _Atomic(struct conn *) echo_sleeper; /* who said WAIT */

#define GREETING "hello\r\n"

/* Listeners by number: */
enum { PLAIN, WITH_TLS, WITH_PROXY, UNIX_PROXY, BATCH };
extern struct net_server *server;
void start(struct net_options o);
void stop(void);

extern char test_dir[];
char *in_dir(const char *name); /* good for the next call, too */
/* Self-signed; CERT and KEY are names of files in test_dir. */
void make_certificate(const char *cn, const char *cert, const char *key);

int dial(size_t listener);
void say(int fd, const char *text);
void expect(int fd, const char *text); /* reads just as much */
void expect_end(int fd);               /* and closes */

int test_setup(void **state);
int test_teardown(void **state);
int test_abandon(void **state); /* after a test that failed half-way */

#endif
