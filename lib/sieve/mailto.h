/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_MAILTO_H
#define SIEVE_MAILTO_H

#include "base/arena.h"
#include "base/str.h"

/* mailto: addresses (RFC 6068) of notifications (RFC 5436). */

struct sieve_mailto {
	const struct str *to, *cc; /* user@example.org */
	size_t nto, ncc;
	struct str subject; /* p NULL: none */
	struct str body;
	/* Other fields that may be set, names and values in turn. */
	const struct str *fields;
	size_t nfields; /* of both */
};

/* False: WHY says what is wrong with it. */
bool sieve_mailto_parse(struct arena *a, struct str uri,
    struct sieve_mailto *out, const char **why);

#endif
