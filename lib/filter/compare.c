/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"
#include "filter/internal.h"

/* Second opinions: libspf2's, libopendkim's and libopendmarc's. They decide
 * nothing. */

static void
compare_spf(struct filter_session *s)
{
	struct message *m = &s->m;
	struct opinions *o = &m->facts.others;

	if (!m->facts.spf)
		return;
	o->has_spf =
	    spf_second_opinion(m->resolver, m->arena, &m->spf_query, &o->spf);
	if (o->has_spf && o->spf != m->spf.result)
		log_warn("second_opinion",
		    LOG_STR("queue", m->envelope.queue_id),
		    LOG_CSTR("check", "spf"), LOG_STR("domain", m->spf.domain),
		    LOG_CSTR("ours", spf_result_name(m->spf.result)),
		    LOG_CSTR("libspf2", spf_result_name(o->spf)));
}

static bool
counts(const struct signature *ours)
{
	return ours->result == SIGNATURE_PASS || ours->result == SIGNATURE_FAIL;
}

static void
compare_signatures(struct filter_session *s)
{
	struct message *m = &s->m;
	struct opinions *o = &m->facts.others;
	bool same = true;

	for (size_t i = 0; same && i < m->facts.nsignatures; i++) {
		const struct signature *ours = &m->facts.signatures[i];

		if (!counts(ours) ||
		    !signature_second_opinion(m->resolver, m->arena, &m->header,
			str_sub(m->raw, m->body_at, STR_NPOS), i, &o->dkim))
			continue;
		o->has_dkim = true;
		o->dkim_ours = ours;
		same = o->dkim == ours->result;
	}
	if (!same)
		log_warn("second_opinion",
		    LOG_STR("queue", m->envelope.queue_id),
		    LOG_CSTR("check", "dkim"),
		    LOG_STR("domain", o->dkim_ours->domain),
		    LOG_CSTR(
			"ours", signature_result_name(o->dkim_ours->result)),
		    LOG_CSTR("libopendkim", signature_result_name(o->dkim)));
}

static void
compare_dmarc(struct filter_session *s, const struct dmarc_query *q)
{
	struct message *m = &s->m;
	struct opinions *o = &m->facts.others;

	o->has_dmarc =
	    dmarc_second_opinion(m->arena, q, &m->dmarc, &o->dmarc, &o->policy);
	if (o->has_dmarc && o->dmarc != m->dmarc.result)
		log_warn("second_opinion",
		    LOG_STR("queue", m->envelope.queue_id),
		    LOG_CSTR("check", "dmarc"), LOG_STR("domain", m->author),
		    LOG_CSTR("ours", dmarc_result_name(m->dmarc.result)),
		    LOG_CSTR("libopendmarc", dmarc_result_name(o->dmarc)));
}

void
compare(struct filter_session *s, const struct dmarc_query *q)
{
	if (!s->rules.compare)
		return;
	compare_spf(s);
	if (s->m.raw.p)
		compare_signatures(s);
	if (s->m.facts.dmarc)
		compare_dmarc(s, q);
}
