/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/authres.h"

#include <string.h>

/*
 * Writing Authentication-Results (RFC 8601, section 2.2). What we write about
 * comes from strangers: nothing of it can end a value, a comment or the field.
 */

#define LINE 78       /* RFC 5322, section 2.1.1 */
#define MAX_VALUE 800 /* on one line, of which 998 are the most */
#define MAX_TEXT 300  /* of reasons and comments */

/* ------------------------------------------------------------------------
 * Lines
 */

static void
new_line(struct authres_writer *w)
{
	w->line = w->out->n + 1;
	BUF_LIT(w->out, "\n\t");
}

/* One word behind a space, which becomes a fold where the line is full. */
static void
put_word(struct authres_writer *w, const struct buf *word)
{
	size_t column = w->out->n - w->line;

	if (column > 1 && column + 1 + word->n > LINE)
		new_line(w);
	else
		buf_putc(w->out, ' ');
	buf_putstr(w->out, buf_str(word));
}

/* ------------------------------------------------------------------------
 * Values
 */

static bool
is_token_char(char c)
{
	return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

static bool
is_atom_char(char c)
{
	return (c & 0x80) ||
	       (c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\".[]", c));
}

static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_token_char(s.p[i]))
			return false;
	}
	return s.n > 0;
}

/* Atoms with a dot between each two. */
static bool
is_dot_atom(struct str s)
{
	bool atom = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? !atom : !is_atom_char(s.p[i]))
			return false;
		atom = s.p[i] != '.';
	}
	return atom;
}

/* Letters, digits, "-", "_", dots, and UTF-8. */
static bool
is_domain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (!(c & 0x80) && !(c >= 'a' && c <= 'z') && !ascii_digit(c) &&
		    (c == '\0' || !strchr("-_.", c)))
			return false;
	}
	return is_dot_atom(s);
}

/* A quoted-string as a whole, without control characters. */
static bool
is_quoted(struct str s)
{
	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return false;
	for (size_t i = 1; i < s.n - 1; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return false;
		if (i == s.n - 1)
			return false;
	}
	return true;
}

/* "[local]@domain" */
static bool
is_address(struct str s)
{
	size_t at = str_rchr(s, '@');
	struct str local = str_sub(s, 0, at);

	return at != STR_NPOS && is_domain(str_sub(s, at + 1, STR_NPOS)) &&
	       (local.n == 0 || is_dot_atom(local) || is_quoted(local));
}

/* No controls, and octets beyond ASCII only if all of it is UTF-8 and they are
 * wanted. */
static void
put_clean(struct buf *out, struct str s, bool utf8)
{
	utf8 = utf8 && str_is_utf8(s);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= ' ' && c != 0x7f && (c < 0x80 || utf8))
			buf_putc(out, s.p[i]);
	}
}

static void
put_value(struct buf *out, struct str s, bool address)
{
	struct buf clean = { 0 };

	put_clean(&clean, s, true);
	s = buf_str(&clean);
	if (is_token(s) || (address && (is_address(s) || is_domain(s))))
		buf_putstr(out, s);
	else
		buf_put_quoted(out, s);
	buf_fini(&clean);
}

/* ------------------------------------------------------------------------
 * Fields
 */

void
authres_begin(struct authres_writer *w, struct buf *out, struct str id)
{
	*w = (struct authres_writer){ .out = out, .line = out->n };
	buf_putc(out, ' ');
	put_value(out, id, false);
}

void
authres_method(struct authres_writer *w, const char *method, const char *result)
{
	buf_putc(w->out, ';');
	new_line(w);
	buf_printf(w->out, "%s=%s", method, result);
	w->any = true;
}

void
authres_reason(struct authres_writer *w, struct str reason)
{
	struct buf word = { 0 }, clean = { 0 };

	put_clean(&clean, str_sub(reason, 0, MAX_TEXT), false);
	BUF_LIT(&word, "reason=");
	buf_put_quoted(&word, buf_str(&clean));
	put_word(w, &word);
	buf_fini(&word);
	buf_fini(&clean);
}

/* One that is too long for a line is left out: a part of it would be wrong. */
void
authres_property(struct authres_writer *w, const char *ptype, const char *name,
    struct str value)
{
	struct buf word = { 0 };

	buf_printf(&word, "%s.%s=", ptype, name);
	put_value(&word, value, true);
	if (word.n <= MAX_VALUE)
		put_word(w, &word);
	buf_fini(&word);
}

/* Folded at its spaces. */
void
authres_comment(struct authres_writer *w, struct str text)
{
	struct buf word = { 0 }, clean = { 0 };
	struct str rest, part;

	put_clean(&clean, str_sub(text, 0, MAX_TEXT), false);
	rest = buf_str(&clean);
	buf_putc(&word, '(');
	while (str_split(&rest, ' ', &part)) {
		for (size_t i = 0; i < part.n; i++) {
			if (strchr("()\\", part.p[i]))
				buf_putc(&word, '\\');
			buf_putc(&word, part.p[i]);
		}
		if (!rest.p)
			break;
		put_word(w, &word);
		buf_clear(&word);
	}
	buf_putc(&word, ')');
	put_word(w, &word);
	buf_fini(&word);
	buf_fini(&clean);
}

void
authres_end(struct authres_writer *w)
{
	if (!w->any)
		BUF_LIT(w->out, "; none");
}
