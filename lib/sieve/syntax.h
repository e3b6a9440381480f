/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_SYNTAX_H
#define SIEVE_SYNTAX_H

#include <inttypes.h>
#include <stdarg.h>

#include "sieve/language.h"

struct sieve_regex;

/*
 * The grammar of RFC 5228, section 8: source to tokens to a tree. The parser
 * goes on after an error, where the next command may begin, and says each
 * thing once.
 */

struct sieve_position {
	unsigned line, column; /* from 1 */
};

/* ------------------------------------------------------------------------
 * Tokens
 */

enum sieve_token {
	TOKEN_END,
	TOKEN_ERROR, /* reported already */
	TOKEN_IDENTIFIER,
	TOKEN_TAG,
	TOKEN_NUMBER,
	TOKEN_STRING,
	TOKEN_COMMA,
	TOKEN_SEMICOLON,
	TOKEN_LIST, /* [ */
	TOKEN_LIST_END,
	TOKEN_TESTS, /* ( */
	TOKEN_TESTS_END,
	TOKEN_BLOCK, /* { */
	TOKEN_BLOCK_END,
};

struct sieve_lexer {
	const char *p, *end, *line_start;
	unsigned line;
	struct arena *arena;
	struct sieve_diags *diags;
	struct str script;
	/* The token: */
	enum sieve_token token;
	struct sieve_position at;
	struct str text; /* of identifiers, tags (no colon) and strings */
	uint64_t number;
};

void sieve_lexer_init(struct sieve_lexer *l, struct arena *arena,
    struct str script, struct str source, struct sieve_diags *diags);
/* Go to the next token. */
void sieve_lexer_next(struct sieve_lexer *l);
/* "string", "';'", "end of file": for messages. */
const char *sieve_token_name(enum sieve_token t);

/* ------------------------------------------------------------------------
 * The tree
 */

/* A string: text, or pieces to be put together at run time. */
enum sieve_piece_kind {
	PIECE_TEXT,
	PIECE_VARIABLE,    /* number of a variable of this script */
	PIECE_GLOBAL,      /* name: ${global.x} (RFC 6609) */
	PIECE_MATCH,       /* ${1} */
	PIECE_ENVIRONMENT, /* name: ${env.x} of vnd.dovecot.environment */
	PIECE_EXTRA,       /* name: of an added language: ${tst.x} */
};
struct sieve_piece {
	enum sieve_piece_kind kind;
	struct str text;
	unsigned number;
};
struct sieve_text {
	struct str text;
	const struct sieve_piece *pieces;
	size_t npieces;            /* 0: it is constant */
	struct sieve_regex *regex; /* of a constant key of :regex */
	struct sieve_position at;
};

enum sieve_arg_kind { ARG_TAG, ARG_NUMBER, ARG_STRING, ARG_LIST };

/* What a run looks at comes first. */
struct sieve_arg {
	struct sieve_arg *next;
	bool placed; /* by the checker: SLOT is good */
	enum sieve_slot slot;
	const struct sieve_tag *def;   /* of tags */
	const struct sieve_arg *value; /* what the tag takes */
	const struct str *values;      /* of texts that all are constant */
	size_t ntexts;                 /* 1 of ARG_STRING */
	struct sieve_text *texts;
	uint64_t number;
	struct str tag;
	enum sieve_arg_kind kind;
	struct sieve_position at;
};

/* Tests whose answer is known when the script is compiled (ihave). */
enum sieve_constant { TEST_OPEN, TEST_NEVER, TEST_ALWAYS };

struct sieve_node {
	struct sieve_node *next;       /* in its block or list of tests */
	const struct sieve_verb *verb; /* by the checker */
	struct sieve_arg *args;
	struct sieve_node *tests;
	struct sieve_node *block;
	/* By the checker: */
	const void *more;             /* what its check prepared for its run */
	enum sieve_constant constant; /* of tests */
	bool settled;                 /* a branch that can never be reached */
	bool test_list;               /* parentheses */
	bool has_block;
	struct sieve_position at;
	struct str name;
};

/* The commands of a script; NULL if there are none, or errors (in DIAGS). */
struct sieve_node *sieve_parse(struct arena *arena, struct str script,
    struct str source, const struct sieve_limits *limits,
    struct sieve_diags *diags);

/* ------------------------------------------------------------------------
 * Messages
 */

/* All of it is copied into the arena of D. */
void sieve_diag_add(struct sieve_diags *d, enum sieve_severity severity,
    struct str script, struct sieve_position at, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void sieve_diag_addv(struct sieve_diags *d, enum sieve_severity severity,
    struct str script, struct sieve_position at, const char *fmt, va_list ap)
    __attribute__((format(printf, 5, 0)));

#endif
