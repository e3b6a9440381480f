/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "mime/header.h"
#include "site/setting.h"

/* DKIM signatures of outgoing mail: by the domain of its author, with all its
 * active keys. */

static bool
wanted(const struct filter_session *s)
{
	const struct site_scope scope = { .domain = s->m.author };

	return site_setting_bool(s->f->o.site, "dkim.sign", scope);
}

static struct str
author_address(struct filter_session *s)
{
	struct mime_address *list;
	size_t i = 0, n;
	const struct field *from = fields_next(&s->m.header, "From", &i);

	if (!from)
		return STR_NULL;
	n = mime_addresses(s->m.arena, from->value, &list);
	for (i = 0; i < n; i++) {
		if (list[i].kind == MIME_MAILBOX)
			return arena_printf(s->m.arena, "%.*s@%.*s",
			    STR_ARG(list[i].mailbox), STR_ARG(list[i].host));
	}
	return STR_NULL;
}

/* Who logged in gets no signature of a domain that is not his. */
static bool
may_sign(struct filter_session *s)
{
	struct site *site = s->f->o.site;
	struct site_account acc;
	struct err e = ERR_INIT;
	bool yes = false;

	if (s->m.envelope.login.n == 0)
		return true;
	if (site_account_find(
		site, s->m.arena, s->m.envelope.login, &acc, &e) != SITE_OK)
		return false;
	if (str_eq(acc.domain, s->m.author))
		return true;
	return site_may_send_as(site, &acc, author_address(s), &yes, &e) ==
		   SITE_OK &&
	       yes;
}

static void
add_signer(struct filter_session *s, const struct signing_key *k)
{
	struct message *m = &s->m;
	struct signer_options *o = ARENA_NEW(m->arena, struct signer_options);
	struct err e = ERR_INIT;

	o->domain = m->signing->domain;
	o->selector = k->selector;
	o->header = o->body = CANON_RELAXED;
	o->now = clock_now();
	if (signer_new(
		m->arena, &m->header, k->key, o, &m->signers[m->nsigners], &e))
		m->nsigners++;
	else
		log_error("dkim_sign", LOG_STR("domain", o->domain),
		    LOG_STR("selector", k->selector), LOG_ERR(&e));
}

void
sign_header(struct filter_session *s)
{
	struct message *m = &s->m;
	const char *why;

	if (!author_domain(m->arena, &m->header, &m->author, &why))
		return;
	m->signing = signing_get(s->f->signing, m->author);
	if (!m->signing || !wanted(s) || !may_sign(s))
		return;
	m->signers =
	    arena_array(m->arena, m->signing->n, sizeof(struct signer *));
	for (size_t i = 0; i < m->signing->n; i++)
		add_signer(s, &m->signing->v[i]);
}

void
sign_body(struct filter_session *s, struct str chunk)
{
	for (size_t i = 0; i < s->m.nsigners; i++)
		signer_body(s->m.signers[i], chunk);
}

void
sign_end(struct filter_session *s, struct edits *edits)
{
	struct message *m = &s->m;

	for (size_t i = 0; i < m->nsigners; i++) {
		struct buf value = { 0 };
		struct err e = ERR_INIT;

		if (signer_end(m->signers[i], &value, &e))
			edits_insert(m->arena, edits, "DKIM-Signature", &value);
		else
			log_error("dkim_sign",
			    LOG_STR("domain", m->signing->domain), LOG_ERR(&e));
		buf_fini(&value);
	}
}

void
sign_fini(struct message *m)
{
	for (size_t i = 0; i < m->nsigners; i++)
		signer_free(&m->signers[i]);
	m->nsigners = 0;
	signing_put(&m->signing);
}
