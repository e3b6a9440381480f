/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/run.h"

/* reject and ereject (RFC 5429). */

static enum sieve_flow
refuse(struct sieve_run *r, const struct sieve_node *n, bool ereject)
{
	struct sieve_action a = { .kind = SIEVE_ACT_REJECT };

	a.reject.reason = sieve_string(r, sieve_arg(n, SLOT_1));
	a.reject.ereject = ereject;
	r->implicit_keep = false;
	return sieve_action_add(r, n, &a) ? FLOW_NEXT : FLOW_FAILED;
}

static enum sieve_flow
run_reject(struct sieve_run *r, const struct sieve_node *n)
{
	return refuse(r, n, false);
}

static enum sieve_flow
run_ereject(struct sieve_run *r, const struct sieve_node *n)
{
	return refuse(r, n, true);
}

const struct sieve_verb sieve_verbs_reject[] = {
	{ .name = "reject",
	    .cap = CAP_REJECT,
	    .params = { { 's', "reason" } },
	    .run = run_reject },
	{ .name = "ereject",
	    .cap = CAP_EREJECT,
	    .params = { { 's', "reason" } },
	    .run = run_ereject },
	{ .name = NULL },
};
