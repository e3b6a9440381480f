/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "mailauth/spf_eval.h"

/* Mechanisms (RFC 7208, section 5). */

/* ------------------------------------------------------------------------
 * Limits (section 4.6.4)
 */

bool
spf_count_lookup(struct spf_eval *ev)
{
	if (++ev->lookups <= ev->limits.lookups)
		return true;
	ev->lookups--;
	spf_stop(ev, SPF_PERMERROR, "more than %u terms ask the DNS",
	    ev->limits.lookups);
	return false;
}

/* One more question without an answer; the same. */
static bool
count_void(struct spf_eval *ev)
{
	if (++ev->voids <= ev->limits.voids)
		return true;
	spf_stop(ev, SPF_PERMERROR, "more than %u questions have no answer",
	    ev->limits.voids);
	return false;
}

/* False if the evaluation is over. */
static bool
ask(struct spf_eval *ev, struct str name, enum dns_type type,
    struct dns_answer *out)
{
	dns_ask(ev->resolver, ev->arena, name, type, out);
	if (out->rc == DNS_FAILED) {
		spf_stop(ev, SPF_TEMPERROR, "%s of %.*s: %s",
		    dns_type_name(type), STR_ARG(name), out->why);
		return false;
	}
	return out->rc == DNS_OK || count_void(ev);
}

/* ------------------------------------------------------------------------
 * Addresses
 */

static bool
same_prefix(const struct in6_addr *a, const struct in6_addr *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	for (unsigned i = 0; i < whole; i++) {
		if (a->s6_addr[i] != b->s6_addr[i])
			return false;
	}
	return rest == 0 ||
	       (a->s6_addr[whole] ^ b->s6_addr[whole]) >> (8 - rest) == 0;
}

static bool
in_network(const struct spf_eval *ev, const struct in6_addr *network,
    unsigned prefix4, unsigned prefix6)
{
	return same_prefix(
	    &ev->query->client, network, ev->ipv4 ? 96 + prefix4 : prefix6);
}

bool
spf_is_at(const struct spf_eval *ev, const struct dns_answer *answer,
    unsigned prefix4, unsigned prefix6)
{
	struct in6_addr addr;

	for (size_t i = 0; i < answer->n; i++) {
		if (dns_rdata_addr(answer->rdata[i], &addr) &&
		    in_network(ev, &addr, prefix4, prefix6))
			return true;
	}
	return false;
}

static enum spf_match
match_host(struct spf_eval *ev, struct str host, const struct spf_directive *d)
{
	struct dns_answer answer;

	if (!ask(ev, host, spf_address_type(ev), &answer))
		return SPF_STOPPED;
	return spf_is_at(ev, &answer, d->prefix4, d->prefix6) ? SPF_MATCH
							      : SPF_NO_MATCH;
}

/* ------------------------------------------------------------------------
 * Mechanisms that ask: TARGET is a name
 */

/* Section 5.2 */
static enum spf_match
match_include(
    struct spf_eval *ev, struct str target, const struct spf_directive *d)
{
	struct spf_outcome inner;

	(void)d;
	spf_check_host(ev, target, &inner);
	switch (inner.result) {
	case SPF_PASS:
		return SPF_MATCH;
	case SPF_NONE:
		spf_stop(ev, SPF_PERMERROR, "%.*s is included: %.*s",
		    STR_ARG(target), STR_ARG(ev->problem));
		return SPF_STOPPED;
	case SPF_TEMPERROR:
	case SPF_PERMERROR:
		return SPF_STOPPED;
	default:
		return SPF_NO_MATCH;
	}
}

struct mx {
	uint16_t preference;
	struct str host;
};

static int
by_preference(const void *a, const void *b)
{
	const struct mx *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return str_icmp(x->host, y->host);
}

/* In an order that does not change with that of the answer. */
static size_t
read_mx(struct spf_eval *ev, const struct dns_answer *answer, struct mx *list)
{
	size_t n = 0;

	for (size_t i = 0; i < answer->n; i++) {
		if (dns_rdata_mx(ev->arena, answer->rdata[i],
			&list[n].preference, &list[n].host) &&
		    list[n].host.n > 0) /* a null MX: RFC 7505 */
			n++;
	}
	if (n > 0)
		qsort(list, n, sizeof(*list), by_preference);
	return n;
}

/* Section 5.4. Too many are an error even if the first would match: which is
 * first may change. */
static enum spf_match
match_mx(struct spf_eval *ev, struct str target, const struct spf_directive *d)
{
	enum spf_match m = SPF_NO_MATCH;
	struct dns_answer answer;
	struct mx *list;
	size_t n;

	if (!ask(ev, target, DNS_MX, &answer))
		return SPF_STOPPED;
	if (answer.n > ev->limits.names) {
		spf_stop(ev, SPF_PERMERROR, "%.*s has %zu MX records",
		    STR_ARG(target), answer.n);
		return SPF_STOPPED;
	}
	list = arena_array(ev->arena, answer.n, sizeof(*list));
	n = read_mx(ev, &answer, list);
	for (size_t i = 0; i < n && m == SPF_NO_MATCH; i++)
		m = match_host(ev, list[i].host, d);
	return m;
}

/* Section 5.5 */
static enum spf_match
match_ptr(struct spf_eval *ev, struct str target, const struct spf_directive *d)
{
	(void)d;
	spf_find_names(ev);
	if (ev->no_ptr && !count_void(ev))
		return SPF_STOPPED;
	for (size_t i = 0; i < ev->n_names; i++) {
		if (spf_is_within(ev->names[i], target))
			return SPF_MATCH;
	}
	return SPF_NO_MATCH;
}

/* Section 5.7: A, also for IPv6. */
static enum spf_match
match_exists(
    struct spf_eval *ev, struct str target, const struct spf_directive *d)
{
	struct dns_answer answer;

	(void)d;
	if (!ask(ev, target, DNS_A, &answer))
		return SPF_STOPPED;
	return answer.n > 0 ? SPF_MATCH : SPF_NO_MATCH;
}

static enum spf_match (*const asking[])(
    struct spf_eval *ev, struct str target, const struct spf_directive *d) = {
	[SPF_INCLUDE] = match_include,
	[SPF_A] = match_host,
	[SPF_MX] = match_mx,
	[SPF_PTR] = match_ptr,
	[SPF_EXISTS] = match_exists,
};

/* ------------------------------------------------------------------------
 * All of them
 */

/* What domain-spec makes no name of is not there, which is no match; only of an
 * include that is an error. */
static enum spf_match
match_by_asking(struct spf_eval *ev, const struct spf_directive *d)
{
	struct str target;

	if (!spf_count_lookup(ev))
		return SPF_STOPPED;
	if (spf_target(ev, d->domain, &target))
		return asking[d->mechanism](ev, target, d);
	if (d->mechanism != SPF_INCLUDE)
		return SPF_NO_MATCH;
	spf_stop(ev, SPF_PERMERROR, "\"%.*s\" gives no name", STR_ARG(d->text));
	return SPF_STOPPED;
}

enum spf_match
spf_match(struct spf_eval *ev, const struct spf_directive *d)
{
	bool match;

	switch (d->mechanism) {
	case SPF_ALL:
		match = true;
		break;
	case SPF_IP4:
		match = ev->ipv4 && in_network(ev, &d->network, d->prefix4, 0);
		break;
	case SPF_IP6:
		match = !ev->ipv4 && in_network(ev, &d->network, 0, d->prefix6);
		break;
	default:
		return match_by_asking(ev, d);
	}
	return match ? SPF_MATCH : SPF_NO_MATCH;
}
