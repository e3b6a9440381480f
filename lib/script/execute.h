/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCRIPT_EXECUTE_H
#define SCRIPT_EXECUTE_H

#include "program/program.h"
#include "sieve/sieve.h"
#include "site/site.h"

/*
 * Starting the administrator's programs for a script (vnd.dovecot.pipe, filter
 * and execute), as the settings sieve.program_* let it.
 */

/* Is there a program of that name, for who compiles a script? */
bool script_program_exists(struct site *s, struct str name);

/* For the account ACC and the message that came in ENVELOPE. OUTPUT, which may
 * be NULL, gets what it wrote, up to MAX_OUTPUT octets. */
enum program_rc script_execute(struct site *s, const struct site_account *acc,
    const struct sieve_envelope *envelope, const char *hostname,
    const struct sieve_execution *x, size_t max_output, struct buf *output,
    struct err *e);

#endif
