/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "filter/report_address.h"
#include "filter/report_bounce.h"
#include "filter/report_receive.h"

/* Mail that brings a report to an address that is for reports, or says that one
 * of ours could not be delivered: it is read on its way, and delivered as all
 * mail is. */

static bool
is_for_reports(const struct filter_session *s)
{
	const struct message *m = &s->m;

	for (size_t i = 0; i < m->nrecipients; i++) {
		if (report_address_is_ours(s->f->o.site, m->arena,
			m->recipients[i].scope.domain,
			m->recipients[i].address))
			return true;
	}
	return false;
}

/* Who signed it, or the author whom DMARC proves; a report of a stranger is
 * none (RFC 8460, section 3, wants a signature). Our own hosts' are believed,
 * but not whoever has an account. */
static struct str
sender_of(const struct filter_session *s)
{
	const struct facts *f = &s->m.facts;
	const struct message *m = &s->m;

	if (m->envelope.login.n > 0)
		return STR_NULL;
	if (f->outgoing)
		return str_sub(m->envelope.sender,
		    str_rchr(m->envelope.sender, '@') + 1, SIZE_MAX);
	if (m->dmarc.result == DMARC_PASS)
		return m->author;
	for (size_t i = 0; i < f->nsignatures; i++) {
		if (f->signatures[i].result == SIGNATURE_PASS)
			return f->signatures[i].domain;
	}
	return STR_NULL;
}

static bool
is_for_sender(const struct filter_session *s)
{
	const struct message *m = &s->m;
	struct str from = report_from(s->f->o.site, m->arena, s->f->o.hostname);

	for (size_t i = 0; i < m->nrecipients; i++) {
		if (str_ieq(m->recipients[i].address, from))
			return true;
	}
	return false;
}

static bool
came_back(const struct filter_session *s)
{
	struct err e = ERR_INIT;

	return s->m.envelope.sender.n == 0 && is_for_sender(s) &&
	       report_came_back(s->f->o.db, s->m.raw, clock_now(), &e);
}

static void
receive(const struct filter_session *s)
{
	struct report_arrival m = {
		.raw = s->m.raw, .sender = sender_of(s), .now = clock_now()
	};
	struct err e = ERR_INIT;

	if (m.sender.n == 0)
		err_set(&e, "nothing proves who sent it");
	else if (report_receive(s->f->o.db, s->f->o.site, &m, &e) !=
		 REPORT_NONE)
		return;
	log_info("report_not_read", LOG_STR("queue", s->m.envelope.queue_id),
	    LOG_STR("sender", m.sender), LOG_ERR(&e));
}

void
arrivals_read(struct filter_session *s, enum filter_action action)
{
	if (!s->f->o.db || action > FILTER_TAG || !s->m.raw.p)
		return;
	if (!came_back(s) && is_for_reports(s))
		receive(s);
}
