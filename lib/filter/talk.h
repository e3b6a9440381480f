/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_TALK_H
#define FILTER_TALK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/*
 * One question to a scanner, and its answer, over a connection of its own:
 * "unix:/PATH" or "HOST:PORT" ("[::1]:783"). It blocks.
 *
 * What is limited is the time spent waiting, all waits together: a message
 * that comes slowly costs nothing of it, a server that trickles does. A name
 * for HOST is looked up by the system, in its own time: an address is better.
 *
 * A server may answer, and close, before it has heard all: what is said then
 * is dropped in silence, since its answer has the reason. A failure leaves a
 * sentence that names the server, and the talk is good for talk_free() only.
 */
struct talk;

/* MAX: octets of an answer; more of them are a failure. */
bool talk_open(const char *server, unsigned seconds, size_t max,
    struct talk **out, struct err *e);
void talk_free(struct talk **t);

bool talk_send(struct talk *t, struct str text, struct err *e);
/* Nothing more will be said. */
void talk_done(struct talk *t);

/* What comes before the octet END. The second form: all until the server
 * closes. Both live as long as the talk. An end where END was expected counts
 * for it, if something came before. */
bool talk_until(struct talk *t, char end, struct str *answer, struct err *e);
bool talk_all(struct talk *t, struct str *answer, struct err *e);

/* "HOST:PORT" and "[HOST]:PORT" in two, NUL-ended; what has them is also good
 * as the authority of a URL. */
struct talk_address {
	char host[256], port[8];
};
bool talk_address(const char *server, struct talk_address *out);

/* E: "SERVER: WHAT", with at most 200 octets of TEXT, as ASCII. */
void talk_complain(
    struct err *e, const char *server, const char *what, struct str text);

/* A stranger's TEXT as ASCII that is printed, in SIZE octets with the NUL. */
void talk_printable(char *out, size_t size, struct str text);

#endif
