/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/decode.h"

#include <string.h>

#include "mime/internal.h"

/*
 * One pass, without a tree: tags are looked at one by one and only few of
 * them mean anything. White space is written when the next word is, so that
 * runs of it and of line breaks collapse.
 */
struct html {
	struct buf *out;
	size_t start;           /* of our output in out */
	unsigned space, breaks; /* waiting to be written */
	bool pre;
};

enum tag_kind { T_BLOCK, T_PARAGRAPH, T_BREAK, T_CELL, T_SKIP, T_PRE, T_IMG };

/* Sorted. What is not here is inline. */
static const struct tag {
	const char *name;
	enum tag_kind kind;
} tags[] = {
	/* clang-format off */
	{ "address", T_BLOCK }, { "article", T_BLOCK }, { "aside", T_BLOCK },
	{ "blockquote", T_PARAGRAPH }, { "br", T_BREAK }, { "center", T_BLOCK },
	{ "dd", T_BLOCK }, { "div", T_BLOCK }, { "dl", T_PARAGRAPH },
	{ "dt", T_BLOCK }, { "footer", T_BLOCK }, { "form", T_BLOCK },
	{ "h1", T_PARAGRAPH }, { "h2", T_PARAGRAPH }, { "h3", T_PARAGRAPH },
	{ "h4", T_PARAGRAPH }, { "h5", T_PARAGRAPH }, { "h6", T_PARAGRAPH },
	{ "head", T_BLOCK }, { "header", T_BLOCK }, { "hr", T_BLOCK },
	{ "img", T_IMG }, { "li", T_BLOCK }, { "main", T_BLOCK },
	{ "nav", T_BLOCK }, { "noframes", T_SKIP }, { "ol", T_PARAGRAPH },
	{ "option", T_BLOCK }, { "p", T_PARAGRAPH }, { "pre", T_PRE },
	{ "script", T_SKIP }, { "section", T_BLOCK }, { "style", T_SKIP },
	{ "table", T_BLOCK }, { "td", T_CELL }, { "template", T_SKIP },
	{ "th", T_CELL }, { "title", T_SKIP }, { "tr", T_BLOCK },
	{ "ul", T_PARAGRAPH },
	/* clang-format on */
};

static const struct tag *
find_tag(struct str name)
{
	size_t lo = 0, hi = LEN(tags);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = str_icmp(name, str_of(tags[mid].name));

		if (c == 0)
			return &tags[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static void
want_breaks(struct html *h, unsigned n)
{
	if (h->breaks < n)
		h->breaks = n;
	h->space = 0;
}

static void
write_space(struct html *h)
{
	if (h->out->n > h->start) {
		for (unsigned i = 0; i < h->breaks; i++)
			buf_putc(h->out, '\n');
		if (!h->breaks && h->space)
			buf_putc(h->out, ' ');
	}
	h->breaks = h->space = 0;
}

/* Text without markup or entities. */
static void
put_text(struct html *h, struct str s)
{
	size_t i = 0;

	if (h->pre) {
		if (s.n) {
			write_space(h);
			buf_putstr(h->out, s);
		}
		return;
	}
	while (i < s.n) {
		size_t from = i;

		while (i < s.n && !mime_is_space(s.p[i]))
			i++;
		if (i > from) {
			write_space(h);
			buf_put(h->out, s.p + from, i - from);
		}
		while (i < s.n && mime_is_space(s.p[i])) {
			h->space = 1;
			i++;
		}
	}
}

/* "#233", "#xE9": the character, or 0. */
static uint32_t
numeric_entity(struct str s)
{
	bool hex = s.n > 1 && (s.p[1] == 'x' || s.p[1] == 'X');
	uint32_t c = 0;

	for (size_t i = hex ? 2 : 1; i < s.n; i++) {
		int digit = ascii_hex(s.p[i]);

		if (digit < 0 || (!hex && digit > 9) || c > 0x10ffff)
			return 0;
		c = c * (hex ? 16 : 10) + (uint32_t)digit;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return c;
}

/* The length of the entity at s.p[0] == '&', put to OUT; 0 if it is none. */
static size_t
put_entity(struct html *h, struct str s)
{
	size_t i = 1;
	struct str name;
	uint32_t c;
	char octet;

	while (i < s.n && i < 12 &&
	       (ascii_digit(s.p[i]) || s.p[i] == '#' ||
		   (ascii_lower(s.p[i]) >= 'a' && ascii_lower(s.p[i]) <= 'z')))
		i++;
	name = str_sub(s, 1, i - 1);
	if (name.n == 0)
		return 0;
	c = name.p[0] == '#' ? numeric_entity(name) : html_entity(name);
	if (c == 0)
		return 0;
	if (i < s.n && s.p[i] == ';')
		i++;
	if (c == 0xa0) /* a space that must be seen */
		h->space = 1;
	else if (c < 0x80) {
		octet = (char)c;
		put_text(h, (struct str){ &octet, 1 });
	} else {
		write_space(h);
		if (c < 0xa0) { /* windows-1252 written as numbers */
			octet = (char)c;
			mime_to_utf8(h->out, STR("windows-1252"),
			    (struct str){ &octet, 1 });
		} else {
			utf8_put(h->out, c);
		}
	}
	return i;
}

static void
put_with_entities(struct html *h, struct str s)
{
	while (s.n) {
		size_t amp = str_chr(s, '&'), n;

		put_text(h, str_sub(s, 0, amp));
		if (amp == STR_NPOS)
			return;
		s = str_sub(s, amp, SIZE_MAX);
		if ((n = put_entity(h, s)) == 0) {
			put_text(h, str_sub(s, 0, 1));
			n = 1;
		}
		s = str_sub(s, n, SIZE_MAX);
	}
}

/* The end of the tag at s.p[0] == '<', past ">"; quotes may hold one. */
static size_t
tag_length(struct str s)
{
	char quote = '\0';

	for (size_t i = 1; i < s.n; i++) {
		char c = s.p[i];

		if (quote) {
			if (c == quote)
				quote = '\0';
		} else if ((c == '"' || c == '\'') && s.p[i - 1] == '=') {
			quote = c;
		} else if (c == '>') {
			return i + 1;
		}
	}
	return s.n;
}

/* The value of alt="..." among the attributes. */
static struct str
alt_text(struct str tag)
{
	for (size_t i = 1; i + 5 < tag.n; i++) {
		struct str rest = str_sub(tag, i, SIZE_MAX);
		size_t close;

		if (!mime_is_space(tag.p[i - 1]) ||
		    !str_istarts(rest, STR("alt=")) ||
		    (rest.p[4] != '"' && rest.p[4] != '\''))
			continue;
		close = str_chr(str_sub(rest, 5, SIZE_MAX), rest.p[4]);
		return close == STR_NPOS ? STR_NULL : str_sub(rest, 5, close);
	}
	return STR_NULL;
}

/* Past "</NAME ...>", or to the end. */
static struct str
skip_element(struct str s, struct str name)
{
	while (s.n) {
		size_t lt = str_chr(s, '<');

		if (lt == STR_NPOS)
			break;
		s = str_sub(s, lt + 1, SIZE_MAX);
		if (s.n && s.p[0] == '/' &&
		    str_istarts(str_sub(s, 1, SIZE_MAX), name)) {
			size_t gt = str_chr(s, '>');

			return gt == STR_NPOS ? STR_NULL
					      : str_sub(s, gt + 1, SIZE_MAX);
		}
	}
	return STR_NULL;
}

/* Past a comment or declaration at "<!" or "<?". */
static struct str
skip_declaration(struct str s)
{
	bool comment = str_starts(s, STR("<!--"));
	size_t at;

	if (comment)
		s = str_sub(s, 2, SIZE_MAX); /* "<!-->" ends at once */
	at = str_find(s, comment ? STR("-->") : STR(">"));
	return at == STR_NPOS ? STR_NULL
			      : str_sub(s, at + (comment ? 3 : 1), SIZE_MAX);
}

static void
apply_tag(struct html *h, enum tag_kind kind, bool closing, struct str tag)
{
	switch (kind) {
	case T_BLOCK:
		want_breaks(h, 1);
		break;
	case T_PARAGRAPH:
		want_breaks(h, 2);
		break;
	case T_BREAK:
		if (h->breaks < 2)
			h->breaks++;
		h->space = 0;
		break;
	case T_CELL:
		h->space = 1;
		break;
	case T_PRE:
		want_breaks(h, 2);
		h->pre = !closing;
		break;
	case T_IMG:
		put_with_entities(h, alt_text(tag));
		break;
	case T_SKIP:
		break;
	}
}

/* Markup at s.p[0] == '<'; what follows it. */
static struct str
take_markup(struct html *h, struct str s)
{
	bool closing = s.n > 1 && s.p[1] == '/';
	size_t i = closing ? 2 : 1, from = i, n;
	const struct tag *tag;
	struct str name, rest;

	if (s.n > 1 && (s.p[1] == '!' || s.p[1] == '?'))
		return skip_declaration(s);
	while (i < s.n &&
	       (ascii_digit(s.p[i]) ||
		   (ascii_lower(s.p[i]) >= 'a' && ascii_lower(s.p[i]) <= 'z')))
		i++;
	name = str_sub(s, from, i - from);
	if (name.n == 0 && !closing) { /* "a < b" */
		put_text(h, str_sub(s, 0, 1));
		return str_sub(s, 1, SIZE_MAX);
	}
	n = tag_length(s);
	rest = str_sub(s, n, SIZE_MAX);
	tag = find_tag(name);
	if (!tag)
		return rest;
	if (tag->kind == T_SKIP)
		return closing ? rest : skip_element(rest, name);
	apply_tag(h, tag->kind, closing, str_sub(s, 0, n));
	return rest;
}

void
mime_html_to_text(struct buf *out, struct str s)
{
	struct html h = { .out = out, .start = out->n };

	while (s.n) {
		size_t lt = str_chr(s, '<');

		put_with_entities(&h, str_sub(s, 0, lt));
		if (lt == STR_NPOS)
			break;
		s = take_markup(&h, str_sub(s, lt, SIZE_MAX));
	}
}
