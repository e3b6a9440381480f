/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/run.h"

/*
 * pipe, filter, execute of vnd.dovecot.*: programs that an administrator put
 * into a folder; and debug_log.
 */

#define ARGUMENTS_MAX 16
#define ARGUMENT_MAX 1024

static const struct sieve_tag pipe_tags[] = {
	{ "try", CAP_DOVECOT_PIPE, SLOT_TRY, 0, 0 },
	{ "copy", CAP_COPY, SLOT_COPY, 0, 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

enum { INPUT_TEXT, INPUT_MESSAGE };
static const struct sieve_tag execute_tags[] = {
	{ "input", CAP_DOVECOT_EXECUTE, SLOT_INPUT, 's', INPUT_TEXT },
	{ "pipe", CAP_DOVECOT_EXECUTE, SLOT_INPUT, 0, INPUT_MESSAGE },
	{ "output", CAP_VARIABLES, SLOT_OUTPUT, 's', 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static bool
valid_program(struct str s, const char **why)
{
	*why = "a program is a name without '/', '.' in front and control "
	       "characters";
	return sieve_name_valid(s) && s.n <= 128 && s.p[0] != '.';
}

static bool
valid_argument(struct str s, const char **why)
{
	*why = "an argument has no line ends and NULs, and at most 1024 octets";
	if (s.n > ARGUMENT_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n')
			return false;
	}
	return true;
}

static bool
check_program(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *args = sieve_arg(n, SLOT_2);

	if (args && args->ntexts > ARGUMENTS_MAX) {
		sieve_error(c, args->at,
		    "more arguments for a program than the limit of %d",
		    ARGUMENTS_MAX);
		return false;
	}
	return sieve_check_strings(
		   c, sieve_arg(n, SLOT_1), "program name", valid_program) &&
	       sieve_check_strings(c, args, "argument", valid_argument);
}

static bool
check_execute(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *output = sieve_tag_arg(n, SLOT_OUTPUT);

	if (!check_program(c, n))
		return false;
	if (output) {
		n->more = sieve_variable_named(c, output);
		return n->more != NULL;
	}
	return true;
}

/* Name and arguments as they are now; false: reported. */
static bool
program_of(
    struct sieve_run *r, const struct sieve_node *n, struct sieve_execution *x)
{
	struct strs args = sieve_list(r, sieve_arg(n, SLOT_2));
	const char *why;

	x->program = sieve_string(r, sieve_arg(n, SLOT_1));
	x->args = args.v;
	x->nargs = args.n;
	if (!valid_program(x->program, &why)) {
		sieve_fail(r, SIEVE_FAULT, "program name '%.*s' is invalid: %s",
		    STR_ARG(x->program), why);
		return false;
	}
	for (size_t i = 0; i < args.n; i++) {
		if (valid_argument(args.v[i], &why))
			continue;
		sieve_fail(r, SIEVE_FAULT, "argument %zu of '%.*s': %s", i + 1,
		    STR_ARG(x->program), why);
		return false;
	}
	return true;
}

static enum sieve_flow
run_pipe(struct sieve_run *r, const struct sieve_node *n)
{
	struct sieve_action a = { .kind = SIEVE_ACT_PIPE,
		.copy = sieve_arg(n, SLOT_COPY) != NULL };
	struct sieve_execution x = { 0 };

	if (!program_of(r, n, &x))
		return FLOW_FAILED;
	a.pipe.program = x.program;
	a.pipe.args = x.args;
	a.pipe.nargs = x.nargs;
	a.pipe.ignore_failure = sieve_arg(n, SLOT_TRY) != NULL;
	if (!a.copy)
		r->implicit_keep = false;
	return sieve_action_add(r, n, &a) ? FLOW_NEXT : FLOW_FAILED;
}

static enum sieve_answer
execute(struct sieve_run *r, const struct sieve_execution *x, struct buf *out)
{
	const struct sieve_host *h = r->in->host;
	enum sieve_answer a;

	if (!sieve_charge(r, 1000 + x->input.n / 64))
		return SIEVE_FAILED;
	a = h->execute ? h->execute(h->arg, x, out) : SIEVE_NO;
	if (a == SIEVE_FAILED && !r->at->verb->test) {
		sieve_no_answer(r, "a program of the administrator");
		return a;
	}
	return a == SIEVE_YES ? a : SIEVE_NO; /* a test asks just that */
}

/* filter is a command and a test: did it work? The message becomes what the
 * program wrote, unless that is nothing. */
static enum sieve_answer
test_filter(struct sieve_run *r, const struct sieve_node *n)
{
	struct sieve_execution x = { .kind = SIEVE_FILTER,
		.input = sieve_message_raw(r->message),
		.want_output = true };
	struct buf out = { 0 };
	enum sieve_answer a;

	if (!program_of(r, n, &x))
		return SIEVE_FAILED;
	a = execute(r, &x, &out);
	if (a == SIEVE_YES && out.n > 0)
		r->message = sieve_message_new(
		    r->arena, arena_str(r->arena, buf_str(&out)));
	buf_fini(&out);
	return a;
}

static enum sieve_flow
run_filter(struct sieve_run *r, const struct sieve_node *n)
{
	return test_filter(r, n) == SIEVE_FAILED ? FLOW_FAILED : FLOW_NEXT;
}

static enum sieve_answer
test_execute(struct sieve_run *r, const struct sieve_node *n)
{
	struct sieve_execution x = { .kind = SIEVE_EXECUTE,
		.want_output = n->more != NULL };
	struct buf out = { 0 };
	enum sieve_answer a;

	if (!program_of(r, n, &x))
		return SIEVE_FAILED;
	if (sieve_tag_value(n, SLOT_INPUT, -1) == INPUT_TEXT)
		x.input = sieve_string(r, sieve_tag_arg(n, SLOT_INPUT));
	else if (sieve_arg(n, SLOT_INPUT))
		x.input = sieve_message_raw(r->message);
	a = execute(r, &x, &out);
	if (a == SIEVE_YES && n->more)
		sieve_variable_set(r, n->more, buf_str(&out));
	buf_fini(&out);
	return a;
}

static enum sieve_flow
run_execute(struct sieve_run *r, const struct sieve_node *n)
{
	return test_execute(r, n) == SIEVE_FAILED ? FLOW_FAILED : FLOW_NEXT;
}

static enum sieve_flow
run_debug_log(struct sieve_run *r, const struct sieve_node *n)
{
	struct str text = sieve_string(r, sieve_arg(n, SLOT_1));

	sieve_log(r, "%.*s", STR_ARG(text));
	return FLOW_NEXT;
}

#define PARAMS                                                                 \
	{                                                                      \
		{ 's', "program name" },                                       \
		{                                                              \
			'l', "arguments"                                       \
		}                                                              \
	}

const struct sieve_verb sieve_verbs_program[] = {
	{ .name = "pipe",
	    .cap = CAP_DOVECOT_PIPE,
	    .params = PARAMS,
	    .optional_last = true,
	    .tags = { pipe_tags },
	    .check = check_program,
	    .run = run_pipe },
	{ .name = "filter",
	    .cap = CAP_DOVECOT_FILTER,
	    .params = PARAMS,
	    .optional_last = true,
	    .check = check_program,
	    .run = run_filter },
	{ .name = "filter",
	    .cap = CAP_DOVECOT_FILTER,
	    .params = PARAMS,
	    .optional_last = true,
	    .check = check_program,
	    .test = test_filter },
	{ .name = "execute",
	    .cap = CAP_DOVECOT_EXECUTE,
	    .params = PARAMS,
	    .optional_last = true,
	    .tags = { execute_tags },
	    .check = check_execute,
	    .run = run_execute },
	{ .name = "execute",
	    .cap = CAP_DOVECOT_EXECUTE,
	    .params = PARAMS,
	    .optional_last = true,
	    .tags = { execute_tags },
	    .check = check_execute,
	    .test = test_execute },
	{ .name = "debug_log",
	    .cap = CAP_DOVECOT_DEBUG,
	    .params = { { 's', "text" } },
	    .run = run_debug_log },
	{ .name = NULL },
};
