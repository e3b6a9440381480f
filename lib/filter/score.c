/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "filter/score.h"
#include "mime/header.h"

/*
 * What the spam engine thinks. It is by far the slowest of all whom milterd
 * asks, so it comes last, for mail that somebody still wants, that is not too
 * large, and for so many messages at once as it has children.
 */

/* ------------------------------------------------------------------------
 * Turns
 */

void
turns_init(struct turns *t)
{
	pthread_mutex_init(&t->lock, NULL);
	cond_init(&t->ended);
	t->taken = 0;
}

void
turns_fini(struct turns *t)
{
	pthread_cond_destroy(&t->ended);
	pthread_mutex_destroy(&t->lock);
}

bool
turns_take(struct turns *t, unsigned max, unsigned seconds)
{
	int64_t until = clock_mono_ms() + 1000 * (int64_t)seconds;
	bool ok;

	pthread_mutex_lock(&t->lock);
	while (t->taken >= max && cond_wait_until(&t->ended, &t->lock, until))
		continue;
	ok = t->taken < max;
	t->taken += ok;
	pthread_mutex_unlock(&t->lock);
	return ok;
}

void
turns_end(struct turns *t)
{
	pthread_mutex_lock(&t->lock);
	t->taken--;
	pthread_cond_signal(&t->ended);
	pthread_mutex_unlock(&t->lock);
}

/* ------------------------------------------------------------------------
 * The question
 */

/* Whose preferences and Bayes: of the one account that gets it, by the name
 * that training has for it, whatever address it is written to. */
static struct str
user_of(const struct filter_session *s)
{
	const struct message *m = &s->m;
	const struct str first = m->recipients[0].scope.account;

	if (!s->rules.spam_per_account)
		return STR_NULL;
	for (size_t i = 0; i < m->nrecipients; i++) {
		if (!str_eq(m->recipients[i].scope.account, first))
			return STR_NULL;
	}
	return first.n > 0 ? m->recipients[0].account : STR_NULL;
}

#define TRACE_WORD 320 /* of each word of it: the longest address */

/* SpamAssassin learns from the topmost Received where a message came from; the
 * MTA writes it when milters have had their say. */
static struct str
trace(struct filter_session *s)
{
	const struct message *m = &s->m;
	struct buf date = { 0 };
	struct str out;

	mime_date_format(&date, clock_now(), 0);
	out = arena_printf(m->arena,
	    "Return-Path: <%.*s>\r\n"
	    "Received: from %.*s (%.*s [%s])\r\n"
	    "\tby %s with %s id %.*s;\r\n\t%.*s\r\n",
	    STR_ARG(str_sub(m->envelope.sender, 0, TRACE_WORD)),
	    STR_ARG(str_sub(s->helo, 0, TRACE_WORD)),
	    STR_ARG(s->client.name.n > 0
			? str_sub(s->client.name, 0, TRACE_WORD)
			: STR("unknown")),
	    s->peer.address, s->f->o.hostname,
	    m->envelope.login.n > 0 ? "ESMTPSA" : "ESMTP",
	    STR_ARG(str_sub(m->envelope.queue_id, 0, TRACE_WORD)),
	    STR_ARG(buf_str(&date)));
	buf_fini(&date);
	return out;
}

/* In front of it, where there is room for it. */
static struct str
with_trace(struct filter_session *s)
{
	struct str head = trace(s), raw = s->m.raw;
	char *at = (char *)(uintptr_t)raw.p - head.n;

	if (head.n > FILTER_HEADROOM)
		return raw;
	memcpy(at, head.p, head.n);
	return (struct str){ at, head.n + raw.n };
}

static struct spam_message
question(struct filter_session *s)
{
	const struct message *m = &s->m;
	struct str *to = arena_array(m->arena, m->nrecipients, sizeof(*to));

	for (size_t i = 0; i < m->nrecipients; i++)
		to[i] = m->recipients[i].address;
	return (struct spam_message){
		.raw =
		    s->rules.spam.engine == SPAM_SPAMD ? with_trace(s) : m->raw,
		.user = user_of(s),
		.client = str_of(s->peer.address),
		.helo = s->helo,
		.sender = m->envelope.sender,
		.queue_id = m->envelope.queue_id,
		.hostname = s->client.name,
		.login = m->envelope.login,
		.recipients = to,
		.nrecipients = m->nrecipients,
	};
}

/* ------------------------------------------------------------------------
 * The answer
 */

static void
ask(struct filter_session *s, struct spam_facts *f)
{
	const struct site_rules *r = &s->rules;
	struct spam_message q = question(s);
	struct err e = ERR_INIT;

	if (!turns_take(&s->f->turns, r->spam_turns, r->spam.timeout)) {
		err_set(&e, "%s: not asked, all of its %u turns are taken",
		    r->spam.server, r->spam_turns);
	} else {
		f->known =
		    spam_check(&r->spam, s->m.arena, &q, &f->verdict, &e);
		turns_end(&s->f->turns);
	}
	f->why = arena_str(s->m.arena, str_of(e.msg));
}

/* Not if all of them allow whoever sends it. */
static bool
somebody_asks(const struct message *m)
{
	for (size_t i = 0; i < m->nrecipients; i++) {
		const struct list_match *l = m->recipients[i].listed;

		if (!l || l->kind != SITE_LIST_ALLOW)
			return true;
	}
	return false;
}

static bool
is_wanted(const struct filter_session *s)
{
	const struct message *m = &s->m;
	const struct site_rules *r = &s->rules;

	return *r->spam.server && (!m->facts.outgoing || r->spam_outgoing) &&
	       somebody_asks(m) &&
	       (r->spam_max_size == 0 || m->raw.n <= r->spam_max_size);
}

#define GTUBE_SCORE 1000 /* as SpamAssassin has it */

void
score_end(struct filter_session *s)
{
	struct message *m = &s->m;
	struct spam_facts *f = &m->spam;

	if (!m->facts.outgoing && spam_is_gtube(m->raw)) {
		f->known = true;
		f->verdict = (struct spam_verdict){
			.spam = true,
			.score = GTUBE_SCORE,
			.rules = STR("GTUBE"),
		};
	} else if (is_wanted(s)) {
		ask(s, f);
	} else {
		return;
	}
	m->facts.spam = f;
}
