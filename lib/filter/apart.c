/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* What some recipients, or all, are not to get goes into quarantine. */

/* Whose it is to release: what is not here is the account's that it was for. */
static const struct {
	const char *check;
	enum quarantine_kind kind;
} kinds[] = {
	{ "attachment", QUARANTINE_POLICY },
	{ "virus", QUARANTINE_MALWARE },
};

static enum quarantine_kind
kind_of(const struct reason *why)
{
	for (size_t i = 0; i < LEN(kinds); i++) {
		if (strcmp(why->check, kinds[i].check) == 0)
			return kinds[i].kind;
	}
	return QUARANTINE_SPAM;
}

static int64_t
score_of(const struct message *m)
{
	const struct spam_facts *f = m->facts.spam;

	return f && f->known ? spam_thousandths(&f->verdict) : 0;
}

static size_t
take_recipients(struct message *m, const struct filter_outcome *out,
    struct quarantine_recipient *list)
{
	size_t n = 0;

	for (size_t i = 0; i < m->nrecipients; i++) {
		const struct recipient *r = &m->recipients[i];
		const struct reason *why = out->decisions[i].by;

		if (out->fates[i] != FILTER_QUARANTINE)
			continue;
		list[n++] = (struct quarantine_recipient){
			.address = r->address,
			.account = r->scope.account,
			.domain = r->scope.domain,
			.kind = kind_of(why),
			.reason = why->text,
			.score = score_of(m),
		};
	}
	return n;
}

static void
write_message(
    struct message *m, const struct filter_outcome *out, struct buf *raw)
{
	edits_apply(raw, &m->header, &out->edits);
	BUF_LIT(raw, "\r\n");
	buf_putstr(raw, str_sub(m->raw, m->body_at, STR_NPOS));
}

bool
apart_keep(struct filter_session *s, const struct filter_outcome *out)
{
	struct message *m = &s->m;
	struct quarantine_recipient *list =
	    arena_array(m->arena, m->nrecipients, sizeof(*list));
	struct quarantine_message q = {
		.sender = m->envelope.sender,
		.client = str_of(s->peer.address),
		.helo = s->helo,
		.queue_id = m->envelope.queue_id,
		.now = clock_now(),
		.recipients = list,
		.n = take_recipients(m, out, list),
	};
	struct err e = ERR_INIT;
	struct buf raw = { 0 };
	bool ok;

	if (q.n == 0 || !s->f->o.quarantine)
		return true;
	write_message(m, out, &raw);
	q.raw = buf_str(&raw);
	ok = quarantine_add(s->f->o.quarantine, &q, &e);
	buf_fini(&raw);
	if (!ok)
		log_error("quarantine", LOG_STR("queue", m->envelope.queue_id),
		    LOG_ERR(&e));
	return ok;
}
