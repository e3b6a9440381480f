/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_PSL_H
#define MAILAUTH_PSL_H

#include "base/arena.h"
#include "base/err.h"

/*
 * Domain names of mail: A-labels, and the Public Suffix List (publicsuffix.org)
 * by libpsl.
 */

struct psl;
/* PATH NULL: the one of Debian's package publicsuffix. */
bool psl_open(const char *path, struct psl **out, struct err *e);
void psl_close(struct psl **p);

/* The registrable domain of NAME, in lower case A-labels; empty if it has none:
 * it is a public suffix itself, or no name. */
struct str psl_organizational(
    const struct psl *p, struct arena *a, struct str name);
/* NAME in lower case A-labels, without a final dot; empty if that cannot be. */
struct str domain_to_ascii(struct arena *a, struct str name);

#endif
