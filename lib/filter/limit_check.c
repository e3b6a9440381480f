/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "filter/internal.h"

/* Limits of what a session may send: of strangers by where they come from, of
 * our own by who they are. */

#define NETWORK_V4 120 /* bits of 128: a /24 */
#define NETWORK_V6 64

static const struct site_scope everywhere;

static struct str
network_text(struct filter_session *s)
{
	unsigned bits =
	    addr_is_v4(&s->client.address) ? NETWORK_V4 : NETWORK_V6;
	struct addr base = addr_network(&s->client.address, bits);
	struct conn_peer peer;

	addr_peer(&base, 0, &peer);
	return arena_printf(
	    s->m.arena, "%s/%u", peer.address, bits == NETWORK_V4 ? 24 : 64);
}

/* Who is counted; empty: nobody. */
static struct str
subject_of(struct filter_session *s, enum limit_subject subject)
{
	const struct message *m = &s->m;

	switch (subject) {
	case LIMIT_NETWORK:
		return network_text(s);
	case LIMIT_ACCOUNT:
		return m->sender_account;
	case LIMIT_DOMAIN:
		return m->sender_scope.domain;
	default: /* LIMIT_CLIENT, LIMIT_HOST */
		return s->client.local ? STR_NULL : str_of(s->peer.address);
	}
}

struct question {
	struct limit_ask asks[LIMITS];
	struct site_value values[LIMITS];
	size_t n;
};

static void
add(struct filter_session *s, struct question *q, const struct limit *l)
{
	struct str subject = subject_of(s, l->subject);

	if (subject.n == 0)
		return;
	q->values[q->n].key = l->setting;
	q->asks[q->n++] = (struct limit_ask){ .limit = l, .subject = subject };
}

static struct question
question(struct filter_session *s, enum limit_what what, bool outgoing)
{
	struct question q = { .n = 0 };

	for (size_t i = 0; i < LIMITS; i++) {
		const struct limit *l = &limits_table[i];

		if (l->what == what && limit_is_outgoing(l) == outgoing)
			add(s, &q, l);
	}
	site_settings_read(s->f->o.site, s->m.arena,
	    outgoing ? s->m.sender_scope : everywhere, q.values, q.n);
	for (size_t i = 0; i < q.n; i++)
		q.asks[i].max = q.values[i].number;
	return q;
}

/* ------------------------------------------------------------------------
 * Over it
 */

static const char *
what_name(enum limit_what what)
{
	static const char *const names[] = {
		[LIMIT_CONNECTIONS] = "connections",
		[LIMIT_MESSAGES] = "messages",
		[LIMIT_RECIPIENTS] = "recipients",
		[LIMIT_REFUSALS] = "refusals",
	};

	return names[what];
}

static const char *
window_name(unsigned window)
{
	return window == 60 ? "a minute" : window == 3600 ? "an hour" : "a day";
}

static void
tell(struct filter_session *s, const struct limit_over *over)
{
	struct err e = ERR_INIT;
	char *url;

	if (!over->first)
		return;
	log_warn("limit", LOG_CSTR("setting", over->limit->setting),
	    LOG_STR("subject", over->subject), LOG_UINT("max", over->max),
	    LOG_UINT("wait", over->wait), LOG_CSTR("client", s->peer.address),
	    LOG_STR("login", s->m.envelope.login));
	url = arena_cstr(s->m.arena, site_setting(s->f->o.site, s->m.arena,
					 "limit.webhook", everywhere));
	if (*url && !limit_hook_put(s->f->hook, url, over, clock_now(), &e))
		log_error("limit_webhook", LOG_ERR(&e));
}

static struct limit_facts *
refusal(struct filter_session *s, const struct limit_over *over)
{
	struct limit_facts *f = ARENA_NEW(s->m.arena, struct limit_facts);
	struct str action = site_setting(
	    s->f->o.site, s->m.arena, "limit.action", s->m.sender_scope);

	filter_action_parse(action, &f->action);
	f->text = arena_printf(s->m.arena,
	    "%.*s may send no more than %llu %s within %s: please come again "
	    "in %u seconds",
	    STR_ARG(over->subject), (unsigned long long)over->max,
	    what_name(over->limit->what), window_name(over->limit->window),
	    over->wait);
	tell(s, over);
	return f;
}

static bool
take(struct filter_session *s, enum limit_what what, bool outgoing,
    struct limit_over *over)
{
	struct question q = question(s, what, outgoing);

	return limits_take(s->f->limits, q.asks, q.n, clock_now(), over);
}

/* ------------------------------------------------------------------------
 * In the order of a session
 */

void
limits_connect(struct filter_session *s)
{
	struct limit_over over;

	if (!s->f->limits || s->trusted)
		return;
	s->too_many = !take(s, LIMIT_CONNECTIONS, false, &over);
	if (!s->too_many)
		return;
	s->over = over;
	s->over.subject = arena_str(s->arena, over.subject);
}

bool
limits_mail(struct filter_session *s)
{
	struct message *m = &s->m;
	struct limit_over over = s->over;
	bool ok;

	if (!s->f->limits)
		return true;
	ok = (m->facts.outgoing || !s->too_many) &&
	     take(s, LIMIT_MESSAGES, m->facts.outgoing, &over);
	if (!ok)
		m->facts.limit = refusal(s, &over);
	return ok;
}

/* Strangers' recipients are not counted. */
const struct limit_facts *
limits_rcpt(struct filter_session *s)
{
	struct limit_over over;

	if (!s->f->limits || !s->m.facts.outgoing ||
	    take(s, LIMIT_RECIPIENTS, true, &over))
		return NULL;
	return refusal(s, &over);
}

/* All daemons leave him alone for a while, as one whose logins fail. When that
 * is over, or somebody lifts it, he begins anew. */
void
limits_refused(struct filter_session *s)
{
	const struct site_peer peer = { .address = s->peer.address,
		.service = "smtp",
		.loopback = s->peer.loopback };
	struct limit_over over;

	if (!s->f->limits || s->f->o.quiet || s->m.facts.outgoing ||
	    s->client.local || take(s, LIMIT_REFUSALS, false, &over))
		return;
	limits_reset(s->f->limits, over.limit, over.subject, clock_now());
	site_block_address(s->f->o.site, &peer);
}
