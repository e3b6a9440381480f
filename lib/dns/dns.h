/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include "base/buf.h"
#include "base/err.h"
#include "dns/resolver.h"

/*
 * The resolver of a process: libunbound on one thread of its own, where all
 * questions run at once; who asks the same as somebody else shares the answer.
 * Above it a cache of answers by name and type, within their TTL.
 *
 * Answers are validated by DNSSEC where a trust anchor is given. Bogus ones
 * fail. Failures are not cached.
 *
 * "localhost", and the names of RFC 6761 that exist nowhere ("test",
 * "invalid"), are answered without asking anybody.
 */

struct dns_options {
	/* "127.0.0.1@53 192.0.2.1": whom to ask, a port after "@". Empty: those
	 * of RESOLV_CONF; "root": nobody, we ask from the root ourselves. */
	const char *forward;
	const char *resolv_conf; /* NULL: /etc/resolv.conf */
	const char
	    *trust_anchor;   /* file of DS or DNSKEY records; NULL: no DNSSEC */
	unsigned timeout_ms; /* of one question; 0: 10 s */
	unsigned cache_entries;    /* 0: 20000 */
	unsigned cache_bytes;      /* of answers; 0: 8 MiB */
	unsigned max_pending;      /* questions under way; 0: 5000; more fail */
	uint32_t min_ttl, max_ttl; /* seconds kept; 0: 5, 3600 */
};

struct dns;
bool dns_new(const struct dns_options *o, struct dns **out, struct err *e);
/* Nobody may be asking any more. */
void dns_free(struct dns **d);
/* Any thread. It lives as long as D. */
struct resolver *dns_resolver(struct dns *d);
/* Forget what is cached, here and in libunbound. What is under way is asked
 * again. */
void dns_flush(struct dns *d);

struct dns_stats {
	uint64_t asked, from_cache, shared, sent, failed, timeouts, bogus;
	unsigned pending, cached;
};
void dns_stats(struct dns *d, struct dns_stats *out);

#endif
