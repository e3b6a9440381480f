/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BACKEND_REPLY_H
#define BACKEND_REPLY_H

#include "base/str.h"

/* What a server answered in SMTP or LMTP, fit to be repeated to another client:
 * one line of printable ASCII. */
struct backend_reply {
	unsigned code;   /* 0: nothing that makes sense */
	char status[12]; /* enhanced status code (RFC 3463) of the code's class;
			    X.0.0 if the server gave none */
	char text[256];  /* without the status; of all lines, cut if long */
};

void reply_init(struct backend_reply *r, unsigned code);
/* A line, behind the code and what follows it. */
void reply_add(struct backend_reply *r, struct str line);

#endif
