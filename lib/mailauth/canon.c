/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/canon.h"

static bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* Section 3.4.1: as it stands, but with the CR that a milter does not get. */
static void
put_simple(struct buf *out, struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\n' && (i == 0 || value.p[i - 1] != '\r'))
			buf_putc(out, '\r');
		buf_putc(out, value.p[i]);
	}
}

static void
put_lower(struct buf *out, struct str name)
{
	char *to = buf_reserve(out, name.n);

	for (size_t i = 0; i < name.n; i++)
		to[i] = ascii_lower(name.p[i]);
	out->n += name.n;
}

/* The length of the line end at I: 0, 1 or 2. */
static size_t
line_end(struct str s, size_t i)
{
	if (s.p[i] == '\n')
		return 1;
	return s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n' ? 2 : 0;
}

/* Section 3.4.2: unfolded, each run of white space one space, none at the
 * ends. */
static void
put_relaxed(struct buf *out, struct str value)
{
	char *to = buf_reserve(out, value.n);
	size_t n = 0, end;
	bool space = false;

	for (size_t i = 0; i < value.n; i++) {
		if ((end = line_end(value, i)) > 0) {
			i += end - 1;
		} else if (is_wsp(value.p[i])) {
			space = n > 0;
		} else {
			if (space)
				to[n++] = ' ';
			space = false;
			to[n++] = value.p[i];
		}
	}
	out->n += n;
}

void
canon_field(struct buf *out, enum canon c, struct str name, struct str value)
{
	if (c == CANON_SIMPLE)
		buf_putstr(out, name);
	else
		put_lower(out, name);
	buf_putc(out, ':');
	if (c == CANON_SIMPLE)
		put_simple(out, value);
	else
		put_relaxed(out, value);
	BUF_LIT(out, "\r\n");
}
