/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_CHECK_H
#define SIEVE_CHECK_H

#include "sieve/program.h"

/*
 * From a tree of words to a tree that can be run: for the checks of verbs.
 * A check reports what is wrong, then returns false.
 */

struct sieve_checker {
	const struct sieve_compiler *compiler;
	const struct sieve_limits *limits;
	struct sieve_program *program;
	struct sieve_script *script;
	struct arena *arena; /* of the program */
	struct sieve_diags *diags;
	struct sieve_caps caps;            /* required so far */
	const struct sieve_node *previous; /* command, in the same block */
	bool chain_broken; /* an elsif without if was reported already */
	bool body;         /* a command other than require came */
	unsigned depth;    /* of blocks */
	unsigned include_depth, includes;
	struct sieve_loop *loops; /* the foreverypart around, innermost first */
	struct sieve_reported *reported; /* tags that nobody knows */
};

/* Each unknown tag of a verb is reported where it stands first. */
struct sieve_reported {
	struct sieve_reported *next;
	const struct sieve_verb *verb;
	struct str word;
};

struct sieve_loop {
	struct sieve_loop *outer;
	const struct sieve_node *node;
	struct str name; /* :name, constant */
};

void sieve_error(struct sieve_checker *c, struct sieve_position at,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void sieve_warning(struct sieve_checker *c, struct sieve_position at,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

void sieve_check_commands(struct sieve_checker *c, struct sieve_node *list);
/* The block of N; for the checks of commands that have one. */
void sieve_check_block(struct sieve_checker *c, struct sieve_node *n);
/* "command" or "test". */
const char *sieve_verb_kind(const struct sieve_verb *v);

/* The argument in a slot, or NULL. */
const struct sieve_arg *sieve_arg(
    const struct sieve_node *n, enum sieve_slot slot);
/* Which of the tags of a slot; NONE if there is none of them. */
int sieve_tag_value(const struct sieve_node *n, enum sieve_slot slot, int none);

/* Has every string of ARG, or its one string, a value that is known now? */
bool sieve_is_constant(const struct sieve_arg *arg);
/* The string if it is constant; else p is NULL. */
struct str sieve_constant(const struct sieve_arg *arg);
/* Report, naming WHAT, unless constant. */
bool sieve_need_constant(struct sieve_checker *c, const struct sieve_node *n,
    const struct sieve_arg *arg, const char *what);
/*
 * Ask VALID about each constant string of ARG (NULL is fine). What it refuses
 * is reported: "WHAT 'TEXT' is invalid: WHY".
 */
bool sieve_check_strings(struct sieve_checker *c, const struct sieve_arg *arg,
    const char *what, bool (*valid)(struct str s, const char **why));

/* Make strings of ARG what they mean: encoded characters and variables. */
bool sieve_check_text(struct sieve_checker *c, struct sieve_text *t);

/* Variables (variables.c, include.c). NULL: reported. */
const struct sieve_variable *sieve_variable(
    struct sieve_checker *c, struct str name, struct sieve_position at);
/* "name" or "global.name" in a constant string. NULL: reported. */
const struct sieve_variable *sieve_variable_named(
    struct sieve_checker *c, const struct sieve_arg *arg);
struct sieve_variable *sieve_variable_find(
    struct sieve_script *s, struct str name);
struct sieve_variable *sieve_variable_add(
    struct sieve_checker *c, struct str name, struct sieve_position at);
bool sieve_variable_name_valid(struct str name); /* an identifier */
/* The number of the global variable; false: too many, reported. */
bool sieve_global(struct sieve_checker *c, struct str name,
    struct sieve_position at, unsigned *number);

/* Warn about constant keys that match what nobody means (hints.c). */
void sieve_hint_keys(struct sieve_checker *c, const struct sieve_node *n,
    const struct sieve_arg *keys);
/* Warn if the command before N in its block ends it. */
void sieve_hint_unreached(struct sieve_checker *c, const struct sieve_node *n);

/* Compile an included script; NULL: reported. ONCE: it may be one of those
 * that are being compiled, since it will not be run again. */
struct sieve_script *sieve_compile_included(struct sieve_checker *c,
    enum sieve_include where, struct str name, bool optional, bool once,
    struct sieve_position at);

/* Validators for sieve_check_strings(). */
bool sieve_valid_field(struct str s, const char **why); /* header name */
/* Warn of names that no header can have: RFC 5228, section 2.4.2.2, allows no
 * error in tests. */
void sieve_check_fields(struct sieve_checker *c, const struct sieve_arg *arg);
bool sieve_valid_address(struct str s, const char **why); /* one mailbox */
bool sieve_valid_mailbox(struct str s, const char **why);
bool sieve_valid_special_use(struct str s, const char **why);

/* Turn on what `require NAME` does; false if it is not available. */
bool sieve_require(struct sieve_checker *c, enum sieve_cap cap);

#endif
