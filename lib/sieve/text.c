/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/check.h"

#include "base/codec.h"
#include "mime/decode.h"

/*
 * What "${...}" in a string means: encoded characters first (RFC 5228, section
 * 2.4.2.4), then variables (RFC 5229, section 3). What is neither stays as it
 * stands.
 */

#define MATCH_VALUES 33 /* ${0} to ${32} */

/* Take "${" ... "}" at S; false: no end. */
static bool
take_braces(struct str s, struct str *inside)
{
	size_t end = str_chr(s, '}');

	if (end == STR_NPOS)
		return false;
	*inside = str_sub(s, 2, end - 2);
	return true;
}

/* ------------------------------------------------------------------------
 * Encoded characters
 */

/* The next word of hexadecimal digits off *s. */
static bool
take_hex(struct str *s, struct str *word)
{
	size_t n = 0;

	*s = str_trim(*s);
	while (n < s->n && ascii_hex(s->p[n]) >= 0)
		n++;
	*word = str_sub(*s, 0, n);
	*s = str_sub(*s, n, SIZE_MAX);
	return n > 0 && (s->n == 0 || s->p[0] == ' ' || s->p[0] == '\t' ||
			    s->p[0] == '\r' || s->p[0] == '\n');
}

/* UINT32_MAX if it is larger than that. */
static uint32_t
hex_value(struct str word)
{
	uint64_t v = 0;

	for (size_t i = 0; i < word.n; i++) {
		v = v * 16 + (uint64_t)ascii_hex(word.p[i]);
		if (v > UINT32_MAX)
			return UINT32_MAX;
	}
	return (uint32_t)v;
}

static bool
decode_hex(struct buf *out, struct str list)
{
	struct str word;

	while (str_trim(list).n > 0) {
		if (!take_hex(&list, &word) || word.n > 2)
			return false;
		buf_putc(out, (char)hex_value(word));
	}
	return true;
}

static bool
decode_unicode(struct sieve_checker *c, struct buf *out, struct str list,
    struct sieve_position at, bool *good)
{
	struct str word;

	while (str_trim(list).n > 0) {
		uint32_t v;

		if (!take_hex(&list, &word))
			return false;
		v = hex_value(word);
		if (v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff)) {
			sieve_error(c, at,
			    "invalid unicode character 0x%.*s in an encoded "
			    "character",
			    STR_ARG(word));
			*good = false;
			return true;
		}
		utf8_put(out, v);
	}
	return true;
}

/* False: "${" begins no encoded character. *good is cleared at an error. */
static bool
decode_braces(struct sieve_checker *c, struct buf *out, struct str inside,
    struct sieve_position at, bool *good)
{
	size_t n = out->n;
	bool done = false;

	if (str_istarts(inside, STR("hex:")))
		done = decode_hex(out, str_sub(inside, 4, SIZE_MAX));
	else if (str_istarts(inside, STR("unicode:")))
		done = decode_unicode(
		    c, out, str_sub(inside, 8, SIZE_MAX), at, good);
	/* "${hex: }" is none: at least one is needed. */
	if (!done || (out->n == n && *good)) {
		out->n = n;
		return false;
	}
	return true;
}

static bool
decode_characters(struct sieve_checker *c, struct sieve_text *t)
{
	struct buf out = { 0 };
	struct str s = t->text, inside;
	bool good = true;
	size_t i;

	if (str_find(s, STR("${")) == STR_NPOS)
		return true;
	while ((i = str_find(s, STR("${"))) != STR_NPOS) {
		buf_putstr(&out, str_sub(s, 0, i));
		s = str_sub(s, i, SIZE_MAX);
		if (take_braces(s, &inside) &&
		    decode_braces(c, &out, inside, t->at, &good)) {
			s = str_sub(s, inside.n + 3, SIZE_MAX);
		} else {
			BUF_LIT(&out, "${");
			s = str_sub(s, 2, SIZE_MAX);
		}
	}
	buf_putstr(&out, s);
	t->text = arena_str(c->arena, buf_str(&out));
	buf_fini(&out);
	return good;
}

/* ------------------------------------------------------------------------
 * Variables
 */

struct pieces {
	struct sieve_piece *v;
	size_t n, cap;
	bool variable;
};

static void
add_piece(struct sieve_checker *c, struct pieces *list,
    const struct sieve_piece *piece)
{
	list->v =
	    arena_grow(c->arena, list->v, list->n, &list->cap, sizeof(*piece));
	list->v[list->n++] = *piece;
}

static void
add_literal(struct sieve_checker *c, struct pieces *list, struct str text)
{
	struct sieve_piece piece = { .kind = PIECE_TEXT, .text = text };

	if (text.n > 0)
		add_piece(c, list, &piece);
}

bool
sieve_variable_name_valid(struct str name)
{
	if (name.n == 0 || ascii_digit(name.p[0]))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char ch = ascii_lower(name.p[i]);

		if (!ascii_digit(ch) && ch != '_' && (ch < 'a' || ch > 'z'))
			return false;
	}
	return true;
}

enum reading { NO_VARIABLE, VARIABLE, BAD_VARIABLE };

/* "${global.x}" and the like. */
static enum reading
read_namespace(struct sieve_checker *c, struct str space, struct str name,
    struct sieve_position at, struct sieve_piece *out)
{
	out->text = name;
	if (str_ieqc(space, "global") && sieve_caps_has(c->caps, CAP_INCLUDE)) {
		out->kind = PIECE_GLOBAL;
		return sieve_global(c, name, at, &out->number) ? VARIABLE
							       : BAD_VARIABLE;
	}
	if (str_ieqc(space, "env") &&
	    sieve_caps_has(c->caps, CAP_DOVECOT_ENVIRONMENT))
		out->kind = PIECE_ENVIRONMENT;
	else if (str_ieqc(space, "tst") && c->compiler->language)
		out->kind = PIECE_EXTRA;
	else {
		sieve_error(c, at, "unknown namespace '%.*s' of variables",
		    STR_ARG(space));
		return BAD_VARIABLE;
	}
	return VARIABLE;
}

static bool
dotted_names(struct str s)
{
	struct str part;

	while (str_split(&s, '.', &part)) {
		if (!sieve_variable_name_valid(part))
			return false;
	}
	return true;
}

static enum reading
read_variable(struct sieve_checker *c, struct str inside,
    struct sieve_position at, struct sieve_piece *out)
{
	const struct sieve_variable *v;
	size_t dot = str_chr(inside, '.');
	uint32_t number;

	if (inside.n > 0 && ascii_digit(inside.p[0])) {
		if (inside.n > 10 || !str_u32(inside, &number))
			return NO_VARIABLE;
		out->kind = PIECE_MATCH;
		out->number = number;
		if (number < MATCH_VALUES)
			return VARIABLE;
		sieve_error(c, at, "there is no match value %u (limit: %d)",
		    number, MATCH_VALUES - 1);
		return BAD_VARIABLE;
	}
	if (!dotted_names(inside))
		return NO_VARIABLE;
	if (dot != STR_NPOS)
		return read_namespace(c, str_sub(inside, 0, dot),
		    str_sub(inside, dot + 1, SIZE_MAX), at, out);
	v = sieve_variable(c, inside, at);
	if (!v)
		return BAD_VARIABLE;
	out->kind = v->global ? PIECE_GLOBAL : PIECE_VARIABLE;
	out->number = v->number;
	return VARIABLE;
}

static bool
read_variables(struct sieve_checker *c, struct sieve_text *t)
{
	struct pieces list = { 0 };
	struct str rest = t->text, inside;
	size_t from = 0, i;

	while ((i = str_find(str_sub(rest, from, SIZE_MAX), STR("${"))) !=
	       STR_NPOS) {
		struct sieve_piece piece = { 0 };
		enum reading r = NO_VARIABLE;

		from += i;
		if (take_braces(str_sub(rest, from, SIZE_MAX), &inside))
			r = read_variable(c, inside, t->at, &piece);
		if (r == BAD_VARIABLE)
			return false;
		if (r == NO_VARIABLE) {
			from += 2;
			continue;
		}
		add_literal(c, &list, str_sub(rest, 0, from));
		add_piece(c, &list, &piece);
		list.variable = true;
		rest = str_sub(rest, from + inside.n + 3, SIZE_MAX);
		from = 0;
	}
	if (!list.variable)
		return true;
	add_literal(c, &list, rest);
	t->pieces = list.v;
	t->npieces = list.n;
	return true;
}

bool
sieve_check_text(struct sieve_checker *c, struct sieve_text *t)
{
	if (sieve_caps_has(c->caps, CAP_ENCODED_CHARACTER) &&
	    !decode_characters(c, t))
		return false;
	return !sieve_caps_has(c->caps, CAP_VARIABLES) || read_variables(c, t);
}
