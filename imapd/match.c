/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/match.h"

#include <stdint.h>
#include <string.h>

/*
 * The pattern as a state machine: state i is "the first i characters of the
 * pattern are used up", and all states that are possible are carried along.
 */
struct states {
	bool on[MATCH_MAX + 1];
	size_t least; /* no state below is on */
};

static bool
wildcard(char c)
{
	return c == '*' || c == '%';
}

/* A wildcard may stand for nothing. */
static void
enter(struct states *s, struct str pattern, size_t i)
{
	s->on[i] = true;
	if (i < s->least)
		s->least = i;
	while (i < pattern.n && wildcard(pattern.p[i]))
		s->on[++i] = true;
}

static bool
match(struct str pattern, struct str path)
{
	struct states a = { .least = SIZE_MAX }, b;
	struct states *now = &a, *next = &b;

	enter(now, pattern, 0);
	for (size_t j = 0; j < path.n; j++) {
		struct states *swap = now;

		memset(next->on, 0, pattern.n + 1);
		next->least = SIZE_MAX;
		for (size_t i = now->least; i < pattern.n; i++) {
			char c = pattern.p[i];

			if (!now->on[i])
				continue;
			if (c == '*' || (c == '%' && path.p[j] != '/'))
				enter(next, pattern, i);
			else if (c == path.p[j] && !wildcard(c))
				enter(next, pattern, i + 1);
		}
		if (next->least == SIZE_MAX)
			return false;
		now = next;
		next = swap;
	}
	return now->on[pattern.n];
}

bool
match_mailbox(struct str pattern, struct str path)
{
	static const struct str inbox = { "INBOX", 5 };

	if (pattern.n > MATCH_MAX)
		return false;
	if (match(pattern, path))
		return true;
	/* "inbox" and "inbox/..." name what the store calls INBOX. */
	if (str_istarts(pattern, inbox) && str_starts(path, inbox) &&
	    (pattern.n == 5 || pattern.p[5] == '/' || wildcard(pattern.p[5])))
		return match(
		    str_sub(pattern, 5, pattern.n), str_sub(path, 5, path.n));
	return false;
}
