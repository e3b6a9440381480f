/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/limit_window.h"

/* A clock that was set back stays in the window it was in. */
static unsigned
advance(struct limit_window *w, unsigned length, int64_t now)
{
	int64_t number = now / length;

	if (number < w->number)
		return 0;
	if (number != w->number) {
		w->before = number == w->number + 1 ? w->current : 0;
		w->current = 0;
		w->number = number;
	}
	return (unsigned)(now % length);
}

uint64_t
limit_window_used(struct limit_window *w, unsigned length, int64_t now)
{
	unsigned elapsed = advance(w, length, now);

	return w->current + w->before * (length - elapsed) / length;
}

/* How far into a window no more than ROOM of those BEFORE it count: the first
 * second in which before * (length - second) / length is less than room + 1. */
static unsigned
until_room(uint64_t before, uint64_t room, unsigned length)
{
	if (before <= room)
		return 0;
	return (
	    unsigned)(length + 1 - ((room + 1) * length + before - 1) / before);
}

unsigned
limit_window_wait(
    struct limit_window *w, unsigned length, uint64_t max, int64_t now)
{
	unsigned elapsed = advance(w, length, now), at;

	if (w->current < max) {
		at = until_room(w->before, max - 1 - w->current, length);
		return at > elapsed ? at - elapsed : 1;
	}
	return length - elapsed + until_room(w->current, max - 1, length);
}
