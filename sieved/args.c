/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieved/args.h"

#define MAX_QUOTED 1024 /* RFC 5804, section 4: of those we send */

struct scan {
	struct arena *a;
	struct str in;
	size_t at;
};

static bool
at_end(const struct scan *s)
{
	return s->at >= s->in.n;
}

static char
peek(const struct scan *s)
{
	return at_end(s) ? '\0' : s->in.p[s->at];
}

static bool
is_atom(char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '(' &&
	       c != ')' && c != '{' && c != '}';
}

static struct str
take_atom(struct scan *s)
{
	size_t from = s->at;

	while (!at_end(s) && is_atom(s->in.p[s->at]))
		s->at++;
	return str_sub(s->in, from, s->at - from);
}

/* Without its backslashes. */
static struct str
unescape(struct arena *a, struct str raw)
{
	char *p = arena_alloc(a, raw.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\')
			i++;
		p[n++] = raw.p[i];
	}
	return (struct str){ p, n };
}

/* Behind the first quote. */
static bool
take_quoted(struct scan *s, struct str *out)
{
	size_t from = s->at;
	bool escaped = false;

	for (; !at_end(s) && peek(s) != '"'; s->at++) {
		char c = peek(s);

		if (c == '\r' || c == '\n' || c == '\0')
			return false;
		if (c != '\\')
			continue;
		escaped = true;
		s->at++;
		if (peek(s) != '"' && peek(s) != '\\')
			return false;
	}
	if (at_end(s))
		return false;
	*out = str_sub(s->in, from, s->at - from);
	s->at++;
	if (escaped)
		*out = unescape(s->a, *out);
	return true;
}

/* Behind "{"; the frame has collected as many octets. */
static bool
take_literal(struct scan *s, struct str *out)
{
	size_t close = str_chr(str_sub(s->in, s->at, s->in.n), '}');
	struct str digits = str_sub(s->in, s->at, close);
	uint64_t n;

	if (close == STR_NPOS)
		return false;
	s->at += close + 1;
	if (digits.n && digits.p[digits.n - 1] == '+')
		digits.n--;
	if (peek(s) == '\r')
		s->at++;
	if (peek(s) != '\n' || !str_u64(digits, &n) || n > s->in.n - s->at - 1)
		return false;
	*out = str_sub(s->in, s->at + 1, (size_t)n);
	s->at += 1 + (size_t)n;
	return true;
}

static bool
take_arg(struct scan *s, struct arg *out)
{
	char c = peek(s);

	*out = (struct arg){ .kind = ARG_STRING };
	if (c == '"' || c == '{') {
		s->at++;
		return c == '"' ? take_quoted(s, &out->text)
				: take_literal(s, &out->text);
	}
	out->text = take_atom(s);
	out->kind = str_u64(out->text, &out->number) ? ARG_NUMBER : ARG_ATOM;
	return out->text.n > 0;
}

static void
skip_spaces(struct scan *s)
{
	while (peek(s) == ' ')
		s->at++;
}

bool
args_parse(struct arena *a, struct str cmd, struct args *out)
{
	struct scan s = { a, cmd, 0 };

	*out = (struct args){ 0 };
	out->name = take_atom(&s);
	while (!at_end(&s)) {
		if (peek(&s) != ' ')
			return false;
		skip_spaces(&s);
		if (at_end(&s))
			break;
		if (out->n == ARGS_MAX || !take_arg(&s, &out->v[out->n]))
			return false;
		out->n++;
	}
	return out->name.n > 0;
}

bool
args_string(struct arena *a, struct str line, struct str *out)
{
	struct scan s = { a, line, 0 };
	struct arg arg;

	if (!take_arg(&s, &arg) || arg.kind != ARG_STRING)
		return false;
	skip_spaces(&s);
	*out = arg.text;
	return at_end(&s);
}

bool
args_fit(const struct args *args, const char *sig)
{
	bool optional = false;
	size_t i = 0;

	for (; *sig && *sig != '*'; sig++) {
		if (*sig == '?') {
			optional = true;
			continue;
		}
		if (i == args->n)
			return optional;
		if (args->v[i++].kind !=
		    (*sig == 's' ? ARG_STRING : ARG_NUMBER))
			return false;
	}
	return *sig == '*' || i == args->n;
}

void
put_literal(struct buf *out, struct str s)
{
	buf_printf(out, "{%zu}\r\n", s.n);
	buf_putstr(out, s);
}

static bool
quotable(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	}
	return s.n <= MAX_QUOTED;
}

void
put_string(struct buf *out, struct str s)
{
	if (!quotable(s)) {
		put_literal(out, s);
		return;
	}
	buf_putc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_putc(out, '\\');
		buf_putc(out, s.p[i]);
	}
	buf_putc(out, '"');
}
