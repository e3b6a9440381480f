/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_RELAY_H
#define NET_RELAY_H

#include <event2/event_struct.h>

#include "net/internal.h"

/*
 * The far side of a relayed connection (conn_relay() in server.h). Bytes of
 * the client are put into `out` and sent from there, those of the backend go
 * to the client's output; each side is read only while the other one takes
 * what it gets. The owner of the client's connection owns this, too, and from
 * the first event on that is its loop.
 */
struct relay {
	int fd;
	SSL *ssl;
	struct event ev;
	bool added;    /* ev is */
	bool readable; /* a read may find something */
	bool blocked;  /* the socket takes no more */
	bool eof;
	bool in_line;     /* the client has a line that is not complete */
	struct buf ahead; /* what the backend sent before it was watched */
	struct buf out;
	size_t out_at;
};

/* Closes the backend's side; the event must not be registered any more. */
void relay_free(struct relay **r);
/* Send what waits for the backend; false: the connection is broken. */
bool relay_flush(struct conn *c);
/* Read what the backend sends into the client's output; false: nothing. */
bool relay_read(struct conn *c);
/* Words of our own for the client, unless they would break a line. */
void relay_say(struct conn *c, const char *text);
/* May relay_read() find something? */
bool relay_more(const struct conn *c);
/* The client's bytes; all of them are taken. */
size_t relay_take(struct conn *c, struct str in);
/* Is there so much on the way to the backend that the client must wait? */
bool relay_full(const struct conn *c);

#endif
