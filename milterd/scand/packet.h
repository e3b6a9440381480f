/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_PACKET_H
#define SCAND_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/str.h"

/*
 * What the processes of scand say to each other: packets on a SOCK_SEQPACKET
 * pair, a letter and a text, with descriptors where they hand some over.
 *
 *	keeper -> front    L text    loaded: "SIGNATURES VERSION"
 *	                   R pid     a scanner has proven itself; its channel
 *	                             and its pidfd come along
 *	                   F text    no service, for this reason
 *	scanner -> keeper  P         proven (F text: not)
 *	front -> scanner   S         scan the descriptor that comes along
 *	scanner -> front   C         clean
 *	                   V text    found, by name
 *	                   E text    not scanned, for this reason
 *
 * The front takes no text of a scanner for more than a text: packet_recv()
 * makes it printable.
 */
#define PACKET_MAX 512
#define PACKET_FDS 2

enum packet {
	PACKET_LOADED = 'L',
	PACKET_READY = 'R',
	PACKET_FAILED = 'F',
	PACKET_PROVEN = 'P',
	PACKET_SCAN = 'S',
	PACKET_CLEAN = 'C',
	PACKET_FOUND = 'V',
	PACKET_ERROR = 'E',
};

struct message {
	char kind; /* an enum packet, or whatever the other side sent */
	char text[PACKET_MAX]; /* ends in NUL */
	int fds[PACKET_FDS];   /* -1: none */
};

bool packet_pair(int fds[2]);
/* A text that is too long is cut. FDS stay the caller's. */
bool packet_send(
    int fd, enum packet kind, const char *text, const int *fds, size_t nfds);
/*
 * False: the other side is gone. With MILLISECONDS of 0 or more, false with
 * errno ETIMEDOUT: it said nothing for so long. The descriptors are the
 * caller's.
 */
bool packet_recv(int fd, int milliseconds, struct message *out);
void packet_close(struct message *m); /* the descriptors that came */

#endif
