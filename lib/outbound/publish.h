/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOUND_PUBLISH_H
#define OUTBOUND_PUBLISH_H

#include "dns/resolver.h"
#include "outbound/sts.h"
#include "site/dkim.h"

/*
 * What a domain of ours has to have in the DNS so that others send to it as it
 * wants, believe what it sends, and clients find their servers.
 */

struct publish_key {
	const struct site_dkim_key *key;
	struct str record; /* the text that publishes it */
};

struct publish {
	struct str domain, hostname;
	struct str mx;        /* names and patterns, separated by spaces */
	struct str sts_mode;  /* "off": no policy */
	uint64_t sts_max_age; /* seconds */
	/* Where reports go; empty: nobody wants any. */
	struct str dmarc_reports, tls_reports;
	struct str tlsa; /* SHA-256 of our key in hex; empty: no TLS */
	const struct publish_key *keys;
	size_t nkeys;
};

enum publish_kind {
	PUBLISH_MX,
	PUBLISH_SPF,
	PUBLISH_DKIM,
	PUBLISH_DMARC,
	PUBLISH_STS,
	PUBLISH_STS_HOST,
	PUBLISH_TLSRPT,
	PUBLISH_TLSA,
	PUBLISH_SRV,
};

struct publish_record {
	enum publish_kind kind;
	enum dns_type type;
	struct str name; /* without a final dot */
	/* As a zone file has it, names with a final dot; of TXT the text. */
	struct str data;
	const struct site_dkim_key *key; /* DKIM */
};

/* What the site's settings say of DOMAIN, which is one of ours. Keys and the
 * certificate are the caller's to fill in. */
void publish_read(struct site *s, struct arena *a, struct str domain,
    const char *hostname, struct publish *out);
/* The policy file (RFC 8461, section 3.2). False: the domain has none, or E
 * says what is wrong with its settings. */
bool publish_policy(
    struct arena *a, const struct publish *p, struct str *out, struct err *e);
/* All records. */
bool publish_records(struct arena *a, const struct publish *p,
    struct publish_record **list, size_t *n, struct err *e);
/* Append R as a line of a zone file. */
void publish_line(const struct publish_record *r, struct buf *out);

enum publish_state {
	PUBLISH_OK,
	PUBLISH_MISSING,
	PUBLISH_DIFFERS,
	PUBLISH_UNKNOWN, /* the DNS did not answer */
};
const char *publish_state_name(enum publish_state s);
/*
 * Does the DNS have R? SPF and DMARC records may say what the domain wants, if
 * there is one of them. DKIM is compared as text. *why: what is to be done;
 * empty: nothing.
 */
enum publish_state publish_look(struct resolver *r, struct arena *a,
    const struct publish *p, const struct publish_record *record,
    struct str *why);

#endif
