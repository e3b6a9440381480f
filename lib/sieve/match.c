/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/match.h"

#include <stdio.h>

#include "sieve/comparator.h"

enum relation { REL_GT, REL_GE, REL_LT, REL_LE, REL_EQ, REL_NE };
static const char *const relations[] = { "gt", "ge", "lt", "le", "eq", "ne" };

const struct sieve_tag sieve_tags_match[] = {
	{ "is", CAP_BASE, SLOT_MATCH, 0, MATCH_IS },
	{ "contains", CAP_BASE, SLOT_MATCH, 0, MATCH_CONTAINS },
	{ "matches", CAP_BASE, SLOT_MATCH, 0, MATCH_MATCHES },
	{ "regex", CAP_REGEX, SLOT_MATCH, 0, MATCH_REGEX },
	{ "list", CAP_EXTLISTS, SLOT_MATCH, 0, MATCH_LIST },
	{ "count", CAP_RELATIONAL, SLOT_MATCH, 's', MATCH_COUNT },
	{ "value", CAP_RELATIONAL, SLOT_MATCH, 's', MATCH_VALUE },
	{ "comparator", CAP_BASE, SLOT_COMPARATOR, 's', 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static int
relation_find(struct str name)
{
	for (int i = 0; i <= REL_NE; i++) {
		if (str_ieqc(name, relations[i]))
			return i;
	}
	return -1;
}

/* ------------------------------------------------------------------------
 * Checking
 */

static const struct sieve_comparator *
comparator_of(const struct sieve_node *n)
{
	const struct sieve_arg *name = sieve_tag_arg(n, SLOT_COMPARATOR);

	return name ? sieve_comparator_find(sieve_constant(name))
		    : sieve_comparator_default();
}

static bool
check_comparator(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *name = sieve_tag_arg(n, SLOT_COMPARATOR);
	const struct sieve_comparator *found;

	if (!name)
		return true;
	if (!sieve_need_constant(c, n, name, "comparator"))
		return false;
	found = sieve_comparator_find(sieve_constant(name));
	if (!found) {
		sieve_error(c, name->at, "unknown comparator '%.*s'",
		    STR_ARG(sieve_constant(name)));
		return false;
	}
	if (found->cap == CAP_CMP_OCTET ||
	    found->cap == CAP_CMP_ASCII_CASEMAP ||
	    sieve_caps_has(c->caps, found->cap))
		return true;
	sieve_error(c, name->at,
	    "the comparator '%s' needs require \"comparator-%s\"", found->name,
	    found->name);
	return false;
}

static bool
check_relation(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *word = sieve_tag_arg(n, SLOT_MATCH);

	if (!word)
		return true;
	if (!sieve_need_constant(c, n, word, "relation"))
		return false;
	if (relation_find(sieve_constant(word)) >= 0)
		return true;
	sieve_error(c, word->at,
	    "unknown relation '%.*s': expected gt, ge, lt, le, eq or ne",
	    STR_ARG(sieve_constant(word)));
	return false;
}

static bool
needs_substrings(enum sieve_match_type type)
{
	return type == MATCH_CONTAINS || type == MATCH_MATCHES ||
	       type == MATCH_REGEX;
}

static void
keep_regex(struct sieve_checker *c, struct sieve_regex *re)
{
	struct sieve_program *p = c->program;

	p->regexes = arena_grow(p->arena, p->regexes, p->nregexes,
	    &p->regexes_cap, sizeof(struct sieve_regex *));
	p->regexes[p->nregexes++] = re;
}

static bool
check_regexes(
    struct sieve_checker *c, const struct sieve_arg *keys, bool caseless)
{
	bool good = true;

	for (size_t i = 0; keys && i < keys->ntexts; i++) {
		struct sieve_text *t = &keys->texts[i];
		struct buf why = { 0 };

		if (t->npieces > 0)
			continue;
		t->regex = sieve_regex_new(t->text, caseless, &why);
		if (t->regex) {
			keep_regex(c, t->regex);
		} else {
			sieve_error(c, t->at,
			    "invalid regular expression '%.*s': %.*s",
			    STR_ARG(t->text), STR_ARG(buf_str(&why)));
			good = false;
		}
		buf_fini(&why);
	}
	return good;
}

bool
sieve_match_check(
    struct sieve_checker *c, struct sieve_node *n, const struct sieve_arg *keys)
{
	enum sieve_match_type type =
	    (enum sieve_match_type)sieve_tag_value(n, SLOT_MATCH, MATCH_IS);
	const struct sieve_comparator *cmp;

	if (!check_comparator(c, n) || !check_relation(c, n))
		return false;
	if (type == MATCH_LIST && sieve_arg(n, SLOT_COMPARATOR)) {
		sieve_error(c, n->at,
		    "the match type ':list' does not allow a comparator: how "
		    "entries are compared is the list's affair");
		return false;
	}
	cmp = comparator_of(n);
	if (cmp->numeric && needs_substrings(type)) {
		sieve_error(c, n->at,
		    "the comparator '%s' cannot be used with ':%s': it "
		    "compares whole numbers",
		    cmp->name, sieve_arg(n, SLOT_MATCH)->def->name);
		return false;
	}
	sieve_hint_keys(c, n, keys);
	if (type == MATCH_REGEX)
		return check_regexes(c, keys, !cmp->octets);
	return true;
}

/* ------------------------------------------------------------------------
 * Matching
 */

void
sieve_match_clear(struct sieve_run *r)
{
	r->frame->nmatch = 0;
}

void
sieve_match_add(struct sieve_run *r, struct str value)
{
	struct sieve_frame *f = r->frame;

	if (f->nmatch < SIEVE_MATCH_VALUES)
		f->match[f->nmatch++] = arena_str(r->arena, value);
}

void
sieve_match_init(struct sieve_match *m, struct sieve_run *r,
    const struct sieve_node *n, const struct sieve_arg *keys)
{
	const struct sieve_arg *relation = sieve_tag_arg(n, SLOT_MATCH);

	*m = (struct sieve_match){
		.run = r,
		.type = (enum sieve_match_type)sieve_tag_value(
		    n, SLOT_MATCH, MATCH_IS),
		.comparator = comparator_of(n),
		.keys = sieve_list(r, keys),
		.arg = keys,
		.answer = SIEVE_NO,
	};
	if (relation)
		m->relation = relation_find(sieve_constant(relation));
}

static bool
in_relation(const struct sieve_match *m, struct str value, struct str key)
{
	int c = sieve_compare(m->comparator, value, key);

	switch ((enum relation)m->relation) {
	case REL_GT:
		return c > 0;
	case REL_GE:
		return c >= 0;
	case REL_LT:
		return c < 0;
	case REL_LE:
		return c <= 0;
	case REL_EQ:
		return c == 0;
	case REL_NE:
		return c != 0;
	}
	return false;
}

static enum sieve_answer
match_regex(struct sieve_match *m, size_t i, struct str value)
{
	const struct sieve_regex *ready = m->arg->texts[i].regex;
	struct sieve_regex *re;
	struct buf why = { 0 };
	enum sieve_answer answer;

	if (ready)
		return sieve_regex_match(m->run, ready, value);
	re = sieve_regex_new(m->keys.v[i], !m->comparator->octets, &why);
	if (!re)
		sieve_log(m->run, "invalid regular expression '%.*s': %.*s",
		    STR_ARG(m->keys.v[i]), STR_ARG(buf_str(&why)));
	buf_fini(&why);
	if (!re)
		return SIEVE_NO;
	answer = sieve_regex_match(m->run, re, value);
	sieve_regex_free(&re);
	return answer;
}

static enum sieve_answer
match_list(struct sieve_match *m, struct str list, struct str value)
{
	const struct sieve_host *h = m->run->in->host;
	enum sieve_answer a;

	if (!h->list_contains)
		return SIEVE_NO;
	a = h->list_contains(h->arg, list, value);
	if (a == SIEVE_FAILED)
		sieve_no_answer(m->run, "a list of addresses");
	if (a == SIEVE_YES) {
		sieve_match_clear(m->run);
		sieve_match_add(m->run, value);
	}
	return a;
}

static enum sieve_answer
match_key(struct sieve_match *m, size_t i, struct str value)
{
	struct str key = m->keys.v[i];
	bool yes = false;

	switch (m->type) {
	case MATCH_IS:
		yes = sieve_compare(m->comparator, value, key) == 0;
		break;
	case MATCH_CONTAINS:
		arena_reset(m->run->scratch);
		yes =
		    sieve_contains(m->run->scratch, m->comparator, value, key);
		break;
	case MATCH_MATCHES:
		yes = sieve_glob(m->run, m->comparator, key, value);
		break;
	case MATCH_REGEX:
		return match_regex(m, i, value);
	case MATCH_LIST:
		return match_list(m, key, value);
	case MATCH_COUNT:
	case MATCH_VALUE:
		yes = in_relation(m, value, key);
		break;
	}
	return yes ? SIEVE_YES : SIEVE_NO;
}

static enum sieve_answer
match_keys(struct sieve_match *m, struct str value)
{
	enum sieve_answer a = SIEVE_NO;

	if (!sieve_charge(m->run, m->keys.n * (1 + value.n / 64)))
		return SIEVE_FAILED;
	for (size_t i = 0; i < m->keys.n && a == SIEVE_NO; i++) {
		a = match_key(m, i, value);
		if (a == SIEVE_YES)
			sieve_trace(m->run, "\"%.*s\" matches \"%.*s\"",
			    value.n > 200 ? 200 : (int)value.n,
			    value.n ? value.p : "", STR_ARG(m->keys.v[i]));
	}
	return m->run->rc == SIEVE_OK ? a : SIEVE_FAILED;
}

enum sieve_answer
sieve_match_value(struct sieve_match *m, struct str value)
{
	m->count++;
	if (m->type == MATCH_COUNT)
		return SIEVE_NO;
	m->answer = match_keys(m, value);
	return m->answer;
}

enum sieve_answer
sieve_match_end(struct sieve_match *m)
{
	char text[24];
	int n;

	if (m->type != MATCH_COUNT || m->answer == SIEVE_FAILED)
		return m->answer;
	n = snprintf(text, sizeof(text), "%" PRIu64, m->count);
	m->answer = match_keys(m, (struct str){ text, (size_t)n });
	return m->answer;
}
