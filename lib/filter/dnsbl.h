/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_DNSBL_H
#define FILTER_DNSBL_H

#include "base/err.h"
#include "dns/resolver.h"

/*
 * Lists in the DNS of addresses (DNSBL, DNSWL; RFC 5782) and of names (RHSBL):
 * each has a weight, and what is found adds up to a score. A list of who is
 * good has a negative one.
 *
 *	zen.example.org			any listing counts 1
 *	zen.example.org*5		5
 *	zen.example.org=127.0.0.2-11*5	only these answers
 *	list.example.org=127.0.*.1-3*-5
 *	rhs:names.example.org*4		asked about names
 *
 * Only answers in 127.0.0.0/8 are listings; anything else is a name server that
 * makes answers up. 127.255.255.0/24 is how lists say that they do not answer
 * this question ("blocked", "over the limit"): it never counts, nor do
 * 127.0.0.1 and 127.0.0.255, which others use for that, unless a pattern names
 * them.
 */

#define DNSBL_LISTS_MAX 32
#define DNSBL_WEIGHT_MAX 1000 /* either way */

struct dnsbl_list {
	struct str zone;
	bool names; /* else addresses */
	bool filtered;
	struct {
		uint8_t from, to;
	} octets[4];
	int weight;
};
struct dnsbl_set {
	struct dnsbl_list v[DNSBL_LISTS_MAX];
	size_t n;
};
/* Words separated by spaces; their bytes are the caller's. False: E names the
 * first word that was not understood, or was one too many; the others are in
 * OUT. */
bool dnsbl_parse(struct str text, struct dnsbl_set *out, struct err *e);

#define DNSBL_NAMES_MAX 3
struct dnsbl_query {
	struct in6_addr client;
	struct str names[DNSBL_NAMES_MAX]; /* each once; ends at an empty one */
};

struct dnsbl_hit {
	const struct dnsbl_list *list;
	struct str subject;  /* the address or the name */
	struct str question; /* what was asked for */
	struct str answer;   /* "127.0.0.2" */
};
struct dnsbl_facts {
	int score;
	bool white; /* somebody vouches for it, and nobody outweighs him */
	struct dnsbl_hit hits[DNSBL_LISTS_MAX]; /* at most one a list */
	size_t n;
	/* What the heaviest one says of itself, once that was asked for. */
	struct str text;
};

/* All questions at once; never blocks. */
void dnsbl_prefetch(struct resolver *r, struct arena *a,
    const struct dnsbl_set *s, const struct dnsbl_query *q);
/* The answers. A list that does not answer lists nobody. Everything lives in
 * A; S must live as long. */
void dnsbl_ask(struct resolver *r, struct arena *a, const struct dnsbl_set *s,
    const struct dnsbl_query *q, struct dnsbl_facts *out);

/* The list that weighs most; NULL: none says anything bad. */
const struct dnsbl_hit *dnsbl_heaviest(const struct dnsbl_facts *f);
/* Ask it for its reason (TXT). */
void dnsbl_explain(struct resolver *r, struct arena *a, struct dnsbl_facts *f);

#endif
