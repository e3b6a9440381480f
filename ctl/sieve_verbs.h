/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_SIEVE_VERBS_H
#define CTL_SIEVE_VERBS_H

#include "ctl/ctl.h"

/* The verbs that work on Sieve files without a site. */

int cmd_sieve_check(struct ctl *c); /* sieve_check.c */
int cmd_sieve_run(struct ctl *c);   /* sieve_run.c */
int cmd_sieve_test(struct ctl *c);  /* sieve_test.c */

#endif
