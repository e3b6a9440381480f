/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy.h"

#include <string.h>

/* ------------------------------------------------------------------------
 * Of recipients: each setting is an action.
 */

static const struct row {
	const char *key;
	size_t at; /* in struct policy */
} rows[] = {
	/* clang-format off */
	{ "dmarc.quarantine",  offsetof(struct policy, dmarc_quarantine) },
	{ "dmarc.reject",      offsetof(struct policy, dmarc_reject) },
	{ "dmarc.temperror",   offsetof(struct policy, dmarc_temperror) },
	{ "filter.author",     offsetof(struct policy, author) },
	{ "greylist.action",   offsetof(struct policy, greylist) },
	{ "spf.error",         offsetof(struct policy, spf_error) },
	{ "spf.fail",          offsetof(struct policy, spf_fail) },
	{ "spf.helo_fail",     offsetof(struct policy, spf_helo_fail) },
	{ "spf.softfail",      offsetof(struct policy, spf_softfail) },
	/* clang-format on */
};
#define ROWS (sizeof(rows) / sizeof(*rows))

void
policy_of(struct site *s, struct site_scope scope, struct policy *out)
{
	struct site_value v[ROWS];
	struct arena *a = arena_new();

	memset(v, 0, sizeof(v));
	for (size_t i = 0; i < ROWS; i++)
		v[i].key = rows[i].key;
	site_settings_read(s, a, scope, v, ROWS);
	*out = (struct policy){ .author = FILTER_OFF };
	for (size_t i = 0; i < ROWS; i++) {
		enum filter_action action = FILTER_OFF;

		filter_action_parse(v[i].text, &action);
		memcpy((char *)out + rows[i].at, &action, sizeof(action));
	}
	arena_free(&a);
}

/* ------------------------------------------------------------------------
 * Of the site
 */

enum {
	ARC_DOMAIN,
	ARC_TRUSTED,
	DKIM_BITS,
	DKIM_SIGNATURES,
	DISCOVERY,
	AUTHSERV_ID,
	COMPARE,
	DNS_QUERIES,
	DNS_TIME,
	GREYLIST_DELAY,
	GREYLIST_LIFETIME,
	GREYLIST_RETRY,
	MAX_HEADER,
	NETWORKS,
	SITE_VALUES,
};

void
filter_rules(struct site *s, struct arena *a, struct site_rules *out)
{
	static const struct site_scope everywhere;
	struct site_value v[SITE_VALUES] = {
		[ARC_DOMAIN] = { .key = "arc.domain" },
		[ARC_TRUSTED] = { .key = "arc.trusted" },
		[DKIM_BITS] = { .key = "dkim.min_bits" },
		[DKIM_SIGNATURES] = { .key = "dkim.max_signatures" },
		[DISCOVERY] = { .key = "dmarc.discovery" },
		[AUTHSERV_ID] = { .key = "filter.authserv_id" },
		[COMPARE] = { .key = "filter.compare" },
		[DNS_QUERIES] = { .key = "filter.dns_queries" },
		[DNS_TIME] = { .key = "filter.dns_time" },
		[GREYLIST_DELAY] = { .key = "greylist.delay" },
		[GREYLIST_LIFETIME] = { .key = "greylist.lifetime" },
		[GREYLIST_RETRY] = { .key = "greylist.retry" },
		[MAX_HEADER] = { .key = "filter.max_header" },
		[NETWORKS] = { .key = "filter.trusted_networks" },
	};

	site_settings_read(s, a, everywhere, v, SITE_VALUES);
	*out = (struct site_rules){
		.authserv_id = v[AUTHSERV_ID].text,
		.trusted_networks = v[NETWORKS].text,
		.arc_domain = v[ARC_DOMAIN].text,
		.arc_trusted = v[ARC_TRUSTED].text,
		.max_signatures = (unsigned)v[DKIM_SIGNATURES].number,
		.min_bits = (unsigned)v[DKIM_BITS].number,
		.discovery =
		    str_eqc(v[DISCOVERY].text, "tree") ? DMARC_TREE : DMARC_PSL,
		.max_header = (size_t)v[MAX_HEADER].number,
		.dns_queries = (unsigned)v[DNS_QUERIES].number,
		.dns_seconds = (unsigned)v[DNS_TIME].number,
		.compare = v[COMPARE].number != 0,
		.greylist = {
			.delay = (unsigned)v[GREYLIST_DELAY].number,
			.lifetime = (unsigned)v[GREYLIST_LIFETIME].number,
			.retry = (unsigned)v[GREYLIST_RETRY].number,
		},
	};
}
