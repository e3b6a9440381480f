/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/spf_macro.h"

#include <string.h>

/*
 * Of the parts of a value those on the right are kept. Reversed, these are the
 * ones on its left; so parts need not be collected, and any number of them
 * costs one walk.
 */

#define MANY 100000 /* parts: more than any value has */

/* ------------------------------------------------------------------------
 * Grammar (section 7.1)
 */

/* A literal octet, or what stands for a value. */
struct token {
	char letter; /* in lower case; 0: a literal */
	bool escape; /* was in upper case */
	bool reverse;
	bool has_count;
	unsigned count; /* of parts to keep, from the right */
	struct str delimiters;
	struct str literal;
};

static bool
is_letter(char c, enum spf_macro_place place)
{
	return strchr(place == SPF_IN_NAME ? "slodiphv" : "slodiphvcrt",
		   ascii_lower(c)) != NULL;
}

/* Digits, so many that they mean all parts or fewer. */
static void
take_count(struct str *rest, struct token *t)
{
	while (rest->n > 0 && ascii_digit(rest->p[0])) {
		t->has_count = true;
		if (t->count < MANY)
			t->count = t->count * 10 + (unsigned)(rest->p[0] - '0');
		*rest = str_sub(*rest, 1, STR_NPOS);
	}
}

static void
take_reverse(struct str *rest, struct token *t)
{
	t->reverse = rest->n > 0 && ascii_lower(rest->p[0]) == 'r';
	*rest = str_sub(*rest, t->reverse, STR_NPOS);
}

static bool
are_delimiters(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!memchr(".-+,/_=", s.p[i], 7))
			return false;
	}
	return true;
}

/* What stands between "%{" and "}". */
static const char *
parse_braces(struct str in, enum spf_macro_place place, struct token *t)
{
	if (in.n == 0 || in.p[0] == '\0' || !is_letter(in.p[0], place))
		return "unknown macro letter";
	t->letter = ascii_lower(in.p[0]);
	t->escape = in.p[0] != t->letter;
	in = str_sub(in, 1, STR_NPOS);
	take_count(&in, t);
	take_reverse(&in, t);
	if (t->has_count && t->count == 0)
		return "a macro of no parts";
	t->delimiters = in;
	return are_delimiters(in) ? NULL : "malformed macro";
}

static const char *
take_braces(struct str *rest, enum spf_macro_place place, struct token *t)
{
	size_t end = str_chr(*rest, '}');
	struct str in = str_sub(*rest, 2, end - 2);

	if (end == STR_NPOS)
		return "macro without end";
	*rest = str_sub(*rest, end + 1, STR_NPOS);
	return parse_braces(in, place, t);
}

static const struct {
	char name;
	struct str text;
} escapes[] = {
	{ '%', STR("%") },
	{ '_', STR(" ") },
	{ '-', STR("%20") },
};

static const char *
take_percent(struct str *rest, enum spf_macro_place place, struct token *t)
{
	char c = rest->n > 1 ? rest->p[1] : '\0';

	if (c == '{')
		return take_braces(rest, place, t);
	for (size_t i = 0; i < LEN(escapes); i++) {
		if (escapes[i].name != c)
			continue;
		t->literal = escapes[i].text;
		*rest = str_sub(*rest, 2, STR_NPOS);
		return NULL;
	}
	return "% without a macro";
}

/* The next of *rest, which is not empty; NULL, or what is wrong. */
static const char *
take_token(struct str *rest, enum spf_macro_place place, struct token *t)
{
	char c = rest->p[0];

	*t = (struct token){ .literal = str_sub(*rest, 0, 1) };
	if (c == '%')
		return take_percent(rest, place, t);
	*rest = str_sub(*rest, 1, STR_NPOS);
	if (c > ' ' && c < 0x7f)
		return NULL;
	if (c == ' ' && place == SPF_IN_EXPLANATION)
		return NULL;
	return "an octet that is not printable ASCII";
}

const char *
spf_macro_check(struct str text, enum spf_macro_place place)
{
	const char *wrong = NULL;
	struct token t;

	while (text.n > 0 && !wrong)
		wrong = take_token(&text, place, &t);
	return wrong;
}

/* ------------------------------------------------------------------------
 * Ends of names (section 7.1: domain-end)
 */

static bool
is_alphanum(char c)
{
	char l = ascii_lower(c);

	return ascii_digit(c) || (l >= 'a' && l <= 'z');
}

/* Letters, digits and hyphens, not at its ends, and not digits alone. */
static bool
is_toplabel(struct str s)
{
	bool digits = true;

	for (size_t i = 0; i < s.n; i++) {
		if (!is_alphanum(s.p[i]) && s.p[i] != '-')
			return false;
		digits = digits && ascii_digit(s.p[i]);
	}
	return s.n > 0 && !digits && is_alphanum(s.p[0]) &&
	       is_alphanum(s.p[s.n - 1]);
}

static bool
ends_in_toplabel(struct str text)
{
	bool dotted = text.n > 0 && text.p[text.n - 1] == '.';
	struct str name = str_sub(text, 0, text.n - dotted);
	size_t dot = str_rchr(name, '.');

	return dot != STR_NPOS && is_toplabel(str_sub(name, dot + 1, STR_NPOS));
}

const char *
spf_domain_check(struct str text)
{
	const char *wrong = NULL;
	struct str rest = text;
	bool macro = false; /* came last */
	struct token t;

	if (text.n == 0)
		return "a domain is missing";
	while (rest.n > 0 && !wrong) {
		macro = rest.p[0] == '%';
		wrong = take_token(&rest, SPF_IN_NAME, &t);
	}
	if (wrong)
		return wrong;
	return macro || ends_in_toplabel(text)
		   ? NULL
		   : "a name that ends in no top-level domain";
}

/* ------------------------------------------------------------------------
 * Expansion (section 7.3)
 */

/* Where it goes, and how much of it is wanted. */
struct sink {
	struct buf *out;
	size_t limit;
	enum spf_keep keep;
};

static bool
is_full(const struct sink *k)
{
	return k->keep == SPF_KEEP_START && k->out->n >= k->limit;
}

static void
put(struct sink *k, char c)
{
	if (is_full(k))
		return;
	buf_putc(k->out, c);
	if (k->out->n > 2 * k->limit)
		buf_drop(k->out, k->out->n - k->limit);
}

/* All but the unreserved characters of RFC 3986. */
static void
put_escaped(struct sink *k, char c)
{
	static const char digits[] = "0123456789ABCDEF";

	if (is_alphanum(c) || (c && strchr("-._~", c))) {
		put(k, c);
		return;
	}
	put(k, '%');
	put(k, digits[(unsigned char)c >> 4]);
	put(k, digits[(unsigned char)c & 15]);
}

static void
put_value(struct sink *k, char c, const struct token *t)
{
	if (t->escape)
		put_escaped(k, c);
	else
		put(k, c);
}

static bool
is_delimiter(char c, const struct token *t)
{
	return t->delimiters.n ? str_chr(t->delimiters, c) != STR_NPOS
			       : c == '.';
}

/* The length of the first COUNT parts. */
static size_t
head_length(struct str value, const struct token *t)
{
	unsigned left = t->count;
	size_t n = 0;

	while (n < value.n && (!is_delimiter(value.p[n], t) || --left > 0))
		n++;
	return n;
}

/* The length of the last COUNT parts. */
static size_t
tail_length(struct str value, const struct token *t)
{
	unsigned left = t->count;
	size_t n = 0;

	while (n < value.n &&
	       (!is_delimiter(value.p[value.n - 1 - n], t) || --left > 0))
		n++;
	return n;
}

/* The parts that are kept, as they stand. Those on the right of what is
 * reversed are on the left of what is not. */
static struct str
kept_parts(struct str value, const struct token *t)
{
	if (!t->has_count)
		return value;
	if (t->reverse)
		return str_sub(value, 0, head_length(value, t));
	return str_sub(value, value.n - tail_length(value, t), STR_NPOS);
}

/* They are joined by dots, whatever divided them. */
static void
put_forward(struct sink *k, struct str parts, const struct token *t)
{
	for (size_t i = 0; i < parts.n && !is_full(k); i++) {
		if (is_delimiter(parts.p[i], t))
			put_value(k, '.', t);
		else
			put_value(k, parts.p[i], t);
	}
}

static void
put_reversed(struct sink *k, struct str parts, const struct token *t)
{
	for (size_t end = parts.n; !is_full(k); end--) {
		size_t start = end;

		while (start > 0 && !is_delimiter(parts.p[start - 1], t))
			start--;
		for (size_t i = start; i < end; i++)
			put_value(k, parts.p[i], t);
		if (start == 0)
			break;
		put_value(k, '.', t);
		end = start;
	}
}

static void
put_token(
    struct sink *k, const struct token *t, const struct spf_values *values)
{
	struct str value;
	bool divided = t->has_count || t->reverse || t->delimiters.n > 0;

	if (!t->letter) {
		for (size_t i = 0; i < t->literal.n; i++)
			put(k, t->literal.p[i]);
		return;
	}
	value = values->value(values->arg, t->letter);
	if (!value.p)
		return;
	if (!divided) {
		for (size_t i = 0; i < value.n && !is_full(k); i++)
			put_value(k, value.p[i], t);
	} else if (t->reverse) {
		put_reversed(k, kept_parts(value, t), t);
	} else {
		put_forward(k, kept_parts(value, t), t);
	}
}

void
spf_macro_expand(struct buf *out, struct str text,
    const struct spf_values *values, size_t limit, enum spf_keep keep)
{
	struct sink k = { out, limit, keep };
	struct token t;

	/* The wider grammar: the place was checked. */
	while (text.n > 0 && !is_full(&k) &&
	       !take_token(&text, SPF_IN_EXPLANATION, &t))
		put_token(&k, &t, values);
}
