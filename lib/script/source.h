/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCRIPT_SOURCE_H
#define SCRIPT_SOURCE_H

#include "script/rules.h"
#include "site/script.h"

/*
 * Compiling the scripts of an account: which rules they follow, and where
 * `include` (RFC 6609) finds others: personal ones in the account's store,
 * global ones at its domain or the site.
 */

struct script_source {
	struct site *site;
	struct account *account; /* NULL: there are no personal ones */
	struct str domain;       /* of the account; empty: the site */
	struct rules rules;
};

/* Fill OUT for an account; DOMAIN and ACCOUNT must outlive it. */
void script_source_of(struct site *s, const struct site_account *acc,
    struct account *account, struct script_source *out);

/* What sieve_compile() wants; SOURCE must outlive the compiler's use. */
struct sieve_compiler script_compiler(
    struct script_source *source, bool storing);

/*
 * Is TEXT a script that the account may store? What the compiler says of it is
 * put into DIAGS in any case.
 */
bool script_check(struct script_source *source, struct arena *a,
    struct str name, struct str text, struct sieve_diags *diags);

#endif
