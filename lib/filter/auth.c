/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rnd.h"

/* Who sent a message that came from outside: SPF as soon as the envelope is
 * known, signatures and ARC while the body comes, DMARC at the end. */

static struct spf_query
query(const struct filter_session *s, enum spf_identity identity)
{
	struct spf_query q = {
		.helo = s->helo,
		.identity = identity,
		.sender = s->m.envelope.sender,
		.receiver = s->authserv_id,
		.now = clock_now(),
	};

	memcpy(&q.client, s->client.address.b, sizeof(q.client));
	return q;
}

void
auth_envelope(struct filter_session *s)
{
	struct message *m = &s->m;

	if (!s->helo_checked) {
		s->helo_query = query(s, SPF_HELO);
		spf_check(
		    m->resolver, s->arena, &s->helo_query, NULL, &s->helo_spf);
		s->helo_checked = true;
	}
	m->spf_query = query(s, SPF_MAILFROM);
	spf_check(m->resolver, m->arena, &m->spf_query, NULL, &m->spf);
	m->facts.helo = &s->helo_spf;
	m->facts.spf = &m->spf;
}

static void
ask_for_policy(struct message *m)
{
	struct str name =
	    arena_printf(m->arena, "_dmarc.%.*s", STR_ARG(m->author));

	dns_prefetch(m->resolver, name, DNS_TXT);
}

void
auth_header(struct filter_session *s)
{
	struct message *m = &s->m;
	const struct verifier_options o = {
		.max_signatures = s->rules.max_signatures,
		.min_bits = s->rules.min_bits,
		.now = clock_now(),
	};

	if (author_domain(m->arena, &m->header, &m->author, &m->facts.author))
		ask_for_policy(m);
	m->verifier = verifier_new(m->arena, m->resolver, &m->header, &o);
	m->arc_verifier = arc_verifier_new(m->arena, m->resolver, &m->header);
}

void
auth_body(struct filter_session *s, struct str chunk)
{
	verifier_body(s->m.verifier, chunk);
	arc_verifier_body(s->m.arc_verifier, chunk);
}

/* ------------------------------------------------------------------------
 * The end
 */

static bool
listed(struct str list, struct str domain)
{
	struct str word;

	while (list.n && str_split(&list, ' ', &word)) {
		if (word.n > 0 && str_ieq(word, domain))
			return true;
	}
	return false;
}

static bool
says_dmarc_pass(struct arena *a, struct str results)
{
	struct authres r;
	size_t at;

	if (!authres_parse(a, results, &r, &at))
		return false;
	for (size_t i = 0; i < r.n; i++) {
		if (str_ieqc(r.results[i].method, "dmarc"))
			return str_ieqc(r.results[i].result, "pass");
	}
	return false;
}

/* The nearest of those we trust, if all who had the message after him are
 * trusted, too (RFC 8617, section 7.2.1). */
static void
look_for_voucher(struct filter_session *s)
{
	struct message *m = &s->m;

	if (m->arc.result != ARC_PASS)
		return;
	for (size_t i = m->arc.n; i-- > 0;) {
		const struct arc_set *set = &m->arc.sets[i];

		if (!listed(s->rules.arc_trusted, set->domain))
			return;
		if (says_dmarc_pass(m->arena, set->results)) {
			m->facts.vouched = set->domain;
			return;
		}
	}
}

static void
check_dmarc(struct filter_session *s)
{
	struct message *m = &s->m;
	unsigned char lot;
	struct dmarc_query q = {
		.author = m->author,
		.spf = m->spf.result,
		.spf_domain = m->spf.domain,
		.signatures = m->facts.signatures,
		.nsignatures = m->facts.nsignatures,
		.discovery = s->rules.discovery,
	};

	if (m->author.n > 0) {
		rnd_bytes(&lot, sizeof(lot));
		q.lot = lot * 100U / 256;
		dmarc_check(m->resolver, s->f->o.psl, m->arena, &q, &m->dmarc);
		m->facts.dmarc = &m->dmarc;
	}
	compare(s, &q);
}

void
auth_end(struct filter_session *s)
{
	struct message *m = &s->m;

	verifier_end(m->verifier, &m->facts.signatures, &m->facts.nsignatures);
	arc_verifier_end(m->arc_verifier, &m->arc);
	m->facts.arc = &m->arc;
	look_for_voucher(s);
	check_dmarc(s);
}

void
auth_fini(struct message *m)
{
	verifier_free(&m->verifier);
	arc_verifier_free(&m->arc_verifier);
}
