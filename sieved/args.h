/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVED_ARGS_H
#define SIEVED_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* The words of a command (RFC 5804, section 4), and strings for answers. */

#define ARGS_MAX 8

struct arg {
	enum { ARG_ATOM, ARG_NUMBER, ARG_STRING } kind;
	struct str text;
	uint64_t number; /* of ARG_NUMBER */
};

struct args {
	struct str name; /* of the command; empty: the line does not begin
			  * with a word */
	struct arg v[ARGS_MAX];
	size_t n;
};

/* CMD as frame.h collects it. False: it is not well-formed, though `name` may
 * be there. Slices are of CMD or in the arena. */
bool args_parse(struct arena *a, struct str cmd, struct args *out);
/* The same for a string alone: what a client says in the course of SASL. */
bool args_string(struct arena *a, struct str line, struct str *out);

/*
 * Are they of the shape SIG? 's' is a string, 'n' a number, '?' says that what
 * follows may be missing, '*' takes any others.
 */
bool args_fit(const struct args *args, const char *sig);

/* S as a quoted string, or as a literal if it cannot be one. */
void put_string(struct buf *out, struct str s);
/* As a literal with N octets, for what may be long. */
void put_literal(struct buf *out, struct str s);

#endif
