/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROGRAM_CHILD_H
#define PROGRAM_CHILD_H

#include <sys/types.h>

/* What was prepared for the new process, which must not allocate. */
struct child {
	const char *path;
	char *const *argv, *const *env;
	int in, out, err; /* become 0, 1 and 2 */
	int ruleset;      /* of Landlock; -1: none */
	unsigned seconds;
};

/* Returns a process in a group of its own; -1 with errno. */
pid_t child_start(const struct child *c);

/* sandbox.c: a Landlock ruleset; -1 if the kernel has none. DIR and PATHS
 * (separated by spaces) may be used besides the usual. */
int sandbox_ruleset(const char *dir, const char *paths);
/* In the child. */
int sandbox_enter(int ruleset);

#endif
