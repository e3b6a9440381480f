/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_SPF_H
#define MAILAUTH_SPF_H

#include "base/buf.h"
#include "dns/resolver.h"

/*
 * Sender Policy Framework (RFC 7208): may this client send for this domain?
 * Pure: what is asked goes through a resolver.
 */

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR,
};
/* "pass", as Authentication-Results has it. */
const char *spf_result_name(enum spf_result r);
bool spf_result_parse(struct str s, enum spf_result *out);

enum spf_identity { SPF_MAILFROM, SPF_HELO };

struct spf_query {
	struct in6_addr client; /* IPv4 mapped */
	struct str helo;        /* as said; may be empty */
	/* The reverse-path; empty for "<>": then postmaster@HELO is asked about
	 * (section 2.4). Not looked at for SPF_HELO. */
	struct str sender;
	enum spf_identity identity;
	struct str receiver; /* our name, for %{r}; empty: "unknown" */
	int64_t now;         /* for %{t} */
};

struct spf_limits {
	unsigned lookups; /* terms that cause queries; 0: 10 */
	unsigned voids;   /* queries without an answer; 0: 2 */
	unsigned names;   /* MX, PTR names looked into; 0: 10 */
};

/* All of it lives in the arena. */
struct spf_verdict {
	enum spf_result result;
	struct str domain;    /* whose record was first asked for */
	struct str record;    /* it; empty if there is no right one */
	struct str mechanism; /* that matched, as written; empty: none did */
	struct str problem;   /* what was wrong, for SPF_NONE and the errors */
	/* What the domain says of a fail (section 6.2): printable ASCII, at
	 * most 512 octets; empty if it says nothing. It is a stranger's. */
	struct str explanation;
	unsigned lookups, voids;
};

/* LIMITS NULL: those of section 4.6.4. */
void spf_check(struct resolver *r, struct arena *a, const struct spf_query *q,
    const struct spf_limits *limits, struct spf_verdict *out);

/* The value of a Received-SPF field (section 9.1), folded by "\n\t". */
void spf_received(
    struct buf *out, const struct spf_query *q, const struct spf_verdict *v);

/*
 * Is RECORD well-formed? What is wrong goes to *PROBLEM, where to *AT. For who
 * publishes one.
 */
bool spf_record_check(
    struct arena *a, struct str record, struct str *problem, size_t *at);

/*
 * The second opinion: libspf2's, where it was found when this was built; false
 * if not. Its faults are known (docs/conformance.md): it decides nothing.
 */
bool spf_second_opinion(struct resolver *r, struct arena *a,
    const struct spf_query *q, enum spf_result *out);

#endif
