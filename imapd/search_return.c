/* SPDX-License-Identifier: BSD-2-Clause */
/* RETURN options of SEARCH, SORT and ESEARCH. */
#include "imapd/search_key.h"

bool
parse_partial(struct parse *p, struct partial *out)
{
	uint32_t a, b;

	out->from_end = parse_try(p, '-');
	if (!parse_nz(p, &a) || !parse_char(p, ':') ||
	    (out->from_end && !parse_char(p, '-')) || !parse_nz(p, &b))
		return false;
	out->lo = a < b ? a : b;
	out->hi = a < b ? b : a;
	return true;
}

void
partial_range(const struct partial *partial, size_t n, size_t *from, size_t *to)
{
	size_t lo = partial->lo - 1, hi = partial->hi < n ? partial->hi : n;

	if (lo > hi)
		lo = hi;
	*from = partial->from_end ? n - hi : lo;
	*to = partial->from_end ? n - lo : hi;
}

static bool
parse_return(struct parse *p, struct search_return *out)
{
	static const struct {
		const char *name;
		unsigned item;
	} rows[] = {
		{ "MIN", RETURN_MIN },
		{ "MAX", RETURN_MAX },
		{ "ALL", RETURN_ALL },
		{ "COUNT", RETURN_COUNT },
		{ "SAVE", RETURN_SAVE },
		{ "PARTIAL", RETURN_PARTIAL },
		{ "UPDATE", RETURN_UPDATE },
		{ "CONTEXT", RETURN_CONTEXT },
		{ "RELEVANCY", RETURN_RELEVANCY },
	};
	size_t i = 0, n = LEN(rows);

	while (i < n && !parse_try_word(p, rows[i].name))
		i++;
	if (i == n)
		return parse_fail(p, "unknown RETURN option");
	if (rows[i].item == RETURN_PARTIAL) {
		if (out->items & RETURN_PARTIAL)
			return parse_fail(p, "more than one PARTIAL");
		if (!parse_sp(p) || !parse_partial(p, &out->partial))
			return false;
	}
	out->items |= rows[i].item;
	return true;
}

bool
search_parse_returns(struct parse *p, struct search_return *out)
{
	out->given = true;
	if (!parse_sp(p) || !parse_char(p, '('))
		return false;
	if (!parse_try(p, ')')) {
		do {
			if (!parse_return(p, out))
				return false;
		} while (parse_try(p, ' '));
		if (!parse_char(p, ')'))
			return false;
	}
	if ((out->items & RETURN_PARTIAL) && (out->items & RETURN_ALL))
		return parse_fail(p, "PARTIAL and ALL exclude each other");
	if (out->items == 0)
		out->items = RETURN_ALL;
	return parse_sp(p);
}
