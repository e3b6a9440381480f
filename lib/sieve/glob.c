/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/comparator.h"
#include "sieve/match.h"

/*
 * ":matches" (RFC 5228, section 2.7.1). Wildcards take as little as they can
 * (RFC 5229, section 3.2), so going back to the last "*" is enough: the time
 * is at most the product of both lengths.
 */

struct wild {
	size_t from, to; /* in the folded value */
};

struct glob {
	struct sieve_run *run;
	const struct sieve_comparator *c;
	struct str pattern;
	struct sieve_folded value;
	struct wild wilds[SIEVE_MATCH_VALUES];
	size_t nwilds; /* met so far; more than the array has are counted */
};

static void
set_wild(struct glob *g, size_t i, size_t from, size_t to)
{
	if (i < SIEVE_MATCH_VALUES)
		g->wilds[i] = (struct wild){ from, to };
}

/* The text at *p up to a wildcard, unescaped and folded. */
static struct sieve_folded
take_literal(struct glob *g, struct arena *a, size_t *p)
{
	char *to = arena_alloc(a, g->pattern.n - *p);
	size_t n = 0;

	while (*p < g->pattern.n && g->pattern.p[*p] != '*' &&
	       g->pattern.p[*p] != '?') {
		if (g->pattern.p[*p] == '\\' && *p + 1 < g->pattern.n)
			++*p;
		to[n++] = g->pattern.p[(*p)++];
	}
	return sieve_fold(a, g->c, (struct str){ to, n });
}

/* A run of the pattern: text, or one wildcard. */
struct token {
	char wild; /* '*', '?' or 0 */
	struct str text;
};

static size_t
tokens_of(struct glob *g, struct arena *a, struct token **out)
{
	struct token *list = NULL;
	size_t n = 0, cap = 0, p = 0;

	while (p < g->pattern.n) {
		char c = g->pattern.p[p];
		struct token t = { 0 };

		if (c == '*' || c == '?') {
			t.wild = c;
			p++;
		} else {
			t.text = take_literal(g, a, &p).text;
		}
		list = arena_grow(a, list, n, &cap, sizeof(*list));
		list[n++] = t;
	}
	*out = list;
	return n;
}

/* One "?", or text. False: it does not fit at *v. */
static bool
step(struct glob *g, const struct token *t, size_t *v)
{
	struct str value = g->value.text;

	if (t->wild) {
		size_t n;

		if (*v >= value.n)
			return false;
		n = sieve_folded_char(g->c, &g->value, *v);
		set_wild(g, g->nwilds++, *v, *v + n);
		*v += n;
		return true;
	}
	if (!str_starts(str_sub(value, *v, SIZE_MAX), t->text))
		return false;
	*v += t->text.n;
	return true;
}

static bool
match(struct glob *g, const struct token *list, size_t n, uint64_t *steps)
{
	size_t t = 0, v = 0, end = g->value.text.n;
	size_t star = SIZE_MAX, star_from = 0, star_to = 0, star_wild = 0;

	for (;;) {
		++*steps;
		if (t < n && list[t].wild == '*') {
			star = ++t;
			star_from = star_to = v;
			star_wild = g->nwilds;
			set_wild(g, g->nwilds++, v, v);
			if (t == n) { /* takes all that is left */
				set_wild(g, star_wild, v, end);
				return true;
			}
			continue;
		}
		if (t < n ? step(g, &list[t], &v) : v == end) {
			if (t++ == n)
				return true;
			continue;
		}
		if (star == SIZE_MAX || star_to >= end)
			return false;
		star_to += sieve_folded_char(g->c, &g->value, star_to);
		set_wild(g, star_wild, star_from, star_to);
		g->nwilds = star_wild + 1;
		v = star_to;
		t = star;
	}
}

static void
publish(struct glob *g, struct str value)
{
	sieve_match_clear(g->run);
	sieve_match_add(g->run, value);
	for (size_t i = 0; i < g->nwilds && i < SIEVE_MATCH_VALUES - 1; i++) {
		size_t from = g->wilds[i].from, to = g->wilds[i].to;

		if (g->value.at) {
			from = g->value.at[from];
			to = g->value.at[to];
		}
		sieve_match_add(g->run, str_sub(value, from, to - from));
	}
}

bool
sieve_glob(struct sieve_run *r, const struct sieve_comparator *c,
    struct str pattern, struct str value)
{
	struct arena *a = r->scratch;
	struct glob g = { .run = r, .c = c, .pattern = pattern };
	struct token *list;
	uint64_t steps = 0;
	size_t n;
	bool yes;

	arena_reset(a);
	g.value = sieve_fold(a, c, value);
	n = tokens_of(&g, a, &list);
	yes = match(&g, list, n, &steps);
	if (yes)
		publish(&g, value);
	sieve_charge(r, steps / 64);
	return yes;
}
