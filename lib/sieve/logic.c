/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/run.h"

/* true, false, not, allof, anyof (RFC 5228, section 5) and ihave (RFC 5463). */

static enum sieve_answer
test_true(struct sieve_run *r, const struct sieve_node *n)
{
	(void)r;
	(void)n;
	return SIEVE_YES;
}

static enum sieve_answer
test_false(struct sieve_run *r, const struct sieve_node *n)
{
	(void)r;
	(void)n;
	return SIEVE_NO;
}

static bool
check_not(struct sieve_checker *c, struct sieve_node *n)
{
	(void)c;
	if (n->tests->constant == TEST_NEVER)
		n->constant = TEST_ALWAYS;
	else if (n->tests->constant == TEST_ALWAYS)
		n->constant = TEST_NEVER;
	return true;
}

static enum sieve_answer
test_not(struct sieve_run *r, const struct sieve_node *n)
{
	enum sieve_answer a = sieve_run_test(r, n->tests);

	return a == SIEVE_FAILED ? a : a == SIEVE_YES ? SIEVE_NO : SIEVE_YES;
}

/* Is one of the tests so for sure; or all of them? */
static bool
some_test(const struct sieve_node *n, enum sieve_constant value)
{
	for (const struct sieve_node *t = n->tests; t; t = t->next) {
		if (t->constant == value)
			return true;
	}
	return false;
}

static bool
every_test(const struct sieve_node *n, enum sieve_constant value)
{
	for (const struct sieve_node *t = n->tests; t; t = t->next) {
		if (t->constant != value)
			return false;
	}
	return true;
}

static bool
check_allof(struct sieve_checker *c, struct sieve_node *n)
{
	(void)c;
	if (some_test(n, TEST_NEVER))
		n->constant = TEST_NEVER;
	else if (every_test(n, TEST_ALWAYS))
		n->constant = TEST_ALWAYS;
	return true;
}

static bool
check_anyof(struct sieve_checker *c, struct sieve_node *n)
{
	(void)c;
	if (some_test(n, TEST_ALWAYS))
		n->constant = TEST_ALWAYS;
	else if (every_test(n, TEST_NEVER))
		n->constant = TEST_NEVER;
	return true;
}

/* Ask the tests until one answers ENOUGH. */
static enum sieve_answer
ask_until(struct sieve_run *r, const struct sieve_node *n,
    enum sieve_answer enough, enum sieve_answer otherwise)
{
	for (const struct sieve_node *t = n->tests; t; t = t->next) {
		enum sieve_answer a = sieve_run_test(r, t);

		if (a == enough || a == SIEVE_FAILED)
			return a;
	}
	return otherwise;
}

static enum sieve_answer
test_allof(struct sieve_run *r, const struct sieve_node *n)
{
	return ask_until(r, n, SIEVE_NO, SIEVE_YES);
}

static enum sieve_answer
test_anyof(struct sieve_run *r, const struct sieve_node *n)
{
	return ask_until(r, n, SIEVE_YES, SIEVE_NO);
}

/* ------------------------------------------------------------------------
 * ihave: known when the script is compiled, so what it guards is checked only
 * if it can be run.
 */

static bool
available(struct sieve_checker *c, struct str name)
{
	enum sieve_cap cap;

	if (!sieve_cap_find(name, &cap))
		return false;
	/* They change what strings mean, also in what was read already. */
	if (cap == CAP_VARIABLES || cap == CAP_ENCODED_CHARACTER)
		return sieve_caps_has(c->caps, cap);
	return sieve_require(c, cap);
}

static bool
check_ihave(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *names = sieve_arg(n, SLOT_1);
	struct sieve_caps before = c->caps;

	if (!sieve_need_constant(c, n, names, "argument"))
		return false;
	n->constant = TEST_ALWAYS;
	for (size_t i = 0; i < names->ntexts; i++) {
		if (!available(c, names->texts[i].text))
			n->constant = TEST_NEVER;
	}
	if (n->constant == TEST_NEVER)
		c->caps = before;
	return true;
}

static enum sieve_answer
test_ihave(struct sieve_run *r, const struct sieve_node *n)
{
	(void)r;
	return n->constant == TEST_ALWAYS ? SIEVE_YES : SIEVE_NO;
}

/* RFC 5463, section 5. */
static enum sieve_flow
run_error(struct sieve_run *r, const struct sieve_node *n)
{
	struct str text = sieve_string(r, sieve_arg(n, SLOT_1));

	return sieve_fault(r, "%.*s", STR_ARG(text));
}

const struct sieve_verb sieve_verbs_logic[] = {
	{ .name = "true", .test = test_true },
	{ .name = "false", .test = test_false },
	{ .name = "not",
	    .tests = TESTS_ONE,
	    .check = check_not,
	    .test = test_not },
	{ .name = "allof",
	    .tests = TESTS_MANY,
	    .check = check_allof,
	    .test = test_allof },
	{ .name = "anyof",
	    .tests = TESTS_MANY,
	    .check = check_anyof,
	    .test = test_anyof },
	{ .name = "ihave",
	    .cap = CAP_IHAVE,
	    .params = { { 'l', "capabilities" } },
	    .check = check_ihave,
	    .test = test_ihave },
	{ .name = "error",
	    .cap = CAP_IHAVE,
	    .ends = true,
	    .params = { { 's', "message" } },
	    .run = run_error },
	{ .name = NULL },
};
