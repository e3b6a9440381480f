/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DELIVER_FILTER_H
#define DELIVER_FILTER_H

#include "deliver/outcome.h"
#include "script/chain.h"

/*
 * A message about which scripts decide: one that is delivered, or one that an
 * IMAP user stored, copied or marked (RFC 6785). They run over it as it would
 * be, or is, stored; all that they decide is one transaction.
 */

struct filter_job {
	struct script_host host;
	const struct script_chain *chain;
	struct programs *programs;
	struct sieve_envelope envelope;
	const struct notice *notice; /* for the sender, who wants it; or NULL */
	struct str raw;              /* with trace fields */
	int64_t inbox;               /* where a message is kept */
	/* At an IMAP event. */
	struct sieve_imap_event event;
	struct outcome_original original; /* RAW is filled */
	struct outcome_terms terms;
	/* Filled. */
	struct sieve_host callbacks;
	struct sieve_input input;
	struct outcome_options options;
};

struct filter_result {
	bool refused;      /* a script wants the sender to know: */
	struct str reason; /* in the arena of the host */
	bool queued;       /* there is mail to be sent now */
	bool duplicate;
	uint32_t uid; /* of the first copy; 0: none was stored */
	bool deleted; /* the message of the IMAP event was */
};

enum store_rc filter_deliver(
    struct filter_job *job, struct filter_result *out, struct err *e);

#endif
