/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DELIVER_FILTER_H
#define DELIVER_FILTER_H

#include "deliver/deliver.h"
#include "deliver/outcome.h"
#include "script/chain.h"

/*
 * A delivery that scripts decide. They run over the message as it would be
 * stored; all that they decide is one transaction.
 */

struct filter_job {
	struct script_host host;
	const struct script_chain *chain;
	struct programs *programs;
	const struct deliver_message *message;
	const struct deliver_rcpt *rcpt;
	struct str raw; /* with trace fields */
	int64_t inbox;  /* where a message is kept */
	struct outcome_terms terms;
	/* Filled. */
	struct sieve_host callbacks;
	struct rules rules;
	struct sieve_input input;
	struct outcome_options options;
};

struct filter_result {
	bool refused;      /* a script wants the sender to know: */
	struct str reason; /* in the arena of the host */
	bool queued;       /* there is mail to be sent now */
	bool duplicate;
	uint32_t uid; /* of the first copy; 0: none was stored */
};

enum store_rc filter_deliver(
    struct filter_job *job, struct filter_result *out, struct err *e);

#endif
