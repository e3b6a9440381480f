/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/codec.h"
#include "mailauth/canon.h"

/* More than any of the standards has, so few that comparing each with each
 * costs nothing. */
#define TAGS_MAX 64

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);
		bool alpha = c >= 'a' && c <= 'z';

		if (!alpha && (i == 0 || (!ascii_digit(c) && c != '_')))
			return false;
	}
	return s.n > 0;
}

/* VALCHAR, FWS, and what RFC 8616 adds: UTF-8. */
static bool
is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < ' ' && !strchr("\t\r\n", c)) || c == 0 || c == 0x7f)
			return false;
	}
	return str_is_utf8(s);
}

static bool
is_among(const struct tag *v, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(v[i].name, name))
			return true;
	}
	return false;
}

static bool
fail(struct str *why, const char *what)
{
	*why = str_of(what);
	return false;
}

static bool
parse_tag(struct str spec, struct tag *out, struct str *why)
{
	size_t eq = str_chr(spec, '=');

	if (eq == STR_NPOS)
		return fail(why, "a tag without \"=\"");
	out->name = str_trim(str_sub(spec, 0, eq));
	out->value = str_trim(str_sub(spec, eq + 1, STR_NPOS));
	if (!is_name(out->name))
		return fail(why, "a malformed name of a tag");
	if (!is_value(out->value))
		return fail(why, "a character that no tag may have");
	if (!out->value.p)
		out->value = STR("");
	return true;
}

/* "a=b; c=d;": one ";" may end it. */
bool
tags_parse(struct arena *a, struct str text, struct tags *out, struct str *why)
{
	struct tag v[TAGS_MAX];
	struct str rest = str_trim(text), spec;
	size_t n = 0;

	*out = (struct tags){ NULL, 0 };
	if (rest.n && rest.p[rest.n - 1] == ';')
		rest.n--;
	if (rest.n == 0)
		return fail(why, "no tags");
	while (str_split(&rest, ';', &spec)) {
		if (n == TAGS_MAX)
			return fail(why, "too many tags");
		if (!parse_tag(spec, &v[n], why))
			return false;
		if (is_among(v, n, v[n].name)) {
			*why = arena_printf(
			    a, "tag %.*s= twice", STR_ARG(v[n].name));
			return false;
		}
		n++;
	}
	out->v = memcpy(arena_array(a, n, sizeof(v[0])), v, n * sizeof(v[0]));
	out->n = n;
	return true;
}

struct str
tags_get(const struct tags *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++) {
		if (str_eqc(t->v[i].name, name))
			return t->v[i].value;
	}
	return STR_NULL;
}

bool
tag_base64(struct arena *a, struct str text, struct str *out)
{
	struct buf plain = { 0 }, octets = { 0 };
	bool ok;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
			buf_putc(&plain, c);
	}
	ok = plain.n > 0 && base64_decode(&octets, buf_str(&plain));
	if (ok)
		*out = arena_str(a, buf_str(&octets));
	buf_fini(&plain);
	buf_fini(&octets);
	return ok;
}
