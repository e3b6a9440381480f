/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"
#include "filter/internal.h"

/* The end of a message: the last looks at it, the decision, and what follows
 * from that. */

/* Those of the same settings share a decision. */
static void
decide(struct filter_session *s, struct decision *list)
{
	const struct message *m = &s->m;

	for (size_t i = 0; i < m->nrecipients; i++) {
		const struct recipient *r = &m->recipients[i];

		if (i > 0 && message_same_scope(&r->scope, &r[-1].scope) &&
		    r->stranger.wait == r[-1].stranger.wait)
			list[i] = list[i - 1];
		else
			message_decide(s, r, &list[i]);
	}
}

/* Who looks at the whole of a message, the cheapest first. */
static void (*const steps[])(struct filter_session *s) = {
	strangers_at_end,
	body_attachments,
	virus_end,
	score_end,
};

static bool
somebody_wants_it(const struct decision *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].action < FILTER_TEMPFAIL)
			return true;
	}
	return false;
}

static void
look(struct filter_session *s, struct decision *list)
{
	decide(s, list);
	for (size_t i = 0;
	     i < LEN(steps) && somebody_wants_it(list, s->m.nrecipients); i++) {
		steps[i](s);
		decide(s, list);
	}
}

static struct str
score_text(const struct message *m)
{
	const struct spam_facts *f = m->facts.spam;

	return f && f->known ? arena_printf(m->arena, "%.1f", f->verdict.score)
			     : STR_NULL;
}

/* What failed is somebody's work. */
static void
log_failures(const struct filter_session *s)
{
	const struct facts *f = &s->m.facts;

	if (f->virus && f->virus->result == SCAN_FAILED)
		log_error("antivirus", LOG_STR("queue", s->m.envelope.queue_id),
		    LOG_STR("error", f->virus->why));
	if (f->spam && !f->spam->known)
		log_error("spam", LOG_STR("queue", s->m.envelope.queue_id),
		    LOG_STR("error", f->spam->why));
}

static void
log_message(const struct filter_session *s, const struct decision *d,
    enum filter_action action)
{
	const struct message *m = &s->m;
	const struct facts *f = &m->facts;

	log_info("filter", LOG_STR("queue", m->envelope.queue_id),
	    LOG_CSTR("client", s->peer.address),
	    LOG_STR("from", m->envelope.sender),
	    LOG_STR("login", m->envelope.login), LOG_STR("author", m->author),
	    LOG_UINT("recipients", m->nrecipients), LOG_UINT("size", m->size),
	    LOG_INT("dnsbl", f->client ? f->client->dnsbl.score : 0),
	    LOG_CSTR("spf", f->spf ? spf_result_name(f->spf->result) : ""),
	    LOG_UINT("signatures", f->nsignatures),
	    LOG_CSTR(
		"dmarc", f->dmarc ? dmarc_result_name(f->dmarc->result) : ""),
	    LOG_CSTR("arc", f->arc ? arc_result_name(f->arc->result) : ""),
	    LOG_CSTR(
		"virus", f->virus ? scan_result_name(f->virus->result) : ""),
	    LOG_STR("found", f->virus ? f->virus->name : STR_NULL),
	    LOG_STR("score", score_text(m)),
	    LOG_UINT("questions", dns_budget_used(m->budget)),
	    LOG_CSTR("action", filter_action_name(action)),
	    LOG_CSTR("check", d->by ? d->by->check : ""),
	    LOG_STR("reason", d->by ? d->by->text : STR_NULL));
}

static void
fill(struct filter_session *s, const struct decision *d,
    struct filter_outcome *out)
{
	if (out->action >= FILTER_TEMPFAIL) {
		out->refusal = d->by;
		return;
	}
	fields_remove_forged(s, &out->edits);
	fields_add(s, d, out->action, &out->edits);
	sign_end(s, &out->edits);
	seal_end(s, &out->edits);
}

static const struct reason not_apart = {
	.check = "quarantine",
	.action = FILTER_TEMPFAIL,
	.code = 451,
	.status = "4.3.0",
	.text = STR("the message cannot be kept now"),
};

static void
refuse(struct filter_outcome *out, const struct reason *why)
{
	out->action = why->action;
	out->refusal = why;
}

/* What one header says to all of them all of them must think. */
static bool
is_junk(const struct filter_outcome *out)
{
	bool any = false;

	for (size_t i = 0; i < out->n; i++) {
		if (out->fates[i] > FILTER_TAG)
			continue;
		if (!out->decisions[i].junk)
			return false;
		any = true;
	}
	return any;
}

/* One list an aspect, as those who want to know get them. */
static void
name_recipients(struct message *m, struct filter_outcome *out)
{
	struct str *addresses =
	    arena_array(m->arena, m->nrecipients, sizeof(*addresses));
	const struct list_match **listed =
	    arena_array(m->arena, m->nrecipients, sizeof(*listed));
	struct stranger *strangers =
	    arena_array(m->arena, m->nrecipients, sizeof(*strangers));

	for (size_t i = 0; i < m->nrecipients; i++) {
		addresses[i] = m->recipients[i].address;
		listed[i] = m->recipients[i].listed;
		strangers[i] = m->recipients[i].stranger;
	}
	out->recipients = addresses;
	out->listed = listed;
	out->strangers = strangers;
	out->n = m->nrecipients;
}

/* What is done, for all and for each; the answer is the decision behind it. */
static const struct decision *
settle(struct filter_session *s, const struct decision *list,
    struct filter_outcome *out)
{
	struct message *m = &s->m;
	enum filter_action *fates =
	    arena_array(m->arena, m->nrecipients, sizeof(*fates));
	const struct decision *d = filter_decide_common(list, m->nrecipients,
	    s->f->o.quarantine || s->f->o.quiet, fates, &out->action);

	out->decisions = list;
	out->fates = fates;
	m->junk = is_junk(out);
	fill(s, d, out);
	if (!out->refusal && !apart_keep(s, out))
		refuse(out, &not_apart);
	return d;
}

/* For later messages, for reports and for the log. */
static void
remember(struct filter_session *s, const struct decision *d,
    enum filter_action action)
{
	if (s->f->o.quiet)
		return;
	if (action <= FILTER_TAG)
		strangers_note(s);
	if (action == FILTER_REJECT)
		limits_refused(s);
	dmarc_seen(s, d, action);
	failure_seen(s, d, action);
	arrivals_read(s, action);
	log_failures(s);
	log_message(s, d, action);
}

void
filter_end(
    struct filter_session *s, struct str queue_id, struct filter_outcome *out)
{
	struct message *m = &s->m;
	const struct decision *d;
	struct decision *list;

	if (m->nrecipients == 0)
		message_add_anybody(s);
	list = arena_array(m->arena, m->nrecipients, sizeof(*list));
	if (queue_id.n > 0)
		m->envelope.queue_id = arena_str(m->arena, queue_id);
	body_end(m);
	if (!m->facts.outgoing)
		auth_end(s);
	look(s, list);
	*out = (struct filter_outcome){ .facts = m->facts };
	name_recipients(m, out);
	d = settle(s, list, out);
	remember(s, d, out->action);
}
