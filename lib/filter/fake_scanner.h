/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_FAKE_SCANNER_H
#define FILTER_FAKE_SCANNER_H

#include <stdbool.h>

#include "base/str.h"

/*
 * For tests: a server in a thread of its own that understands when a request
 * of clamd's protocol, SPAMC or HTTP has come to its end, and then answers
 * what it was told to; or that behaves badly.
 */
struct fake;

enum manner {
	FAKE_ANSWERS,
	FAKE_HANGS,    /* hears all and says nothing */
	FAKE_DEAF,     /* does not even read */
	FAKE_TRICKLES, /* the answer, endlessly, ten octets a second */
	FAKE_FLOODS,   /* the answer, endlessly */
	FAKE_RESETS,   /* after the request */
	FAKE_CLOSES,   /* after the request, saying nothing */
	FAKE_EARLY,    /* answers after some of the request, and resets */
};

struct fake *fake_start(bool local);
void fake_stop(struct fake **f);
const char *fake_server(const struct fake *f);

/* From the next connection on. ANSWER lasts. */
void fake_set(struct fake *f, enum manner manner, struct str answer);
/* What zVERSION is answered, whatever the manner; empty: nothing. */
void fake_set_version(struct fake *f, struct str version);

/* Requests that came to their end, but those for the version. */
unsigned fake_asked(struct fake *f);
/* The last of them, valid until the next comes. */
struct str fake_heard(struct fake *f);

#endif
