/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_test.h"

#include <stdio.h>

/*
 * Scripts that a test file compiles and runs. The result, a list of actions,
 * is that of the scripts run since it was last reset, or that of the commands
 * of the file itself; executing it twice does what is new the second time.
 */

void
test_error_add(struct tester *t, struct str text)
{
	if (t->trace)
		printf("  error: %.*s\n", STR_ARG(text));
	test_list_add(t->arena, &t->errors, text);
}

static void
clear_errors(struct tester *t)
{
	t->errors.n = 0;
}

/* ------------------------------------------------------------------------
 * Compiling
 */

struct sieve_caps
test_caps(void)
{
	struct sieve_caps caps = { 0 };

	for (int cap = CAP_BASE + 1; cap < CAP_COUNT; cap++)
		sieve_caps_add(&caps, (enum sieve_cap)cap);
	return caps;
}

static void
take_diags(struct tester *t, const struct sieve_diags *d)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].severity == SIEVE_ERROR)
			test_error_add(t, d->v[i].text);
	}
	if (d->errors > 0) /* Pigeonhole closes with such a line */
		test_error_add(t, STR("the script did not compile"));
}

static struct sieve_program *
compile_source(struct tester *t, struct str name, struct str source)
{
	struct sieve_compiler c = {
		.caps = test_caps(),
		.limits = &t->config.limits,
		.load = sieve_folders_load,
		.load_arg = &t->folders,
		.language = &test_language,
	};
	struct sieve_diags diags = { 0 };
	struct sieve_program *p =
	    sieve_compile(&c, name, source, t->arena, &diags);

	take_diags(t, &diags);
	return p;
}

static struct sieve_program *
compile(struct tester *t, struct str path)
{
	struct str full =
	    arena_printf(t->arena, "%.*s/%.*s", STR_ARG(t->dir), STR_ARG(path));
	struct err e = ERR_INIT;
	struct str source;

	if (sieve_source_read(t->arena, full, &source, &e))
		return compile_source(t, sieve_path_name(path), source);
	test_error_add(t, arena_str(t->arena, str_of(e.msg)));
	return NULL;
}

static bool
take_program(struct tester *t, struct sieve_program *p)
{
	if (!p)
		return false;
	sieve_program_unref(&t->compiled);
	t->compiled = p;
	return true;
}

bool
test_compile(struct tester *t, struct str path)
{
	clear_errors(t);
	return take_program(t, compile(t, path));
}

bool
test_compile_source(struct tester *t, struct str source)
{
	clear_errors(t);
	return take_program(t, compile_source(t, STR("script"), source));
}

void
test_binary_save(struct tester *t, struct str name)
{
	struct test_binary *b;

	if (!t->compiled)
		return;
	b = ARENA_NEW(t->arena, struct test_binary);
	b->name = arena_str(t->arena, name);
	b->program = sieve_program_ref(t->compiled);
	b->next = t->binaries;
	t->binaries = b;
}

bool
test_binary_load(struct tester *t, struct str name)
{
	for (struct test_binary *b = t->binaries; b; b = b->next) {
		if (!str_eq(b->name, name))
			continue;
		sieve_program_unref(&t->compiled);
		t->compiled = sieve_program_ref(b->program);
		return true;
	}
	return false;
}

void
test_script_fini(struct tester *t)
{
	for (struct test_binary *b = t->binaries; b; b = b->next)
		sieve_program_unref(&b->program);
	sieve_program_unref(&t->compiled);
	sieve_run_free(&t->sub);
}

/* ------------------------------------------------------------------------
 * Running
 */

static void
new_run(struct tester *t)
{
	struct sieve_input *in = ARENA_NEW(t->arena, struct sieve_input);
	struct sieve_limits *limits = ARENA_NEW(t->arena, struct sieve_limits);

	*in = t->in;
	*limits = t->config.limits;
	in->limits = limits;
	t->sub = sieve_run_new(in);
	t->sub->extra = t;
	t->sub->flags =
	    arena_array(t->sub->arena, t->flags.n, sizeof(struct str));
	for (size_t i = 0; i < t->flags.n; i++)
		t->sub->flags[i] = t->flags.v[i];
	t->sub->nflags = t->flags.n;
}

/* What the next script forgets of what was carried out. */
static size_t
kept_before(const struct sieve_run *r, size_t executed)
{
	size_t n = 0;

	for (size_t i = 0; i < executed; i++)
		n += r->actions[i].kind == SIEVE_ACT_KEEP;
	return n;
}

static bool
run_program(struct tester *t, struct sieve_program *p)
{
	enum sieve_rc rc;

	t->executed -= kept_before(t->sub, t->executed);
	t->sub_failed = false;
	rc = sieve_run_next(t->sub, p);
	if (rc == SIEVE_OK)
		return !t->sub_failed;
	test_error_add(t, arena_str(t->arena, sieve_run_error(t->sub)->text));
	return false;
}

bool
test_run(struct tester *t, bool append)
{
	clear_errors(t);
	if (!append)
		test_reset(t);
	if (!t->compiled) {
		test_error_add(t, STR("no script was compiled"));
		return false;
	}
	if (!t->sub)
		new_run(t);
	return run_program(t, t->compiled);
}

/* ------------------------------------------------------------------------
 * The result
 */

struct sieve_run *
test_result(struct tester *t)
{
	return t->sub ? t->sub : t->main;
}

void
test_reset(struct tester *t)
{
	struct sieve_run *r = t->main;

	sieve_run_free(&t->sub);
	t->executed = 0;
	t->kept = false;
	r->nactions = r->first = 0;
	r->redirects = r->notifications = 0;
	r->implicit_keep = true;
	r->finished = false;
	r->message = sieve_message_new(t->arena, t->in.message);
	r->flags = arena_array(t->arena, t->flags.n, sizeof(struct str));
	for (size_t i = 0; i < t->flags.n; i++)
		r->flags[i] = t->flags.v[i];
	r->nflags = t->flags.n;
}

bool
test_execute(struct tester *t)
{
	struct sieve_run *r = test_result(t), rest = *r;
	struct sieve_sink sink = test_sink(t);
	enum sieve_rc rc;

	clear_errors(t);
	if (t->executed > 0) {
		rest.actions += t->executed;
		rest.nactions -= t->executed;
		rest.actions_cap -= t->executed;
		rest.implicit_keep = r->implicit_keep && !t->kept;
	}
	t->kept |= rest.implicit_keep;
	rc = sieve_execute(&rest, &t->config.sender, &sink);
	t->executed = r->nactions;
	if (rc == SIEVE_OK)
		return true;
	test_error_add(t, arena_str(t->arena, rest.error.text));
	return false;
}

bool
test_multiscript(struct tester *t, struct strs scripts)
{
	bool good = true;

	clear_errors(t);
	test_reset(t);
	new_run(t);
	for (size_t i = 0; i < scripts.n; i++) {
		struct sieve_program *p;

		if (i > 0 && !sieve_run_keeps(t->sub))
			break;
		p = compile(t, scripts.v[i]);
		good = p && run_program(t, p);
		sieve_program_unref(&p);
		if (!good)
			break;
	}
	return test_execute(t) && good;
}
