/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/backend.h"
#include "base/map.h"
#include "ctl/doctor.h"

/*
 * The servers that accounts name as their backends: each is greeted once for
 * each protocol, in the way the first account found there would.
 */

#define MAX_PLACES 100 /* those that hang take their timeout, each */

struct places {
	struct map *seen;
	size_t skipped;
};

static const enum site_backend_proto protocols[] = { SITE_BACKEND_IMAP,
	SITE_BACKEND_POP3, SITE_BACKEND_LMTP, SITE_BACKEND_SIEVE };

/* False: somebody had it before. */
static bool
is_new(struct doctor *d, struct places *p, const struct site_backend *b,
    const char *proto)
{
	struct str name = arena_printf(d->c->arena, "%s %.*s %u %d %d %.*s",
	    proto, STR_ARG(b->host), b->port, (int)b->tls, (int)b->verify,
	    STR_ARG(b->ca_file));

	if (map_get(p->seen, name))
		return false;
	if (map_count(p->seen) >= MAX_PLACES) {
		p->skipped++;
		return false;
	}
	map_set(p->seen, name, p);
	return true;
}

static void
probe(struct doctor *d, struct places *p, const struct site_account *acc,
    enum site_backend_proto proto)
{
	const char *name = site_backend_proto_name(proto);
	struct site_backend b;
	struct err e = ERR_INIT;

	if (!site_backend(d->c->site, d->c->arena, acc, proto, &b) ||
	    !is_new(d, p, &b, name))
		return;
	if (backend_probe(d->c->site, acc, proto, &e))
		doctor_report(d, HEALTH_OK, NULL,
		    "the backend %.*s:%u answers for %s", STR_ARG(b.host),
		    b.port, name);
	else
		doctor_report(d,
		    proto == SITE_BACKEND_SIEVE ? HEALTH_WARN : HEALTH_BAD,
		    "see the settings backend.*, or \"account set\" with "
		    "another backend",
		    "the backend of %.*s cannot be used for %s: %s",
		    STR_ARG(acc->address), name, e.msg);
}

void
doctor_backends(struct doctor *d)
{
	struct places p = { .skipped = 0 };
	struct ctl *c = d->c;
	struct site_account *list;
	size_t count = 0;

	if (!c->site || site_account_list(c->site, c->arena, STR_NULL, STR_NULL,
			    0, &list, &count, &c->err) != SITE_OK)
		return;
	p.seen = map_new();
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; list[i].backend.n && k < LEN(protocols); k++)
			probe(d, &p, &list[i], protocols[k]);
	}
	if (p.skipped)
		doctor_report(d, HEALTH_WARN, NULL,
		    "%zu more backends were not tried", p.skipped);
	map_free(&p.seen);
}
