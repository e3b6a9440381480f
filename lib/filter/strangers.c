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

static const enum stranger_result results[] = {
	[GREYLIST_KNOWN] = STRANGER_KNOWN,
	[GREYLIST_RETURNED] = STRANGER_RETURNED,
	[GREYLIST_NEW] = STRANGER_NEW,
	[GREYLIST_EARLY] = STRANGER_EARLY,
};

static bool
has_spf(const struct message *m)
{
	return m->spf.result == SPF_PASS && m->envelope.sender.n > 0;
}

/* Signatures speak at the end only: before it there are none. */
static struct str
known_signer(struct filter_session *s, int64_t now)
{
	const struct facts *f = &s->m.facts;

	for (size_t i = 0; i < f->nsignatures; i++) {
		if (f->signatures[i].result == SIGNATURE_PASS &&
		    greylist_is_domain(
			s->f->greylist, f->signatures[i].domain, now))
			return f->signatures[i].domain;
	}
	return STR_NULL;
}

/* Who is known to all recipients; STRANGER_UNASKED: nobody is. */
static struct stranger
known_to_all(struct filter_session *s, int64_t now)
{
	struct greylist *g = s->f->greylist;
	const struct message *m = &s->m;
	struct str signer;

	if (m->envelope.sender.n > 0 &&
	    greylist_is_correspondent(g, m->envelope.sender, now))
		return (struct stranger){ STRANGER_CORRESPONDENT,
			m->envelope.sender, 0 };
	if (has_spf(m) && greylist_is_domain(g, m->spf.domain, now))
		return (struct stranger){ STRANGER_DOMAIN, m->spf.domain, 0 };
	if ((signer = known_signer(s, now)).n > 0)
		return (struct stranger){ STRANGER_DOMAIN, signer, 0 };
	return (struct stranger){ STRANGER_UNASKED, STR_NULL, 0 };
}

static struct stranger
ask(struct filter_session *s, const struct recipient *r, int64_t now)
{
	struct message *m = &s->m;
	struct greylist_query q = {
		.spf_domain = has_spf(m) ? m->spf.domain : STR_NULL,
		.sender = m->envelope.sender,
		.recipient = r->address,
		.now = now,
	};
	enum greylist_answer answer;
	unsigned wait;

	memcpy(&q.client, s->client.address.b, sizeof(q.client));
	answer =
	    s->f->o.quiet
		? greylist_peek(s->f->greylist, &q, &s->rules.greylist, &wait)
		: greylist_ask(s->f->greylist, &q, &s->rules.greylist, &wait);
	if (answer >= GREYLIST_NEW && wait == 0)
		wait = 1;
	return (struct stranger){ results[answer], STR_NULL, wait };
}

/* Whom R's settings or the site's lists know, before anybody is asked. */
static struct stranger
known_by_list(struct filter_session *s, const struct recipient *r)
{
	const struct list_match *m = r->listed;

	if (r->policy.greylist == FILTER_OFF)
		return (struct stranger){ STRANGER_OFF, STR_NULL, 0 };
	if ((m && m->kind == SITE_LIST_ALLOW) ||
	    (m = client_known(s, r->scope)))
		return (struct stranger){ STRANGER_ALLOWED, m->entry, 0 };
	if (s->facts.dnsbl.white)
		return (struct stranger){ STRANGER_WHITE, STR_NULL, 0 };
	return (struct stranger){ STRANGER_UNASKED, STR_NULL, 0 };
}

static void
look(struct filter_session *s, struct recipient *r,
    const struct stranger *known, int64_t now)
{
	r->stranger =
	    known->result != STRANGER_UNASKED ? *known : ask(s, r, now);
}

void
strangers_at_rcpt(struct filter_session *s, struct recipient *r)
{
	int64_t now = clock_now();
	struct stranger known;

	if (!s->f->greylist || s->m.facts.outgoing)
		return;
	r->stranger = known_by_list(s, r);
	if (r->stranger.result != STRANGER_UNASKED || !has_spf(&s->m))
		return;
	known = known_to_all(s, now);
	look(s, r, &known, now);
}

void
strangers_at_end(struct filter_session *s)
{
	struct message *m = &s->m;
	int64_t now = clock_now();
	struct stranger known;

	if (!s->f->greylist || m->facts.outgoing)
		return;
	known = known_to_all(s, now);
	for (size_t i = 0; i < m->nrecipients; i++) {
		if (m->recipients[i].stranger.result == STRANGER_UNASKED)
			look(s, &m->recipients[i], &known, now);
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
