/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_HELO_H
#define FILTER_HELO_H

#include "net/addr.h"

/*
 * What a client calls itself. RFC 5321, section 4.1.1.1: its name, in full, or
 * if it has none, its address in brackets.
 */

enum helo_result {
	HELO_OK,
	HELO_INVALID, /* no name of a host, or the address of another one */
	HELO_OURS,    /* our own name, which it has no right to */
};
const char *helo_result_name(enum helo_result r);

/* HELO_OK or HELO_INVALID; *why is then the end of a sentence on HELO. */
enum helo_result helo_look(
    struct str helo, const struct addr *client, const char **why);

#endif
