/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "milterd/scand/command.h"

/*
 * The input is what a client of scand sends. What is checked beyond memory:
 * it is understood alike however it is cut, and what comes out of streams is
 * never more than was allowed or than came in.
 */

#define MAX_STREAM 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "not true: %s\n", what);
		abort();
	}
}

/* As session.c does: how far a connection has come. */
struct reader {
	struct stream stream;
	bool streaming, ended;
	uint64_t octets; /* of this stream */
};

static size_t
take_command(struct reader *r, struct str in, struct buf *heard)
{
	struct request q;
	size_t n = command_take(in, &q);

	check(n <= in.n, "a command is in the input");
	if (n == 0)
		return 0;
	buf_printf(heard, "[%d %d]", q.command, q.delimiter);
	r->streaming = q.command == COMMAND_INSTREAM;
	r->octets = 0;
	stream_init(&r->stream, MAX_STREAM);
	return n;
}

static size_t
take_stream(struct reader *r, struct str in, struct buf *heard)
{
	enum stream_state state;
	struct str data;
	size_t n = stream_take(&r->stream, in, &data, &state);

	check(n > 0 && n <= in.n, "a stream goes on");
	buf_putstr(heard, data);
	r->octets += data.n;
	check(r->octets <= MAX_STREAM, "the limit");
	r->streaming = state == STREAM_MORE;
	r->ended = state == STREAM_TOO_LONG;
	return n;
}

static void
converse(struct str in, size_t step, struct buf *heard)
{
	struct reader r = { 0 };
	size_t used = 0;

	for (size_t there = 0; there < in.n && !r.ended;) {
		size_t n = 1;

		there = there + step < in.n ? there + step : in.n;
		while (n > 0 && used < there && !r.ended) {
			struct str rest = str_sub(in, used, there - used);

			n = r.streaming ? take_stream(&r, rest, heard)
					: take_command(&r, rest, heard);
			used += n;
		}
	}
	check(heard->n <= 16 * in.n, "more out than in");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct buf whole = { 0 }, parts = { 0 };

	converse(in, size ? size : 1, &whole);
	for (size_t step = 1; step <= 7; step += 3) {
		buf_clear(&parts);
		converse(in, step, &parts);
		check(str_eq(buf_str(&whole), buf_str(&parts)), "cut");
	}
	buf_fini(&whole);
	buf_fini(&parts);
	return 0;
}
