/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/reply.h"

#include <stdio.h>
#include <string.h>

void
reply_init(struct backend_reply *r, unsigned code)
{
	r->code = code;
	r->text[0] = '\0';
	snprintf(r->status, sizeof(r->status), "%u.0.0", code / 100 % 10);
}

/* Up to three digits; the rest of S, or NULL if there are none. */
static bool
digits(struct str *s)
{
	size_t n = 0;

	while (n < s->n && n < 3 && ascii_digit(s->p[n]))
		n++;
	*s = str_sub(*s, n, STR_NPOS);
	return n > 0;
}

/* The length of the status code at the start of LINE, 0 if there is none. */
static size_t
status_length(const struct backend_reply *r, struct str line)
{
	struct str rest = str_sub(line, 1, STR_NPOS);

	if (line.n == 0 || line.p[0] != (char)('0' + r->code / 100))
		return 0;
	for (int i = 0; i < 2; i++) {
		if (!str_starts(rest, STR(".")))
			return 0;
		rest = str_sub(rest, 1, STR_NPOS);
		if (!digits(&rest))
			return 0;
	}
	return rest.n == 0 || rest.p[0] == ' ' ? line.n - rest.n : 0;
}

void
reply_add(struct backend_reply *r, struct str line)
{
	size_t n = status_length(r, line), at = strlen(r->text);

	if (n > 0)
		snprintf(r->status, sizeof(r->status), "%.*s", (int)n, line.p);
	line = str_trim(str_sub(line, n, STR_NPOS));
	if (at > 0 && at < sizeof(r->text) - 1)
		r->text[at++] = ' ';
	for (size_t i = 0; i < line.n && at < sizeof(r->text) - 1; i++) {
		char c = line.p[i];

		r->text[at++] = c >= ' ' && c <= '~' ? c : '?';
	}
	r->text[at] = '\0';
}
