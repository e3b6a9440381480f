/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/frame.h"

#include <string.h>

#define MAX_ABSURD (UINT64_C(1) << 40)

void
frame_fini(struct frame *f)
{
	buf_fini(&f->cmd);
}

void
frame_reset(struct frame *f)
{
	buf_fini(&f->cmd);
	*f = (struct frame){ .max_line = f->max_line };
}

/* Does LINE, without its end, announce a literal? */
static bool
announces(struct frame *f, struct str line)
{
	size_t open;
	struct str digits;

	if (line.n < 3 || line.p[line.n - 1] != '}')
		return false;
	open = str_rchr(line, '{');
	if (open == STR_NPOS)
		return false;
	digits = str_sub(line, open + 1, line.n - open - 2);
	f->sync = true;
	if (digits.n && digits.p[digits.n - 1] == '+') {
		f->sync = false;
		digits.n--;
	}
	for (size_t i = 0; i < digits.n; i++) {
		if (!ascii_digit(digits.p[i]))
			return false;
	}
	if (digits.n == 0)
		return false;
	if (!str_u64(digits, &f->literal))
		f->literal = UINT64_MAX;
	f->binary = open > 0 && line.p[open - 1] == '~';
	return true;
}

static struct str
without_end(struct str line)
{
	if (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* The command is over, for better or worse. */
static enum frame_event
finish(struct frame *f)
{
	if (f->drop != FRAME_MORE)
		return f->drop;
	/* A CR before `from` belongs to a literal. */
	f->cmd.n = f->from +
		   without_end(str_sub(buf_str(&f->cmd), f->from, f->cmd.n)).n;
	return FRAME_DONE;
}

static enum frame_event
line_ended(struct frame *f)
{
	struct str line = str_sub(buf_str(&f->cmd), f->from, f->cmd.n);

	if (f->plain || !announces(f, without_end(line)))
		return finish(f);
	if (f->literal > MAX_ABSURD)
		return FRAME_BROKEN;
	f->state = FRAME_OFFERED;
	return f->drop == FRAME_MORE ? FRAME_LITERAL : frame_refuse(f);
}

/* Of what is kept of a dropped command: its start, for the tag, and the end of
 * the present line, which may announce a literal to be skipped. */
enum { TAIL = 64 };

/* Cut the present line down to its end. */
static void
shorten(struct frame *f)
{
	size_t cut;

	if (f->cmd.n - f->from <= TAIL)
		return;
	cut = f->cmd.n - f->from - TAIL;
	memmove(f->cmd.p + f->from, f->cmd.p + f->from + cut, TAIL);
	f->cmd.n = f->from + TAIL;
}

static void
drop(struct frame *f)
{
	size_t line = f->from;

	f->drop = FRAME_TOOLONG;
	f->from = f->cmd.n < TAIL ? f->cmd.n : TAIL;
	if (line > f->from) { /* earlier lines and literals go */
		memmove(f->cmd.p + f->from, f->cmd.p + line, f->cmd.n - line);
		f->cmd.n -= line - f->from;
	}
}

static void
keep(struct frame *f, struct str bytes)
{
	f->line += bytes.n;
	if (f->drop == FRAME_MORE && f->line <= f->max_line) {
		buf_putstr(&f->cmd, bytes);
		return;
	}
	if (f->drop == FRAME_MORE && f->cmd.n < TAIL) {
		size_t n = TAIL - f->cmd.n;

		buf_putstr(&f->cmd, str_sub(bytes, 0, n));
		bytes = str_sub(bytes, n, bytes.n);
	}
	if (f->drop == FRAME_MORE)
		drop(f);
	buf_putstr(&f->cmd,
	    bytes.n <= TAIL ? bytes : str_sub(bytes, bytes.n - TAIL, bytes.n));
	shorten(f);
}

static size_t
take_literal(struct frame *f, struct str in)
{
	size_t n = in.n < f->literal ? in.n : (size_t)f->literal;

	if (f->state == FRAME_BYTES)
		buf_put(&f->cmd, in.p, n);
	f->literal -= n;
	if (f->literal == 0) {
		f->state = FRAME_LINE;
		if (f->drop == FRAME_MORE)
			f->from = f->cmd.n;
		else
			f->cmd.n = f->from;
	}
	return n;
}

enum frame_event
frame_feed(struct frame *f, struct str in, size_t *used)
{
	*used = 0;
	while (*used < in.n) {
		struct str rest = str_sub(in, *used, in.n);
		size_t end;

		if (f->state != FRAME_LINE) {
			*used += take_literal(f, rest);
			continue;
		}
		end = str_chr(rest, '\n');
		if (end != STR_NPOS)
			rest.n = end + 1;
		keep(f, rest);
		*used += rest.n;
		if (end != STR_NPOS) {
			enum frame_event ev = line_ended(f);

			if (ev != FRAME_MORE)
				return ev;
		}
	}
	return FRAME_MORE;
}

void
frame_accept(struct frame *f)
{
	buf_reserve(&f->cmd, (size_t)f->literal + 256);
	f->state = f->literal ? FRAME_BYTES : FRAME_LINE;
	f->from = f->cmd.n;
}

enum frame_event
frame_refuse(struct frame *f)
{
	if (f->drop == FRAME_MORE) {
		f->drop = FRAME_REFUSED;
		f->unasked = !f->sync;
		f->from = f->cmd.n;
	}
	if (f->sync) /* it will not come: the client reads our answer first */
		return finish(f);
	f->cmd.n = f->from;
	f->state = f->literal ? FRAME_SKIP : FRAME_LINE;
	return FRAME_MORE;
}
