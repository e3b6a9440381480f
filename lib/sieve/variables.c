/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <unicode/ucasemap.h>

#include "mime/decode.h"
#include "sieve/match.h"

/* set and string (RFC 5229), with :encodeurl of RFC 5435. */

#define VARIABLE_NAME_MAX 64

enum { CASE_LOWER, CASE_UPPER };
enum { QUOTE_WILDCARD, QUOTE_REGEX };

const struct sieve_tag sieve_tags_modifier[] = {
	{ "lower", CAP_VARIABLES, SLOT_CASE, 0, CASE_LOWER },
	{ "upper", CAP_VARIABLES, SLOT_CASE, 0, CASE_UPPER },
	{ "lowerfirst", CAP_VARIABLES, SLOT_FIRST, 0, CASE_LOWER },
	{ "upperfirst", CAP_VARIABLES, SLOT_FIRST, 0, CASE_UPPER },
	{ "quotewildcard", CAP_VARIABLES, SLOT_WILD, 0, QUOTE_WILDCARD },
	{ "quoteregex", CAP_REGEX, SLOT_WILD, 0, QUOTE_REGEX },
	{ "encodeurl", CAP_ENOTIFY, SLOT_ENCODE, 0, 0 },
	{ "length", CAP_VARIABLES, SLOT_LENGTH, 0, 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

/* ------------------------------------------------------------------------
 * Names
 */

struct sieve_variable *
sieve_variable_find(struct sieve_script *s, struct str name)
{
	for (size_t i = 0; i < s->nvariables; i++) {
		if (str_ieq(s->variables[i].name, name))
			return &s->variables[i];
	}
	return NULL;
}

struct sieve_variable *
sieve_variable_add(
    struct sieve_checker *c, struct str name, struct sieve_position at)
{
	struct sieve_script *s = c->script;
	struct sieve_variable *v;

	if (s->nvariables >= c->limits->variables) {
		if (!s->too_many_variables)
			sieve_error(c, at,
			    "more variables than the limit of %u: '%.*s'",
			    c->limits->variables, STR_ARG(name));
		s->too_many_variables = true;
		return NULL;
	}
	s->variables = arena_grow(
	    c->arena, s->variables, s->nvariables, &s->cap, sizeof(*v));
	v = &s->variables[s->nvariables++];
	*v = (struct sieve_variable){ .name = name };
	return v;
}

const struct sieve_variable *
sieve_variable(
    struct sieve_checker *c, struct str name, struct sieve_position at)
{
	struct sieve_variable *v = sieve_variable_find(c->script, name);

	if (v)
		return v;
	if (name.n > VARIABLE_NAME_MAX) {
		sieve_error(c, at,
		    "the name of the variable '%.32s...' is too long (limit: "
		    "%d characters)",
		    name.p, VARIABLE_NAME_MAX);
		return NULL;
	}
	v = sieve_variable_add(c, name, at);
	if (v)
		v->number = c->script->nlocal++;
	return v;
}

/* "name" or "global.name", of `set` and the actions of RFC 5232. */
const struct sieve_variable *
sieve_variable_named(struct sieve_checker *c, const struct sieve_arg *arg)
{
	struct str name = sieve_constant(arg), space = STR_NULL;
	size_t dot = str_rchr(name, '.');
	struct sieve_variable *v;

	if (name.p && dot != STR_NPOS) {
		space = str_sub(name, 0, dot);
		name = str_sub(name, dot + 1, SIZE_MAX);
	}
	if (space.p && (!str_ieqc(space, "global") ||
			   !sieve_caps_has(c->caps, CAP_INCLUDE))) {
		sieve_error(c, arg->at,
		    "unknown namespace '%.*s': a variable there cannot be set",
		    STR_ARG(space));
		return NULL;
	}
	if (!name.p || !sieve_variable_name_valid(name)) {
		sieve_error(c, arg->at,
		    "invalid variable name '%.*s': expected a constant word of "
		    "letters, digits and '_'",
		    STR_ARG(arg->texts[0].text));
		return NULL;
	}
	if (!space.p)
		return sieve_variable(c, name, arg->at);
	v = ARENA_NEW(c->arena, struct sieve_variable);
	v->name = name;
	v->global = true;
	return sieve_global(c, name, arg->at, &v->number) ? v : NULL;
}

/* ------------------------------------------------------------------------
 * Modifiers, in the order of their precedence
 */

static struct str
change_case(struct arena *a, struct str s, bool upper)
{
	UErrorCode rc = U_ZERO_ERROR;
	UCaseMap *map = ucasemap_open("", 0, &rc);
	int32_t cap = (int32_t)(s.n * 3 + 16);
	char *to = arena_alloc(a, (size_t)cap);
	int32_t n = upper ? ucasemap_utf8ToUpper(
				map, to, cap, s.n ? s.p : "", (int32_t)s.n, &rc)
			  : ucasemap_utf8ToLower(map, to, cap, s.n ? s.p : "",
				(int32_t)s.n, &rc);

	ucasemap_close(map);
	return U_FAILURE(rc) ? s : (struct str){ to, (size_t)n };
}

static size_t
first_character(struct str s)
{
	size_t n = s.n > 0;

	while (n > 0 && n < s.n && ((uint8_t)s.p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static struct str
change_first(struct arena *a, struct str s, bool upper)
{
	size_t n = first_character(s);
	struct str first = change_case(a, str_sub(s, 0, n), upper);

	return arena_printf(
	    a, "%.*s%.*s", STR_ARG(first), STR_ARG(str_sub(s, n, SIZE_MAX)));
}

/* Both stop before MAX, so that the cut to the limit of a variable splits
 * nothing that was quoted. */
static struct str
quote(struct arena *a, struct str s, struct str special, size_t max)
{
	char *to = arena_alloc(a, s.n * 2 + 1);
	size_t n = 0, whole = 0; /* characters end there */

	for (size_t i = 0; i < s.n && n <= max; i++) {
		bool quoted = str_chr(special, s.p[i]) != STR_NPOS;

		if (((uint8_t)s.p[i] & 0xc0) != 0x80)
			whole = n;
		if (quoted)
			to[n++] = '\\';
		to[n++] = s.p[i];
	}
	return (struct str){ to, n > max ? whole : n };
}

/* RFC 3986: all but unreserved characters. */
static struct str
encode_url(struct arena *a, struct str s, size_t max)
{
	static const char digits[] = "0123456789ABCDEF";
	char *to = arena_alloc(a, s.n * 3 + 1);
	size_t n = 0, whole = 0; /* characters end there */

	for (size_t i = 0; i < s.n && n <= max; i++) {
		uint8_t c = (uint8_t)s.p[i];
		char lower = ascii_lower(s.p[i]);

		if ((c & 0xc0) != 0x80)
			whole = n;

		if (ascii_digit(s.p[i]) || (lower >= 'a' && lower <= 'z') ||
		    str_chr(STR("-._~"), s.p[i]) != STR_NPOS) {
			to[n++] = s.p[i];
			continue;
		}
		to[n++] = '%';
		to[n++] = digits[c >> 4];
		to[n++] = digits[c & 15];
	}
	return (struct str){ to, n > max ? whole : n };
}

static struct str
length(struct arena *a, struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((uint8_t)s.p[i] & 0xc0) != 0x80;
	return arena_printf(a, "%zu", n);
}

struct str
sieve_modify(struct sieve_run *r, const struct sieve_node *n, struct str s)
{
	struct arena *a = r->arena;
	int which;

	if ((which = sieve_tag_value(n, SLOT_CASE, -1)) >= 0)
		s = change_case(a, s, which == CASE_UPPER);
	if ((which = sieve_tag_value(n, SLOT_FIRST, -1)) >= 0)
		s = change_first(a, s, which == CASE_UPPER);
	if ((which = sieve_tag_value(n, SLOT_WILD, -1)) >= 0)
		s = quote(a, s,
		    which == QUOTE_WILDCARD ? STR("*?\\")
					    : STR("\\^$.*+?()[]{}|"),
		    r->limits->variable);
	if (sieve_arg(n, SLOT_ENCODE))
		s = encode_url(a, s, r->limits->variable);
	if (sieve_arg(n, SLOT_LENGTH))
		s = length(a, s);
	return s;
}

/* ------------------------------------------------------------------------
 * set and string
 */

static bool
check_set(struct sieve_checker *c, struct sieve_node *n)
{
	n->more = sieve_variable_named(c, sieve_arg(n, SLOT_1));
	return n->more != NULL;
}

static enum sieve_flow
run_set(struct sieve_run *r, const struct sieve_node *n)
{
	struct str value = sieve_string(r, sieve_arg(n, SLOT_2));

	sieve_variable_set(r, n->more, sieve_modify(r, n, value));
	return FLOW_NEXT;
}

static bool
check_string(struct sieve_checker *c, struct sieve_node *n)
{
	return sieve_match_check(c, n, sieve_arg(n, SLOT_2));
}

static enum sieve_answer
test_string(struct sieve_run *r, const struct sieve_node *n)
{
	struct strs sources = sieve_list(r, sieve_arg(n, SLOT_1));
	struct sieve_match m;
	enum sieve_answer a = SIEVE_NO;

	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_2));
	for (size_t i = 0; i < sources.n && a == SIEVE_NO; i++) {
		/* RFC 5229, section 5: an empty one does not count. */
		if (sources.v[i].n > 0 || m.type != MATCH_COUNT)
			a = sieve_match_value(&m, sources.v[i]);
	}
	return sieve_match_end(&m);
}

const struct sieve_verb sieve_verbs_variables[] = {
	{ .name = "set",
	    .cap = CAP_VARIABLES,
	    .params = { { 's', "name" }, { 's', "value" } },
	    .tags = { sieve_tags_modifier },
	    .check = check_set,
	    .run = run_set },
	{ .name = "string",
	    .cap = CAP_VARIABLES,
	    .params = { { 'l', "source" }, { 'l', "key list" } },
	    .tags = { sieve_tags_match },
	    .check = check_string,
	    .test = test_string },
	{ .name = NULL },
};
