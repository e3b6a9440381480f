/* SPDX-License-Identifier: BSD-2-Clause */
/* The arguments of SORT (RFC 5256, section 3). */
#include "imapd/sort.h"

static const struct {
	const char *name;
	enum sort_kind kind;
	enum key_text text;
} rows[] = {
	{ "ARRIVAL", SORT_ARRIVAL, 0 },
	{ "CC", SORT_TEXT, KEY_CC },
	{ "DATE", SORT_DATE, 0 },
	{ "DISPLAYFROM", SORT_TEXT, KEY_FROM_NAME },
	{ "DISPLAYTO", SORT_TEXT, KEY_TO_NAME },
	{ "FROM", SORT_TEXT, KEY_FROM },
	{ "RELEVANCY", SORT_RELEVANCY, 0 },
	{ "SIZE", SORT_SIZE, 0 },
	{ "SUBJECT", SORT_TEXT, KEY_BASE },
	{ "TO", SORT_TEXT, KEY_TO },
};

static bool
parse_key(struct parse *p, struct sort_program *out)
{
	struct sort_key *k = &out->v[out->n];
	size_t i = 0, n = LEN(rows);

	if (out->n++ == SORT_KEYS)
		return parse_fail(p, "too many sort keys");
	k->reverse = parse_try_word(p, "REVERSE");
	if (k->reverse && !parse_sp(p))
		return false;
	while (i < n && !parse_try_word(p, rows[i].name))
		i++;
	if (i == n)
		return parse_fail(p, "unknown sort key");
	k->kind = rows[i].kind;
	k->text = rows[i].text;
	out->keys |= k->kind == SORT_DATE || k->kind == SORT_TEXT;
	if (k->kind == SORT_TEXT)
		out->texts |= KEY_BIT(k->text);
	out->relevancy |= k->kind == SORT_RELEVANCY;
	return true;
}

bool
sort_parse(struct parse *p, struct sort_program *out)
{
	*out = (struct sort_program){ 0 };
	if (!parse_char(p, '('))
		return false;
	do {
		if (!parse_key(p, out))
			return false;
	} while (parse_try(p, ' '));
	return parse_char(p, ')');
}

bool
sort_parse_all(
    struct parse *p, struct sort_program *out, struct search_program *search)
{
	*search = (struct search_program){ 0 };
	if (parse_try_word(p, "RETURN") &&
	    !search_parse_returns(p, &search->ret))
		return false;
	if (!sort_parse(p, out))
		return false;
	search->relevancy = out->relevancy;
	return search_parse_with_charset(p, search);
}
