/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_test.h"

#include <string.h>

#include "ctl/message.h"
#include "program/program.h"

/* Programs that tests run, from the folder that the settings name. */

#define FOR_EVER 3600 /* seconds; what a timeout of 0 comes to */
#define OUTPUT_MAX ((size_t)16 << 20)

static struct program
program_of(struct tester *t, const struct sieve_execution *x, struct str input)
{
	const struct sieve_envelope *e = &t->in.envelope;
	unsigned seconds = t->config.timeout[x->kind];

	return (struct program){
		.dir = arena_cstr(t->arena, t->config.bin_dir[x->kind]),
		.name = x->program,
		.args = x->args,
		.nargs = x->nargs,
		.input = input,
		.seconds = seconds ? seconds : FOR_EVER,
		.max_output = OUTPUT_MAX,
		.user = t->in.user.name,
		.home = STR("/tmp"),
		.sender = e->from,
		.recipient = e->to,
		.orig_recipient = e->orig_to,
		.host = t->in.hostname,
	};
}

/* What is not there fails for now: a command cannot go on without it. */
static enum sieve_answer
answer_of(enum program_rc rc, const struct sieve_execution *x)
{
	if (rc == PROGRAM_OK)
		return SIEVE_YES;
	return rc != PROGRAM_NONE || x->kind == SIEVE_PIPE ? SIEVE_NO
							   : SIEVE_FAILED;
}

enum sieve_answer
test_program(struct tester *t, const struct sieve_execution *x,
    struct buf *output, struct buf *why)
{
	struct buf input = { 0 };
	struct program p;
	enum program_rc rc;
	struct err e = ERR_INIT;

	if (t->config.crlf[x->kind])
		lines_to_crlf(x->input, false, &input);
	else
		lines_to_lf(x->input, &input);
	p = program_of(t, x, buf_str(&input));
	rc = program_run(&p, x->want_output ? output : NULL, &e);
	buf_fini(&input);
	if (rc == PROGRAM_OK)
		return SIEVE_YES;
	/* Pigeonhole has two errors for a pipe that takes too long. */
	if (x->kind == SIEVE_PIPE && strstr(e.msg, "did not end"))
		test_error_add(t, arena_str(t->arena, str_of(e.msg)));
	buf_puts(why, e.msg);
	return answer_of(rc, x);
}
