/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "mime/decode.h"

#define TEXT_MAX 1000
/* Versions of the message that a script may make beside its memory. */
#define COPIES 8

struct sieve_run *
sieve_run_new(const struct sieve_input *in)
{
	struct sieve_run *r = mem_zalloc(sizeof(*r));

	r->in = in;
	r->limits = in->limits ? in->limits : &sieve_limits_default;
	r->arena = arena_new();
	r->scratch = arena_new();
	r->message = sieve_message_new(r->arena, in->message);
	r->implicit_keep = true;
	r->nflags = in->event.nflags;
	r->flags = arena_array(r->arena, r->nflags, sizeof(*r->flags));
	for (size_t i = 0; i < r->nflags; i++)
		r->flags[i] = in->event.flags[i];
	return r;
}

void
sieve_run_free(struct sieve_run **run)
{
	struct sieve_run *r = *run;

	if (!r)
		return;
	for (size_t i = 0; i < r->nprograms; i++)
		sieve_program_unref(&r->programs[i]);
	arena_free(&r->scratch);
	arena_free(&r->arena);
	free(r);
	*run = NULL;
}

const struct sieve_diag *
sieve_run_error(const struct sieve_run *r)
{
	return &r->error;
}

uint64_t
sieve_run_instructions(const struct sieve_run *r)
{
	return r->instructions;
}

/* ------------------------------------------------------------------------
 * Failing, and what people are told
 */

static struct str
format(struct arena *a, const char *fmt, va_list ap)
{
	char text[TEXT_MAX];
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	struct str s = { text, n < TEXT_MAX ? (size_t)n : TEXT_MAX - 1 };
	struct buf clean = { 0 };

	mime_to_utf8(&clean, STR("utf-8"), s);
	s = arena_str(a, buf_str(&clean));
	buf_fini(&clean);
	return s;
}

void
sieve_fail(struct sieve_run *r, enum sieve_rc rc, const char *fmt, ...)
{
	va_list ap;

	if (r->rc != SIEVE_OK)
		return;
	r->rc = rc;
	r->error.severity = SIEVE_ERROR;
	if (r->frame)
		r->error.script = r->frame->script->name;
	if (r->at) {
		r->error.line = r->at->at.line;
		r->error.column = r->at->at.column;
	}
	va_start(ap, fmt);
	r->error.text = format(r->arena, fmt, ap);
	va_end(ap);
}

bool
sieve_charge(struct sieve_run *r, uint64_t n)
{
	r->instructions += n;
	if (r->instructions > r->limits->instructions)
		sieve_fail(r, SIEVE_LIMIT,
		    "the script takes too long: more than the limit of %" PRIu64
		    " instructions",
		    r->limits->instructions);
	else if (arena_used(r->arena) >
		 r->limits->memory + COPIES * r->in->message.n)
		sieve_fail(r, SIEVE_LIMIT,
		    "the script needs more memory than the limit of %zu octets",
		    r->limits->memory);
	else
		return true;
	return false;
}

void
sieve_no_answer(struct sieve_run *r, const char *what)
{
	sieve_fail(r, SIEVE_TEMPORARY, "%s cannot be asked now", what);
}

void
sieve_trace(struct sieve_run *r, const char *fmt, ...)
{
	const struct sieve_host *h = r->in->host;
	va_list ap;

	if (!h->trace)
		return;
	va_start(ap, fmt);
	h->trace(h->arg, r->depth, r->at ? r->at->at.line : 0,
	    format(r->arena, fmt, ap));
	va_end(ap);
}

void
sieve_log(struct sieve_run *r, const char *fmt, ...)
{
	const struct sieve_host *h = r->in->host;
	va_list ap;

	if (!h->log)
		return;
	va_start(ap, fmt);
	h->log(h->arg, format(r->arena, fmt, ap));
	va_end(ap);
}

/* ------------------------------------------------------------------------
 * Commands and tests
 */

static const char *
answer_name(enum sieve_answer a)
{
	return a == SIEVE_YES ? "true" : a == SIEVE_NO ? "false" : "failed";
}

enum sieve_answer
sieve_run_test(struct sieve_run *r, const struct sieve_node *test)
{
	const struct sieve_node *outer = r->at;
	enum sieve_answer answer;

	r->at = test;
	if (!sieve_charge(r, 1))
		return SIEVE_FAILED;
	r->depth++;
	answer = test->verb->test(r, test);
	r->depth--;
	if (r->rc != SIEVE_OK)
		answer = SIEVE_FAILED;
	sieve_trace(r, "test %s: %s", test->verb->name, answer_name(answer));
	if (answer != SIEVE_FAILED)
		r->at = outer;
	return answer;
}

enum sieve_flow
sieve_run_block(struct sieve_run *r, const struct sieve_node *list)
{
	enum sieve_flow flow = FLOW_NEXT;

	for (const struct sieve_node *n = list; n && flow == FLOW_NEXT;
	     n = n->next) {
		r->at = n;
		if (!sieve_charge(r, 1))
			return FLOW_FAILED;
		sieve_trace(r, "%s", n->verb->name);
		r->depth++;
		flow = n->verb->run(r, n);
		r->depth--;
		if (r->rc != SIEVE_OK)
			flow = FLOW_FAILED;
	}
	return flow;
}

enum sieve_flow
sieve_run_script(struct sieve_run *r, const struct sieve_script *s)
{
	struct sieve_frame frame = { .caller = r->frame, .script = s };
	enum sieve_flow flow;

	frame.variables =
	    arena_array(r->arena, s->nlocal, sizeof(*frame.variables));
	r->frame = &frame;
	flow = sieve_run_block(r, s->commands);
	r->frame = frame.caller;
	return flow == FLOW_RETURN ? FLOW_NEXT : flow;
}

/* ------------------------------------------------------------------------
 * Scripts in a row
 */

static void
hold(struct sieve_run *r, struct sieve_program *p)
{
	r->programs = arena_grow(r->arena, r->programs, r->nprograms,
	    &r->programs_cap, sizeof(struct sieve_program *));
	r->programs[r->nprograms++] = sieve_program_ref(p);
}

/* What is left of a script that failed: the message as it was before. */
static void
undo(struct sieve_run *r, struct sieve_message *message, struct str *flags,
    size_t nflags)
{
	r->nactions = r->first;
	r->message = message;
	r->flags = flags;
	r->nflags = nflags;
	r->implicit_keep = true;
}

enum sieve_rc
sieve_run_next(struct sieve_run *r, struct sieve_program *p)
{
	struct sieve_message *message = r->message;
	struct str *flags = r->flags;
	size_t nflags = r->nflags;

	if (r->rc != SIEVE_OK)
		return r->rc;
	hold(r, p);
	r->program = p;
	r->globals = arena_array(r->arena, p->nglobals, sizeof(*r->globals));
	r->included = arena_array(r->arena, p->nscripts, sizeof(*r->included));
	sieve_forget_keep(r);
	r->finished = false;
	r->implicit_keep = true;
	r->first = r->nactions;
	if (sieve_run_script(r, p->scripts) == FLOW_FAILED)
		undo(r, message, flags, nflags);
	return r->rc;
}

bool
sieve_run_keeps(const struct sieve_run *r)
{
	if (r->implicit_keep)
		return true;
	for (size_t i = 0; i < r->nactions; i++) {
		if (r->actions[i].kind == SIEVE_ACT_KEEP)
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------------
 * Arguments
 */

static struct str
piece_value(struct sieve_run *r, const struct sieve_piece *p)
{
	struct str out = STR_NULL;

	switch (p->kind) {
	case PIECE_TEXT:
		return p->text;
	case PIECE_VARIABLE:
		return r->frame->variables[p->number];
	case PIECE_GLOBAL:
		return r->globals[p->number];
	case PIECE_MATCH:
		return p->number < r->frame->nmatch ? r->frame->match[p->number]
						    : STR_NULL;
	case PIECE_ENVIRONMENT:
	case PIECE_EXTRA:
		sieve_environment(r, p->text, &out);
		return out;
	}
	return out;
}

static struct str
text_value(struct sieve_run *r, const struct sieve_text *t)
{
	struct buf out = { 0 };
	struct str value;

	if (t->npieces == 0)
		return t->text.p ? t->text : STR("");
	for (size_t i = 0; i < t->npieces; i++)
		buf_putstr(&out, piece_value(r, &t->pieces[i]));
	if (!sieve_charge(r, out.n / 64))
		out.n = 0;
	value = arena_str(r->arena, buf_str(&out));
	buf_fini(&out);
	return value;
}

struct str
sieve_string(struct sieve_run *r, const struct sieve_arg *arg)
{
	if (!arg || arg->ntexts == 0)
		return STR("");
	return text_value(r, &arg->texts[0]);
}

struct strs
sieve_list(struct sieve_run *r, const struct sieve_arg *arg)
{
	struct str *v;

	if (!arg || arg->ntexts == 0)
		return (struct strs){ NULL, 0 };
	if (arg->values)
		return (struct strs){ arg->values, arg->ntexts };
	v = arena_array(r->arena, arg->ntexts, sizeof(*v));
	for (size_t i = 0; i < arg->ntexts; i++)
		v[i] = text_value(r, &arg->texts[i]);
	return (struct strs){ v, arg->ntexts };
}

void
sieve_variable_set(
    struct sieve_run *r, const struct sieve_variable *v, struct str value)
{
	struct str *to = v->global ? &r->globals[v->number]
				   : &r->frame->variables[v->number];

	if (value.n > r->limits->variable) {
		value.n = r->limits->variable;
		while (
		    value.n > 0 && ((uint8_t)value.p[value.n] & 0xc0) == 0x80)
			value.n--; /* not inside a character */
	}
	*to = arena_str(r->arena, value);
	sieve_trace(r, "variable %.*s = \"%.*s\"", STR_ARG(v->name),
	    value.n > 200 ? 200 : (int)value.n, value.n ? value.p : "");
}
