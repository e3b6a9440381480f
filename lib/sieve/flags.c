/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/match.h"

/* setflag, addflag, removeflag, hasflag (RFC 5232). */

struct list {
	struct str *v;
	size_t n, cap;
};

static size_t
find_flag(const struct list *l, struct str flag)
{
	for (size_t i = 0; i < l->n; i++) {
		if (str_ieq(l->v[i], flag))
			return i;
	}
	return SIZE_MAX;
}

/* A system flag that can be set, or a keyword (RFC 9051, flag-keyword). */
static bool
is_flag(struct str s)
{
	static const char *const system[] = { "\\Answered", "\\Flagged",
		"\\Deleted", "\\Seen", "\\Draft" };

	if (s.n == 0 || s.p[0] != '\\') {
		for (size_t i = 0; i < s.n; i++) {
			if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
			    str_chr(STR("(){%*\"\\]"), s.p[i]) != STR_NPOS)
				return false;
		}
		return s.n > 0;
	}
	for (size_t i = 0; i < LEN(system); i++) {
		if (str_ieqc(s, system[i]))
			return true;
	}
	return false;
}

static void
add_words(struct sieve_run *r, struct list *l, struct str text)
{
	struct str word;

	while (str_split(&text, ' ', &word)) {
		if (word.n == 0 || find_flag(l, word) != SIZE_MAX)
			continue;
		if (!is_flag(word)) {
			sieve_log(r, "'%.*s' is no flag and is ignored",
			    STR_ARG(word));
			continue;
		}
		l->v = arena_grow(r->arena, l->v, l->n, &l->cap, sizeof(*l->v));
		l->v[l->n++] = word;
	}
}

static void
remove_words(struct list *l, struct str text)
{
	struct str word;

	while (str_split(&text, ' ', &word)) {
		size_t i = find_flag(l, word);

		if (i == SIZE_MAX)
			continue;
		for (l->n--; i < l->n; i++)
			l->v[i] = l->v[i + 1];
	}
}

struct strs
sieve_flags(struct sieve_run *r, struct strs texts)
{
	struct list l = { 0 };

	for (size_t i = 0; i < texts.n; i++)
		add_words(r, &l, texts.v[i]);
	return (struct strs){ l.v, l.n };
}

static struct str
joined(struct sieve_run *r, const struct list *l)
{
	struct buf out = { 0 };
	struct str s;

	for (size_t i = 0; i < l->n; i++) {
		if (i > 0)
			buf_putc(&out, ' ');
		buf_putstr(&out, l->v[i]);
	}
	s = arena_str(r->arena, buf_str(&out));
	buf_fini(&out);
	return s;
}

/* ------------------------------------------------------------------------
 * Variables of flags: a named one, or the one that has no name
 */

static struct str
variable_value(struct sieve_run *r, const struct sieve_variable *v)
{
	return v->global ? r->globals[v->number]
			 : r->frame->variables[v->number];
}

static struct list
current(struct sieve_run *r, const struct sieve_variable *v)
{
	struct list l = { 0 };

	if (v) {
		add_words(r, &l, variable_value(r, v));
		return l;
	}
	for (size_t i = 0; i < r->nflags; i++)
		add_words(r, &l, r->flags[i]);
	return l;
}

static void
store(struct sieve_run *r, const struct sieve_variable *v, const struct list *l)
{
	if (v) {
		sieve_variable_set(r, v, joined(r, l));
		return;
	}
	r->flags = l->v;
	r->nflags = l->n;
}

/* The name of a variable is the first argument, if there are two. */
static bool
check_action(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *name = sieve_arg(n, SLOT_1);

	if (!name)
		return true;
	if (!sieve_caps_has(c->caps, CAP_VARIABLES)) {
		sieve_error(c, name->at,
		    "the %s command with a variable needs require "
		    "\"variables\"",
		    n->verb->name);
		return false;
	}
	n->more = sieve_variable_named(c, name);
	return n->more != NULL;
}

static enum sieve_flow
run_set(struct sieve_run *r, const struct sieve_node *n)
{
	struct strs flags = sieve_flags(r, sieve_list(r, sieve_arg(n, SLOT_2)));
	struct list l = { (struct str *)(uintptr_t)flags.v, flags.n, flags.n };

	store(r, n->more, &l);
	return FLOW_NEXT;
}

static enum sieve_flow
run_add(struct sieve_run *r, const struct sieve_node *n)
{
	struct strs flags = sieve_list(r, sieve_arg(n, SLOT_2));
	struct list l = current(r, n->more);

	for (size_t i = 0; i < flags.n; i++)
		add_words(r, &l, flags.v[i]);
	store(r, n->more, &l);
	return FLOW_NEXT;
}

static enum sieve_flow
run_remove(struct sieve_run *r, const struct sieve_node *n)
{
	struct strs flags = sieve_list(r, sieve_arg(n, SLOT_2));
	struct list l = current(r, n->more);

	for (size_t i = 0; i < flags.n; i++)
		remove_words(&l, flags.v[i]);
	store(r, n->more, &l);
	return FLOW_NEXT;
}

/* ------------------------------------------------------------------------
 * hasflag
 */

struct variables {
	const struct sieve_variable **v;
	size_t n;
};

static bool
check_hasflag(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *names = sieve_arg(n, SLOT_1);
	struct variables *list;

	if (!sieve_match_check(c, n, sieve_arg(n, SLOT_2)))
		return false;
	if (!names)
		return true;
	if (!sieve_caps_has(c->caps, CAP_VARIABLES)) {
		sieve_error(c, names->at,
		    "the hasflag test with a variable needs require "
		    "\"variables\"");
		return false;
	}
	list = ARENA_NEW(c->arena, struct variables);
	list->v = arena_array(
	    c->arena, names->ntexts, sizeof(struct sieve_variable *));
	for (; list->n < names->ntexts; list->n++) {
		struct sieve_arg one = { .kind = ARG_STRING,
			.texts = &names->texts[list->n],
			.ntexts = 1,
			.at = names->texts[list->n].at };

		list->v[list->n] = sieve_variable_named(c, &one);
		if (!list->v[list->n])
			return false;
	}
	n->more = list;
	return true;
}

static enum sieve_answer
match_flags(struct sieve_match *m, const struct list *l)
{
	enum sieve_answer a = SIEVE_NO;

	for (size_t i = 0; i < l->n && a == SIEVE_NO; i++)
		a = sieve_match_value(m, l->v[i]);
	return a;
}

/* A key is a list of flags itself, each of which counts (section 4). */
static void
split_keys(struct sieve_match *m)
{
	struct list l = { 0 };

	if (m->type == MATCH_COUNT || m->type == MATCH_LIST ||
	    m->type == MATCH_REGEX)
		return;
	for (size_t i = 0; i < m->keys.n; i++) {
		struct str rest = m->keys.v[i], word;

		while (str_split(&rest, ' ', &word)) {
			if (word.n == 0)
				continue;
			l.v = arena_grow(
			    m->run->arena, l.v, l.n, &l.cap, sizeof(*l.v));
			l.v[l.n++] = word;
		}
	}
	m->keys = (struct strs){ l.v, l.n };
}

static enum sieve_answer
test_hasflag(struct sieve_run *r, const struct sieve_node *n)
{
	const struct variables *list = n->more;
	struct sieve_match m;
	struct list flags;
	enum sieve_answer a = SIEVE_NO;

	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_2));
	split_keys(&m);
	if (!list) {
		flags = current(r, NULL);
		match_flags(&m, &flags);
		return sieve_match_end(&m);
	}
	for (size_t i = 0; i < list->n && a == SIEVE_NO; i++) {
		flags = current(r, list->v[i]);
		a = match_flags(&m, &flags);
	}
	return sieve_match_end(&m);
}

#define PARAMS                                                                 \
	{                                                                      \
		{ 's', "variable name" },                                      \
		{                                                              \
			'l', "list of flags"                                   \
		}                                                              \
	}

const struct sieve_verb sieve_verbs_flags[] = {
	{ .name = "setflag",
	    .cap = CAP_IMAP4FLAGS,
	    .params = PARAMS,
	    .optional_first = true,
	    .check = check_action,
	    .run = run_set },
	{ .name = "addflag",
	    .cap = CAP_IMAP4FLAGS,
	    .params = PARAMS,
	    .optional_first = true,
	    .check = check_action,
	    .run = run_add },
	{ .name = "removeflag",
	    .cap = CAP_IMAP4FLAGS,
	    .params = PARAMS,
	    .optional_first = true,
	    .check = check_action,
	    .run = run_remove },
	{ .name = "hasflag",
	    .cap = CAP_IMAP4FLAGS,
	    .params = { { 'l', "variable names" }, { 'l', "list of flags" } },
	    .optional_first = true,
	    .tags = { sieve_tags_match },
	    .check = check_hasflag,
	    .test = test_hasflag },
	{ .name = NULL },
};
