/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/authres.h"

#include <string.h>

#include "mailauth/psl.h"

/*
 * Reading Authentication-Results (RFC 8601, section 2.2). A little more is
 * taken than the grammar has: an empty value, "name=value" without a kind of
 * property (which says nothing to us), "=" and "/" in values. Keywords become
 * lower case.
 */

struct reader {
	struct arena *a;
	const char *start, *p, *end;
};

/* ------------------------------------------------------------------------
 * Lexical tokens
 */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* RFC 2045, section 5.1 */
static bool
is_token_char(char c)
{
	return !is_control(c) && !(c & 0x80) && c != ' ' &&
	       !strchr("()<>@,;:\\\"/[]?=", c);
}

static bool
is_keyword_char(char c)
{
	char l = ascii_lower(c);

	return (l >= 'a' && l <= 'z') || ascii_digit(c) || c == '-' || c == '_';
}

/* Of what has no quotes: atoms, dots, "@", and UTF-8 (RFC 6531). */
static bool
is_value_char(char c)
{
	return !is_control(c) && c != ' ' && !strchr("()<>,;:\\\"[]", c);
}

static bool
is_digit(char c)
{
	return ascii_digit(c);
}

static struct str
take(struct reader *r, bool (*of)(char))
{
	const char *from = r->p;

	while (r->p < r->end && of(*r->p))
		r->p++;
	return (struct str){ from, (size_t)(r->p - from) };
}

/* False: it does not end. */
static bool
skip_comment(struct reader *r)
{
	size_t depth = 0;

	for (; r->p < r->end; r->p++) {
		if (*r->p == '\\' && r->p + 1 < r->end)
			r->p++;
		else if (*r->p == '(')
			depth++;
		else if (*r->p == ')' && --depth == 0) {
			r->p++;
			return true;
		}
	}
	return false;
}

/* White space and comments. */
static bool
skip(struct reader *r)
{
	for (;;) {
		take(r, is_space);
		if (r->p == r->end || *r->p != '(')
			return true;
		if (!skip_comment(r))
			return false;
	}
}

static bool
is_at(const struct reader *r, char c)
{
	return r->p < r->end && *r->p == c;
}

/* C with what may stand on both sides of it. */
static bool
accept(struct reader *r, char c)
{
	if (!skip(r) || !is_at(r, c))
		return false;
	r->p++;
	return skip(r);
}

static struct str
keyword(struct reader *r)
{
	struct str s = take(r, is_keyword_char);
	char *p = arena_cstr(r->a, s);

	for (size_t i = 0; i < s.n; i++)
		p[i] = ascii_lower(p[i]);
	return (struct str){ p, s.n };
}

/* What stands between the quotes; false: they do not end. */
static bool
skip_quoted(struct reader *r, struct str *inside)
{
	const char *from = ++r->p;

	for (; r->p < r->end; r->p++) {
		if (*r->p == '"') {
			*inside = (struct str){ from, (size_t)(r->p - from) };
			r->p++;
			return true;
		}
		if (*r->p == '\\' && r->p + 1 < r->end)
			r->p++;
	}
	return false;
}

/* Without its escapes, and without the folds in it. */
static bool
quoted(struct reader *r, struct str *out)
{
	struct str s;
	char *p;
	size_t n = 0;

	if (!skip_quoted(r, &s))
		return false;
	p = arena_alloc(r->a, s.n + 1);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		if (s.p[i] != '\r' && s.p[i] != '\n')
			p[n++] = s.p[i];
	}
	*out = (struct str){ p, n };
	return true;
}

/* ------------------------------------------------------------------------
 * Parts
 */

static bool
value(struct reader *r, struct str *out)
{
	if (is_at(r, '"'))
		return quoted(r, out);
	*out = take(r, is_token_char);
	return out->n > 0;
}

/* A local part in quotes keeps them. */
static bool
property_value(struct reader *r, struct str *out)
{
	const char *from = r->p;

	if (!is_at(r, '"')) {
		*out = take(r, is_value_char);
		return true;
	}
	if (!quoted(r, out))
		return false;
	if (is_at(r, '@')) {
		take(r, is_value_char);
		*out = (struct str){ from, (size_t)(r->p - from) };
	}
	return true;
}

struct result_list {
	struct authres_result *v;
	size_t n, cap;
};
struct property_list {
	struct authres_property *v;
	size_t n, cap;
};

/* "ptype.name=value", "reason=value", or "name=value". */
static bool
read_property(
    struct reader *r, struct authres_result *result, struct property_list *l)
{
	struct authres_property p = { .ptype = keyword(r) };
	struct str ignored;

	if (p.ptype.n == 0)
		return false;
	if (accept(r, '=')) {
		bool reason = str_eqc(p.ptype, "reason");

		return reason ? value(r, &result->reason)
			      : property_value(r, &ignored);
	}
	if (!accept(r, '.'))
		return false;
	p.name = keyword(r);
	if (p.name.n == 0 || !accept(r, '=') || !property_value(r, &p.value))
		return false;
	l->v = arena_grow(r->a, l->v, l->n, &l->cap, sizeof(*l->v));
	l->v[l->n++] = p;
	return true;
}

static bool
read_properties(struct reader *r, struct authres_result *result)
{
	struct property_list l = { 0 };

	for (;;) {
		if (!skip(r))
			return false;
		if (r->p == r->end || *r->p == ';')
			break;
		if (!read_property(r, result, &l))
			return false;
	}
	result->properties = l.v;
	result->nproperties = l.n;
	return true;
}

/* "method/version=result", behind its ";". */
static bool
read_method(struct reader *r, struct str method, struct authres_result *result)
{
	result->method = method;
	if (method.n == 0)
		return false;
	if (accept(r, '/')) {
		result->version = take(r, is_digit);
		if (result->version.n == 0)
			return false;
	}
	if (!accept(r, '='))
		return false;
	result->result = keyword(r);
	return result->result.n > 0 && read_properties(r, result);
}

static bool
read_results(struct reader *r, struct authres *out)
{
	struct result_list l = { 0 };

	while (r->p < r->end) {
		struct authres_result result = { 0 };
		struct str method;

		if (!accept(r, ';'))
			return false;
		method = keyword(r);
		if (l.n == 0 && str_eqc(method, "none") && skip(r) &&
		    r->p == r->end)
			return true;
		if (!read_method(r, method, &result))
			return false;
		l.v = arena_grow(r->a, l.v, l.n, &l.cap, sizeof(*l.v));
		l.v[l.n++] = result;
	}
	out->results = l.v;
	out->n = l.n;
	return l.n > 0;
}

/* Fields of another version are not to be understood. */
static bool
read_head(struct reader *r, struct authres *out)
{
	if (!skip(r) || !value(r, &out->authserv_id) || !skip(r))
		return false;
	out->version = take(r, is_digit);
	return skip(r) && (out->version.n == 0 || str_eqc(out->version, "1"));
}

/* ------------------------------------------------------------------------
 * Fields
 */

bool
authres_parse(
    struct arena *a, struct str value, struct authres *out, size_t *at)
{
	struct reader r = { .a = a, .start = value.p, .p = value.p };
	bool ok;

	*out = (struct authres){ 0 };
	*at = 0;
	if (value.n == 0)
		return false;
	r.end = value.p + value.n;
	ok = read_head(&r, out) && read_results(&r, out);
	*at = (size_t)(r.p - r.start);
	return ok;
}

static bool
same_id(struct arena *a, struct str x, struct str y)
{
	struct str dx = domain_to_ascii(a, x), dy = domain_to_ascii(a, y);

	return str_ieq(x, y) || (dx.n > 0 && str_eq(dx, dy));
}

/* In lower case, without what could hide a name from a search. */
static struct str
plain(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (!strchr("\\\r\n", s.p[i]) || s.p[i] == '\0')
			p[n++] = ascii_lower(s.p[i]);
	}
	return (struct str){ p, n };
}

bool
authres_claims(struct arena *a, struct str value, struct str id)
{
	struct authres x;
	size_t at;
	bool ok;

	if (id.n == 0)
		return false;
	ok = authres_parse(a, value, &x, &at);
	if (same_id(a, x.authserv_id, id))
		return true;
	return !ok && str_find(plain(a, value), plain(a, id)) != STR_NPOS;
}
