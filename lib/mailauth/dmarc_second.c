/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "mailauth/dmarc_internal.h"

/*
 * libopendmarc's opinion of the record that we found. It has known faults
 * (strict alignment, rules of the Public Suffix List, malformed records), so it
 * decides nothing.
 */

#ifdef HAVE_LIBOPENDMARC

#include <opendmarc/dmarc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define SUFFIXES "/usr/share/publicsuffix/public_suffix_list.dat"

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
init(void)
{
	static OPENDMARC_LIB_T lib;

	lib.tld_type = OPENDMARC_TLD_TYPE_MOZILLA;
	snprintf((char *)lib.tld_source_file, sizeof(lib.tld_source_file), "%s",
	    SUFFIXES);
	opendmarc_policy_library_init(&lib);
}

/* Its arguments are not const, though it changes none. */
static u_char *
text(struct arena *a, struct str s)
{
	return (u_char *)arena_cstr(a, s);
}

static void
store_spf(DMARC_POLICY_T *ctx, struct arena *a, const struct dmarc_query *q)
{
	int outcome = DMARC_POLICY_SPF_OUTCOME_FAIL;

	if (q->spf == SPF_PASS)
		outcome = DMARC_POLICY_SPF_OUTCOME_PASS;
	else if (q->spf == SPF_TEMPERROR)
		outcome = DMARC_POLICY_SPF_OUTCOME_TMPFAIL;
	if (q->spf_domain.n > 0)
		opendmarc_policy_store_spf(ctx, text(a, q->spf_domain), outcome,
		    DMARC_POLICY_SPF_ORIGIN_MAILFROM, NULL);
}

static int
outcome_of(const struct signature *s)
{
	if (s->result == SIGNATURE_PASS && !s->partial)
		return DMARC_POLICY_DKIM_OUTCOME_PASS;
	return s->result == SIGNATURE_TEMPERROR
		   ? DMARC_POLICY_DKIM_OUTCOME_TMPFAIL
		   : DMARC_POLICY_DKIM_OUTCOME_FAIL;
}

static void
store_signatures(DMARC_POLICY_T *ctx, struct arena *a,
    const struct dmarc_query *q, bool passed)
{
	for (size_t i = 0; i < q->nsignatures; i++) {
		const struct signature *s = &q->signatures[i];
		int outcome = outcome_of(s);

		if ((outcome == DMARC_POLICY_DKIM_OUTCOME_PASS) == passed &&
		    s->domain.n > 0)
			opendmarc_policy_store_dkim(ctx, text(a, s->domain),
			    text(a, s->selector), outcome, NULL);
	}
}

/* False: it does not understand the record. */
static bool
store_record(DMARC_POLICY_T *ctx, struct arena *a, struct str author,
    const struct dmarc_verdict *ours)
{
	bool own = str_eq(author, ours->record_domain);

	return opendmarc_policy_store_dmarc(ctx, text(a, ours->text),
		   text(a, author),
		   own ? NULL : text(a, ours->record_domain)) ==
	       DMARC_PARSE_OKAY;
}

static bool
enforced(
    DMARC_POLICY_T *ctx, enum dmarc_result *result, enum dmarc_policy *policy)
{
	*result = DMARC_FAIL;
	*policy = DMARC_P_NONE;
	switch (opendmarc_get_policy_to_enforce(ctx)) {
	case DMARC_POLICY_PASS:
		*result = DMARC_PASS;
		return true;
	case DMARC_POLICY_REJECT:
		*policy = DMARC_P_REJECT;
		return true;
	case DMARC_POLICY_QUARANTINE:
		*policy = DMARC_P_QUARANTINE;
		return true;
	case DMARC_POLICY_NONE:
		return true;
	default:
		return false;
	}
}

bool
dmarc_second_opinion(struct arena *a, const struct dmarc_query *q,
    const struct dmarc_verdict *ours, enum dmarc_result *result,
    enum dmarc_policy *policy)
{
	static u_char nobody[] = "127.0.0.1";
	struct str author = domain_to_ascii(a, q->author);
	DMARC_POLICY_T *ctx;
	bool known;

	if (!ours->has_record || author.n == 0)
		return false;
	pthread_once(&once, init);
	ctx = opendmarc_policy_connect_init(nobody, DMARC_POLICY_IP_TYPE_IPV4);
	if (!ctx)
		return false;
	opendmarc_policy_store_from_domain(ctx, text(a, author));
	store_spf(ctx, a, q);
	/* Of several that are aligned the last one would count. */
	store_signatures(ctx, a, q, false);
	store_signatures(ctx, a, q, true);
	known =
	    store_record(ctx, a, author, ours) && enforced(ctx, result, policy);
	opendmarc_policy_connect_shutdown(ctx);
	return known;
}

#else

bool
dmarc_second_opinion(struct arena *a, const struct dmarc_query *q,
    const struct dmarc_verdict *ours, enum dmarc_result *result,
    enum dmarc_policy *policy)
{
	(void)a;
	(void)q;
	(void)ours;
	(void)result;
	(void)policy;
	return false;
}

#endif
