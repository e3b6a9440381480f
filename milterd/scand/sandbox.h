/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_SANDBOX_H
#define SCAND_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * What a scanner gives up before it sees a stranger's bytes, for ever. From
 * the outside in:
 *
 *	namespaces.c  a file system of its own, in memory, with /usr to read
 *	              (libc loads tables of charsets from there); a network
 *	              without interfaces
 *	landlock.c    of what files there are, only these
 *	sandbox.c     resources, capabilities
 *	syscalls.c    no system call but those that scanning takes; any other
 *	              ends the process
 */
struct sandbox {
	const char *dir; /* an empty folder of this scanner's own */
	bool namespaces;
	uint64_t temp_size;
	uint64_t memory; /* beside what the process has already */
};

/*
 * *temp is where temporary files go then. WALLS, of at least SANDBOX_WALLS
 * octets, gets the names of what is in force.
 */
#define SANDBOX_WALLS 64
bool sandbox_enter(
    const struct sandbox *s, const char **temp, char *walls, struct err *e);

/* Its parts, in order. */
bool namespaces_enter(
    const struct sandbox *s, const char **temp, struct err *e);
/* Does the kernel let us? Tried in a child. */
bool namespaces_probe(const struct sandbox *s, struct err *e);
/* *done false: this kernel does not have it. */
bool landlock_enter(const char *temp, bool *done, struct err *e);
bool syscalls_enter(struct err *e);

#endif
