/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieved/frame.h"

#include <string.h>

void
frame_reset(struct frame *f)
{
	buf_fini(&f->cmd);
	*f = (struct frame){ .max_line = f->max_line,
		.max_literal = f->max_literal };
}

/* ------------------------------------------------------------------------
 * Announcements
 */

/* The number in "{n+}" or "{n}" at the end of LINE. */
static bool
announced(struct str line, uint64_t *n)
{
	size_t open = str_rchr(line, '{');
	struct str digits;

	if (line.n < 3 || line.p[line.n - 1] != '}' || open == STR_NPOS)
		return false;
	digits = str_sub(line, open + 1, line.n - open - 2);
	if (digits.n && digits.p[digits.n - 1] == '+')
		digits.n--;
	for (size_t i = 0; i < digits.n; i++) {
		if (!ascii_digit(digits.p[i]))
			return false;
	}
	if (digits.n && !str_u64(digits, n))
		*n = UINT64_MAX;
	return digits.n > 0;
}

/* Does LINE end inside of a quoted string? Then nothing is announced. */
static bool
ends_quoted(struct str line)
{
	bool quoted = false;

	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '"')
			quoted = !quoted;
		else if (quoted && line.p[i] == '\\')
			i++;
	}
	return quoted;
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

/* ------------------------------------------------------------------------
 * Bytes
 */

static void
drop(struct frame *f, enum frame_event why)
{
	if (f->drop == FRAME_MORE)
		f->drop = why;
	if (f->cmd.n > FRAME_HEAD)
		f->cmd.n = FRAME_HEAD;
}

static void
keep_tail(struct frame *f, struct str bytes)
{
	size_t n = sizeof(f->tail);

	if (bytes.n >= n) {
		memcpy(f->tail, bytes.p + bytes.n - n, n);
	} else if (bytes.n > 0) {
		memmove(f->tail, f->tail + bytes.n, n - bytes.n);
		memcpy(f->tail + n - bytes.n, bytes.p, bytes.n);
	}
}

static void
keep(struct frame *f, struct str bytes)
{
	f->line += bytes.n;
	keep_tail(f, bytes);
	if (f->drop == FRAME_MORE && f->line <= f->max_line) {
		buf_putstr(&f->cmd, bytes);
		return;
	}
	if (f->cmd.n < FRAME_HEAD && f->drop == FRAME_MORE)
		buf_putstr(&f->cmd, str_sub(bytes, 0, FRAME_HEAD - f->cmd.n));
	drop(f, FRAME_LONG);
}

/* Of the line that just ended: the whole, or what is kept of its end. */
static struct str
line_end(const struct frame *f)
{
	size_t n = f->line < sizeof(f->tail) ? f->line : sizeof(f->tail);

	if (f->drop == FRAME_MORE)
		return str_sub(buf_str(&f->cmd), f->line_at, f->cmd.n);
	return (struct str){ f->tail + sizeof(f->tail) - n, n };
}

static enum frame_event
finish(struct frame *f)
{
	if (f->drop != FRAME_MORE)
		return f->drop;
	/* A CR before that may belong to a literal. */
	f->cmd.n = f->line_at + without_end(line_end(f)).n;
	return FRAME_DONE;
}

static enum frame_event
line_ended(struct frame *f)
{
	struct str line = without_end(line_end(f));
	bool whole = f->drop == FRAME_MORE;

	if (!announced(line, &f->literal) || (whole && ends_quoted(line))) {
		f->literal = 0;
		return finish(f);
	}
	if (f->literal > f->max_literal && f->literal > FRAME_MAX_SKIP)
		return FRAME_HOPELESS;
	if (f->literal > f->max_literal ||
	    f->cmd.n + f->literal > f->max_literal + 2 * f->max_line)
		drop(f, FRAME_LARGE);
	f->line = 0;
	f->line_at = f->cmd.n + (size_t)f->literal;
	return FRAME_MORE;
}

static size_t
take_literal(struct frame *f, struct str in)
{
	size_t n = in.n < f->literal ? in.n : (size_t)f->literal;

	if (f->drop == FRAME_MORE)
		buf_put(&f->cmd, in.p, n);
	f->literal -= n;
	return n;
}

enum frame_event
frame_feed(struct frame *f, struct str in, size_t *used)
{
	*used = 0;
	while (*used < in.n) {
		struct str rest = str_sub(in, *used, in.n);
		size_t end;

		if (f->literal) {
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
