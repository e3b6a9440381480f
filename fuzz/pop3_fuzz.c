/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pop3d/line.h"
#include "pop3d/wire.h"

/*
 * The input is a command line, and it is a message. What is checked beyond
 * memory: a message comes out the same however it is cut, a client that
 * undoes it finds the end where it is and nowhere else, and TOP is its
 * beginning.
 */

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
check_line(struct str in)
{
	struct str line = str_sub(in, 0, str_chr(in, '\n'));

	for (int shape = ARGS_NONE; shape <= ARGS_TEXT_OPT; shape++) {
		struct args args;
		struct str keyword = line_keyword(line, &args);

		check(keyword.n + args.text.n <= line.n, "parts of the line");
		line_args((enum shape)shape, &args);
	}
}

static void
encode(struct str in, uint64_t lines, size_t step, struct buf *out)
{
	struct wire w;

	wire_init(&w, lines);
	for (size_t at = 0; at < in.n; at += step)
		wire_put(&w, str_sub(in, at, step), out);
	wire_end(&w, out);
}

/* Whole lines, and only the last one is a dot alone. */
static void
check_response(struct str s)
{
	struct str rest = s, line;

	check(s.n >= 3 && memcmp(s.p + s.n - 3, ".\r\n", 3) == 0, "ends");
	while (rest.n > 0) {
		size_t lf = str_chr(rest, '\n');

		check(lf != STR_NPOS && lf > 0 && rest.p[lf - 1] == '\r',
		    "lines end in CR LF");
		line = str_sub(rest, 0, lf - 1);
		rest = str_sub(rest, lf + 1, STR_NPOS);
		check(!str_eqc(line, ".") || rest.n == 0, "one end");
	}
}

static void
check_message(struct str in)
{
	struct buf whole = { 0 }, parts = { 0 }, top = { 0 };

	encode(in, WIRE_ALL, in.n + 1, &whole);
	check_response(buf_str(&whole));
	for (size_t step = 1; step <= 7; step += 2) {
		buf_clear(&parts);
		encode(in, WIRE_ALL, step, &parts);
		check(str_eq(buf_str(&whole), buf_str(&parts)), "same text");
	}
	for (uint64_t lines = 0; lines < 4; lines++) {
		buf_clear(&top);
		encode(in, lines, 3, &top);
		check_response(buf_str(&top));
		check(str_starts(buf_str(&whole),
			  str_sub(buf_str(&top), 0, top.n - 3)),
		    "TOP is the beginning");
	}
	buf_fini(&whole);
	buf_fini(&parts);
	buf_fini(&top);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };

	check_line(in);
	check_message(in);
	return 0;
}
