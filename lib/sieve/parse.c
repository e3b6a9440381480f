/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/syntax.h"

#include <string.h>

/*
 * Errors leave the parser in front of something it did not expect. It then
 * skips to the end of the innermost structure that is still open (the list,
 * the tests, the command, the block) and goes on from there. When not even
 * that can be found, the structure around it tries the same.
 */

#define ARGUMENTS_MAX 32

struct parser {
	struct sieve_lexer l;
	const struct sieve_limits *limits;
	/* The strings of the argument that is being read. */
	struct sieve_text *texts;
	size_t ntexts, cap;
};

enum state {
	GOOD, /* at the token after what was parsed, perhaps with errors */
	LOST, /* somewhere inside: whoever called must recover */
};

static bool
at(const struct parser *p, enum sieve_token t)
{
	return p->l.token == t;
}

static void
next(struct parser *p)
{
	sieve_lexer_next(&p->l);
}

/* The lexer has spoken already when it found no token. */
static void complain(struct parser *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
complain(struct parser *p, const char *fmt, ...)
{
	va_list ap;

	if (at(p, TOKEN_ERROR))
		return;
	va_start(ap, fmt);
	sieve_diag_addv(p->l.diags, SIEVE_ERROR, p->l.script, p->l.at, fmt, ap);
	va_end(ap);
}

static bool
too_many(const struct parser *p)
{
	return p->l.diags->errors >= p->limits->errors;
}

/* How much a token encloses. */
static int
rank(enum sieve_token t)
{
	switch (t) {
	case TOKEN_BLOCK:
	case TOKEN_BLOCK_END:
		return 3;
	case TOKEN_SEMICOLON:
		return 2;
	case TOKEN_TESTS:
	case TOKEN_TESTS_END:
		return 1;
	case TOKEN_LIST:
	case TOKEN_LIST_END:
		return 0;
	default:
		return -1;
	}
}

static enum sieve_token
opening(enum sieve_token end)
{
	switch (end) {
	case TOKEN_BLOCK_END:
		return TOKEN_BLOCK;
	case TOKEN_TESTS_END:
		return TOKEN_TESTS;
	case TOKEN_LIST_END:
		return TOKEN_LIST;
	default:
		return TOKEN_END; /* commands do not nest without a block */
	}
}

/* Skip to END, which ends what is open. LOST: something that encloses it
 * ends before. */
static enum state
recover(struct parser *p, enum sieve_token end)
{
	unsigned depth = 1;

	while (!at(p, TOKEN_END) && rank(p->l.token) <= rank(end)) {
		if (at(p, opening(end)))
			depth++;
		else if (at(p, end) && --depth == 0)
			return GOOD;
		next(p);
	}
	if (end == TOKEN_SEMICOLON && at(p, TOKEN_BLOCK))
		return GOOD; /* the command goes on with its block */
	return LOST;
}

static struct sieve_arg *
new_arg(struct parser *p, enum sieve_arg_kind kind)
{
	struct sieve_arg *arg = ARENA_NEW(p->l.arena, struct sieve_arg);

	arg->kind = kind;
	arg->at = p->l.at;
	return arg;
}

static void
add_text(struct parser *p)
{
	p->texts = arena_grow(
	    p->l.arena, p->texts, p->ntexts, &p->cap, sizeof(*p->texts));
	p->texts[p->ntexts++] =
	    (struct sieve_text){ .text = p->l.text, .at = p->l.at };
	next(p);
}

/* Programs stay in memory, and a run is as fast as they are small: ARG gets
 * just the room that it needs. */
static void
take_texts(struct parser *p, struct sieve_arg *arg)
{
	arg->texts = arena_array(p->l.arena, p->ntexts, sizeof(*arg->texts));
	arg->ntexts = p->ntexts;
	if (p->ntexts > 0)
		memcpy(arg->texts, p->texts, p->ntexts * sizeof(*p->texts));
	p->ntexts = 0;
}

/* After "[". */
static enum state
parse_list(struct parser *p)
{
	do {
		next(p);
		if (!at(p, TOKEN_STRING)) {
			complain(p,
			    "expected a string in the list, but found %s",
			    sieve_token_name(p->l.token));
			break;
		}
		add_text(p);
		if (!at(p, TOKEN_COMMA) && !at(p, TOKEN_LIST_END)) {
			complain(p,
			    "expected ',' or the end of the list ']', but "
			    "found %s",
			    sieve_token_name(p->l.token));
			break;
		}
	} while (at(p, TOKEN_COMMA));
	if (!at(p, TOKEN_LIST_END) && recover(p, TOKEN_LIST_END) == LOST)
		return LOST;
	next(p);
	return GOOD;
}

/* NULL: there is no argument here. */
static struct sieve_arg *
parse_argument(struct parser *p, enum state *state)
{
	struct sieve_arg *arg;

	switch (p->l.token) {
	case TOKEN_LIST:
		arg = new_arg(p, ARG_LIST);
		*state = parse_list(p);
		take_texts(p, arg);
		return arg;
	case TOKEN_STRING:
		arg = new_arg(p, ARG_STRING);
		add_text(p);
		take_texts(p, arg);
		return arg;
	case TOKEN_NUMBER:
		arg = new_arg(p, ARG_NUMBER);
		arg->number = p->l.number;
		break;
	case TOKEN_TAG:
		arg = new_arg(p, ARG_TAG);
		arg->tag = p->l.text;
		break;
	default:
		return NULL;
	}
	next(p);
	return arg;
}

static struct sieve_node *
new_node(struct parser *p)
{
	struct sieve_node *n = ARENA_NEW(p->l.arena, struct sieve_node);

	n->name = p->l.text;
	n->at = p->l.at;
	next(p);
	return n;
}

static enum state parse_arguments(
    struct parser *p, struct sieve_node *n, unsigned depth);

/* A single test, to be added at *tail. */
static enum state
parse_test(struct parser *p, struct sieve_node **tail, unsigned depth)
{
	*tail = new_node(p);
	return parse_arguments(p, *tail, depth);
}

/* Test after test. False: skip to the parenthesis that ends them. */
static enum state
parse_listed_tests(struct parser *p, struct sieve_node *n, unsigned depth)
{
	struct sieve_node **tail = &n->tests;

	do {
		next(p);
		if (!at(p, TOKEN_IDENTIFIER)) {
			complain(p, "expected a test, but found %s",
			    sieve_token_name(p->l.token));
			return LOST;
		}
		if (parse_test(p, tail, depth) == LOST)
			return LOST;
		tail = &(*tail)->next;
	} while (at(p, TOKEN_COMMA));
	if (at(p, TOKEN_TESTS_END))
		return GOOD;
	complain(p, "expected ',' or the end of the tests ')', but found %s",
	    sieve_token_name(p->l.token));
	return LOST;
}

static bool
too_deep(struct parser *p, unsigned depth, const char *what)
{
	if (depth <= p->limits->nesting)
		return false;
	complain(p, "%s nest deeper than the limit of %u levels", what,
	    p->limits->nesting);
	return true;
}

static enum state
parse_tests(struct parser *p, struct sieve_node *n, unsigned depth)
{
	n->test_list = true;
	if (too_deep(p, depth, "tests")) {
		next(p);
		if (recover(p, TOKEN_TESTS_END) == LOST)
			return LOST;
	} else if (parse_listed_tests(p, n, depth) == LOST &&
		   recover(p, TOKEN_TESTS_END) == LOST) {
		return LOST;
	}
	next(p);
	return GOOD;
}

static enum state
parse_arguments(struct parser *p, struct sieve_node *n, unsigned depth)
{
	struct sieve_arg **tail = &n->args, *arg;
	enum state state = GOOD;
	size_t count = 0;

	while ((arg = parse_argument(p, &state))) {
		if (state == LOST || too_many(p))
			return LOST;
		*tail = arg;
		tail = &arg->next;
		if (++count > ARGUMENTS_MAX) {
			complain(p, "'%.*s' has too many arguments (limit: %d)",
			    STR_ARG(n->name), ARGUMENTS_MAX);
			return LOST;
		}
	}
	if (at(p, TOKEN_TESTS))
		return parse_tests(p, n, depth + 1);
	if (!at(p, TOKEN_IDENTIFIER))
		return GOOD;
	if (too_deep(p, depth + 1, "tests"))
		return LOST;
	return parse_test(p, &n->tests, depth + 1);
}

static enum state parse_commands(
    struct parser *p, struct sieve_node **tail, unsigned depth);

/* At "{". */
static enum state
parse_block(struct parser *p, struct sieve_node *n, unsigned depth)
{
	bool deep = too_deep(p, depth, "blocks");

	next(p);
	n->has_block = true;
	if (deep || parse_commands(p, &n->block, depth) == LOST) {
		if (recover(p, TOKEN_BLOCK_END) == LOST)
			return LOST;
	} else if (!at(p, TOKEN_BLOCK_END)) {
		complain(p, "expected the end of the block '}', but found %s",
		    sieve_token_name(p->l.token));
		if (recover(p, TOKEN_BLOCK_END) == LOST)
			return LOST;
	}
	next(p);
	return GOOD;
}

static enum state
parse_command(struct parser *p, struct sieve_node *n, unsigned depth)
{
	enum state state = parse_arguments(p, n, 1);

	if (state == GOOD && !at(p, TOKEN_SEMICOLON) && !at(p, TOKEN_BLOCK)) {
		complain(p,
		    "expected the end of the command ';' or a block '{', but "
		    "found %s",
		    sieve_token_name(p->l.token));
		state = LOST;
	}
	if (state == LOST && recover(p, TOKEN_SEMICOLON) == LOST)
		return LOST;
	if (at(p, TOKEN_BLOCK))
		return parse_block(p, n, depth + 1);
	next(p);
	return GOOD;
}

static enum state
parse_commands(struct parser *p, struct sieve_node **tail, unsigned depth)
{
	while (at(p, TOKEN_IDENTIFIER)) {
		if (too_many(p))
			return LOST;
		*tail = new_node(p);
		if (parse_command(p, *tail, depth) == LOST)
			return LOST;
		tail = &(*tail)->next;
	}
	return GOOD;
}

struct sieve_node *
sieve_parse(struct arena *arena, struct str script, struct str source,
    const struct sieve_limits *limits, struct sieve_diags *diags)
{
	struct parser p = { .limits = limits };
	struct sieve_node *commands = NULL;
	unsigned errors = diags->errors;

	sieve_lexer_init(&p.l, arena, script, source, diags);
	next(&p);
	if (parse_commands(&p, &commands, 1) == GOOD && !at(&p, TOKEN_END))
		complain(&p, "expected a command, but found %s",
		    sieve_token_name(p.l.token));
	return diags->errors == errors ? commands : NULL;
}
