/* SPDX-License-Identifier: BSD-2-Clause */
#include "lmtpd/data.h"

#include <string.h>

struct sink {
	void (*put)(void *arg, struct str piece);
	void *arg;
	const char *from; /* start of what is not yet given away */
};

void
data_init(struct data *d)
{
	*d = (struct data){ 0 };
}

/* Give away what was kept back up to TO, then EXTRA; go on at NEXT. */
static void
flush(struct sink *s, const char *to, struct str extra, const char *next)
{
	if (to > s->from)
		s->put(s->arg, (struct str){ s->from, (size_t)(to - s->from) });
	if (extra.n)
		s->put(s->arg, extra);
	s->from = next;
}

/* CRs in [p, end) that no LF follows: each run of them ends a line. */
static void
mend_crs(struct sink *s, const char *p, const char *end)
{
	while (p < end && (p = memchr(p, '\r', (size_t)(end - p))) != NULL) {
		const char *next = p;

		while (next < end && *next == '\r')
			next++;
		flush(s, p, STR("\r\n"), next);
		p = next;
	}
}

enum dot { DOT_NONE, DOT_STUFFED, DOT_END, DOT_UNKNOWN };

/* What a line that begins with IN begins with. */
static enum dot
leading_dot(struct str in)
{
	if (in.n == 0 || in.p[0] != '.')
		return DOT_NONE;
	if (in.n == 1 || (in.n == 2 && in.p[1] == '\r'))
		return DOT_UNKNOWN;
	return in.p[1] == '\r' && in.p[2] == '\n' ? DOT_END : DOT_STUFFED;
}

/*
 * The line [p, lf] with LF at its end. Its CRLF goes out with the run it
 * stands in; CRs before that one are part of the line end.
 */
static void
take_line(struct data *d, struct sink *s, const char *p, const char *lf)
{
	const char *end = lf;

	while (end > p && end[-1] == '\r')
		end--;
	mend_crs(s, p, end);
	if (lf - end != 1) /* not exactly one CR */
		flush(s, end, STR("\r\n"), lf + 1);
	d->mid_line = end == lf;
}

/* The unfinished line [p, end). Returns what was used of it. */
static const char *
take_tail(struct data *d, struct sink *s, const char *p, const char *end)
{
	const char *stop = end;

	/* CRs at the end are one line end with what follows: one is kept to
	 * stand for all. */
	while (stop > p && stop[-1] == '\r')
		stop--;
	mend_crs(s, p, stop);
	if (stop > p)
		d->mid_line = true;
	if (end - stop > 1) {
		flush(s, stop, STR_NULL, end - 1);
		stop = end - 1;
	}
	return stop;
}

size_t
data_decode(struct data *d, struct str in,
    void (*put)(void *arg, struct str piece), void *arg)
{
	const char *p = in.p, *end = in.p + in.n;
	struct sink s = { put, arg, in.p };

	while (p < end && !d->ended) {
		struct str rest = { p, (size_t)(end - p) };
		enum dot dot = d->mid_line ? DOT_NONE : leading_dot(rest);
		const char *lf;

		if (dot == DOT_UNKNOWN)
			break;
		if (dot != DOT_NONE) {
			flush(&s, p, STR_NULL, p + 1);
			p++;
			/* The dot belongs to the line, also if it is cut. */
			d->mid_line = true;
		}
		if (dot == DOT_END) {
			d->ended = true;
			p += 2;
			s.from = p;
			break;
		}
		lf = memchr(p, '\n', (size_t)(end - p));
		if (!lf) {
			p = take_tail(d, &s, p, end);
			break;
		}
		take_line(d, &s, p, lf);
		p = lf + 1;
	}
	flush(&s, p, STR_NULL, p);
	return (size_t)(p - in.p);
}
