/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fs.h"
#include "sieve/sieve.h"

/*
 * What lib/sieve costs: "sieve_bench SCRIPT [MAIL]" compiles the script, and
 * runs it over each message of a file as bench/corpus.py writes them, with a
 * world that says no to everything. One line of JSON: milliseconds a
 * compilation, microseconds a message; the best of ROUNDS rounds.
 */

#define ROUNDS 15
#define ROUND_US 50000

struct task {
	struct str script;
	struct str *mails;
	size_t nmails;
	struct sieve_program *program;
};

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "sieve_bench: %s: %s\n", what, why);
	exit(1);
}

static struct sieve_program *
compile(struct str script)
{
	struct sieve_compiler c = { .caps = sieve_caps_default() };
	struct arena *a = arena_new();
	struct sieve_diags diags = { 0 };
	struct sieve_program *p =
	    sieve_compile(&c, STR("bench"), script, a, &diags);
	struct buf text = { 0 };

	if (!p) {
		sieve_diags_print(&text, &diags);
		fail("the script has errors", buf_cstr(&text));
	}
	arena_free(&a);
	return p;
}

static void
compile_once(const struct task *t)
{
	struct sieve_program *p = compile(t->script);

	sieve_program_unref(&p);
}

static void
run_mail(struct sieve_program *p, struct str raw)
{
	static const struct sieve_host host = { 0 };
	const struct sieve_input in = {
		.message = raw,
		.envelope = { .from = STR("sender@elsewhere.test"),
		    .to = STR("user1@example.test") },
		.user = { .address = STR("user1@example.test"),
		    .delimiters = STR("+") },
		.host = &host,
	};
	struct sieve_run *r = sieve_run_new(&in);
	const struct sieve_action *actions;

	if (sieve_run_next(r, p) != SIEVE_OK ||
	    sieve_run_actions(r, &actions) == 0)
		fail("the script does not run", "see its rules");
	sieve_run_free(&r);
}

static void
run_mails(const struct task *t)
{
	for (size_t i = 0; i < t->nmails; i++)
		run_mail(t->program, t->mails[i]);
}

static double
best_us(const struct task *t, void (*once)(const struct task *))
{
	double best = 0;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t start = clock_mono_us(), us = 0;
		unsigned n = 0;

		for (; us < ROUND_US; n++) {
			once(t);
			us = clock_mono_us() - start;
		}
		if (round == 0 || (double)us / n < best)
			best = (double)us / n;
	}
	return best;
}

static void
read_mails(struct task *t, struct arena *a, struct str file)
{
	struct str size;
	size_t cap = 0;
	uint64_t n;

	while (file.n > 0) {
		if (!str_split(&file, '\n', &size) || !str_u64(size, &n) ||
		    n > file.n)
			fail("the messages", "not a file of messages");
		t->mails =
		    arena_grow(a, t->mails, t->nmails, &cap, sizeof(*t->mails));
		t->mails[t->nmails++] = str_sub(file, 0, n);
		file = str_sub(file, n, SIZE_MAX);
	}
}

static struct str
contents(const char *path, struct buf *out)
{
	struct err e = ERR_INIT;

	if (!fs_read(path, SIZE_MAX / 2, out, &e))
		fail(path, e.msg);
	return buf_str(out);
}

int
main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct buf script = { 0 }, mail = { 0 };
	struct task t = { 0 };

	if (argc < 2)
		fail("usage", "sieve_bench SCRIPT [MAIL]");
	t.script = contents(argv[1], &script);
	t.program = compile(t.script);
	printf("{\"compile_ms\": %.4f", best_us(&t, compile_once) / 1e3);
	if (argc > 2) {
		read_mails(&t, a, contents(argv[2], &mail));
		printf(", \"run_us\": %.3f",
		    best_us(&t, run_mails) / (double)t.nmails);
	}
	puts("}");
	sieve_program_unref(&t.program);
	buf_fini(&script);
	buf_fini(&mail);
	arena_free(&a);
	return 0;
}
