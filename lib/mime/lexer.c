/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/internal.h"

#include <string.h>

struct str
lex_comment(struct lexer *l)
{
	const char *start = ++l->p;
	unsigned depth = 1;

	for (; l->p < l->end; l->p++) {
		if (*l->p == '\\' && l->p + 1 < l->end)
			l->p++;
		else if (*l->p == '(')
			depth++;
		else if (*l->p == ')' && --depth == 0)
			return (struct str){ start, (size_t)(l->p++ - start) };
	}
	return (struct str){ start, (size_t)(l->end - start) };
}

void
lex_space(struct lexer *l)
{
	while (l->p < l->end) {
		if (*l->p == '(')
			lex_comment(l);
		else if (mime_is_space(*l->p))
			l->p++;
		else
			break;
	}
}

static bool
is_token(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f &&
	       !strchr("()<>@,;:\\\"/[]?=", c);
}

struct str
lex_token(struct lexer *l)
{
	const char *start;

	lex_space(l);
	start = l->p;
	while (l->p < l->end && is_token(*l->p))
		l->p++;
	return (struct str){ start, (size_t)(l->p - start) };
}

/* Take away backslashes and line ends. */
static struct str
unquote(struct arena *a, struct str s)
{
	char *copy = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\r' || c == '\n')
			continue;
		if (c == '\\' && i + 1 < s.n)
			c = s.p[++i];
		copy[n++] = c;
	}
	return (struct str){ copy, n };
}

struct str
lex_quoted(struct arena *a, struct lexer *l)
{
	const char *start = ++l->p;
	bool plain = true;
	struct str s;

	for (; l->p < l->end && *l->p != '"'; l->p++) {
		if (*l->p == '\\' && l->p + 1 < l->end) {
			plain = false;
			l->p++;
		} else if (*l->p == '\r' || *l->p == '\n') {
			plain = false;
		}
	}
	s = (struct str){ start, (size_t)(l->p - start) };
	if (l->p < l->end)
		l->p++;
	return plain ? s : unquote(a, s);
}

struct str
mime_unfolded(struct arena *a, struct str s)
{
	char *copy;
	size_t n = 0;

	s = str_trim(s);
	if (s.n == 0)
		return STR("");
	if (!memchr(s.p, '\n', s.n) && !memchr(s.p, '\r', s.n) &&
	    !memchr(s.p, '\0', s.n))
		return s;
	copy = arena_alloc(a, s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != '\0')
			copy[n++] = s.p[i];
	}
	return (struct str){ copy, n };
}

/* Does "name=" follow? Then the semicolon before it was forgotten. */
static bool
param_follows(struct lexer l)
{
	return lex_token(&l).n && l.p < l.end && *l.p == '=';
}

/*
 * An unquoted value ends at a semicolon. Programs forget to quote file names
 * with spaces and forget semicolons, so a space ends it only before a comment
 * or another parameter. Looking ahead stops at the next space, so this stays
 * linear.
 */
static struct str
bare_value(struct arena *a, struct lexer *l)
{
	const char *start = l->p;

	while (l->p < l->end && *l->p != ';') {
		if (mime_is_space(*l->p)) {
			const char *at = l->p;

			while (l->p < l->end && mime_is_space(*l->p))
				l->p++;
			if (l->p == l->end || *l->p == '(' ||
			    param_follows(*l)) {
				return mime_unfolded(
				    a, (struct str){
					   start, (size_t)(at - start) });
			}
			continue;
		}
		l->p++;
	}
	return mime_unfolded(a, (struct str){ start, (size_t)(l->p - start) });
}

static bool
next_param(struct arena *a, struct lexer *l, struct mime_param *out)
{
	while (l->p < l->end) {
		lex_space(l);
		if (l->p < l->end && *l->p == ';') {
			l->p++;
			continue;
		}
		out->name = lex_token(l);
		lex_space(l);
		if (out->name.n && l->p < l->end && *l->p == '=') {
			l->p++;
			lex_space(l);
			out->value = l->p < l->end && *l->p == '"'
					 ? lex_quoted(a, l)
					 : bare_value(a, l);
			return true;
		}
		/* Not a parameter: on to the next semicolon. */
		while (l->p < l->end && *l->p != ';')
			l->p++;
	}
	return false;
}

void
lex_params(
    struct arena *a, struct lexer *l, unsigned max, struct mime_params *out)
{
	struct mime_param first[8], *v = first;
	size_t n = 0, cap = 8;

	while (n < max && next_param(a, l, &v[n])) {
		if (++n == cap) {
			struct mime_param *more =
			    arena_array(a, cap * 2, sizeof(*more));

			memcpy(more, v, n * sizeof(*v));
			v = more;
			cap *= 2;
		}
	}
	if (v == first && n) {
		v = arena_array(a, n, sizeof(*v));
		memcpy(v, first, n * sizeof(*v));
	}
	*out = (struct mime_params){ n ? v : NULL, n };
}
