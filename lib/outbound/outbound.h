/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOUND_OUTBOUND_H
#define OUTBOUND_OUTBOUND_H

#include "dns/resolver.h"
#include "filter/db.h"
#include "outbound/sts.h"
#include "site/site.h"

/*
 * How the MTA has to secure its connections to other domains' hosts: a line of
 * Postfix's smtp_tls_policy_maps, made of what those domains promise. DANE (RFC
 * 7672) wins over MTA-STS (RFC 8461), as the latter says in section 2.
 *
 *	TLSA records     MTA-STS      answer
 *	all hosts        any          outbound.dane: dane-only, or dane
 *	some hosts       enforce      dane-only: the others promise less; with
 *	                              outbound.dane = dane as if there were none
 *	some hosts       else         dane
 *	DNS fails        any          OUTBOUND_LATER
 *	none             enforce      secure match=... servername=hostname
 *	none             else         OUTBOUND_NONE
 */

enum outbound_rc {
	OUTBOUND_POLICY,
	OUTBOUND_NONE,  /* the MTA does what it does by default */
	OUTBOUND_LATER, /* nobody knows for now: the mail has to wait */
};

struct outbound_options {
	struct site *site;
	struct resolver *resolver;
	struct filter_db *db;
};

struct outbound;
/* Everything O names must outlive it. */
struct outbound *outbound_new(const struct outbound_options *o);
void outbound_free(struct outbound **o);

#define OUTBOUND_DNS_QUERIES 150 /* about one domain */
#define OUTBOUND_DNS_MS 20000
#define OUTBOUND_WAIT_MS 30000 /* for what another thread fetches */

/* NEXTHOP as Postfix asks: a domain. Of "[host]", "host:port" and ".parent"
 * nothing is known. Blocks; any thread. OUTBOUND_LATER: E says why. */
enum outbound_rc outbound_policy(struct outbound *o, struct arena *a,
    struct str nexthop, struct buf *out, struct err *e);

/* What a domain promises about TLS, for reports. */
enum outbound_promised {
	PROMISED_NONE,
	PROMISED_STS,
	PROMISED_STS_UNKNOWN, /* there is a policy that cannot be had */
	PROMISED_DANE,
	PROMISED_UNKNOWN, /* the DNS does not tell */
};
struct outbound_promise {
	enum outbound_promised kind;
	struct sts_policy sts;
};
/* DOMAIN as outbound_policy() takes it, whether or not the settings heed what
 * it promises. Blocks; any thread. */
void outbound_promise(struct outbound *o, struct arena *a, struct str domain,
    struct outbound_promise *out);

/* A chore (base/chores.h); ARG is the outbound. */
#define OUTBOUND_REFRESH 3600
bool outbound_refresh(void *arg, int64_t now, struct err *e);

#endif
