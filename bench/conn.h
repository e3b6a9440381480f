/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/*
 * A blocking client connection of the load generator. It does as little as
 * possible, since it shares the processors with the server it measures. A
 * function that fails says why in conn.error and the connection is of no more
 * use but to conn_close().
 */

#define CONN_BUFFER 262144

struct ssl_st; /* OpenSSL's SSL */

struct conn {
	int fd;
	struct ssl_st *ssl; /* NULL: no TLS */
	size_t at, end;     /* what is read and not yet taken, in in[] */
	char error[200];
	char in[CONN_BUFFER];
};

/* TLS: from the first byte, the certificate is not verified. No answer for
 * SECONDS is an error. */
bool conn_open(
    struct conn *c, const char *host, int port, bool tls, int seconds);
void conn_close(struct conn *c);
/* Forget the connection and leave it open until the process ends. */
void conn_leave(struct conn *c);
bool conn_send(struct conn *c, struct str text);

/* The next line without its CRLF; it is valid until the next call. */
bool conn_line(struct conn *c, struct str *line);

/* Read an LMTP reply of any number of lines; its code must be WANTED. */
bool conn_reply(struct conn *c, int wanted);

/* A POP3 reply, which must be +OK. */
bool conn_ok(struct conn *c);
/* The rest of a POP3 response of many lines; *bytes grows by it. */
bool conn_dotted(struct conn *c, uint64_t *bytes);

/* What an IMAP server sent in answer to one command. */
struct answer {
	uint64_t bytes;
	uint64_t fetches; /* FETCH responses */
	uint64_t hits;    /* numbers in the SEARCH response */
};

/*
 * Read until the line that begins with TAG, which must say OK. Bodies are not
 * parsed, so TAG must be something no message contains.
 */
bool conn_answer(struct conn *c, struct str tag, struct answer *out);

/* Send "TAG COMMAND\r\n" and read the answer. */
bool conn_command(struct conn *c, const char *command, struct answer *out);

#define CONN_TAG "qz7x"

#endif
