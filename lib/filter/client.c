/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "filter/internal.h"

/*
 * What is known of the client, beside SPF: collected when a message begins,
 * when it is known that nobody logged in. Questions of which that is certain
 * before go out with the connection.
 */

static struct in6_addr
address(const struct filter_session *s)
{
	struct in6_addr out;

	memcpy(&out, s->client.address.b, sizeof(out));
	return out;
}

/* ------------------------------------------------------------------------
 * DNS lists
 */

/* Names that lists may know, each once. */
static void
add_name(struct arena *a, struct dnsbl_query *q, struct str name)
{
	struct str normal;
	size_t n = 0;

	if (!site_domain_normalize(a, dns_undotted(name), &normal) ||
	    str_chr(normal, '.') == STR_NPOS)
		return;
	for (; n < DNSBL_NAMES_MAX && q->names[n].n > 0; n++) {
		if (str_eq(q->names[n], normal))
			return;
	}
	if (n < DNSBL_NAMES_MAX)
		q->names[n] = normal;
}

static struct dnsbl_query
lists_query(struct filter_session *s)
{
	struct dnsbl_query q = { .client = address(s) };
	struct message *m = &s->m;
	size_t at = str_rchr(m->envelope.sender, '@');

	add_name(m->arena, &q, s->client.name);
	if (s->facts.helo == HELO_OK && !str_starts(s->helo, STR("[")))
		add_name(m->arena, &q, s->helo);
	if (at != STR_NPOS)
		add_name(m->arena, &q,
		    str_sub(m->envelope.sender, at + 1, SIZE_MAX));
	return q;
}

void
client_connect(struct filter_session *s)
{
	const struct dnsbl_query q = { .client = address(s) };
	struct err e = ERR_INIT;

	s->dnsbl = ARENA_NEW(s->arena, struct dnsbl_set);
	s->facts.address = str_of(s->peer.address);
	if (s->trusted)
		return;
	if (!dnsbl_parse(s->rules.dnsbl_lists, s->dnsbl, &e))
		log_error("dnsbl.lists", LOG_ERR(&e));
	dnsbl_prefetch(s->f->o.resolver, s->arena, s->dnsbl, &q);
}

/* ------------------------------------------------------------------------
 * Names
 */

/* The MTA has looked already; whom it could not prove, it does not tell apart
 * from whom it could not look at. */
static void
look_at_name(struct filter_session *s)
{
	const struct in6_addr client = address(s);
	struct str name;

	if (s->named || s->client.name.n > 0) {
		s->facts.name = s->client.name;
		return;
	}
	s->named = true;
	s->facts.ptr = ptr_look(s->m.resolver, s->arena, &client, &name);
	s->facts.name = name;
	if (s->facts.ptr == PTR_PROVEN)
		s->client.name = name;
}

/* A name is its own if the DNS proves it, or SPF lets it have it. */
static bool
may_be_called(const struct filter_session *s, struct str name)
{
	return s->helo_spf.result == SPF_PASS || str_ieq(s->client.name, name);
}

static void
look_at_helo(struct filter_session *s)
{
	struct client_facts *f = &s->facts;
	struct str name = dns_undotted(s->helo);

	f->helo_name = s->helo;
	f->helo = helo_look(s->helo, &s->client.address, &f->helo_why);
	if (f->helo == HELO_OK && !may_be_called(s, name) &&
	    (str_ieqc(name, s->f->o.hostname) ||
		lists_is_our_domain(s->f->lists, s->m.arena, name)))
		f->helo = HELO_OURS;
}

/* ------------------------------------------------------------------------
 * In the order of a message
 */

bool
client_is_blocked(struct filter_session *s)
{
	int64_t now = clock_now();
	int64_t until = blocked_until(s->f->blocked, &s->client.address, now);

	s->facts.blocked = until > now ? until - now : 0;
	s->facts.dnsbl = (struct dnsbl_facts){ .n = 0 };
	s->m.facts.client = &s->facts;
	return s->facts.blocked > 0;
}

void
client_mail(struct filter_session *s)
{
	struct message *m = &s->m;
	struct dnsbl_query q;

	look_at_name(s);
	look_at_helo(s);
	q = lists_query(s);
	dnsbl_ask(m->resolver, m->arena, s->dnsbl, &q, &s->facts.dnsbl);
}

static struct list_query
list_query(struct filter_session *s, struct site_scope scope)
{
	const struct message *m = &s->m;

	return (struct list_query){
		.client = &s->client.address,
		.host = s->client.name,
		.sender = m->envelope.sender,
		.spf_domain =
		    m->spf.result == SPF_PASS ? m->spf.domain : STR_NULL,
		.scope = scope,
		.now = clock_now(),
	};
}

const struct list_match *
client_listed(struct filter_session *s, struct site_scope scope)
{
	const struct list_query q = list_query(s, scope);
	struct message *m = &s->m;
	struct list_match *match;

	if (m->facts.outgoing)
		return NULL;
	match = ARENA_NEW(m->arena, struct list_match);
	return lists_find(s->f->lists, m->arena, &q, match) ? match : NULL;
}

const struct list_match *
client_known(struct filter_session *s, struct site_scope scope)
{
	const struct list_query q = list_query(s, scope);
	struct arena *a = s->m.arena;
	struct list_match *match = ARENA_NEW(a, struct list_match);

	return lists_find_known(s->f->lists, a, &q, match) ? match : NULL;
}

bool
client_explain(struct filter_session *s, const struct decision *d)
{
	if (d->action != FILTER_REJECT || strcmp(d->by->check, "dnsbl") != 0 ||
	    s->facts.dnsbl.text.n > 0)
		return false;
	dnsbl_explain(s->m.resolver, s->m.arena, &s->facts.dnsbl);
	return s->facts.dnsbl.text.n > 0;
}
