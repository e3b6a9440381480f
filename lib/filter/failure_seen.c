/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/internal.h"

#include "base/clock.h"
#include "filter/failure_queue.h"

/* Does the author's domain want to know of this message at once (fo= of RFC
 * 7489, section 6.3)? */

/* What is no fault of the signer's does not count. */
static bool
is_broken(const struct signature *s)
{
	return s->result == SIGNATURE_FAIL || s->result == SIGNATURE_PERMERROR;
}

/* The one that a report tells of: a broken one if there is one. */
static const struct signature *
signature_of(const struct facts *f)
{
	for (size_t i = 0; i < f->nsignatures; i++) {
		if (is_broken(&f->signatures[i]))
			return &f->signatures[i];
	}
	return f->nsignatures > 0 ? f->signatures : NULL;
}

static bool
spf_failed(enum spf_result r)
{
	return r == SPF_FAIL || r == SPF_SOFTFAIL || r == SPF_PERMERROR;
}

const char *
failure_type(const struct dmarc_verdict *v, enum spf_result spf,
    const struct signature *s)
{
	const struct dmarc_record *r = &v->record;
	bool all = v->spf_aligned && v->dkim_aligned;

	if ((r->fo_0 && v->result == DMARC_FAIL) || (r->fo_1 && !all))
		return "dmarc";
	if (r->fo_d && s && is_broken(s))
		return "signature";
	return r->fo_s && spf_failed(spf) ? "spf" : NULL;
}

/* What passed (RFC 7489, section 7.3.1). */
static const char *
alignment_of(const struct dmarc_verdict *v)
{
	if (v->dkim_aligned)
		return v->spf_aligned ? "dkim, spf" : "dkim";
	return v->spf_aligned ? "spf" : "none";
}

/* The words of RFC 6591, section 3.2.2. */
static const char *
delivery_of(const struct decision *d, enum filter_action action)
{
	if (action == FILTER_REJECT)
		return "reject";
	if (d->junk)
		return "spam";
	return action == FILTER_QUARANTINE ? "policy" : "delivered";
}

static void
note(struct filter_session *s, const struct decision *d,
    enum filter_action action, const char *type)
{
	const struct message *m = &s->m;
	struct buf results = { 0 };
	struct failure_note n = {
		.domain = m->dmarc.record_domain,
		.organization = m->dmarc.organizational,
		.record = m->dmarc.text,
		.now = clock_now(),
		.author = m->author,
		.source_ip = s->peer.address,
		.mail_from = m->envelope.sender,
		.rcpt_to = m->recipients[0].address,
		.auth_failure = type,
		.delivery_result = delivery_of(d, action),
		.alignment = alignment_of(&m->dmarc),
		.signature = signature_of(&m->facts),
		.spf_record =
		    spf_failed(m->spf.result) ? m->spf.record : STR_NULL,
		.header = str_sub(m->raw, 0, m->body_at),
	};

	fields_results(s, &results);
	n.results = buf_str(&results);
	failure_queue_put(s->f->o.db, &n, s->rules.report_failures);
	buf_fini(&results);
}

/* A public suffix (psd=y) hears nothing of single messages of those below it;
 * and mail from the null sender may be a report itself, whose report would make
 * another one. */
static bool
wants_reports(const struct message *m)
{
	const struct dmarc_verdict *v = &m->dmarc;

	return m->facts.dmarc && v->has_record && v->record.nruf > 0 &&
	       v->record.psd != 'y' && m->envelope.sender.n > 0 &&
	       (v->result == DMARC_PASS || v->result == DMARC_FAIL);
}

void
failure_seen(struct filter_session *s, const struct decision *d,
    enum filter_action action)
{
	const struct message *m = &s->m;
	const char *type;

	if (!s->f->o.db || !s->rules.report_failures || m->facts.outgoing ||
	    action == FILTER_TEMPFAIL || !m->raw.p || !wants_reports(m))
		return;
	type = failure_type(&m->dmarc, m->spf.result, signature_of(&m->facts));
	if (type)
		note(s, d, action, type);
}
