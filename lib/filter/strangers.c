/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/internal.h"

#include <string.h>

#include "base/clock.h"

/*
 * Greylisting of the recipients of a message. Who has SPF's word for his name
 * has his answer at RCPT. For all others a signature may still speak, and
 * whoever asks only whether an address exists (from the null sender) is not to
 * be kept waiting for that: they are asked for at the end.
 */

static bool
has_spf(const struct message *m)
{
	return m->spf.result == SPF_PASS && m->envelope.sender.n > 0;
}

static bool
sender_is_known(struct filter_session *s, int64_t now)
{
	struct greylist *g = s->f->greylist;
	struct message *m = &s->m;

	return (m->envelope.sender.n > 0 &&
		   greylist_is_correspondent(g, m->envelope.sender, now)) ||
	       (has_spf(m) && greylist_is_domain(g, m->spf.domain, now));
}

static bool
a_signer_is_known(struct filter_session *s, int64_t now)
{
	const struct facts *f = &s->m.facts;

	for (size_t i = 0; i < f->nsignatures; i++) {
		if (f->signatures[i].result == SIGNATURE_PASS &&
		    greylist_is_domain(
			s->f->greylist, f->signatures[i].domain, now))
			return true;
	}
	return false;
}

static void
ask(struct filter_session *s, struct recipient *r, int64_t now)
{
	struct message *m = &s->m;
	struct greylist_query q = {
		.spf_domain = has_spf(m) ? m->spf.domain : STR_NULL,
		.sender = m->envelope.sender,
		.recipient = r->address,
		.now = now,
	};
	unsigned wait;

	memcpy(&q.client, s->client.address.b, sizeof(q.client));
	if (greylist_ask(s->f->greylist, &q, &s->rules.greylist, &wait) >=
	    GREYLIST_NEW)
		r->greylist_wait = wait > 0 ? wait : 1;
}

static bool
is_asked(const struct filter_session *s, const struct recipient *r)
{
	return s->f->greylist && !s->m.facts.outgoing &&
	       r->policy.greylist != FILTER_OFF && !client_is_welcome(s, r);
}

void
strangers_at_rcpt(struct filter_session *s, struct recipient *r)
{
	int64_t now = clock_now();

	if (is_asked(s, r) && has_spf(&s->m) && !sender_is_known(s, now))
		ask(s, r, now);
}

void
strangers_at_end(struct filter_session *s)
{
	struct message *m = &s->m;
	int64_t now = clock_now();

	if (!s->f->greylist || m->facts.outgoing || has_spf(m) ||
	    sender_is_known(s, now) || a_signer_is_known(s, now))
		return;
	for (size_t i = 0; i < m->nrecipients; i++) {
		if (is_asked(s, &m->recipients[i]))
			ask(s, &m->recipients[i], now);
	}
}

/* ------------------------------------------------------------------------
 * What is remembered of mail that was taken
 */

static void
note_correspondents(struct filter_session *s, int64_t now)
{
	const struct message *m = &s->m;

	for (size_t i = 0; i < m->nrecipients; i++)
		greylist_note_correspondent(
		    s->f->greylist, m->recipients[i].address, now);
}

static void
note_domains(struct filter_session *s, int64_t now)
{
	const struct facts *f = &s->m.facts;

	if (has_spf(&s->m))
		greylist_note_domain(s->f->greylist, s->m.spf.domain, now);
	for (size_t i = 0; i < f->nsignatures; i++) {
		if (f->signatures[i].result == SIGNATURE_PASS)
			greylist_note_domain(
			    s->f->greylist, f->signatures[i].domain, now);
	}
}

void
strangers_note(struct filter_session *s)
{
	int64_t now = clock_now();

	if (!s->f->greylist)
		return;
	/* Spam with a proof of its sender is no recommendation. */
	if (!s->m.facts.outgoing && !s->m.junk)
		note_domains(s, now);
	else if (s->m.facts.outgoing && s->m.envelope.login.n > 0)
		note_correspondents(s, now);
}
