/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/dmarc_internal.h"

/*
 * Where is the record that counts for an author's domain? RFC 7489, section
 * 6.6.3, with RFC 9091; or DMARCbis, section 4.10.
 */

#define MAX_STEPS 8 /* questions of a walk up the tree */

bool
dmarc_within(struct str name, struct str parent)
{
	if (parent.n == 0 || name.n < parent.n)
		return false;
	return str_eq(str_sub(name, name.n - parent.n, STR_NPOS), parent) &&
	       (name.n == parent.n || name.p[name.n - parent.n - 1] == '.');
}

/* ------------------------------------------------------------------------
 * One name
 */

enum dmarc_found_rc
dmarc_record_at(
    struct resolver *r, struct arena *a, struct str name, struct str *text)
{
	enum dmarc_found_rc rc = DMARC_FOUND_NONE;
	struct dns_answer answer;
	struct str s;

	*text = STR_NULL;
	dns_ask(r, a, name, DNS_TXT, &answer);
	if (answer.rc == DNS_FAILED)
		return DMARC_FOUND_FAILED;
	for (size_t i = 0; i < answer.n; i++) {
		if (!dns_rdata_txt(a, answer.rdata[i], &s) ||
		    !dmarc_record_is(s))
			continue;
		if (rc != DMARC_FOUND_NONE)
			return DMARC_FOUND_SEVERAL;
		rc = DMARC_FOUND;
		*text = s;
	}
	return rc;
}

static struct str
below_dmarc(struct arena *a, struct str domain)
{
	return arena_printf(a, "_dmarc.%.*s", STR_ARG(domain));
}

/* ------------------------------------------------------------------------
 * By the Public Suffix List
 */

static struct str
parent_of(struct str name)
{
	size_t dot = str_chr(name, '.');

	return dot == STR_NPOS ? STR_NULL : str_sub(name, dot + 1, STR_NPOS);
}

/* The public suffix's own (RFC 9091). Instead of a list of suffixes that take
 * part, the record says that it is one. */
static void
ask_suffix(struct resolver *r, struct arena *a, struct dmarc_where *out)
{
	struct str suffix = parent_of(out->organizational), why;
	struct dmarc_record record;
	bool valid;

	if (suffix.n == 0)
		return;
	out->rc = dmarc_record_at(r, a, below_dmarc(a, suffix), &out->text);
	if (out->rc != DMARC_FOUND)
		return;
	out->domain = suffix;
	if (!dmarc_record_tags(a, out->text, &record, &valid, &why) ||
	    record.psd != 'y')
		out->rc = DMARC_FOUND_NONE;
}

void
dmarc_discover_psl(struct resolver *r, const struct psl *p, struct arena *a,
    struct str author, struct dmarc_where *out)
{
	struct str org = psl_organizational(p, a, author);
	bool below = org.n > 0 && !str_eq(org, author);

	*out = (struct dmarc_where){ .domain = author,
		.organizational = org.n > 0 ? org : author };
	if (below)
		dns_prefetch(r, below_dmarc(a, org), DNS_TXT);
	out->rc = dmarc_record_at(r, a, below_dmarc(a, author), &out->text);
	if (out->rc == DMARC_FOUND_NONE && below) {
		out->domain = org;
		out->rc =
		    dmarc_record_at(r, a, below_dmarc(a, org), &out->text);
	}
	if (out->rc == DMARC_FOUND_NONE && org.n > 0)
		ask_suffix(r, a, out);
}

/* ------------------------------------------------------------------------
 * By a walk up the tree
 */

struct step {
	enum dmarc_found_rc rc;
	struct str domain, text;
	char psd; /* '\0': no record */
};

static size_t
labels_of(struct str name)
{
	size_t n = 1;

	for (size_t i = 0; i < name.n; i++)
		n += name.p[i] == '.';
	return n;
}

/* The last N labels. */
static struct str
last_labels(struct str name, size_t n)
{
	for (size_t have = labels_of(name); have > n; have--)
		name = parent_of(name);
	return name;
}

static void
ask_step(struct resolver *r, struct arena *a, struct str domain, struct step *s)
{
	struct dmarc_record record;
	struct str why;
	bool valid;

	*s = (struct step){ .domain = domain };
	s->rc = dmarc_record_at(r, a, below_dmarc(a, domain), &s->text);
	if (s->rc == DMARC_FOUND &&
	    dmarc_record_tags(a, s->text, &record, &valid, &why))
		s->psd = record.psd;
}

/* Of a longer name only the last seven labels are asked for after the first. */
static size_t
walk(struct resolver *r, struct arena *a, struct str start,
    struct step steps[MAX_STEPS])
{
	struct str name = start;
	size_t n = 0;

	while (name.n > 0 && n < MAX_STEPS) {
		ask_step(r, a, name, &steps[n]);
		if (steps[n++].psd == 'n' || steps[n - 1].psd == 'y')
			break;
		name = last_labels(parent_of(name), MAX_STEPS - 1);
	}
	return n;
}

/* Section 4.10.2. */
static struct str
organizational_of(struct str start, const struct step *steps, size_t n)
{
	struct str org = start;

	for (size_t i = 0; i < n; i++) {
		if (steps[i].psd == 'y' && i > 0)
			return last_labels(
			    start, labels_of(steps[i].domain) + 1);
		if (steps[i].psd)
			org = steps[i].domain;
	}
	return org;
}

/* Section 4.10.1: the author's own, the organizational domain's, the public
 * suffix's. */
static const struct step *
policy_of(const struct step *steps, size_t n, struct str org)
{
	const struct step *suffix = NULL;

	if (steps[0].psd)
		return &steps[0];
	for (size_t i = 1; i < n; i++) {
		if (steps[i].psd && str_eq(steps[i].domain, org))
			return &steps[i];
		if (steps[i].psd == 'y')
			suffix = &steps[i];
	}
	return suffix;
}

void
dmarc_discover_tree(struct resolver *r, struct arena *a, struct str author,
    struct dmarc_where *out)
{
	struct step steps[MAX_STEPS];
	size_t n = walk(r, a, author, steps);
	const struct step *found;

	*out = (struct dmarc_where){ .rc = DMARC_FOUND_NONE };
	for (size_t i = 0; i < n; i++)
		out->uncertain |= steps[i].rc == DMARC_FOUND_FAILED;
	out->organizational = organizational_of(author, steps, n);
	found = policy_of(steps, n, out->organizational);
	if (found && (!out->uncertain || found == &steps[0])) {
		out->rc = DMARC_FOUND;
		out->domain = found->domain;
		out->text = found->text;
	} else if (out->uncertain) {
		out->rc = DMARC_FOUND_FAILED;
	}
}
