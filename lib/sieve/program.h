/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_PROGRAM_H
#define SIEVE_PROGRAM_H

#include <stdatomic.h>

#include "sieve/syntax.h"

/* What the compiler makes: inside lib/sieve. */

struct sieve_variable {
	struct str name;
	bool global; /* NUMBER is of the program's globals */
	unsigned number;
};

/* A script: the one that was compiled, or one it includes. */
struct sieve_script {
	struct sieve_script *next;
	struct str name;
	enum sieve_include where;
	unsigned number; /* within its program */
	struct sieve_node *commands;
	struct sieve_variable *variables;
	size_t nvariables, cap;
	unsigned nlocal;
	bool too_many_variables; /* reported */
	struct sieve_caps caps;
	bool compiling; /* it is being included, directly or not */
	bool missing;   /* there was none when the program was compiled */
	bool failed;    /* it has errors */
};

struct sieve_program {
	atomic_uint references;
	struct arena *arena;
	struct sieve_script *scripts; /* the first one is the main script */
	unsigned nscripts;
	struct str *globals;
	size_t nglobals, globals_cap;
	struct sieve_dependency *dependencies;
	size_t ndependencies, dependencies_cap;
	struct sieve_regex **regexes;
	size_t nregexes, regexes_cap;
	const struct sieve_language *language;
};

#endif
