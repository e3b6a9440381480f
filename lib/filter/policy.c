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
	{ "antivirus.encrypted", offsetof(struct policy, virus_encrypted) },
	{ "antivirus.failed",  offsetof(struct policy, virus_failed) },
	{ "antivirus.found",   offsetof(struct policy, virus) },
	{ "antivirus.too_large", offsetof(struct policy, virus_too_large) },
	{ "attachment.action", offsetof(struct policy, attachment) },
	{ "client.blocked",    offsetof(struct policy, blocked) },
	{ "client.failed_logins", offsetof(struct policy, failed_logins) },
	{ "client.helo_invalid", offsetof(struct policy, helo_invalid) },
	{ "client.helo_ours",  offsetof(struct policy, helo_ours) },
	{ "client.no_ptr",     offsetof(struct policy, no_ptr) },
	{ "client.ptr_mismatch", offsetof(struct policy, ptr_mismatch) },
	{ "dmarc.quarantine",  offsetof(struct policy, dmarc_quarantine) },
	{ "dmarc.reject",      offsetof(struct policy, dmarc_reject) },
	{ "dmarc.temperror",   offsetof(struct policy, dmarc_temperror) },
	{ "filter.author",     offsetof(struct policy, author) },
	{ "greylist.action",   offsetof(struct policy, greylist) },
	{ "spam.failed",       offsetof(struct policy, spam_failed) },
	{ "spf.error",         offsetof(struct policy, spf_error) },
	{ "spf.fail",          offsetof(struct policy, spf_fail) },
	{ "spf.helo_fail",     offsetof(struct policy, spf_helo_fail) },
	{ "spf.softfail",      offsetof(struct policy, spf_softfail) },
	/* clang-format on */
};
#define ROWS LEN(rows)

/* Those that are no actions come after them. */
enum {
	PATTERNS = ROWS,
	DNSBL_QUARANTINE,
	DNSBL_REJECT,
	DNSBL_TAG,
	SPAM_QUARANTINE,
	SPAM_REJECT,
	SPAM_TAG,
	VALUES,
};

void
policy_of(struct site *s, struct arena *a, struct site_scope scope,
    struct policy *out)
{
	struct site_value v[VALUES] = {
		[PATTERNS] = { .key = "attachment.patterns" },
		[DNSBL_QUARANTINE] = { .key = "dnsbl.quarantine" },
		[DNSBL_REJECT] = { .key = "dnsbl.reject" },
		[DNSBL_TAG] = { .key = "dnsbl.tag" },
		[SPAM_QUARANTINE] = { .key = "spam.quarantine" },
		[SPAM_REJECT] = { .key = "spam.reject" },
		[SPAM_TAG] = { .key = "spam.tag" },
	};

	for (size_t i = 0; i < ROWS; i++)
		v[i].key = rows[i].key;
	site_settings_read(s, a, scope, v, VALUES);
	*out = (struct policy){
		.attachment_patterns = v[PATTERNS].text,
		.dnsbl_quarantine = (int64_t)v[DNSBL_QUARANTINE].number,
		.dnsbl_reject = (int64_t)v[DNSBL_REJECT].number,
		.dnsbl_tag = (int64_t)v[DNSBL_TAG].number,
		.spam_quarantine = (int64_t)v[SPAM_QUARANTINE].number,
		.spam_reject = (int64_t)v[SPAM_REJECT].number,
		.spam_tag = (int64_t)v[SPAM_TAG].number,
	};
	for (size_t i = 0; i < ROWS; i++) {
		enum filter_action action = FILTER_OFF;

		filter_action_parse(v[i].text, &action);
		memcpy((char *)out + rows[i].at, &action, sizeof(action));
	}
}

/* ------------------------------------------------------------------------
 * Of the site
 */

enum {
	AV_CACHE,
	AV_SERVER,
	AV_SIZE,
	AV_TIMEOUT,
	ARC_DOMAIN,
	ARC_TRUSTED,
	DKIM_BITS,
	DKIM_SIGNATURES,
	DISCOVERY,
	DNSBL_LISTS,
	AUTHSERV_ID,
	COMPARE,
	DNS_QUERIES,
	DNS_TIME,
	GREYLIST_DELAY,
	GREYLIST_LIFETIME,
	GREYLIST_RETRY,
	MAX_HEADER,
	NETWORKS,
	REPORT_DMARC,
	REPORT_FAILURE,
	REPORT_FAILURE_LIMIT,
	REPORT_PERIOD,
	SPAM_ENGINE,
	SPAM_OUTGOING,
	SPAM_PER_ACCOUNT,
	SPAM_SERVER,
	SPAM_SIZE,
	SPAM_TIMEOUT,
	SPAM_TURNS,
	SITE_VALUES,
};

/* RFC 7489, section 7.2, has a day for what everybody must be able to do, and
 * an hour for what would be nice. */
static unsigned
period_of(uint64_t seconds)
{
	if (seconds < 3600)
		return 3600;
	return seconds > 86400 ? 86400 : (unsigned)seconds;
}

void
filter_rules(struct site *s, struct arena *a, struct site_rules *out)
{
	static const struct site_scope everywhere;
	struct site_value v[SITE_VALUES] = {
		[AV_CACHE] = { .key = "antivirus.cache" },
		[AV_SERVER] = { .key = "antivirus.server" },
		[AV_SIZE] = { .key = "antivirus.max_size" },
		[AV_TIMEOUT] = { .key = "antivirus.timeout" },
		[ARC_DOMAIN] = { .key = "arc.domain" },
		[ARC_TRUSTED] = { .key = "arc.trusted" },
		[DKIM_BITS] = { .key = "dkim.min_bits" },
		[DKIM_SIGNATURES] = { .key = "dkim.max_signatures" },
		[DISCOVERY] = { .key = "dmarc.discovery" },
		[DNSBL_LISTS] = { .key = "dnsbl.lists" },
		[AUTHSERV_ID] = { .key = "filter.authserv_id" },
		[COMPARE] = { .key = "filter.compare" },
		[DNS_QUERIES] = { .key = "filter.dns_queries" },
		[DNS_TIME] = { .key = "filter.dns_time" },
		[GREYLIST_DELAY] = { .key = "greylist.delay" },
		[GREYLIST_LIFETIME] = { .key = "greylist.lifetime" },
		[GREYLIST_RETRY] = { .key = "greylist.retry" },
		[MAX_HEADER] = { .key = "filter.max_header" },
		[NETWORKS] = { .key = "filter.trusted_networks" },
		[REPORT_DMARC] = { .key = "report.dmarc" },
		[REPORT_FAILURE] = { .key = "report.failure" },
		[REPORT_FAILURE_LIMIT] = { .key = "report.failure_limit" },
		[REPORT_PERIOD] = { .key = "report.dmarc_interval" },
		[SPAM_ENGINE] = { .key = "spam.engine" },
		[SPAM_OUTGOING] = { .key = "spam.outgoing" },
		[SPAM_PER_ACCOUNT] = { .key = "spam.per_account" },
		[SPAM_SERVER] = { .key = "spam.server" },
		[SPAM_SIZE] = { .key = "spam.max_size" },
		[SPAM_TIMEOUT] = { .key = "spam.timeout" },
		[SPAM_TURNS] = { .key = "spam.turns" },
	};

	site_settings_read(s, a, everywhere, v, SITE_VALUES);
	*out = (struct site_rules){
		.authserv_id = v[AUTHSERV_ID].text,
		.trusted_networks = v[NETWORKS].text,
		.dnsbl_lists = v[DNSBL_LISTS].text,
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
		.antivirus = {
			.server = arena_cstr(a, v[AV_SERVER].text),
			.timeout = (unsigned)v[AV_TIMEOUT].number,
			.max_size = v[AV_SIZE].number,
			.cache = (unsigned)v[AV_CACHE].number,
		},
		.spam = {
			.engine = str_eqc(v[SPAM_ENGINE].text, "rspamd") ?
			    SPAM_RSPAMD : SPAM_SPAMD,
			.server = arena_cstr(a, v[SPAM_SERVER].text),
			.timeout = (unsigned)v[SPAM_TIMEOUT].number,
		},
		.spam_max_size = v[SPAM_SIZE].number,
		.spam_turns = (unsigned)v[SPAM_TURNS].number,
		.spam_per_account = v[SPAM_PER_ACCOUNT].number != 0,
		.spam_outgoing = v[SPAM_OUTGOING].number != 0,
		.report_dmarc = v[REPORT_DMARC].number != 0,
		.report_failures = str_eqc(v[REPORT_FAILURE].text, "no") ? 0 :
		    (unsigned)v[REPORT_FAILURE_LIMIT].number,
		.report_period = period_of(v[REPORT_PERIOD].number),
		.greylist = {
			.delay = (unsigned)v[GREYLIST_DELAY].number,
			.lifetime = (unsigned)v[GREYLIST_LIFETIME].number,
			.retry = (unsigned)v[GREYLIST_RETRY].number,
		},
	};
}
