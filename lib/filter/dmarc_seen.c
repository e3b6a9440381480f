/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/internal.h"

#include <string.h>

#include "base/clock.h"
#include "filter/dmarc_history.h"
#include "filter/report_address.h"

/* What of a message goes into the aggregate report for its author's domain. */

/* What DMARC alone made of it: that something else refused it is nothing that
 * the author could change. */
static const char *
disposition_of(const struct decision *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct reason *r = &d->reasons[i];

		if (strcmp(r->check, "dmarc") != 0)
			continue;
		if (r->action == FILTER_REJECT)
			return "reject";
		return r->junk ? "quarantine" : "none";
	}
	return "none";
}

static void
explain(const struct message *m, struct dmarc_note *n)
{
	const struct dmarc_verdict *v = &m->dmarc;

	if (v->result != DMARC_FAIL)
		return;
	if (strcmp(n->disposition, dmarc_policy_name(v->policy)) == 0) {
		n->reason = v->sampled_out ? "sampled_out" : NULL;
		return;
	}
	if (m->facts.vouched.n > 0) {
		n->reason = "trusted_forwarder";
		n->comment = arena_printf(
		    m->arena, "arc=pass %.*s", STR_ARG(m->facts.vouched));
		return;
	}
	n->reason = "local_policy";
}

static struct str
domain_of(struct str address)
{
	size_t at = str_rchr(address, '@');

	return at == STR_NPOS ? STR_NULL : str_sub(address, at + 1, SIZE_MAX);
}

/* A report about a report would make another report. */
static bool
is_report(const struct filter_session *s)
{
	const struct message *m = &s->m;

	for (size_t i = 0; i < m->nrecipients; i++) {
		if (!report_address_is_ours(s->f->o.site, m->arena,
			m->recipients[i].scope.domain,
			m->recipients[i].address))
			return false;
	}
	return m->dmarc.result == DMARC_PASS;
}

static void
note(struct filter_session *s, const struct decision *d)
{
	const struct message *m = &s->m;
	bool null = m->envelope.sender.n == 0;
	struct dmarc_note n = {
		.domain = m->dmarc.record_domain,
		.record = m->dmarc.text,
		.discovery = s->rules.discovery == DMARC_TREE ? "tree" : "psl",
		.source_ip = s->peer.address,
		.disposition = disposition_of(d),
		.dkim = m->dmarc.dkim_aligned,
		.spf = m->dmarc.spf_aligned,
		.header_from = m->author,
		.envelope_from = domain_of(m->envelope.sender),
		.signatures = m->facts.signatures,
		.nsignatures = m->facts.nsignatures,
		.spf_domain = m->spf.domain,
		.spf_scope = null ? "helo" : "mfrom",
		.spf_result = spf_result_name(m->spf.result),
	};

	explain(m, &n);
	dmarc_history_note(s->f->o.db, &n, clock_now(), s->rules.report_period);
}

void
dmarc_seen(struct filter_session *s, const struct decision *d,
    enum filter_action action)
{
	const struct dmarc_verdict *v = &s->m.dmarc;

	if (!s->f->o.db || !s->rules.report_dmarc || s->m.facts.outgoing ||
	    !s->m.facts.dmarc || !v->has_record || v->record.nrua == 0 ||
	    (v->result != DMARC_PASS && v->result != DMARC_FAIL) ||
	    action == FILTER_TEMPFAIL || is_report(s))
		return;
	note(s, d);
}
