/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_POLICY_H
#define FILTER_POLICY_H

#include "filter/decide.h"
#include "filter/greylist.h"
#include "site/setting.h"

/* The settings of the filter. */

/* What is done for the recipients of SCOPE. Texts live in A. */
void policy_of(struct site *s, struct arena *a, struct site_scope scope,
    struct policy *out);

/* What does not depend on who gets a message. */
struct site_rules {
	struct str authserv_id;
	struct str trusted_networks;
	struct str dnsbl_lists; /* filter/dnsbl.h */
	struct str arc_domain;  /* whose keys seal; empty: no seals */
	struct str arc_trusted; /* domains, separated by spaces */
	unsigned max_signatures, min_bits;
	enum dmarc_discovery discovery;
	size_t max_header;
	unsigned dns_queries;
	unsigned dns_seconds;
	bool compare; /* with the other libraries */
	struct greylist_rules greylist;
	struct antivirus_options antivirus; /* no server: nothing is scanned */
	struct spam_options spam;           /* the same */
	uint64_t spam_max_size;
	unsigned spam_turns;
	bool spam_per_account, spam_outgoing;
	bool report_dmarc;
	unsigned report_period;   /* seconds */
	unsigned report_failures; /* a day; 0: none */
};
void filter_rules(struct site *s, struct arena *a, struct site_rules *out);

#endif
