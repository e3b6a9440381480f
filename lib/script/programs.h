/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCRIPT_PROGRAMS_H
#define SCRIPT_PROGRAMS_H

#include "script/source.h"

/*
 * Compiled scripts, kept in memory by the hash of their source, their name and
 * the rules they were compiled under. One that includes others is good as long
 * as those are what they were. Any thread.
 */

struct programs;
struct programs *programs_new(void);
void programs_free(struct programs **ps);

/* A script as its owner's list has it, without its source. */
struct script_name {
	struct str name;
	const uint8_t *hash;
	/* Put the source into OUT; false: it cannot be read, E says why. */
	bool (*read)(void *arg, struct buf *out, struct err *e);
	void *arg;
};

/*
 * The program, to be dropped with sieve_program_unref(). NULL: DIAGS says what
 * is wrong with it; if it has no errors, it could not be read, and E says why.
 */
struct sieve_program *programs_get(struct programs *ps,
    struct script_source *source, const struct script_name *script,
    struct arena *arena, struct sieve_diags *diags, struct err *e);

#endif
