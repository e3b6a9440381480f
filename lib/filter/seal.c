/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"
#include "base/log.h"
#include "filter/internal.h"

/* ARC seals: what we saw of a message from outside, for those it goes on to. */

/* Everybody verifies RSA. */
static const struct signing_key *
best_key(const struct signing_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		if (private_key_type(keys->v[i].key) == KEY_RSA)
			return &keys->v[i];
	}
	return &keys->v[0];
}

void
seal_header(struct filter_session *s)
{
	struct message *m = &s->m;
	const struct signing_key *k;

	if (s->rules.arc_domain.n == 0)
		return;
	m->signing = signing_get(s->f->signing, s->rules.arc_domain);
	if (!m->signing) {
		log_warn("arc_seal", LOG_STR("domain", s->rules.arc_domain),
		    LOG_CSTR("error", "the domain has no active DKIM key; see "
				      "mailstead dkim new"));
		return;
	}
	k = best_key(m->signing);
	m->seal = (struct arc_seal){
		.domain = m->signing->domain,
		.selector = k->selector,
		.now = clock_now(),
		.authserv_id = s->authserv_id,
	};
	m->sealer = arc_sealer_new(m->arena, &m->header, k->key, &m->seal);
}

void
seal_body(struct filter_session *s, struct str chunk)
{
	if (s->m.sealer)
		arc_sealer_body(s->m.sealer, chunk);
}

/* "; spf=pass ..." behind the authserv-id. */
static struct str
results(struct filter_session *s)
{
	struct buf all = { 0 };
	struct str text;

	fields_results(s, &all);
	text = arena_str(s->m.arena, buf_str(&all));
	buf_fini(&all);
	return str_sub(text, str_chr(text, ';') + 1, SIZE_MAX);
}

void
seal_end(struct filter_session *s, struct edits *edits)
{
	struct message *m = &s->m;
	struct arc_fields out;
	struct err e = ERR_INIT;

	/* A failure that may be none tomorrow is not sealed for ever. */
	if (!m->sealer || m->arc.temporary)
		return;
	m->seal.results = results(s);
	if (arc_sealer_end(m->sealer, &m->arc, &out, &e)) {
		edits_insert(m->arena, edits, "ARC-Authentication-Results",
		    &out.results);
		edits_insert(
		    m->arena, edits, "ARC-Message-Signature", &out.signature);
		edits_insert(m->arena, edits, "ARC-Seal", &out.seal);
	} else if (*e.msg) {
		log_error(
		    "arc_seal", LOG_STR("domain", m->seal.domain), LOG_ERR(&e));
	}
}

void
seal_fini(struct message *m)
{
	arc_sealer_free(&m->sealer);
}
