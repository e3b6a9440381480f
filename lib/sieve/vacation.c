/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/run.h"

/* vacation (RFC 5230, RFC 6131): what the script asks for. Whether an answer
 * is sent, and what it says, is decided in answer.c. */

enum { PERIOD_DAYS, PERIOD_SECONDS };
#define DAY (24 * 3600)

static const struct sieve_tag vacation_tags[] = {
	{ "days", CAP_VACATION, SLOT_PERIOD, 'n', PERIOD_DAYS },
	{ "seconds", CAP_VACATION_SECONDS, SLOT_PERIOD, 'n', PERIOD_SECONDS },
	{ "subject", CAP_VACATION, SLOT_SUBJECT, 's', 0 },
	{ "from", CAP_VACATION, SLOT_FROM, 's', 0 },
	{ "addresses", CAP_VACATION, SLOT_ADDRESSES, 'l', 0 },
	{ "mime", CAP_VACATION, SLOT_MIME, 0, 0 },
	{ "handle", CAP_VACATION, SLOT_HANDLE, 's', 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static bool
check_vacation(struct sieve_checker *c, struct sieve_node *n)
{
	return sieve_fcc_check(c, n) &&
	       sieve_check_strings(c, sieve_tag_arg(n, SLOT_FROM), "address",
		   sieve_valid_address) &&
	       sieve_check_strings(c, sieve_tag_arg(n, SLOT_ADDRESSES),
		   "address", sieve_valid_address);
}

static uint32_t
period(struct sieve_run *r, const struct sieve_node *n)
{
	const struct sieve_limits *l = r->limits;
	const struct sieve_arg *said = sieve_tag_arg(n, SLOT_PERIOD);
	uint64_t v;

	if (!said)
		return l->vacation_default;
	v = said->number;
	if (sieve_tag_value(n, SLOT_PERIOD, 0) == PERIOD_DAYS)
		v = v > l->vacation_max ? v : v * DAY;
	if (v < l->vacation_min)
		return l->vacation_min;
	return l->vacation_max && v > l->vacation_max ? l->vacation_max
						      : (uint32_t)v;
}

static enum sieve_flow
run_vacation(struct sieve_run *r, const struct sieve_node *n)
{
	struct strs addresses = sieve_list(r, sieve_tag_arg(n, SLOT_ADDRESSES));
	struct sieve_action a = { .kind = SIEVE_ACT_VACATION };

	a.vacation.reason = sieve_string(r, sieve_arg(n, SLOT_1));
	a.vacation.subject = sieve_string(r, sieve_tag_arg(n, SLOT_SUBJECT));
	a.vacation.from = sieve_string(r, sieve_tag_arg(n, SLOT_FROM));
	a.vacation.handle = sieve_string(r, sieve_tag_arg(n, SLOT_HANDLE));
	a.vacation.addresses = addresses.v;
	a.vacation.naddresses = addresses.n;
	a.vacation.seconds = period(r, n);
	a.vacation.mime = sieve_arg(n, SLOT_MIME) != NULL;
	a.vacation.fcc = sieve_fcc(r, n, &a.vacation.place);
	return sieve_action_add(r, n, &a) ? FLOW_NEXT : FLOW_FAILED;
}

const struct sieve_verb sieve_verbs_vacation[] = {
	{ .name = "vacation",
	    .cap = CAP_VACATION,
	    .params = { { 's', "reason" } },
	    .tags = { vacation_tags, sieve_tags_fcc, sieve_tags_place },
	    .check = check_vacation,
	    .run = run_vacation },
	{ .name = NULL },
};
