/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/run.h"

/* require, if, elsif, else, stop (RFC 5228, section 3). */

/* ------------------------------------------------------------------------
 * require
 */

bool
sieve_require(struct sieve_checker *c, enum sieve_cap cap)
{
	static const struct {
		enum sieve_cap cap, implied;
	} implications[] = {
		{ CAP_VACATION_SECONDS, CAP_VACATION }, /* RFC 6131, 2 */
		{ CAP_SPAMTESTPLUS, CAP_SPAMTEST },
		{ CAP_DOVECOT_ENVIRONMENT, CAP_ENVIRONMENT },
	};

	if (!sieve_caps_has(c->compiler->caps, cap) &&
	    cap != CAP_DOVECOT_TESTSUITE)
		return false;
	if (cap == CAP_DOVECOT_TESTSUITE && !c->compiler->language)
		return false;
	sieve_caps_add(&c->caps, cap);
	for (size_t i = 0; i < LEN(implications); i++) {
		if (implications[i].cap == cap)
			sieve_caps_add(&c->caps, implications[i].implied);
	}
	return true;
}

static bool
check_require(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *names = sieve_arg(n, SLOT_1);
	bool good = true;

	if (c->depth > 0 || c->body) {
		sieve_error(
		    c, n->at, "require must stand before all other commands");
		return false;
	}
	if (!sieve_need_constant(c, n, names, "argument"))
		return false;
	for (size_t i = 0; i < names->ntexts; i++) {
		const struct sieve_text *t = &names->texts[i];
		enum sieve_cap cap;

		if (sieve_cap_find(t->text, &cap) && sieve_require(c, cap))
			continue;
		sieve_error(c, t->at, "unknown extension '%.*s' in require",
		    STR_ARG(t->text));
		good = false;
	}
	return good;
}

static enum sieve_flow
run_nothing(struct sieve_run *r, const struct sieve_node *n)
{
	(void)r;
	(void)n;
	return FLOW_NEXT;
}

/* ------------------------------------------------------------------------
 * if
 */

static bool
is_branch(const struct sieve_node *n)
{
	return str_ieqc(n->name, "elsif") || str_ieqc(n->name, "else");
}

static bool
check_if(struct sieve_checker *c, struct sieve_node *n)
{
	sieve_check_block(c, n);
	return true;
}

static bool
check_branch(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_node *p = c->previous;

	if (!p || !(str_ieqc(p->name, "if") || str_ieqc(p->name, "elsif"))) {
		sieve_error(c, n->at, "%s must follow an if or elsif command",
		    n->verb->name);
		return false;
	}
	if (p->settled || (p->tests && p->tests->constant == TEST_ALWAYS))
		n->settled = true; /* an earlier branch is always taken */
	sieve_check_block(c, n);
	return true;
}

/* The whole chain; its other commands do nothing when their turn comes. */
static enum sieve_flow
run_if(struct sieve_run *r, const struct sieve_node *n)
{
	do {
		enum sieve_answer a =
		    n->tests ? sieve_run_test(r, n->tests) : SIEVE_YES;

		if (a == SIEVE_FAILED)
			return FLOW_FAILED;
		if (a == SIEVE_YES)
			return sieve_run_block(r, n->block);
		n = n->next;
	} while (n && is_branch(n));
	return FLOW_NEXT;
}

static enum sieve_flow
run_stop(struct sieve_run *r, const struct sieve_node *n)
{
	(void)r;
	(void)n;
	return FLOW_STOP;
}

const struct sieve_verb sieve_verbs_control[] = {
	{ .name = "require",
	    .params = { { 'l', "extensions" } },
	    .check = check_require,
	    .run = run_nothing },
	{ .name = "if",
	    .tests = TESTS_ONE,
	    .block = true,
	    .check = check_if,
	    .run = run_if },
	{ .name = "elsif",
	    .tests = TESTS_ONE,
	    .block = true,
	    .check = check_branch,
	    .run = run_nothing },
	{ .name = "else",
	    .block = true,
	    .check = check_branch,
	    .run = run_nothing },
	{ .name = "stop", .ends = true, .run = run_stop },
	{ .name = NULL },
};
