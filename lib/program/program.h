/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROGRAM_PROGRAM_H
#define PROGRAM_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Programs of the administrator that a user's script may start: an executable
 * file in one folder, called by its name.
 *
 * It runs as the daemon's user, with no new privileges, in a process group of
 * its own that is killed when it ends or its time is up. It inherits no
 * descriptor but its input, output and error, no environment but the variables
 * below, and limits on memory, files and processor time. Where the kernel has
 * Landlock it can read only /usr, /etc and the like, write only /tmp and /dev,
 * and use what is named in `paths`: so it reaches no mail.
 *
 * Blocks. SIGPIPE must be ignored, as it is in our daemons.
 */

#define PROGRAM_MAX_ARGS 32
#define PROGRAM_MAX_ARG 1024                   /* octets of one */
#define PROGRAM_MAX_OUTPUT ((size_t)128 << 20) /* whatever is asked for */

struct program {
	const char *dir; /* of the administrator */
	struct str name;
	const struct str *args;
	size_t nargs;
	struct str input;
	unsigned seconds;  /* of all it may take */
	size_t max_output; /* more is a failure */
	struct str paths;  /* further folders to use, separated by spaces */
	/* The environment; empty ones are left out. */
	struct str user, home, sender, recipient, orig_recipient, host;
};

enum program_rc {
	PROGRAM_OK,        /* exit status 0 */
	PROGRAM_FAILED,    /* another one, killed, too slow, too much output */
	PROGRAM_TEMPORARY, /* exit status 75 (EX_TEMPFAIL), or it was not
			    * started for lack of resources */
	PROGRAM_NONE,      /* there is no such program, or it is not safe */
};

/* May it be started? A name without a slash that does not begin with a dot, of
 * a file that nobody can change but root and our own user. */
bool program_find(const char *dir, struct str name, struct err *e);

/* OUTPUT gets what it wrote, if the result is PROGRAM_OK; may be NULL. E has
 * its last words otherwise. */
enum program_rc program_run(
    const struct program *p, struct buf *output, struct err *e);

#endif
