/* SPDX-License-Identifier: BSD-2-Clause */
/* The arguments of NOTIFY (RFC 5465, section 8). */
#include <string.h>

#include "imapd/notify.h"

static const struct {
	const char *name;
	enum notify_filter filter;
} filters[] = {
	{ "SELECTED-DELAYED", NOTIFY_SELECTED_DELAYED },
	{ "SELECTED", NOTIFY_SELECTED },
	{ "INBOXES", NOTIFY_INBOXES },
	{ "PERSONAL", NOTIFY_PERSONAL },
	{ "SUBSCRIBED", NOTIFY_SUBSCRIBED },
	{ "SUBTREE", NOTIFY_SUBTREE },
	{ "SUBTREE-ONE", NOTIFY_SUBTREE_ONE },
	{ "MAILBOXES", NOTIFY_MAILBOXES },
};

static const struct {
	const char *name;
	unsigned event;
} events[] = {
	{ "MessageNew", EVENT_NEW },
	{ "MessageExpunge", EVENT_EXPUNGE },
	{ "FlagChange", EVENT_FLAGS },
	{ "MailboxName", EVENT_NAME },
	{ "SubscriptionChange", EVENT_SUBSCRIPTION },
	{ "MailboxMetadataChange", EVENT_METADATA },
	{ "ServerMetadataChange", EVENT_SERVER_METADATA },
};

/* One mailbox, or several in parentheses. */
static bool
take_names(struct parse *p, struct notify_group *g)
{
	struct str names[PARSE_NAMES], *copy;
	bool list = parse_try(p, '(');

	do {
		if (g->nnames == PARSE_NAMES)
			return parse_fail(p, "too many mailboxes");
		if (!parse_mailbox(p, &names[g->nnames++]))
			return false;
	} while (list && parse_try(p, ' '));
	copy = arena_array(p->arena, g->nnames, sizeof(*copy));
	memcpy(copy, names, g->nnames * sizeof(*copy));
	g->names = copy;
	return !list || parse_char(p, ')');
}

bool
notify_take_filter(struct parse *p, struct notify_group *g)
{
	for (size_t i = 0; i < LEN(filters); i++) {
		if (!parse_try_word(p, filters[i].name))
			continue;
		g->filter = filters[i].filter;
		if (g->filter < NOTIFY_SUBTREE)
			return true;
		return parse_sp(p) && take_names(p, g);
	}
	return parse_fail(p, "unknown mailbox filter");
}

static bool
take_event(struct parse *p, struct notify_request *r, struct notify_group *g)
{
	struct str unknown;
	unsigned event = 0;

	for (size_t i = 0; !event && i < LEN(events); i++) {
		if (parse_try_word(p, events[i].name))
			event = events[i].event;
	}
	if (!event) { /* an event of an extension: told apart from nonsense */
		r->bad_event = true;
		return parse_atom(p, &unknown);
	}
	g->events |= event;
	if (event != EVENT_NEW || p->at + 1 >= p->in.n ||
	    p->in.p[p->at] != ' ' || p->in.p[p->at + 1] != '(')
		return true;
	return parse_sp(p) && fetch_items_parse(p, &g->items);
}

static bool
is_selected(const struct notify_group *g)
{
	return g->filter == NOTIFY_SELECTED ||
	       g->filter == NOTIFY_SELECTED_DELAYED;
}

/* RFC 5465, section 6.1: SELECTED or SELECTED-DELAYED, and once. */
static bool
selected_twice(const struct notify_request *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += is_selected(&r->groups[i]);
	return n > 1;
}

/* RFC 5465, section 5: which events come together only. */
static bool
sensible(struct parse *p, const struct notify_group *g)
{
	unsigned both = EVENT_NEW | EVENT_EXPUNGE;
	bool selected = is_selected(g);

	if ((g->events & both) && (g->events & both) != both)
		return parse_fail(
		    p, "MessageNew and MessageExpunge belong together");
	if ((g->events & EVENT_FLAGS) && !(g->events & both))
		return parse_fail(p, "FlagChange needs MessageNew");
	if (selected && (g->events & ~(both | EVENT_FLAGS)))
		return parse_fail(
		    p, "events of mailboxes are not for the selected one");
	if (!selected && g->items.n)
		return parse_fail(
		    p, "items are fetched in the selected mailbox only");
	return true;
}

static bool
take_group(struct parse *p, struct notify_request *r)
{
	struct notify_group *g = &r->groups[r->n];

	if (r->n == NOTIFY_GROUPS)
		return parse_fail(p, "too many event groups");
	*g = (struct notify_group){ 0 };
	r->n++;
	if (!parse_char(p, '(') || !notify_take_filter(p, g) || !parse_sp(p))
		return false;
	if (!parse_try_word(p, "NONE")) {
		if (!parse_char(p, '('))
			return false;
		do {
			if (!take_event(p, r, g))
				return false;
		} while (parse_try(p, ' '));
		if (!parse_char(p, ')'))
			return false;
	}
	return parse_char(p, ')') && sensible(p, g);
}

bool
notify_parse(struct parse *p, struct notify_request *r)
{
	r->none = r->status = r->bad_event = false;
	r->n = 0;
	if (parse_try_word(p, "NONE")) {
		r->none = true;
		return parse_end(p);
	}
	if (!parse_try_word(p, "SET"))
		return parse_fail(p, "expected SET or NONE");
	if (!parse_sp(p))
		return false;
	if (parse_try_word(p, "STATUS")) {
		r->status = true;
		if (!parse_sp(p))
			return false;
	}
	do {
		if (!take_group(p, r))
			return false;
	} while (parse_try(p, ' '));
	if (selected_twice(r))
		return parse_fail(p, "only one of SELECTED, SELECTED-DELAYED");
	return parse_end(p);
}
