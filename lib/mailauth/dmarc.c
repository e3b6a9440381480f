/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/dmarc_internal.h"

/*
 * The verdict (RFC 7489, section 6.6.2): the record of the author's domain, the
 * identifiers that passed and are aligned with it, and what is asked for if
 * there are none.
 */

const char *
dmarc_result_name(enum dmarc_result r)
{
	static const char *const names[] = {
		[DMARC_NONE] = "none",
		[DMARC_PASS] = "pass",
		[DMARC_FAIL] = "fail",
		[DMARC_TEMPERROR] = "temperror",
		[DMARC_PERMERROR] = "permerror",
	};

	return names[r];
}

const char *
dmarc_policy_name(enum dmarc_policy p)
{
	static const char *const names[] = {
		[DMARC_P_NONE] = "none",
		[DMARC_P_QUARANTINE] = "quarantine",
		[DMARC_P_REJECT] = "reject",
	};

	return names[p];
}

struct checking {
	struct resolver *r;
	const struct psl *p;
	struct arena *a;
	const struct dmarc_query *q;
	struct str author;
	struct dmarc_verdict *out;
	bool uncertain; /* another time more may pass */
};

/* ------------------------------------------------------------------------
 * Alignment (RFC 7489, section 3.1)
 */

bool
dmarc_aligned(const struct psl *p, struct arena *a, struct str author,
    struct str other, bool strict)
{
	struct str x = domain_to_ascii(a, author);
	struct str y = domain_to_ascii(a, other), org;

	if (x.n == 0 || y.n == 0)
		return false;
	if (strict || str_eq(x, y))
		return str_eq(x, y);
	org = psl_organizational(p, a, x);
	return org.n > 0 && str_eq(org, psl_organizational(p, a, y));
}

static bool
same_organization(struct checking *c, struct str domain)
{
	struct dmarc_where where;

	if (c->q->discovery == DMARC_PSL)
		return str_eq(psl_organizational(c->p, c->a, domain),
		    c->out->organizational);
	dmarc_discover_tree(c->r, c->a, domain, &where);
	c->uncertain |= where.uncertain;
	return str_eq(where.organizational, c->out->organizational);
}

/* No question is asked about what cannot be aligned. */
static bool
aligned(struct checking *c, struct str domain, bool strict)
{
	struct str d = domain_to_ascii(c->a, domain);

	if (strict || str_eq(d, c->author))
		return str_eq(d, c->author);
	return dmarc_within(d, c->out->organizational) &&
	       same_organization(c, d);
}

static void
check_spf(struct checking *c)
{
	enum spf_result spf = c->q->spf;

	if ((spf != SPF_PASS && spf != SPF_TEMPERROR) ||
	    !aligned(c, c->q->spf_domain, c->out->record.strict_spf))
		return;
	c->out->spf_aligned = spf == SPF_PASS;
	c->uncertain |= spf == SPF_TEMPERROR;
}

/* A signature that leaves text uncovered lets others add to it: it speaks for
 * nobody. */
static void
check_signature(struct checking *c, const struct signature *s)
{
	bool pass = s->result == SIGNATURE_PASS && !s->partial;

	if ((!pass && s->result != SIGNATURE_TEMPERROR) ||
	    !aligned(c, s->domain, c->out->record.strict_dkim))
		return;
	c->out->dkim_aligned |= pass;
	c->uncertain |= !pass;
}

/* ------------------------------------------------------------------------
 * Policy
 */

/* Is there no such author's domain at all? */
static bool
is_nonexistent(struct checking *c)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_MX };
	struct dns_answer answer;

	for (size_t i = 0; i < LEN(types); i++) {
		dns_ask(c->r, c->a, c->author, types[i], &answer);
		if (answer.rc != DNS_NODATA || c->q->discovery == DMARC_TREE)
			return answer.rc == DNS_NXDOMAIN;
	}
	return true;
}

static enum dmarc_policy
published(struct checking *c)
{
	const struct dmarc_record *r = &c->out->record;

	if (str_eq(c->author, c->out->record_domain))
		return r->p;
	if (r->np != r->sp && c->out->result != DMARC_PASS && is_nonexistent(c))
		return r->np;
	return r->sp;
}

/* Reject becomes quarantine, quarantine none. */
static enum dmarc_policy
weaker(enum dmarc_policy p)
{
	return p == DMARC_P_REJECT ? DMARC_P_QUARANTINE : DMARC_P_NONE;
}

static void
choose_policy(struct checking *c)
{
	struct dmarc_verdict *v = c->out;
	bool less = c->q->discovery == DMARC_TREE ? v->record.testing
						  : c->q->lot >= v->record.pct;

	v->published = published(c);
	if (v->result != DMARC_FAIL)
		return;
	v->policy = less ? weaker(v->published) : v->published;
	v->sampled_out = v->policy != v->published;
}

static void
evaluate(struct checking *c)
{
	struct dmarc_verdict *v = c->out;

	check_spf(c);
	for (size_t i = 0; i < c->q->nsignatures; i++)
		check_signature(c, &c->q->signatures[i]);
	v->result = DMARC_FAIL;
	if (v->spf_aligned || v->dkim_aligned)
		v->result = DMARC_PASS;
	else if (c->uncertain)
		v->result = DMARC_TEMPERROR;
	if (v->result == DMARC_TEMPERROR)
		v->why = STR("SPF, DKIM or the DNS may pass another time");
	choose_policy(c);
}

/* ------------------------------------------------------------------------
 * The record
 */

static enum dmarc_found_rc
discover(struct checking *c)
{
	struct dmarc_where where;

	if (c->q->discovery == DMARC_PSL)
		dmarc_discover_psl(c->r, c->p, c->a, c->author, &where);
	else
		dmarc_discover_tree(c->r, c->a, c->author, &where);
	c->uncertain = where.uncertain;
	c->out->organizational = where.organizational;
	if (where.rc == DMARC_FOUND) {
		c->out->record_domain = where.domain;
		c->out->text = where.text;
	}
	return where.rc;
}

static void
check_author(struct checking *c)
{
	struct dmarc_verdict *v = c->out;

	switch (discover(c)) {
	case DMARC_FOUND_NONE:
		return;
	case DMARC_FOUND_SEVERAL:
		v->why = STR("several records");
		return;
	case DMARC_FOUND_FAILED:
		v->result = DMARC_TEMPERROR;
		v->why = STR("no answer to the question for the record");
		return;
	case DMARC_FOUND:
		break;
	}
	v->has_record = dmarc_record_parse(c->a, v->text, &v->record, &v->why);
	if (v->has_record)
		evaluate(c);
}

void
dmarc_check(struct resolver *r, const struct psl *p, struct arena *a,
    const struct dmarc_query *q, struct dmarc_verdict *out)
{
	struct checking c = { .r = r, .p = p, .a = a, .q = q, .out = out };

	*out = (struct dmarc_verdict){ .result = DMARC_NONE };
	c.author = domain_to_ascii(a, q->author);
	if (c.author.n > 0) {
		check_author(&c);
		return;
	}
	out->result = DMARC_PERMERROR;
	out->why = STR("no author's domain");
}
