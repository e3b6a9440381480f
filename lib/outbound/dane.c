/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/dane.h"

/* What one host has, in the order in which it decides about all. */
enum promise { PROMISE_NONE, PROMISE_MADE, PROMISE_UNKNOWN };

struct search {
	struct resolver *r;
	struct arena *a;
	struct err *e;
};

static void
explain(struct search *s, struct str name, enum dns_type type,
    const struct dns_answer *answer)
{
	err_set(s->e, "%s of %.*s: %s", dns_type_name(type), STR_ARG(name),
	    answer->bogus ? "DNSSEC proves that it is wrong" : answer->why);
}

/* Usages 2 and 3, known selectors and hashes (section 3.1): anything else is
 * as if it were not there. */
static bool
usable(struct str rdata)
{
	const unsigned char *b = (const unsigned char *)rdata.p;

	return rdata.n > 3 && (b[0] == 2 || b[0] == 3) && b[1] <= 1 &&
	       b[2] <= 2;
}

static enum promise
promise_at(struct search *s, struct str host)
{
	struct str name = arena_printf(s->a, "_25._tcp.%.*s", STR_ARG(host));
	struct dns_answer answer;

	dns_ask(s->r, s->a, name, DNS_TLSA, &answer);
	if (answer.rc == DNS_FAILED) {
		explain(s, name, DNS_TLSA, &answer);
		return PROMISE_UNKNOWN;
	}
	for (size_t i = 0; answer.rc == DNS_OK && answer.secure && i < answer.n;
	     i++) {
		if (usable(answer.rdata[i]))
			return PROMISE_MADE;
	}
	return PROMISE_NONE;
}

/* An alias' target may have it instead, if the whole way is signed (section
 * 2.2.2). */
static enum promise
promise_behind(struct search *s, struct str host)
{
	enum promise p = promise_at(s, host);
	struct dns_answer answer;

	for (unsigned i = 0; p == PROMISE_NONE && i < DANE_MAX_ALIASES; i++) {
		dns_ask(s->r, s->a, host, DNS_CNAME, &answer);
		if (answer.rc == DNS_FAILED) {
			explain(s, host, DNS_CNAME, &answer);
			return PROMISE_UNKNOWN;
		}
		if (answer.rc != DNS_OK || !answer.secure ||
		    !dns_rdata_name(s->a, answer.rdata[0], &host))
			break;
		p = promise_at(s, host);
	}
	return p;
}

/* Zones that are not signed are not asked for TLSA: some of their servers do
 * not know how to answer (section 2.2.2). */
static enum promise
promise_of(struct search *s, struct str host)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA };
	struct dns_answer answer;
	bool secure = false;

	for (size_t i = 0; !secure && i < 2; i++) {
		dns_ask(s->r, s->a, host, types[i], &answer);
		if (answer.rc == DNS_FAILED) {
			explain(s, host, types[i], &answer);
			return PROMISE_UNKNOWN;
		}
		secure = answer.rc == DNS_OK && answer.secure;
	}
	return secure ? promise_behind(s, host) : PROMISE_NONE;
}

static enum dane_result
find_of(struct search *s, const struct str *hosts, size_t n)
{
	size_t made = 0, unknown = 0;

	for (size_t i = 0; i < n; i++) {
		enum promise p = promise_of(s, hosts[i]);

		made += p == PROMISE_MADE;
		unknown += p == PROMISE_UNKNOWN;
	}
	if (made == 0)
		return unknown ? DANE_FAILED : DANE_NONE;
	return made == n ? DANE_ALL : DANE_SOME;
}

static enum dane_result
find_of_mx(struct search *s, const struct dns_answer *mx)
{
	size_t most = mx->n < DANE_MAX_HOSTS ? mx->n : DANE_MAX_HOSTS, n = 0;
	struct str *hosts = arena_array(s->a, most, sizeof(*hosts));
	uint16_t preference;

	for (size_t i = 0; i < most; i++)
		n += dns_rdata_mx(s->a, mx->rdata[i], &preference, &hosts[n]) &&
		     hosts[n].n > 0; /* "." takes no mail (RFC 7505) */
	return find_of(s, hosts, n);
}

enum dane_result
dane_find(struct resolver *r, struct arena *a, struct str domain, struct err *e)
{
	struct search s = { r, a, e };
	struct dns_answer mx;

	dns_ask(r, a, domain, DNS_MX, &mx);
	switch (mx.rc) {
	case DNS_OK:
		return mx.secure ? find_of_mx(&s, &mx) : DANE_NONE;
	case DNS_NODATA: /* it is its own host (RFC 5321, section 5.1) */
		return mx.secure ? find_of(&s, &domain, 1) : DANE_NONE;
	case DNS_NXDOMAIN:
		return DANE_NONE;
	case DNS_FAILED:
		break;
	}
	explain(&s, domain, DNS_MX, &mx);
	return DANE_FAILED;
}
