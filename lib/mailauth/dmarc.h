/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_DMARC_H
#define MAILAUTH_DMARC_H

#include "dns/resolver.h"
#include "mailauth/dkim.h"
#include "mailauth/psl.h"
#include "mailauth/spf.h"

/*
 * DMARC: RFC 7489 with RFC 9091, and DMARCbis (draft-ietf-dmarc-dmarcbis): does
 * what passed SPF or DKIM belong to the author's domain, and what does that
 * domain want done if not? Policy only: what is then done is the site's.
 */

enum dmarc_result {
	DMARC_NONE, /* no record */
	DMARC_PASS,
	DMARC_FAIL,
	DMARC_TEMPERROR,
	DMARC_PERMERROR,
};
const char *dmarc_result_name(enum dmarc_result r);

enum dmarc_policy { DMARC_P_NONE, DMARC_P_QUARANTINE, DMARC_P_REJECT };
const char *dmarc_policy_name(enum dmarc_policy p);

/* How the record and the organizational domain are found, and with it which of
 * the documents is followed where they differ: pct= is of RFC 7489, t= of
 * DMARCbis; a name does not exist if it has no A, AAAA and MX (RFC 9091), or if
 * nothing is there or below it (DMARCbis). */
enum dmarc_discovery {
	DMARC_PSL,  /* RFC 7489: the Public Suffix List */
	DMARC_TREE, /* DMARCbis: a walk up the tree, at most 8 questions */
};

/* Only those of "mailto" are kept. */
struct dmarc_uri {
	struct str uri;     /* "mailto:...", as written */
	struct str address; /* in it, decoded */
	uint64_t max_size;  /* 0: none given */
};

struct dmarc_record {
	enum dmarc_policy p, sp,
	    np; /* those not given follow from the others */
	bool has_p, has_sp, has_np;
	bool strict_dkim, strict_spf;
	unsigned pct; /* 100 if not given */
	bool testing; /* t=y */
	char psd;     /* 'y', 'n', 'u' */
	bool fo_0, fo_1, fo_d, fo_s;
	uint32_t interval; /* ri=; 86400 */
	const struct dmarc_uri *rua, *ruf;
	size_t nrua, nruf;
};

/* False: no DMARC record, or one that says nothing: neither a valid policy nor
 * a report address (then *why says so). In A. *why: what is wrong with a record
 * that counts nevertheless; empty: nothing. */
bool dmarc_record_parse(struct arena *a, struct str text,
    struct dmarc_record *out, struct str *why);

struct dmarc_query {
	struct str author; /* domain of From, as author_domain() gives it */
	/* What SPF said of MAIL FROM (for "<>" of HELO), and of which domain.
	 */
	enum spf_result spf;
	struct str spf_domain;
	const struct signature *signatures;
	size_t nsignatures;
	enum dmarc_discovery discovery;
	/* 0 to 99: this message's lot for pct= (RFC 7489, section 6.6.4). */
	unsigned lot;
};

struct dmarc_verdict {
	enum dmarc_result result;
	/* What the domain asks for, after sp=, np=, t= and pct=; none unless
	 * the result is fail. */
	enum dmarc_policy policy;
	enum dmarc_policy published;    /* before pct= and t= */
	bool sampled_out;               /* pct= or t= made it weaker */
	bool spf_aligned, dkim_aligned; /* and passed */
	struct str record_domain;       /* where the record stands */
	struct str organizational;      /* of the author */
	struct str text;                /* the record */
	struct dmarc_record record;     /* valid if has_record */
	bool has_record;
	struct str why;
};

/* All in A. */
void dmarc_check(struct resolver *r, const struct psl *p, struct arena *a,
    const struct dmarc_query *q, struct dmarc_verdict *out);

/* Are these aligned? STRICT: the same; else the same organizational domain. */
bool dmarc_aligned(const struct psl *p, struct arena *a, struct str author,
    struct str other, bool strict);

/*
 * Has the host of URI agreed to reports about DOMAIN (RFC 7489, section 7.1)?
 * Those of the same organizational domain need not. DNS_OK: yes; DNS_FAILED: it
 * cannot be known now; all else: no. Where the host asks for other addresses of
 * its own instead, THEIRS (which may be NULL) has them in rua and ruf.
 */
enum dns_rc dmarc_report_allowed(struct resolver *r, const struct psl *p,
    struct arena *a, struct str domain, const struct dmarc_uri *uri,
    struct dmarc_record *theirs);

/* The second opinion: libopendmarc's (see spf_second_opinion). */
bool dmarc_second_opinion(struct arena *a, const struct dmarc_query *q,
    const struct dmarc_verdict *ours, enum dmarc_result *result,
    enum dmarc_policy *policy);

#endif
