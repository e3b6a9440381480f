/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H

#include "ctl/ctl.h"

struct imported_scripts {
	size_t count;      /* stored, not counting those that were there */
	struct str active; /* what was made the active one, or empty */
	json_t *refused;   /* array of names */
};

/*
 * Give the account the Sieve scripts in DIR/sieve that it does not have, and
 * make the one active that DIR/.dovecot.sieve names unless another is. Scripts
 * that do not compile or cannot be read are left out with a warning. 0, or an
 * exit status after saying what is wrong.
 */
int import_scripts(struct ctl *c, const struct site_account *acc,
    struct account *a, const char *dir, struct imported_scripts *out);

#endif
