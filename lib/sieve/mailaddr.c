/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/run.h"

/*
 * A mailbox of RFC 5322, strictly: addresses that mail is sent to. Dots may
 * stand anywhere in the local part, as some providers have it.
 */

struct cursor {
	const char *p, *end;
	struct buf *local, *domain;
};

static bool
more(const struct cursor *c)
{
	return c->p < c->end;
}

static void
skip_comment(struct cursor *c)
{
	unsigned depth = 0;

	do {
		if (*c->p == '\\' && c->end - c->p > 1)
			c->p++;
		else if (*c->p == '(')
			depth++;
		else if (*c->p == ')')
			depth--;
		c->p++;
	} while (more(c) && depth > 0);
}

static void
skip(struct cursor *c)
{
	while (more(c)) {
		if (*c->p == '(')
			skip_comment(c);
		else if (*c->p == ' ' || *c->p == '\t' || *c->p == '\r' ||
			 *c->p == '\n')
			c->p++;
		else
			break;
	}
}

static bool
is_atext(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
	       ascii_digit(ch) ||
	       (ch != '\0' &&
		   str_chr(STR("!#$%&'*+-/=?^_`{|}~"), ch) != STR_NPOS);
}

/* Atoms with dots. */
static bool
take_atoms(struct cursor *c, struct buf *out)
{
	size_t n = out->n;

	while (more(c) && (is_atext(*c->p) || *c->p == '.'))
		buf_putc(out, *c->p++);
	return out->n > n;
}

static bool
take_quoted(struct cursor *c, struct buf *out)
{
	buf_putc(out, *c->p++);
	while (more(c) && *c->p != '"') {
		if (*c->p == '\\') {
			buf_putc(out, *c->p++);
			if (!more(c))
				return false;
		}
		if ((uint8_t)*c->p < ' ' || (uint8_t)*c->p >= 0x7f)
			return false;
		buf_putc(out, *c->p++);
	}
	if (!more(c))
		return false;
	buf_putc(out, *c->p++);
	return true;
}

static bool
take_literal(struct cursor *c, struct buf *out)
{
	while (more(c) && *c->p != ']') {
		if (*c->p <= ' ' || *c->p >= 0x7f)
			return false;
		buf_putc(out, *c->p++);
	}
	if (!more(c))
		return false;
	buf_putc(out, *c->p++);
	return true;
}

static bool
dots_apart(struct str domain)
{
	struct str part;

	while (str_split(&domain, '.', &part)) {
		if (part.n == 0)
			return false;
	}
	return true;
}

static bool
take_address(struct cursor *c)
{
	c->local->n = c->domain->n = 0;
	skip(c);
	if (!more(c))
		return false;
	if (*c->p == '"' ? !take_quoted(c, c->local) : !take_atoms(c, c->local))
		return false;
	skip(c);
	if (!more(c) || *c->p != '@')
		return false;
	c->p++;
	skip(c);
	if (more(c) && *c->p == '[')
		return take_literal(c, c->domain);
	return take_atoms(c, c->domain) && dots_apart(buf_str(c->domain));
}

/* RFC 6532: a name may be in UTF-8. */
static bool
take_word(struct cursor *c)
{
	const char *start = c->p;

	while (more(c) &&
	       (is_atext(*c->p) || *c->p == '.' || (uint8_t)*c->p >= 0x80))
		c->p++;
	return c->p > start;
}

/* Words in front of "<". */
static bool
skip_phrase(struct cursor *c)
{
	for (;;) {
		skip(c);
		if (!more(c))
			return false;
		if (*c->p == '<')
			return true;
		c->local->n = 0;
		if (*c->p == '"' ? !take_quoted(c, c->local) : !take_word(c))
			return false;
	}
}

static bool
take_mailbox(struct cursor *c)
{
	const char *start = c->p;

	if (!take_address(c)) {
		c->p = start;
		if (!skip_phrase(c))
			return false;
		c->p++;
		if (!take_address(c))
			return false;
		skip(c);
		if (!more(c) || *c->p++ != '>')
			return false;
	}
	skip(c);
	return !more(c);
}

/* RFC 5321, section 4.1.2: no quotes where none are needed. */
static struct str
unquoted(struct str local)
{
	struct str inside = str_sub(local, 1, local.n - 2);

	if (local.n < 3 || local.p[0] != '"' || !dots_apart(inside))
		return local;
	for (size_t i = 0; i < inside.n; i++) {
		if (inside.p[i] != '.' && !is_atext(inside.p[i]))
			return local;
	}
	return inside;
}

bool
sieve_address_of(struct arena *a, struct str text, struct str *out)
{
	struct buf local = { 0 }, domain = { 0 };
	struct cursor c = { text.p, text.p + text.n, &local, &domain };
	bool good = text.n > 0 && take_mailbox(&c);

	if (good)
		*out = arena_printf(a, "%.*s@%.*s",
		    STR_ARG(unquoted(buf_str(&local))),
		    STR_ARG(buf_str(&domain)));
	buf_fini(&local);
	buf_fini(&domain);
	return good;
}

bool
sieve_valid_address(struct str s, const char **why)
{
	struct arena *a = arena_new();
	struct str address;
	bool good = sieve_address_of(a, s, &address);

	*why = "expected one mail address, user@example.org or "
	       "Name <user@example.org>";
	arena_free(&a);
	return good;
}
