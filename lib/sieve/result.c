/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/run.h"

/* The list of actions, and which of them go together. */

static const char *const names[SIEVE_ACTIONS] = {
	[SIEVE_ACT_KEEP] = "keep",
	[SIEVE_ACT_STORE] = "store",
	[SIEVE_ACT_DISCARD] = "discard",
	[SIEVE_ACT_REDIRECT] = "redirect",
	[SIEVE_ACT_REJECT] = "reject",
	[SIEVE_ACT_VACATION] = "vacation",
	[SIEVE_ACT_NOTIFY] = "notify",
	[SIEVE_ACT_PIPE] = "pipe",
	[SIEVE_ACT_REPORT] = "report",
	[SIEVE_ACT_REMEMBER] = "remember",
};

const char *
sieve_action_name(enum sieve_action_kind kind)
{
	return names[kind];
}

static bool
is_store(const struct sieve_action *a)
{
	return a->kind == SIEVE_ACT_KEEP || a->kind == SIEVE_ACT_STORE;
}

static bool
is_inbox(const struct sieve_place *p)
{
	return p->special_use.n == 0 && p->mailboxid.n == 0 &&
	       (p->mailbox.n == 0 || str_ieqc(p->mailbox, "INBOX"));
}

static bool
same_place(const struct sieve_place *p, const struct sieve_place *q)
{
	if (is_inbox(p) || is_inbox(q))
		return is_inbox(p) && is_inbox(q);
	return str_eq(p->mailbox, q->mailbox) &&
	       str_ieq(p->special_use, q->special_use) &&
	       str_eq(p->mailboxid, q->mailboxid);
}

/* To keep a message is to store it in INBOX; at an IMAP event, to leave it
 * where it is (RFC 6785, section 3.1). */
static bool
same_copy(const struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_action *b)
{
	if (!sieve_at_delivery(r) && a->kind != b->kind)
		return false;
	return same_place(&a->place, &b->place);
}

/* Does B do again what A does? */
static bool
repeats(const struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_action *b)
{
	if (is_store(a) && is_store(b))
		return same_copy(r, a, b);
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case SIEVE_ACT_DISCARD:
		return true;
	case SIEVE_ACT_REDIRECT:
		return str_ieq(a->redirect.address, b->redirect.address) &&
		       str_eq(a->redirect.list, b->redirect.list);
	case SIEVE_ACT_REMEMBER:
		return str_eq(a->remember.key, b->remember.key);
	default:
		return false;
	}
}

static bool
delivers(const struct sieve_action *a)
{
	return is_store(a) || a->kind == SIEVE_ACT_REDIRECT;
}

/* RFC 5429, section 2.7; RFC 5230, section 4.7. */
static bool
excludes(const struct sieve_action *a, const struct sieve_action *b)
{
	if (a->kind != SIEVE_ACT_REJECT)
		return b->kind == SIEVE_ACT_REJECT && excludes(b, a);
	return delivers(b) || b->kind == SIEVE_ACT_VACATION ||
	       b->kind == SIEVE_ACT_REJECT;
}

/* A second reject or vacation of a later script gives way to the first. */
static bool
gives_way(const struct sieve_action *earlier, const struct sieve_action *a)
{
	return earlier->kind == a->kind &&
	       (a->kind == SIEVE_ACT_REJECT || a->kind == SIEVE_ACT_VACATION);
}

/* Add it, replace another by it, or forget it? */
enum verdict { ADD, REPLACE, FORGET, CONFLICT };

static enum verdict
judge(struct sieve_run *r, const struct sieve_action *a, size_t *which)
{
	for (size_t i = 0; i < r->nactions; i++) {
		const struct sieve_action *other = &r->actions[i];
		bool same_script = i >= r->first;

		*which = i;
		if (repeats(r, other, a))
			return is_store(a) ? REPLACE : FORGET;
		if (!same_script && gives_way(other, a))
			return FORGET;
		if (!same_script)
			continue;
		if (excludes(other, a))
			return CONFLICT;
		if (other->kind == SIEVE_ACT_VACATION && a->kind == other->kind)
			return CONFLICT; /* RFC 5230, section 4.7 */
	}
	return ADD;
}

/* A limit of 0 can be made while a compiled script waits. */
static bool
prohibited(struct sieve_run *r, const struct sieve_action *a)
{
	if ((a->kind != SIEVE_ACT_REDIRECT || r->limits->redirects > 0) &&
	    (a->kind != SIEVE_ACT_NOTIFY || r->limits->notifications > 0))
		return false;
	sieve_fail(r, SIEVE_LIMIT,
	    "local policy prohibits the use of a %s action", names[a->kind]);
	return true;
}

static bool
within_limits(struct sieve_run *r, const struct sieve_action *a)
{
	if (a->kind == SIEVE_ACT_REMEMBER)
		return true;
	if (prohibited(r, a))
		return false;
	if (r->nactions >= r->limits->actions) {
		sieve_fail(r, SIEVE_LIMIT,
		    "the total number of actions exceeds policy limit (%u)",
		    r->limits->actions);
		return false;
	}
	if (a->kind == SIEVE_ACT_REDIRECT &&
	    ++r->redirects > r->limits->redirects) {
		sieve_fail(r, SIEVE_LIMIT,
		    "the number of redirect actions exceeds policy limit (%u)",
		    r->limits->redirects);
		return false;
	}
	if (a->kind == SIEVE_ACT_NOTIFY &&
	    ++r->notifications > r->limits->notifications) {
		sieve_fail(r, SIEVE_LIMIT,
		    "the number of notify actions exceeds policy limit (%u)",
		    r->limits->notifications);
		return false;
	}
	return true;
}

static struct sieve_action *
complete(struct sieve_run *r, const struct sieve_node *n,
    const struct sieve_action *a, struct sieve_action *to)
{
	*to = *a;
	to->script = r->frame->script->name;
	to->line = n->at.line;
	to->message = r->message;
	r->message->used = true;
	return to;
}

/* The last one says how it is stored; a keep remains one. */
static void
replace(struct sieve_run *r, const struct sieve_node *n,
    const struct sieve_action *a, struct sieve_action *to)
{
	bool keep = to->kind == SIEVE_ACT_KEEP;

	complete(r, n, a, to);
	if (keep)
		to->kind = SIEVE_ACT_KEEP;
}

bool
sieve_action_add(struct sieve_run *r, const struct sieve_node *n,
    const struct sieve_action *a)
{
	size_t which = 0;

	switch (judge(r, a, &which)) {
	case FORGET:
		return true;
	case REPLACE:
		replace(r, n, a, &r->actions[which]);
		return true;
	case CONFLICT:
		sieve_fail(r, SIEVE_FAULT,
		    "%s conflicts with the %s in line %u", names[a->kind],
		    names[r->actions[which].kind], r->actions[which].line);
		return false;
	case ADD:
		break;
	}
	if (!within_limits(r, a))
		return false;
	r->actions = arena_grow(
	    r->arena, r->actions, r->nactions, &r->actions_cap, sizeof(*a));
	complete(r, n, a, &r->actions[r->nactions++]);
	return true;
}

/* What a script decided to keep, the next one decides anew. */
void
sieve_forget_keep(struct sieve_run *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nactions; i++) {
		if (r->actions[i].kind != SIEVE_ACT_KEEP)
			r->actions[n++] = r->actions[i];
	}
	r->nactions = n;
}

size_t
sieve_run_actions(struct sieve_run *r, const struct sieve_action **out)
{
	if (r->implicit_keep && !r->finished) {
		r->finished = true;
		r->actions = arena_grow(r->arena, r->actions, r->nactions,
		    &r->actions_cap, sizeof(*r->actions));
		r->actions[r->nactions++] = (struct sieve_action){
			.kind = SIEVE_ACT_KEEP,
			.implicit = true,
			.message = r->message,
			.place = { .flags = r->flags, .nflags = r->nflags },
		};
		r->message->used = true;
	}
	*out = r->actions;
	return r->nactions;
}
