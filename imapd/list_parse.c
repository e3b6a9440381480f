/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/list.h"

#include "imapd/command.h"
#include "mime/decode.h"

struct option {
	const char *name;
	unsigned bit;
};

static const struct option selections[] = {
	{ "SUBSCRIBED", SELECT_SUBSCRIBED },
	{ "REMOTE", SELECT_REMOTE },
	{ "RECURSIVEMATCH", SELECT_RECURSIVE },
	{ "SPECIAL-USE", SELECT_SPECIAL },
	{ NULL, 0 },
};

static const struct option returns[] = {
	{ "CHILDREN", GIVE_CHILDREN },
	{ "SUBSCRIBED", GIVE_SUBSCRIBED },
	{ "SPECIAL-USE", GIVE_SPECIAL },
	{ "STATUS", GIVE_STATUS },
	{ "MYRIGHTS", GIVE_MYRIGHTS },
	{ "METADATA", GIVE_METADATA },
	{ NULL, 0 },
};

/* Options up to the closing parenthesis. */
static bool
take_options(
    struct parse *p, const struct option *o, unsigned *bits, struct listing *l)
{
	if (parse_try(p, ')'))
		return true;
	do {
		const struct option *it = o;

		while (it->name && !parse_try_word(p, it->name))
			it++;
		if (!it->name)
			return parse_fail(p, "unknown option");
		*bits |= it->bit;
		if (o != returns)
			continue;
		if (it->bit == GIVE_STATUS &&
		    (!parse_sp(p) || !status_parse(p, &l->status)))
			return false;
		if (it->bit == GIVE_METADATA &&
		    (!parse_sp(p) || !metadata_wanted_parse(p, &l->metadata)))
			return false;
	} while (parse_try(p, ' '));
	return parse_char(p, ')');
}

bool
list_pattern(struct parse *p, struct str reference, struct listing *l)
{
	struct str text;

	if (l->npatterns == LIST_PATTERNS)
		return parse_fail(p, "too many patterns");
	if (!parse_pattern(p, &text))
		return false;
	if (reference.n)
		text = arena_printf(
		    p->arena, "%.*s%.*s", STR_ARG(reference), STR_ARG(text));
	l->patterns[l->npatterns++] = text;
	text = mime_nfc(p->arena, text); /* as CREATE does */
	if (!str_eq(text, l->patterns[l->npatterns - 1]) &&
	    l->npatterns < LIST_PATTERNS)
		l->patterns[l->npatterns++] = text;
	return true;
}

static bool
take_patterns(struct parse *p, struct str reference, struct listing *l)
{
	if (!parse_try(p, '('))
		return list_pattern(p, reference, l);
	l->extended = true;
	do {
		if (!list_pattern(p, reference, l))
			return false;
	} while (parse_try(p, ' '));
	return parse_char(p, ')');
}

bool
list_parse(struct parse *p, struct listing *l)
{
	struct str reference;

	if (!parse_sp(p))
		return false;
	if (parse_try(p, '(')) {
		l->extended = true;
		if (!take_options(p, selections, &l->select, l) || !parse_sp(p))
			return false;
	}
	if ((l->select & SELECT_RECURSIVE) &&
	    !(l->select & (SELECT_SUBSCRIBED | SELECT_SPECIAL)))
		return parse_fail(
		    p, "RECURSIVEMATCH needs SUBSCRIBED or SPECIAL-USE");
	if (!parse_pattern(p, &reference) || !parse_sp(p) ||
	    !take_patterns(p, reference, l))
		return false;
	if (parse_try(p, ' ')) {
		l->extended = true;
		if (!parse_try_word(p, "RETURN"))
			return parse_fail(p, "expected RETURN");
		if (!parse_sp(p) || !parse_char(p, '(') ||
		    !take_options(p, returns, &l->give, l))
			return false;
	}
	return parse_end(p);
}
