/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/check.h"

/*
 * Each node is checked by the row of its word: tags, positional arguments,
 * tests, block, in this order; what follows from an error that was reported is
 * not reported again.
 */

void
sieve_error(
    struct sieve_checker *c, struct sieve_position at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sieve_diag_addv(c->diags, SIEVE_ERROR, c->script->name, at, fmt, ap);
	va_end(ap);
}

void
sieve_warning(
    struct sieve_checker *c, struct sieve_position at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sieve_diag_addv(c->diags, SIEVE_WARNING, c->script->name, at, fmt, ap);
	va_end(ap);
}

const char *
sieve_verb_kind(const struct sieve_verb *v)
{
	return v->test ? "test" : "command";
}

const struct sieve_arg *
sieve_arg(const struct sieve_node *n, enum sieve_slot slot)
{
	for (const struct sieve_arg *a = n->args; a; a = a->next) {
		if (a->placed && a->slot == slot)
			return a;
	}
	return NULL;
}

int
sieve_tag_value(const struct sieve_node *n, enum sieve_slot slot, int none)
{
	const struct sieve_arg *a = sieve_arg(n, slot);

	return a ? a->def->value : none;
}

bool
sieve_is_constant(const struct sieve_arg *arg)
{
	for (size_t i = 0; i < arg->ntexts; i++) {
		if (arg->texts[i].npieces > 0)
			return false;
	}
	return true;
}

struct str
sieve_constant(const struct sieve_arg *arg)
{
	if (arg->kind != ARG_STRING || !sieve_is_constant(arg))
		return STR_NULL;
	return arg->texts[0].text.p ? arg->texts[0].text : STR("");
}

bool
sieve_need_constant(struct sieve_checker *c, const struct sieve_node *n,
    const struct sieve_arg *arg, const char *what)
{
	if (sieve_is_constant(arg))
		return true;
	sieve_error(c, arg->at, "the %s of the %s %s must be a constant string",
	    what, n->verb->name, sieve_verb_kind(n->verb));
	return false;
}

bool
sieve_check_strings(struct sieve_checker *c, const struct sieve_arg *arg,
    const char *what, bool (*valid)(struct str s, const char **why))
{
	const char *why = "";
	bool good = true;

	for (size_t i = 0; arg && i < arg->ntexts; i++) {
		const struct sieve_text *t = &arg->texts[i];

		if (t->npieces > 0 || valid(t->text, &why))
			continue;
		sieve_error(c, t->at, "%s '%.*s' is invalid: %s", what,
		    STR_ARG(t->text), why);
		good = false;
	}
	return good;
}

/* Was the tag WORD of VERB reported before? It is now. */
static bool
was_reported(
    struct sieve_checker *c, const struct sieve_verb *verb, struct str word)
{
	struct sieve_reported *r;

	for (r = c->reported; r; r = r->next) {
		if (r->verb == verb && str_ieq(r->word, word))
			return true;
	}
	r = ARENA_NEW(c->arena, struct sieve_reported);
	*r = (struct sieve_reported){ c->reported, verb, word };
	c->reported = r;
	return false;
}

/* ------------------------------------------------------------------------
 * Tags
 */

static const struct sieve_tag *
find_tag(const struct sieve_verb *v, struct str name)
{
	for (size_t i = 0; i < sizeof(v->tags) / sizeof(*v->tags); i++) {
		const struct sieve_tag *t = v->tags[i];

		for (; t && t->name; t++) {
			if (str_ieqc(name, t->name))
				return t;
		}
	}
	return NULL;
}

static const char *
type_name(char type)
{
	return type == 'n' ? "number" : type == 's' ? "string" : "string list";
}

static const char *
kind_name(const struct sieve_arg *arg)
{
	static const char *const names[] = {
		[ARG_TAG] = "tag",
		[ARG_NUMBER] = "number",
		[ARG_STRING] = "string",
		[ARG_LIST] = "string list",
	};

	return names[arg->kind];
}

static bool
has_type(const struct sieve_arg *arg, char type)
{
	return type == 'n'   ? arg->kind == ARG_NUMBER
	       : type == 's' ? arg->kind == ARG_STRING
			     : arg->kind == ARG_STRING || arg->kind == ARG_LIST;
}

static bool
unknown_tag(struct sieve_checker *c, const struct sieve_node *n,
    const struct sieve_arg *arg, const struct sieve_tag *def)
{
	struct str cap = def ? sieve_cap_name(def->cap) : STR("");

	if (was_reported(c, n->verb, arg->tag))
		return false;
	if (cap.n > 0)
		sieve_error(c, arg->at,
		    "unknown tagged argument ':%.*s' for the %s %s: it needs "
		    "require \"%.*s\"",
		    STR_ARG(arg->tag), n->verb->name, sieve_verb_kind(n->verb),
		    STR_ARG(cap));
	else
		sieve_error(c, arg->at,
		    "unknown tagged argument ':%.*s' for the %s %s (misspelt, "
		    "or of another command?)",
		    STR_ARG(arg->tag), n->verb->name, sieve_verb_kind(n->verb));
	return false;
}

static bool
place_tag(struct sieve_checker *c, struct sieve_node *n, struct sieve_arg *arg)
{
	const struct sieve_tag *def = find_tag(n->verb, arg->tag);
	const struct sieve_arg *other;

	if (!def || !sieve_caps_has(c->caps, def->cap))
		return unknown_tag(c, n, arg, def);
	other = sieve_arg(n, def->slot);
	if (other) {
		sieve_error(c, arg->at,
		    "the %s %s has ':%s' already, which excludes another "
		    "':%.*s'",
		    n->verb->name, sieve_verb_kind(n->verb), other->def->name,
		    STR_ARG(arg->tag));
		return false;
	}
	arg->def = def;
	arg->slot = def->slot;
	arg->placed = true;
	if (!def->takes)
		return true;
	if (!arg->next || !has_type(arg->next, def->takes)) {
		sieve_error(c, arg->at,
		    "the tag ':%s' of the %s %s must be followed by a %s, but "
		    "a %s was found",
		    def->name, n->verb->name, sieve_verb_kind(n->verb),
		    type_name(def->takes),
		    arg->next ? kind_name(arg->next) : "different thing");
		return false;
	}
	arg->value = arg->next;
	return true;
}

/* Places all tags; how many arguments are left for positions. */
static bool
place_tags(struct sieve_checker *c, struct sieve_node *n, unsigned *positional)
{
	for (struct sieve_arg *a = n->args; a; a = a->next) {
		if (a->kind != ARG_TAG) {
			++*positional;
			continue;
		}
		if (*positional > 0 && find_tag(n->verb, a->tag)) {
			sieve_error(c, a->at,
			    "unexpected tagged argument ':%.*s' after the "
			    "positional arguments of the %s %s",
			    STR_ARG(a->tag), n->verb->name,
			    sieve_verb_kind(n->verb));
			return false;
		}
		if (!place_tag(c, n, a))
			return false;
		if (a->value)
			a = a->next;
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Positional arguments
 */

static unsigned
count_params(const struct sieve_verb *v)
{
	unsigned n = 0;

	while (n < 4 && v->params[n].type)
		n++;
	return n;
}

static bool
wrong_count(struct sieve_checker *c, const struct sieve_node *n, unsigned want,
    unsigned found)
{
	sieve_error(c, n->at,
	    "the %s %s requires %u positional argument%s, but %u %s specified",
	    n->verb->name, sieve_verb_kind(n->verb), want, want == 1 ? "" : "s",
	    found, found == 1 ? "is" : "are");
	return false;
}

static bool
place_positional(struct sieve_checker *c, struct sieve_node *n, unsigned found)
{
	const struct sieve_verb *v = n->verb;
	unsigned want = count_params(v), i = 0;

	if (v->optional_first && found + 1 == want)
		i = 1;
	for (struct sieve_arg *a = n->args; a; a = a->next) {
		if (a->kind == ARG_TAG) {
			if (a->value)
				a = a->next;
			continue;
		}
		if (i >= want)
			return wrong_count(c, n, want, found);
		if (!has_type(a, v->params[i].type)) {
			sieve_error(c, a->at,
			    "the %s %s expects a %s as argument %u (%s), but a "
			    "%s was found",
			    v->name, sieve_verb_kind(v),
			    type_name(v->params[i].type), i + 1,
			    v->params[i].name, kind_name(a));
			return false;
		}
		a->slot = (enum sieve_slot)(SLOT_1 + i++);
		a->placed = true;
	}
	if (v->optional_last && i + 1 == want)
		return true;
	return i == want || wrong_count(c, n, want, found);
}

/* Most lists are the same in each run. */
static void
keep_constants(struct sieve_checker *c, struct sieve_arg *a)
{
	struct str *values;

	for (size_t i = 0; i < a->ntexts; i++) {
		if (a->texts[i].npieces > 0)
			return;
	}
	values = arena_array(c->arena, a->ntexts, sizeof(*values));
	for (size_t i = 0; i < a->ntexts; i++)
		values[i] = a->texts[i].text.p ? a->texts[i].text : STR("");
	a->values = values;
}

static bool
check_texts(struct sieve_checker *c, struct sieve_node *n)
{
	bool good = true;

	for (struct sieve_arg *a = n->args; a; a = a->next) {
		for (size_t i = 0; i < a->ntexts; i++)
			good = sieve_check_text(c, &a->texts[i]) && good;
		if (a->ntexts > 0)
			keep_constants(c, a);
	}
	return good;
}

static bool
check_arguments(struct sieve_checker *c, struct sieve_node *n)
{
	unsigned positional = 0;

	return place_tags(c, n, &positional) &&
	       place_positional(c, n, positional) && check_texts(c, n);
}

/* ------------------------------------------------------------------------
 * Tests and blocks
 */

static bool check_node(
    struct sieve_checker *c, struct sieve_node *n, bool test);

/* What stands where no test may stand. */
static bool
unwanted_tests(struct sieve_checker *c, const struct sieve_node *n)
{
	const struct sieve_node *t = n->tests;
	const struct sieve_language *extra = c->compiler->language;
	const char *kind = sieve_verb_kind(n->verb);

	if (n->test_list || !t || sieve_verb_find(extra, t->name, true))
		sieve_error(c, t ? t->at : n->at,
		    "the %s %s accepts no sub-tests, but %s specified",
		    n->verb->name, kind,
		    n->test_list ? "some are" : "a sub-test is");
	else if (find_tag(n->verb, t->name))
		sieve_error(c, t->at,
		    "missing colon in front of the '%.*s' tag of the %s %s",
		    STR_ARG(t->name), n->verb->name, kind);
	else if (n->verb->test)
		sieve_error(c, t->at,
		    "the word '%.*s' means nothing after the %s %s",
		    STR_ARG(t->name), n->verb->name, kind);
	else
		sieve_error(c, t->at,
		    "missing semicolon between the %s %s and '%.*s'",
		    n->verb->name, kind, STR_ARG(t->name));
	return false;
}

/* As many as there may be; what they are is another question. */
static bool
count_tests(struct sieve_checker *c, struct sieve_node *n)
{
	const char *kind = sieve_verb_kind(n->verb);

	switch (n->verb->tests) {
	case TESTS_NONE:
		return !n->tests && !n->test_list ? true : unwanted_tests(c, n);
	case TESTS_ONE:
		if (n->tests && !n->test_list)
			return true;
		sieve_error(c, n->at, "the %s %s requires one test, but %s",
		    n->verb->name, kind,
		    n->tests ? "a list of tests is specified"
			     : "none is specified");
		return false;
	case TESTS_MANY:
		if (n->test_list)
			return true;
		sieve_error(c, n->at,
		    "the %s %s requires a list of tests in parentheses",
		    n->verb->name, kind);
		return false;
	}
	return false;
}

/* The answer of a test that makes those behind it unreachable. */
static enum sieve_constant
decisive(const struct sieve_node *n)
{
	if (n->verb->tests != TESTS_MANY)
		return TEST_OPEN;
	return str_ieqc(n->name, "allof") ? TEST_NEVER : TEST_ALWAYS;
}

static bool
check_tests(struct sieve_checker *c, struct sieve_node *n)
{
	enum sieve_constant enough = decisive(n);
	bool good = true;

	if (n->verb->tests == TESTS_NONE)
		return true;
	for (struct sieve_node *t = n->tests; t; t = t->next) {
		if (!check_node(c, t, true))
			good = false;
		else if (enough != TEST_OPEN && t->constant == enough)
			break; /* the rest may be unknown here */
	}
	return good;
}

static bool
check_block(struct sieve_checker *c, struct sieve_node *n)
{
	if (n->verb->block == n->has_block)
		return true;
	sieve_error(c, n->at,
	    n->has_block ? "the %s %s accepts no block of commands"
			 : "the %s %s requires a block of commands in '{ }'",
	    n->verb->name, sieve_verb_kind(n->verb));
	return false;
}

void
sieve_check_block(struct sieve_checker *c, struct sieve_node *n)
{
	if (n->settled || (n->tests && n->tests->constant == TEST_NEVER))
		return; /* it cannot be reached, and may be unknown here */
	c->depth++;
	sieve_check_commands(c, n->block);
	c->depth--;
}

/* ------------------------------------------------------------------------
 * Words
 */

static bool
unknown_word(struct sieve_checker *c, struct sieve_node *n, bool test,
    const struct sieve_verb *v)
{
	const struct sieve_language *extra = c->compiler->language;
	struct str cap = v ? sieve_cap_name(v->cap) : STR("");

	if (cap.n > 0)
		sieve_error(c, n->at,
		    "unknown %s '%.*s': it needs require "
		    "\"%.*s\"",
		    test ? "test" : "command", STR_ARG(n->name), STR_ARG(cap));
	else if (sieve_verb_find(extra, n->name, !test))
		sieve_error(c, n->at, "cannot use %s '%.*s' as a %s",
		    test ? "command" : "test", STR_ARG(n->name),
		    test ? "test" : "command");
	else
		sieve_error(c, n->at, "unknown %s '%.*s'",
		    test ? "test" : "command", STR_ARG(n->name));
	return false;
}

/* Extensions that mean nothing without another one. */
static void
check_required(struct sieve_checker *c, struct sieve_position at)
{
	static const struct {
		enum sieve_cap cap, needs;
	} pairs[] = {
		{ CAP_EXTRACTTEXT, CAP_VARIABLES }, /* RFC 5703, section 7 */
		{ CAP_EXTRACTTEXT, CAP_FOREVERYPART },
	};

	for (size_t i = 0; i < LEN(pairs); i++) {
		if (!sieve_caps_has(c->caps, pairs[i].cap) ||
		    sieve_caps_has(c->caps, pairs[i].needs))
			continue;
		sieve_error(c, at, "\"%.*s\" needs require \"%.*s\" as well",
		    STR_ARG(sieve_cap_name(pairs[i].cap)),
		    STR_ARG(sieve_cap_name(pairs[i].needs)));
	}
}

static bool
check_node(struct sieve_checker *c, struct sieve_node *n, bool test)
{
	const struct sieve_verb *v =
	    sieve_verb_find(c->compiler->language, n->name, test);
	bool good;

	if (!v || !sieve_caps_has(c->caps, v->cap))
		return unknown_word(c, n, test, v);
	n->verb = v;
	if (!test && !c->body && !str_ieqc(n->name, "require")) {
		c->body = true;
		check_required(c, n->at);
	}
	good = check_arguments(c, n);
	good = count_tests(c, n) && good;
	good = good && check_block(c, n);
	good = check_tests(c, n) && good;
	if (good)
		return !v->check || v->check(c, n);
	if (v->tests != TESTS_NONE)
		sieve_check_block(c, n); /* it has errors of its own */
	return false;
}

void
sieve_check_commands(struct sieve_checker *c, struct sieve_node *list)
{
	const struct sieve_node *outer = c->previous;

	c->previous = NULL;
	for (struct sieve_node *n = list; n; n = n->next) {
		if (c->diags->errors >= c->limits->errors)
			break;
		check_node(c, n, false);
		sieve_hint_unreached(c, n);
		c->previous = n;
	}
	c->previous = outer;
}
