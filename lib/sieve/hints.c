/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/match.h"

/*
 * Warnings: scripts that are right by the grammar, and wrong by what their
 * author must have meant.
 */

static bool
has_wildcard(struct str key)
{
	return str_chr(key, '*') != STR_NPOS;
}

static bool
is_number(struct str key)
{
	uint64_t v;

	return str_u64(key, &v);
}

static bool
is_address(struct str key)
{
	size_t at = str_rchr(key, '@');

	return at != STR_NPOS && at > 0 && at + 1 < key.n;
}

/* "example.org", where a whole address is compared. */
static bool
is_domain(struct str key)
{
	return str_chr(key, '@') == STR_NPOS && str_chr(key, '.') != STR_NPOS;
}

static void
hint_match(struct sieve_checker *c, const struct sieve_node *n,
    const struct sieve_text *t, enum sieve_match_type type)
{
	bool numeric = sieve_arg(n, SLOT_COMPARATOR) != NULL;

	if (type == MATCH_IS && has_wildcard(t->text))
		sieve_warning(c, t->at,
		    "'%.*s' is compared as it stands: '*' means something "
		    "with ':matches' only",
		    STR_ARG(t->text));
	else if ((type == MATCH_COUNT || type == MATCH_VALUE) && !numeric &&
		 is_number(t->text) && t->text.n > 1)
		sieve_warning(c, t->at,
		    "'%.*s' is compared as text, in which 9 comes after 10: "
		    "say ':comparator \"i;ascii-numeric\"'",
		    STR_ARG(t->text));
}

/* Of tests that look at parts of addresses. */
static void
hint_part(struct sieve_checker *c, const struct sieve_node *n,
    const struct sieve_text *t, enum sieve_match_type type)
{
	const struct sieve_arg *part = sieve_arg(n, SLOT_PART);
	bool whole = !part || str_eqc(str_of(part->def->name), "all");

	if (type != MATCH_IS)
		return;
	if (!whole && is_address(t->text))
		sieve_warning(c, t->at,
		    "'%.*s' is a whole address: no ':%s' is ever that",
		    STR_ARG(t->text), part->def->name);
	else if (whole && is_domain(t->text))
		sieve_warning(c, t->at,
		    "'%.*s' is no whole address: say ':domain' to compare that "
		    "part",
		    STR_ARG(t->text));
}

void
sieve_hint_keys(struct sieve_checker *c, const struct sieve_node *n,
    const struct sieve_arg *keys)
{
	enum sieve_match_type type =
	    (enum sieve_match_type)sieve_tag_value(n, SLOT_MATCH, MATCH_IS);
	bool address = str_eqc(str_of(n->verb->name), "address");

	for (size_t i = 0; keys && i < keys->ntexts; i++) {
		const struct sieve_text *t = &keys->texts[i];

		if (t->npieces > 0)
			continue;
		hint_match(c, n, t, type);
		if (address)
			hint_part(c, n, t, type);
	}
}

void
sieve_hint_unreached(struct sieve_checker *c, const struct sieve_node *n)
{
	const struct sieve_node *p = c->previous;

	if (p && p->verb && p->verb->ends)
		sieve_warning(c, n->at,
		    "this is never reached: '%s' in line %u comes before it",
		    p->verb->name, p->at.line);
}
