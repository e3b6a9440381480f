/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "dns/internal.h"

struct dns_budget {
	struct resolver resolver; /* first, so that it is found from there */
	struct resolver *from;
	struct arena *arena; /* of the answers */
	struct map *asked;   /* key to struct question */
	unsigned used, queries;
	int64_t deadline;
};

struct question {
	bool answered; /* else it was only prefetched */
	struct dns_answer answer;
};

static struct dns_budget *
budget_of(struct resolver *r)
{
	return (struct dns_budget *)(void *)r;
}

/* NULL: nothing is left to pay for it. */
static struct question *
take(struct dns_budget *b, struct str key)
{
	struct question *q;

	if (b->used >= b->queries)
		return NULL;
	b->used++;
	q = ARENA_NEW(b->arena, struct question);
	map_set(b->asked, key, q);
	return q;
}

static void
ask_in_time(struct dns_budget *b, struct str name, enum dns_type type,
    struct dns_answer *out)
{
	if (b->from->ask_until)
		b->from->ask_until(
		    b->from, b->arena, name, type, b->deadline, out);
	else
		dns_ask(b->from, b->arena, name, type, out);
}

static void
budget_ask(struct resolver *r, struct arena *a, struct str name,
    enum dns_type type, struct dns_answer *out)
{
	struct dns_budget *b = budget_of(r);
	struct dns_key key = dns_key(name, type);
	struct question *q = map_get(b->asked, dns_key_str(&key));
	bool late = clock_mono_ms() >= b->deadline;

	if ((!q || !q->answered) && late) {
		dns_fail(out, "out of time for this message");
		return;
	}
	if (!q && !(q = take(b, dns_key_str(&key)))) {
		dns_fail(out, "too many questions for one message");
		return;
	}
	if (!q->answered) {
		ask_in_time(b, name, type, &q->answer);
		q->answered = true;
	}
	dns_answer_copy(a, &q->answer, out);
}

static void
budget_prefetch(struct resolver *r, struct str name, enum dns_type type)
{
	struct dns_budget *b = budget_of(r);
	struct dns_key key = dns_key(name, type);

	if (b->from->prefetch && clock_mono_ms() < b->deadline &&
	    !map_get(b->asked, dns_key_str(&key)) && take(b, dns_key_str(&key)))
		dns_prefetch(b->from, name, type);
}

struct dns_budget *
dns_budget_new(struct resolver *from, unsigned queries, int64_t deadline)
{
	struct dns_budget *b = mem_alloc(sizeof(*b));

	*b = (struct dns_budget){
		.resolver = { .ask = budget_ask, .prefetch = budget_prefetch },
		.from = from,
		.arena = arena_new(),
		.asked = map_new(),
		.queries = queries,
		.deadline = deadline,
	};
	return b;
}

struct resolver *
dns_budget_resolver(struct dns_budget *b)
{
	return &b->resolver;
}

unsigned
dns_budget_used(const struct dns_budget *b)
{
	return b->used;
}

void
dns_budget_free(struct dns_budget **b)
{
	if (!*b)
		return;
	map_free(&(*b)->asked);
	arena_free(&(*b)->arena);
	free(*b);
	*b = NULL;
}
