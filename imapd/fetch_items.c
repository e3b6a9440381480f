/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/fetch_items.h"

#include <string.h>

#include "base/buf.h"
#include "imapd/write.h"

struct row {
	const char *name;
	enum fetch_kind kind;
	unsigned needs;
	enum fetch_part part; /* RFC822 and its kin */
	bool bracket;         /* a section in brackets follows */
};

static const struct row rows[] = {
	/* clang-format off */
	{ "UID",           FETCH_UID,           HAS_UID,    PART_BODY,   false },
	{ "FLAGS",         FETCH_FLAGS,         HAS_FLAGS,  PART_BODY,   false },
	{ "INTERNALDATE",  FETCH_INTERNALDATE,  0,          PART_BODY,   false },
	{ "SAVEDATE",      FETCH_SAVEDATE,      0,          PART_BODY,   false },
	{ "RFC822.SIZE",   FETCH_SIZE,          0,          PART_BODY,   false },
	{ "MODSEQ",        FETCH_MODSEQ,        HAS_MODSEQ, PART_BODY,   false },
	{ "ENVELOPE",      FETCH_ENVELOPE,      NEED_META,  PART_BODY,   false },
	{ "BODYSTRUCTURE", FETCH_BODYSTRUCTURE, NEED_META,  PART_BODY,   false },
	{ "BODY",          FETCH_BODY,          NEED_META,  PART_BODY,   false },
	{ "EMAILID",       FETCH_EMAILID,       NEED_IDS,   PART_BODY,   false },
	{ "THREADID",      FETCH_THREADID,      NEED_IDS,   PART_BODY,   false },
	{ "PREVIEW",       FETCH_PREVIEW,       NEED_META,  PART_BODY,   false },
	{ "RFC822",        FETCH_SECTION,       NEED_BODY | SETS_SEEN, PART_BODY, false },
	{ "RFC822.HEADER", FETCH_SECTION,       NEED_META | NEED_BODY, PART_HEADER, false },
	{ "RFC822.TEXT",   FETCH_SECTION,       NEED_META | NEED_BODY | SETS_SEEN, PART_TEXT, false },
	{ "BODY",          FETCH_SECTION,       NEED_BODY | SETS_SEEN, PART_BODY, true },
	{ "BODY.PEEK",     FETCH_SECTION,       NEED_BODY,  PART_BODY,   true },
	{ "BINARY",        FETCH_BINARY,        NEED_META | NEED_BODY | SETS_SEEN, PART_BODY, true },
	{ "BINARY.PEEK",   FETCH_BINARY,        NEED_META | NEED_BODY, PART_BODY, true },
	{ "BINARY.SIZE",   FETCH_BINARY_SIZE,   NEED_META | NEED_BODY, PART_BODY, true },
	/* clang-format on */
};

static const struct {
	const char *name;
	enum fetch_kind kinds[5];
	size_t n;
} macros[] = {
	/* clang-format off */
	{ "FAST", { FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_SIZE }, 3 },
	{ "ALL",  { FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_SIZE, FETCH_ENVELOPE }, 4 },
	{ "FULL", { FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_SIZE, FETCH_ENVELOPE, FETCH_BODY }, 5 },
	/* clang-format on */
};

void
fetch_items_copy(
    struct arena *a, struct fetch_items *items, const struct fetch_item *item)
{
	/* The array grows in steps of eight. */
	if (items->n % 8 == 0) {
		struct fetch_item *v = arena_array(a, items->n + 8, sizeof(*v));

		if (items->n)
			memcpy(v, items->v, items->n * sizeof(*v));
		items->v = v;
	}
	items->v[items->n++] = *item;
}

static struct fetch_item *
add(struct arena *a, struct fetch_items *items, const struct row *r)
{
	struct fetch_item it = {
		.kind = r->kind, .label = str_of(r->name), .part = r->part
	};

	fetch_items_copy(a, items, &it);
	items->needs |= r->needs;
	return &items->v[items->n - 1];
}

void
fetch_items_add(
    struct arena *a, struct fetch_items *items, enum fetch_kind kind)
{
	const struct row *r = rows;

	while (r->kind != kind)
		r++;
	add(a, items, r);
}

static bool
is_name_char(char c)
{
	return is_atom_char(c) && c != '[' && c != '<';
}

static struct str
take_name(struct parse *p)
{
	size_t start = p->at;

	while (p->at < p->in.n && is_name_char(p->in.p[p->at]))
		p->at++;
	return str_sub(p->in, start, p->at - start);
}

/* "1.2." before a word, or "1.2" at the end of the section. */
static bool
parse_path(struct parse *p, struct fetch_item *it)
{
	uint32_t path[FETCH_PATH], *copy;

	while (ascii_digit(parse_peek(p))) {
		if (it->npath == FETCH_PATH)
			return parse_fail(p, "section too deep");
		if (!parse_nz(p, &path[it->npath++]))
			return false;
		if (!parse_try(p, '.'))
			break;
		if (parse_peek(p) == ']')
			return parse_fail(p, "bad section");
	}
	copy = arena_array(p->arena, it->npath + 1, sizeof(*copy));
	memcpy(copy, path, it->npath * sizeof(*copy));
	it->path = copy;
	return true;
}

static bool
parse_fields(struct parse *p, struct fetch_item *it)
{
	struct str names[PARSE_NAMES], *copy;

	if (!parse_sp(p) || !parse_char(p, '('))
		return false;
	do {
		if (it->nfields == PARSE_NAMES)
			return parse_fail(p, "too many header fields");
		if (!parse_astring(p, &names[it->nfields++]))
			return false;
	} while (parse_try(p, ' '));
	copy = arena_array(p->arena, it->nfields, sizeof(*copy));
	memcpy(copy, names, it->nfields * sizeof(*copy));
	it->fields = copy;
	return parse_char(p, ')');
}

static bool
parse_section(struct parse *p, struct fetch_items *items, struct fetch_item *it)
{
	static const struct {
		const char *name;
		enum fetch_part part;
	} words[] = {
		{ "HEADER.FIELDS.NOT", PART_FIELDS_NOT },
		{ "HEADER.FIELDS", PART_FIELDS },
		{ "HEADER", PART_HEADER },
		{ "TEXT", PART_TEXT },
		{ "MIME", PART_MIME },
	};
	size_t i = 0;

	if (!parse_path(p, it))
		return false;
	if (it->npath)
		items->needs |= NEED_META;
	if (parse_peek(p) == ']')
		return it->npath == 0 || p->in.p[p->at - 1] != '.';
	if (it->npath && p->in.p[p->at - 1] != '.')
		return parse_fail(p, "bad section");
	if (it->kind != FETCH_SECTION) /* RFC 3516: numbers only */
		return parse_fail(p, "BINARY takes part numbers");
	while (i < 5 && !parse_try_word(p, words[i].name))
		i++;
	if (i == 5)
		return parse_fail(p, "unknown section");
	it->part = words[i].part;
	items->needs |= NEED_META;
	if (it->part == PART_MIME && it->npath == 0)
		return parse_fail(p, "MIME needs a part number");
	if (it->part == PART_FIELDS || it->part == PART_FIELDS_NOT)
		return parse_fields(p, it);
	return true;
}

static bool
parse_partial(struct parse *p, struct fetch_item *it)
{
	if (it->kind == FETCH_BINARY_SIZE || !parse_try(p, '<'))
		return true;
	it->partial = true;
	if (!parse_u64(p, &it->offset) || !parse_char(p, '.') ||
	    !parse_u64(p, &it->length))
		return parse_fail(p, "bad partial range");
	if (it->length == 0 || it->offset > UINT32_MAX)
		return parse_fail(p, "bad partial range");
	return parse_char(p, '>');
}

static void
put_path(struct buf *b, const struct fetch_item *it)
{
	for (size_t i = 0; i < it->npath; i++) {
		if (i)
			buf_putc(b, '.');
		buf_putu(b, it->path[i]);
	}
	if (it->npath && it->part != PART_BODY)
		buf_putc(b, '.');
}

/* The name of the section in the response, spelled in one way. */
static struct str
label(struct arena *a, const struct fetch_item *it)
{
	static const char *const words[] = { "", "HEADER", "HEADER.FIELDS",
		"HEADER.FIELDS.NOT", "TEXT", "MIME" };
	struct buf b = { 0 };
	struct str s;

	buf_puts(&b, it->kind == FETCH_BINARY        ? "BINARY["
		     : it->kind == FETCH_BINARY_SIZE ? "BINARY.SIZE["
						     : "BODY[");
	put_path(&b, it);
	buf_puts(&b, words[it->part]);
	for (size_t i = 0; i < it->nfields; i++) {
		buf_puts(&b, i ? " " : " (");
		write_astring(&b, it->fields[i]);
	}
	buf_puts(&b, it->nfields ? ")]" : "]");
	if (it->partial) {
		buf_putc(&b, '<');
		buf_putu(&b, it->offset);
		buf_putc(&b, '>');
	}
	s = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return s;
}

/* " (LAZY)" of RFC 8970: previews are always at hand, so it means nothing. */
static bool
parse_lazy(struct parse *p)
{
	if (p->at + 1 >= p->in.n || p->in.p[p->at] != ' ' ||
	    p->in.p[p->at + 1] != '(')
		return true;
	p->at += 2;
	if (!parse_try_word(p, "LAZY"))
		return parse_fail(p, "unknown PREVIEW modifier");
	return parse_char(p, ')');
}

static bool
parse_item(struct parse *p, struct fetch_items *out)
{
	struct str name = take_name(p);
	bool bracket = parse_try(p, '[');
	struct fetch_item *it = NULL;

	for (size_t i = 0; !it && i < LEN(rows); i++) {
		if (rows[i].bracket == bracket && str_ieqc(name, rows[i].name))
			it = add(p->arena, out, &rows[i]);
	}
	if (!it)
		return parse_fail(p, "unknown FETCH item");
	if (it->kind == FETCH_PREVIEW)
		return parse_lazy(p);
	if (!bracket)
		return true;
	if (!parse_section(p, out, it) || !parse_char(p, ']') ||
	    !parse_partial(p, it))
		return parse_fail(p, "bad section");
	it->label = label(p->arena, it);
	return true;
}

static bool
parse_macro(struct parse *p, struct fetch_items *out)
{
	for (size_t i = 0; i < LEN(macros); i++) {
		if (!parse_try_word(p, macros[i].name))
			continue;
		for (size_t k = 0; k < macros[i].n; k++)
			fetch_items_add(p->arena, out, macros[i].kinds[k]);
		return true;
	}
	return false;
}

bool
fetch_items_parse(struct parse *p, struct fetch_items *out)
{
	*out = (struct fetch_items){ 0 };
	if (!parse_try(p, '('))
		return parse_macro(p, out) || parse_item(p, out);
	do {
		if (out->n == PARSE_NAMES)
			return parse_fail(p, "too many items");
		if (!parse_item(p, out))
			return false;
	} while (parse_try(p, ' '));
	return parse_char(p, ')');
}
