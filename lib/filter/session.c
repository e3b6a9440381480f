/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "filter/internal.h"

static const struct site_scope everywhere;

/* What lasts from one message to the next. */
static void
remember(struct filter *f)
{
	int64_t now = clock_now();

	if (!f->o.quiet) {
		f->limits = limits_new(f->o.db, now);
		f->hook = limit_hook_new();
	}
	f->greylist = greylist_new(f->o.db,
	    (unsigned)site_setting_uint(
		f->o.site, "greylist.entries", everywhere),
	    now);
}

struct filter *
filter_new(const struct filter_options *o)
{
	struct filter *f = mem_zalloc(sizeof(*f));

	f->o = *o;
	f->signing = signing_new(o->site);
	f->antivirus = antivirus_new();
	f->lists = lists_new(o->site);
	f->blocked = blocked_new(o->site);
	turns_init(&f->turns);
	if (o->db)
		remember(f);
	return f;
}

void
filter_free(struct filter **f)
{
	if (!*f)
		return;
	limit_hook_free(&(*f)->hook);
	limits_free(&(*f)->limits);
	greylist_free(&(*f)->greylist);
	turns_fini(&(*f)->turns);
	antivirus_free(&(*f)->antivirus);
	blocked_free(&(*f)->blocked);
	lists_free(&(*f)->lists);
	signing_free(&(*f)->signing);
	free(*f);
	*f = NULL;
}

/* ------------------------------------------------------------------------
 * The connection
 */

static bool
is_trusted(const struct filter_session *s)
{
	struct addr_list *list;
	struct err e = ERR_INIT;
	bool yes;

	if (s->client.local)
		return true;
	if (!addr_list_parse(
		arena_cstr(s->arena, s->rules.trusted_networks), &list, &e)) {
		log_error("filter.trusted_networks", LOG_ERR(&e));
		return false;
	}
	yes = addr_list_has(list, &s->client.address);
	addr_list_free(&list);
	return yes;
}

struct filter_session *
filter_session_new(struct filter *f, const struct filter_client *client)
{
	struct filter_session *s = mem_zalloc(sizeof(*s));

	s->f = f;
	s->arena = arena_new();
	s->client = *client;
	s->client.name = arena_str(s->arena, client->name);
	if (!client->local)
		addr_peer(&client->address, 0, &s->peer);
	filter_rules(f->o.site, s->arena, &s->rules);
	s->authserv_id = s->rules.authserv_id.n > 0 ? s->rules.authserv_id
						    : str_of(f->o.hostname);
	s->rules.compare |= f->o.compare;
	s->trusted = is_trusted(s);
	s->m.arena = arena_new();
	client_connect(s);
	limits_connect(s);
	return s;
}

void
filter_session_free(struct filter_session **sp)
{
	struct filter_session *s = *sp;

	if (!s)
		return;
	filter_abort(s);
	arena_free(&s->m.arena);
	arena_free(&s->arena);
	free(s);
	*sp = NULL;
}

void
filter_helo(struct filter_session *s, struct str name)
{
	s->helo = arena_str(s->arena, name);
	s->helo_checked = false;
}

/* ------------------------------------------------------------------------
 * A message
 */

void
filter_abort(struct filter_session *s)
{
	struct arena *a = s->m.arena;

	auth_fini(&s->m);
	virus_fini(&s->m);
	body_fini(&s->m);
	seal_fini(&s->m);
	sign_fini(&s->m);
	dns_budget_free(&s->m.budget);
	arena_reset(a);
	s->m = (struct message){ .arena = a };
}

/* The account of ADDRESS, or else its domain: whose settings apply. *name is
 * the account's own address. */
static struct site_scope
scope_of(struct filter_session *s, struct str address, struct str *name)
{
	struct site_targets t;
	struct err e = ERR_INIT;
	struct str domain =
	    str_sub(address, str_rchr(address, '@') + 1, SIZE_MAX);
	struct site_scope scope = { .domain = STR_NULL };

	*name = address;
	if (site_resolve(s->f->o.site, s->m.arena, address, &t, &e) ==
		SITE_OK &&
	    t.count == 1 && t.list[0].local) {
		scope.domain = t.list[0].account.domain;
		*name = t.list[0].account.address;
		scope.account =
		    arena_str(s->m.arena, str_of(t.list[0].account.id));
	} else if (!site_domain_normalize(s->m.arena, domain, &scope.domain)) {
		scope.domain = STR_NULL;
	}
	return scope;
}

void
filter_rcpt_refused(struct filter_session *s)
{
	limits_refused(s);
}

static void
note_refusal(
    struct filter_session *s, struct str recipient, const struct decision *d)
{
	if (s->f->o.quiet)
		return;
	if (d->action == FILTER_REJECT)
		limits_refused(s);
	log_info("refused", LOG_CSTR("client", s->peer.address),
	    LOG_STR("from", s->m.envelope.sender), LOG_STR("to", recipient),
	    LOG_STR("helo", s->helo),
	    LOG_CSTR("action", filter_action_name(d->action)),
	    LOG_CSTR("check", d->by->check), LOG_STR("reason", d->by->text));
}

static void
begin(struct filter_session *s, const struct filter_envelope *e)
{
	struct message *m = &s->m;

	m->envelope = (struct filter_envelope){
		.sender = arena_str(m->arena, e->sender),
		.login = arena_str(m->arena, e->login),
		.queue_id = arena_str(m->arena, e->queue_id),
	};
	m->budget = dns_budget_new(s->f->o.resolver, s->rules.dns_queries,
	    clock_mono_ms() + 1000 * (int64_t)s->rules.dns_seconds);
	m->resolver = dns_budget_resolver(m->budget);
	m->facts.outgoing = s->trusted || m->envelope.login.n > 0;
	if (m->envelope.login.n > 0)
		m->sender_scope =
		    scope_of(s, m->envelope.login, &m->sender_account);
}

/* NULL: what is known does not refuse it. */
static const struct reason *
refusal_of(struct filter_session *s, struct str recipient,
    const struct facts *f, const struct policy *p)
{
	struct decision *d = ARENA_NEW(s->m.arena, struct decision);

	filter_decide(s->m.arena, f, p, d);
	if (d->action < FILTER_TEMPFAIL)
		return NULL;
	note_refusal(s, recipient, d);
	return d->by;
}

/* What is known at once is decided by the site, before anybody is asked. */
static const struct reason *
first_look(struct filter_session *s)
{
	struct message *m = &s->m;
	bool blocked = !m->facts.outgoing && client_is_blocked(s);
	struct client_facts only = { .blocked = s->facts.blocked,
		.address = s->facts.address };
	struct facts f = { .outgoing = m->facts.outgoing, .client = &only };
	struct policy p;

	if (s->f->o.quiet || (!blocked && limits_mail(s)))
		return NULL;
	f.limit = m->facts.limit;
	f.listed = client_listed(s, everywhere);
	policy_of(s->f->o.site, m->arena, everywhere, &p);
	p.blocked = FILTER_OFF; /* a recipient may allow it */
	return refusal_of(s, STR_NULL, &f, &p);
}

/* One of the sender's, whatever the recipient wants. */
static const struct reason *
no_room_for_one_more(struct filter_session *s, struct str recipient)
{
	static const struct policy none;
	const struct facts f = { .outgoing = true, .limit = limits_rcpt(s) };

	return f.limit ? refusal_of(s, recipient, &f, &none) : NULL;
}

const struct reason *
filter_mail(struct filter_session *s, const struct filter_envelope *e)
{
	const struct reason *refusal;

	filter_abort(s);
	begin(s, e);
	refusal = first_look(s);
	if (refusal || s->m.facts.outgoing)
		return refusal;
	auth_envelope(s);
	client_mail(s);
	return NULL;
}

bool
message_same_scope(const struct site_scope *a, const struct site_scope *b)
{
	return str_eq(a->account, b->account) && str_eq(a->domain, b->domain);
}

/* Of many recipients most have the settings of the one before. */
static void
find_policy(struct filter_session *s, struct recipient *r)
{
	const struct message *m = &s->m;
	const struct recipient *before =
	    m->nrecipients > 0 ? &m->recipients[m->nrecipients - 1] : NULL;

	if (before && message_same_scope(&before->scope, &r->scope))
		r->policy = before->policy;
	else
		policy_of(s->f->o.site, m->arena, r->scope, &r->policy);
}

void
message_decide(
    struct filter_session *s, const struct recipient *r, struct decision *out)
{
	struct facts f = s->m.facts;

	if (!s->f->o.quiet) /* who asks wants to know what comes after it */
		f.greylist_wait = r->stranger.wait;
	f.listed = r->listed;
	filter_decide(s->m.arena, &f, &r->policy, out);
}

/* What is known of this one so far, and what that means. */
static struct recipient
look_at_recipient(
    struct filter_session *s, struct str address, struct decision *d)
{
	struct recipient r = { .address = arena_str(s->m.arena, address) };

	r.scope = scope_of(s, r.address, &r.account);
	find_policy(s, &r);
	r.listed = client_listed(s, r.scope);
	strangers_at_rcpt(s, &r);
	message_decide(s, &r, d);
	if (client_explain(s, d))
		message_decide(s, &r, d);
	return r;
}

static void
add_recipient(struct message *m, const struct recipient *r)
{
	m->recipients = arena_grow(m->arena, m->recipients, m->nrecipients,
	    &m->recipients_cap, sizeof(*m->recipients));
	m->recipients[m->nrecipients++] = *r;
}

const struct reason *
filter_rcpt(struct filter_session *s, struct str address)
{
	struct message *m = &s->m;
	struct decision *d = arena_alloc(m->arena, sizeof(*d));
	struct recipient r = look_at_recipient(s, address, d);
	const struct reason *refusal;

	if (d->action >= FILTER_TEMPFAIL && !s->f->o.quiet) {
		note_refusal(s, r.address, d);
		return d->by;
	}
	refusal = no_room_for_one_more(s, r.address);
	if (!refusal)
		add_recipient(m, &r);
	return refusal;
}

void
message_add_anybody(struct filter_session *s)
{
	struct decision d;
	struct recipient r = look_at_recipient(s, STR(""), &d);

	add_recipient(&s->m, &r);
}

void
filter_field(struct filter_session *s, struct str name, struct str value)
{
	struct message *m = &s->m;

	m->header_size += name.n + value.n;
	if (m->header_size > s->rules.max_header) {
		m->facts.large_header = true;
		return;
	}
	m->fields = arena_grow(m->arena, m->fields, m->nfields, &m->fields_cap,
	    sizeof(*m->fields));
	m->fields[m->nfields++] = (struct field){ arena_str(m->arena, name),
		arena_str(m->arena, value) };
}

void
filter_header_end(struct filter_session *s)
{
	s->m.header = (struct fields){ s->m.fields, s->m.nfields };
	body_begin(&s->m);
	virus_begin(s);
	if (s->m.facts.outgoing) {
		sign_header(s);
		return;
	}
	auth_header(s);
	seal_header(s);
}

void
filter_body(struct filter_session *s, struct str chunk)
{
	s->m.size += chunk.n;
	body_add(&s->m, chunk);
	virus_body(&s->m, chunk);
	if (s->m.facts.outgoing) {
		sign_body(s, chunk);
		return;
	}
	auth_body(s, chunk);
	seal_body(s, chunk);
}
