/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * How the evaluators of lib/mailauth and all others ask the DNS: a question
 * blocks until there is an answer. dns.h asks the world, zone.h answers from a
 * table.
 *
 * Names are labels joined by dots, in any case, with or without a final dot;
 * every other octet stands for itself, so that what a local part brought into
 * a name (RFC 7208, section 7) needs no escapes.
 */

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_TLSA = 52,
};

enum dns_rc {
	DNS_OK,       /* at least one record; aliases were followed */
	DNS_NODATA,   /* the name is there, but no such record */
	DNS_NXDOMAIN, /* no such name; also one that no name can be (a label
		       * that is empty or longer than 63 octets) */
	DNS_FAILED, /* no answer, SERVFAIL, not to be trusted, over the budget:
		     * another time it may be different */
};

struct dns_answer {
	enum dns_rc rc;
	bool secure;  /* DNSSEC proves it, also that there is nothing */
	bool bogus;   /* DNS_FAILED: DNSSEC proves that it is wrong */
	uint32_t ttl; /* seconds */
	/* The data of each record as on the wire, names not compressed; in the
	 * order received. */
	const struct str *rdata;
	size_t n;
	const char *why; /* DNS_FAILED: a few words for logs; else NULL */
};

struct resolver {
	/* Fill OUT, which then lives in A. Any thread, unless it says else. */
	void (*ask)(struct resolver *r, struct arena *a, struct str name,
	    enum dns_type type, struct dns_answer *out);
	/* The same, but no longer than until DEADLINE (clock_mono_ms()). NULL:
	 * ask() does not wait. */
	void (*ask_until)(struct resolver *r, struct arena *a, struct str name,
	    enum dns_type type, int64_t deadline, struct dns_answer *out);
	/* This will be asked soon. Never blocks; may be NULL. */
	void (*prefetch)(
	    struct resolver *r, struct str name, enum dns_type type);
};

/* NAME without its final dot. */
struct str dns_undotted(struct str name);
/* May NAME be one in the DNS? The root is none here: nobody asks about it. */
bool dns_is_name(struct str name);

void dns_ask(struct resolver *r, struct arena *a, struct str name,
    enum dns_type type, struct dns_answer *out);
void dns_prefetch(struct resolver *r, struct str name, enum dns_type type);
const char *dns_type_name(enum dns_type type);
/* For logs: "ok", "no data", "no such name", "failed". */
const char *dns_rc_name(enum dns_rc rc);

/*
 * A resolver for one message: at most QUERIES questions that FROM really has
 * to answer, none after DEADLINE (clock_mono_ms()), and none twice. What is
 * over it fails. One thread at a time.
 */
struct dns_budget;
struct dns_budget *dns_budget_new(
    struct resolver *from, unsigned queries, int64_t deadline);
struct resolver *dns_budget_resolver(struct dns_budget *b);
unsigned dns_budget_used(const struct dns_budget *b);
void dns_budget_free(struct dns_budget **b);

/* ------------------------------------------------------------------------
 * What stands in a record; false if that is malformed
 */

bool dns_rdata_addr(struct str rdata, struct in6_addr *out); /* A: mapped */
/* The strings of a TXT record, joined. */
bool dns_rdata_txt(struct arena *a, struct str rdata, struct str *out);
/* NS, CNAME, PTR: labels joined by dots, without a final one; the root is "".
 * A dot inside of a label makes it malformed. */
bool dns_rdata_name(struct arena *a, struct str rdata, struct str *out);
bool dns_rdata_mx(
    struct arena *a, struct str rdata, uint16_t *preference, struct str *host);

/* RFC 2782, without priority and weight. */
bool dns_rdata_srv(
    struct arena *a, struct str rdata, uint16_t *port, struct str *host);

/*
 * The name under which address ADDR is found below ZONE: "4.3.2.1.ZONE", for
 * IPv6 32 nibbles. With "in-addr.arpa" or "ip6.arpa" that is the PTR's name,
 * with a DNSBL's the listing's.
 */
struct str dns_reversed(
    struct arena *a, const struct in6_addr *addr, struct str zone);
/* For PTR: below in-addr.arpa or ip6.arpa, as ADDR is. */
struct str dns_reverse_name(struct arena *a, const struct in6_addr *addr);

#endif
