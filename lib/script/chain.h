/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCRIPT_CHAIN_H
#define SCRIPT_CHAIN_H

#include "script/host.h"
#include "script/programs.h"

/*
 * The scripts that run when a message is delivered to an account, in order:
 * those of the site that come before, those of the domain, the account's
 * active one, those of the site that come after (site/script.h). The next one
 * runs while the message is still to be kept.
 */

struct script_link {
	struct str name;
	uint8_t hash[SHA256_LEN];
	bool personal;           /* the account's own */
	struct site_script site; /* otherwise */
};
struct script_chain {
	struct script_link *v;
	size_t n;
	bool event; /* at an IMAP event, not a delivery */
};

/* From memory but for one query; N is 0 for most accounts. */
enum store_rc script_chain_of(
    struct script_host *h, struct script_chain *out, struct err *e);

/*
 * Those that run when an IMAP user changed MAILBOX (RFC 6785): the global ones
 * that the setting sieve.imap_before names, then the account's own that the
 * annotation /shared/imapsieve/script of the mailbox names, or, if it has none,
 * that of the account. N is 0 for most.
 */
#define SCRIPT_ENTRY "/imapsieve/script" /* a shared one */
enum store_rc script_chain_of_event(struct script_host *h, int64_t mailbox,
    struct script_chain *out, struct err *e);

/*
 * Run them. A script of the site that does not compile is logged and left out;
 * one of the account's keeps the message. What fails is logged and, if it is
 * the account's, noted for its owner. Only SIEVE_TEMPORARY is a failure to the
 * caller.
 */
enum sieve_rc script_chain_run(struct script_host *h, struct programs *ps,
    const struct script_chain *chain, struct sieve_run *r);

/* Log a failure of one of them, and note it if it is the account's own. */
void script_chain_failed(struct script_host *h,
    const struct script_chain *chain, const struct sieve_diag *why);

#endif
