/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/lists.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

/* Entries of one text, of different scopes. */
struct listed {
	struct site_list_entry e;
	enum site_list_type type;
	struct listed *next;
};

struct lists {
	struct site *site;
	pthread_mutex_t lock;
	uint64_t generation; /* of the directory, as what follows has it */
	struct arena *arena;
	struct map *networks, *names; /* -> struct listed */
	struct map *domains;          /* ours */
	bool lengths[129];            /* of networks: there is one with it */
};

/* ------------------------------------------------------------------------
 * Reading the directory
 */

struct network_key {
	struct addr base;
	uint8_t bits;
};

static struct str
key_str(const struct network_key *k)
{
	return (struct str){ (const char *)k, sizeof(*k) };
}

static struct network_key
network_key(const struct addr *a, unsigned bits)
{
	return (struct network_key){ addr_network(a, bits), (uint8_t)bits };
}

static void
chain(struct map *m, struct str key, struct listed *one)
{
	one->next = map_get(m, key);
	map_set(m, key, one);
}

static void
add(struct lists *l, const struct site_list_entry *e)
{
	struct listed *one = ARENA_NEW(l->arena, struct listed);
	struct network_key key;
	struct addr base;
	unsigned bits;

	one->e = *e;
	one->type = site_list_type_of(e->entry);
	if (one->type != SITE_LIST_NETWORK) {
		chain(l->names, e->entry, one);
	} else if (addr_network_parse(e->entry, &base, &bits)) {
		key = network_key(&base, bits);
		l->lengths[bits] = true;
		chain(l->networks, key_str(&key), one);
	}
}

static void
forget(struct lists *l)
{
	map_free(&l->networks);
	map_free(&l->names);
	map_free(&l->domains);
	arena_reset(l->arena);
	memset(l->lengths, 0, sizeof(l->lengths));
	l->networks = map_new();
	l->names = map_new();
	l->domains = map_new();
}

static enum site_rc
load(struct lists *l, struct err *e)
{
	struct site_list_entry *list;
	struct site_domain *domains;
	enum site_rc rc;
	size_t n;

	rc = site_list_read(l->site, l->arena, clock_now(), &list, &n, e);
	for (size_t i = 0; rc == SITE_OK && i < n; i++)
		add(l, &list[i]);
	if (rc == SITE_OK)
		rc = site_domain_list(l->site, l->arena, &domains, &n, e);
	for (size_t i = 0; rc == SITE_OK && i < n; i++)
		map_set(l->domains, domains[i].name, l);
	return rc;
}

/* With the lock held. What cannot be read is tried again next time. */
static void
refresh(struct lists *l)
{
	uint64_t now = site_generation(l->site);
	struct err e = ERR_INIT;

	if (now == l->generation)
		return;
	forget(l);
	l->generation = now;
	if (load(l, &e) == SITE_OK)
		return;
	log_error("filter_lists", LOG_ERR(&e));
	l->generation = 0;
}

struct lists *
lists_new(struct site *s)
{
	struct lists *l = mem_zalloc(sizeof(*l));

	l->site = s;
	l->arena = arena_new();
	pthread_mutex_init(&l->lock, NULL);
	forget(l);
	return l;
}

void
lists_free(struct lists **lp)
{
	struct lists *l = *lp;

	if (!l)
		return;
	map_free(&l->networks);
	map_free(&l->names);
	map_free(&l->domains);
	arena_free(&l->arena);
	pthread_mutex_destroy(&l->lock);
	free(l);
	*lp = NULL;
}

/* ------------------------------------------------------------------------
 * Asking
 */

/* Is DOMAIN the same as ABOVE, or a subdomain, which inherits from it? */
static bool
is_within(struct str domain, struct str above)
{
	size_t more = domain.n - above.n;

	return domain.n >= above.n &&
	       str_eq(str_sub(domain, more, SIZE_MAX), above) &&
	       (more == 0 || domain.p[more - 1] == '.');
}

/* How near to SCOPE an entry is; 0: it is not for it. */
static size_t
nearness(const struct site_list_entry *e, const struct site_scope *scope)
{
	if (e->scope.account.n > 0)
		return str_eq(e->scope.account, scope->account) ? SIZE_MAX : 0;
	if (e->scope.domain.n > 0)
		return is_within(scope->domain, e->scope.domain)
			   ? 1 + e->scope.domain.n
			   : 0;
	return 1;
}

struct search {
	const struct list_query *q;
	bool known; /* else who is blocked or allowed */
	const struct listed *best;
	size_t near;
};

static void
consider(struct search *s, const struct listed *one)
{
	for (; one; one = one->next) {
		size_t near = nearness(&one->e, &s->q->scope);
		bool known = one->e.kind == SITE_LIST_KNOWN;
		bool expired =
		    one->e.expires != 0 && one->e.expires <= s->q->now;

		if (known != s->known || expired || near == 0 ||
		    near < s->near ||
		    (near == s->near && s->best->e.kind == SITE_LIST_ALLOW))
			continue;
		s->best = one;
		s->near = near;
	}
}

static void
look_for_client(const struct lists *l, struct search *s)
{
	for (unsigned bits = 0; s->q->client && bits <= 128; bits++) {
		struct network_key key;

		if (!l->lengths[bits])
			continue;
		key = network_key(s->q->client, bits);
		consider(s, map_get(l->networks, key_str(&key)));
	}
}

/* "mx.a.example", ".a.example", ".example" */
static void
look_for_name(
    const struct lists *l, struct arena *a, struct str text, struct search *s)
{
	struct str name;
	size_t dot;

	if (!site_domain_normalize(a, text, &name))
		return;
	consider(s, map_get(l->names, name));
	while ((dot = str_chr(str_sub(name, 1, SIZE_MAX), '.')) != STR_NPOS) {
		name = str_sub(name, dot + 1, SIZE_MAX);
		consider(s, map_get(l->names, name));
	}
}

static void
look_for_sender(const struct lists *l, struct arena *a, struct search *s)
{
	struct site_address sender;

	if (!site_address_parse(a, s->q->sender, &sender))
		return;
	consider(s, map_get(l->names, sender.key));
	consider(s, map_get(l->names,
			arena_printf(a, "@%.*s", STR_ARG(sender.domain))));
}

/* Clients first: of two that are as near and allow it, the one that nobody can
 * forge is taken. */
static bool
find(struct lists *l, struct arena *a, struct search s, struct list_match *out)
{
	pthread_mutex_lock(&l->lock);
	refresh(l);
	look_for_client(l, &s);
	look_for_name(l, a, s.q->host, &s);
	if (s.known)
		look_for_name(l, a, s.q->spf_domain, &s);
	look_for_sender(l, a, &s);
	if (s.best)
		*out = (struct list_match){
			.kind = s.best->e.kind,
			.entry =
			    arena_str(a, site_list_text(a, s.best->e.entry)),
			.forgeable = s.best->type == SITE_LIST_SENDER,
		};
	pthread_mutex_unlock(&l->lock);
	return s.best != NULL;
}

bool
lists_find(struct lists *l, struct arena *a, const struct list_query *q,
    struct list_match *out)
{
	return find(l, a, (struct search){ .q = q }, out);
}

bool
lists_find_known(struct lists *l, struct arena *a, const struct list_query *q,
    struct list_match *out)
{
	return find(l, a, (struct search){ .q = q, .known = true }, out);
}

bool
lists_is_our_domain(struct lists *l, struct arena *a, struct str name)
{
	struct str normal;
	bool yes;

	if (!site_domain_normalize(a, name, &normal))
		return false;
	pthread_mutex_lock(&l->lock);
	refresh(l);
	yes = map_get(l->domains, normal) != NULL;
	pthread_mutex_unlock(&l->lock);
	return yes;
}
