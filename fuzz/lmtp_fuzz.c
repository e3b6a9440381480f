/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "deliver/dsn.h"
#include "lmtpd/data.h"
#include "lmtpd/envelope.h"

/*
 * The input is taken for the text after DATA and for the arguments of the
 * commands that have some. What is checked beyond memory: the text means the
 * same however it is cut, and what comes out has whole line ends only.
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
collect(void *arg, struct str piece)
{
	check(piece.n > 0, "pieces are not empty");
	buf_putstr(arg, piece);
}

/* All at once, or STEP more bytes at a time. */
static size_t
decode(struct str in, size_t step, struct buf *out, bool *ended)
{
	struct data d;
	size_t used = 0, have = 0;

	data_init(&d);
	while (!d.ended && have < in.n) {
		have = have + step < in.n ? have + step : in.n;
		used += data_decode(
		    &d, str_sub(in, used, have - used), collect, out);
		check(used <= have, "no more used than there is");
		check(d.ended || have - used <= 2, "at most two kept back");
	}
	*ended = d.ended;
	return used;
}

static void
check_lines(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n')
			check(i > 0 && s.p[i - 1] == '\r', "no lone LF");
		if (s.p[i] == '\r')
			check(i + 1 < s.n && s.p[i + 1] == '\n', "no lone CR");
	}
}

static void
check_data(struct str in)
{
	struct buf whole = { 0 }, parts = { 0 };
	bool ended, again;
	size_t used = decode(in, in.n, &whole, &ended);

	check_lines(buf_str(&whole));
	for (size_t step = 1; step <= 7; step += 2) {
		buf_clear(&parts);
		check(decode(in, step, &parts, &again) == used, "same end");
		check(again == ended, "ended alike");
		check(str_eq(buf_str(&whole), buf_str(&parts)), "same text");
	}
	if (ended)
		check(used >= 3 && memcmp(in.p + used - 3, ".\r\n", 3) == 0 &&
			  (used == 3 || (used >= 5 && memcmp(in.p + used - 5,
							  "\r\n", 2) == 0)),
		    "CRLF dot CRLF");
	buf_fini(&whole);
	buf_fini(&parts);
}

static void
check_arguments(struct str in)
{
	struct arena *a = arena_new();
	struct mail_args mail;
	struct rcpt_args rcpt;
	struct str text;
	uint64_t n;
	bool last;

	if (mail_args_parse(a, in, &mail) == ARGS_OK)
		check(str_is_utf8(mail.from), "paths are UTF-8");
	if (rcpt_args_parse(a, in, &rcpt) == ARGS_OK)
		check(rcpt.to.n > 0 && str_is_utf8(rcpt.to), "a recipient");
	bdat_args_parse(in, &n, &last);
	if (xtext_decode(a, in, &text))
		check(text.n <= in.n, "xtext does not grow");
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };

	check_data(in);
	check_arguments(in);
	return 0;
}
