/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sieved/args.h"
#include "sieved/frame.h"

/*
 * The input is what a ManageSieve client sends. What is checked beyond
 * memory: commands come out the same however the bytes are cut, what is kept
 * is bounded, and every string that was understood is put out and read back
 * as it was.
 */

#define MAX_LINE 200
#define MAX_LITERAL 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "not true: %s\n", what);
		abort();
	}
}

static void
check_strings(struct arena *a, const struct args *args)
{
	for (size_t i = 0; i < args->n; i++) {
		struct buf out = { 0 };
		struct str back;

		if (args->v[i].kind != ARG_STRING)
			continue;
		put_string(&out, args->v[i].text);
		check(args_string(a, buf_str(&out), &back), "a string");
		check(str_eq(back, args->v[i].text), "the same string");
		buf_fini(&out);
	}
}

static void
check_command(struct str cmd)
{
	struct arena *a = arena_new();
	struct args args;
	struct str alone;

	if (args_parse(a, cmd, &args)) {
		check(args.name.n > 0 && args.n <= ARGS_MAX, "words");
		args_fit(&args, "s?sn");
		args_fit(&args, "*");
		check_strings(a, &args);
	}
	args_string(a, cmd, &alone);
	arena_free(&a);
}

/* Events and commands, one after the other. */
static void
run(struct str in, size_t step, struct buf *out)
{
	struct frame f = { .max_line = MAX_LINE, .max_literal = MAX_LITERAL };
	enum frame_event ev = FRAME_MORE;
	size_t used;

	while (in.n > 0 && ev != FRAME_HOPELESS) {
		ev = frame_feed(&f, str_sub(in, 0, step), &used);
		check(used > 0 && used <= in.n, "progress");
		check(f.cmd.n <= MAX_LITERAL + 3 * MAX_LINE, "bounded");
		in = str_sub(in, used, STR_NPOS);
		if (ev == FRAME_MORE)
			continue;
		if (ev == FRAME_DONE)
			check_command(buf_str(&f.cmd));
		buf_printf(out, "%d %zu ", (int)ev, f.cmd.n);
		buf_putstr(out, buf_str(&f.cmd));
		frame_reset(&f);
	}
	frame_reset(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct buf whole = { 0 }, parts = { 0 };

	run(in, size + 1, &whole);
	for (size_t step = 1; step <= 7; step += 3) {
		buf_clear(&parts);
		run(in, step, &parts);
		check(str_eq(buf_str(&whole), buf_str(&parts)),
		    "however it is cut");
	}
	buf_fini(&whole);
	buf_fini(&parts);
	return 0;
}
