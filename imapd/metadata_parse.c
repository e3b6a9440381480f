/* SPDX-License-Identifier: BSD-2-Clause */
/* The arguments of GETMETADATA and SETMETADATA (RFC 5464, section 5). */
#include <limits.h>
#include <string.h>

#include "imapd/metadata.h"

#define MAX_NAME 255

static bool
take_entry(struct parse *p, struct metadata_entry *out)
{
	struct str text;
	char *lower;

	if (!parse_astring(p, &text))
		return false;
	lower = arena_array(p->arena, text.n + 1, 1);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char ch = (unsigned char)text.p[i];

		/* RFC 5464, section 3.2.1 */
		if (ch <= ' ' || ch >= 0x7f || ch == '*' || ch == '%' ||
		    (ch == '/' && (i + 1 == text.n || text.p[i + 1] == '/')))
			return parse_fail(p, "invalid entry name");
		lower[i] =
		    ch >= 'A' && ch <= 'Z' ? (char)(ch | 0x20) : (char)ch;
	}
	text.p = lower;
	out->shared = str_starts(text, STR("/shared"));
	if (!out->shared && !str_starts(text, STR("/private")))
		return parse_fail(p, "entries are in /private or /shared");
	out->name =
	    str_sub(text, strlen(out->shared ? "/shared" : "/private"), text.n);
	if (text.n > MAX_NAME || (out->name.n && out->name.p[0] != '/'))
		return parse_fail(p, "invalid entry name");
	return true;
}

bool
metadata_wanted_parse(struct parse *p, struct metadata_wanted *out)
{
	bool list = parse_try(p, '(');

	out->n = 0;
	do {
		if (out->n == METADATA_ENTRIES)
			return parse_fail(p, "too many entries");
		if (!take_entry(p, &out->entries[out->n++]))
			return false;
	} while (list && parse_try(p, ' '));
	return !list || parse_char(p, ')');
}

static bool
take_item_name(struct parse *p, struct annotation *out)
{
	struct metadata_entry entry;

	if (!take_entry(p, &entry))
		return false;
	out->shared = entry.shared;
	out->name = entry.name;
	return entry.name.n ? true : parse_fail(p, "invalid entry name");
}

static bool
take_depth(struct parse *p, unsigned *out)
{
	if (parse_try_word(p, "infinity"))
		*out = UINT_MAX;
	else if (parse_try_word(p, "1"))
		*out = 1;
	else if (parse_try_word(p, "0"))
		*out = 0;
	else
		return parse_fail(p, "DEPTH is 0, 1 or infinity");
	return true;
}

static bool
take_options(struct parse *p, struct metadata_wanted *want)
{
	do {
		if (parse_try_word(p, "MAXSIZE")) {
			if (!parse_sp(p) || !parse_u64(p, &want->maxsize))
				return false;
		} else if (!parse_try_word(p, "DEPTH")) {
			return parse_fail(p, "unknown option");
		} else if (!parse_sp(p) || !take_depth(p, &want->depth)) {
			return false;
		}
	} while (parse_try(p, ' '));
	return parse_char(p, ')');
}

/* Before the mailbox by the grammar, behind it by the examples of RFC 5464,
 * section 4.2: clients do either. Entries begin with "/" or as strings. */
static bool
take_options_if(struct parse *p, struct metadata_wanted *want)
{
	if (parse_peek(p) != '(' || p->at + 1 >= p->in.n ||
	    strchr("/\"{", p->in.p[p->at + 1]))
		return true;
	return parse_char(p, '(') && take_options(p, want) && parse_sp(p);
}

bool
metadata_get_parse(
    struct parse *p, struct metadata_wanted *want, struct str *mailbox)
{
	want->depth = 0;
	want->maxsize = UINT64_MAX;
	if (!parse_sp(p))
		return false;
	return take_options_if(p, want) && parse_mailbox(p, mailbox) &&
	       parse_sp(p) && take_options_if(p, want) &&
	       metadata_wanted_parse(p, want) && parse_end(p);
}

static bool
take_value(struct parse *p, struct str *out)
{
	bool binary;

	return parse_peek(p) == '~' ? parse_literal(p, &binary, out)
				    : parse_nstring(p, out);
}

bool
metadata_set_parse(struct parse *p, struct annotation *items, size_t *n)
{
	*n = 0;
	if (!parse_sp(p) || !parse_char(p, '('))
		return false;
	do {
		struct annotation *item = &items[*n];

		if (*n == METADATA_ENTRIES)
			return parse_fail(p, "too many entries");
		if (!take_item_name(p, item) || !parse_sp(p) ||
		    !take_value(p, &item->value))
			return false;
		++*n;
	} while (parse_try(p, ' '));
	return parse_char(p, ')') && parse_end(p);
}
