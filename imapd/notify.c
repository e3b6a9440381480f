/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/notify.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "imapd/notify_state.h"
#include "imapd/tell.h"

void
notify_watch(struct session *s, const char *owner)
{
	struct notify *n = s->notify;
	struct watched *w = n->watched;

	while (w && strcmp(w->owner, owner) != 0)
		w = w->next;
	if (w)
		return;
	w = mem_zalloc(sizeof(*w));
	memcpy(w->owner, owner, sizeof(w->owner));
	w->metadata = UINT64_MAX;
	w->next = n->watched;
	n->watched = w;
	watch_add(s->d->watch, &w->watcher, s->conn, str_of(w->owner));
	conn_wake(s->conn);
}

/* ------------------------------------------------------------------------
 * The selected mailbox
 */

static const struct notify_group *
selected_group(const struct notify *n)
{
	for (size_t i = 0; i < n->request->n; i++) {
		const struct notify_group *g = &n->request->groups[i];

		if (g->filter == NOTIFY_SELECTED ||
		    g->filter == NOTIFY_SELECTED_DELAYED)
			return g;
	}
	return NULL;
}

/* New messages are those since the look before. */
static void
begin_fetch(struct session *s, const struct notify_group *g)
{
	struct notify *n = s->notify;
	uint32_t next = view_uidnext(s->sel.view);
	struct uid_range *r;

	if (n->mailbox != s->sel.mailbox || strcmp(n->owner, s->sel.owner) != 0)
		notify_selected(s);
	if (n->uidnext >= next)
		return;
	r = arena_array(s->arena, 1, sizeof(*r));
	*r = (struct uid_range){ n->uidnext, next - 1 };
	n->uidnext = next;
	if (g->items.n)
		n->fetch =
		    fetch_unsolicited(s, &g->items, (struct uids){ r, 1 });
}

/* False: the output is full. */
static bool
go_on_fetching(struct session *s)
{
	struct cmd *c = s->notify->fetch;

	if (!c)
		return true;
	if (c->step(s, c) == REPLY_MORE)
		return false;
	c->fini(s, c);
	s->notify->fetch = NULL;
	if (sel_behind(s)) /* the messages were newer than what is told */
		tell_modseq(s);
	return true;
}

/* SELECTED-DELAYED waits for a command in which EXPUNGE is allowed, such as
 * NOOP or IDLE (RFC 5465, section 6.2). */
static bool
expunge_now(const struct session *s, const struct notify_group *g)
{
	return g->filter == NOTIFY_SELECTED ||
	       (s->cmd && s->cmd->row->run == cmd_idle);
}

/* Only flags changed, which the client did not ask for: a command will tell. */
static bool
unasked(struct session *s, const struct notify_group *g)
{
	struct err e = ERR_INIT;

	if ((g->events & EVENT_FLAGS) || s->sel.contexts ||
	    sel_refresh(s, &e) != STORE_OK)
		return false;
	return view_uidnext(s->sel.latest) == view_uidnext(s->sel.view) &&
	       !view_has_expunged(s->sel.view, s->sel.latest);
}

static bool
look_at_selected(struct session *s)
{
	const struct notify_group *g = selected_group(s->notify);
	uint64_t before;

	if (s->state != ST_SELECTED || !g || !g->events || unasked(s, g))
		return true;
	before = view_modseq(s->sel.view);
	if (!sel_sync(s, expunge_now(s, g), NULL)) {
		s->expired = true;
		return true;
	}
	begin_fetch(s, g);
	if (!s->notify->fetch && view_modseq(s->sel.view) != before &&
	    sel_behind(s))
		tell_modseq(s);
	return go_on_fetching(s);
}

/* ------------------------------------------------------------------------
 * The life of a request
 */

bool
notify_active(const struct session *s)
{
	return s->notify != NULL;
}

void
notify_selected(struct session *s)
{
	struct notify *n = s->notify;

	if (!n)
		return;
	n->mailbox = s->sel.mailbox;
	memcpy(n->owner, s->sel.owner, sizeof(n->owner));
	n->uidnext = view_uidnext(s->sel.view);
	if (selected_group(n))
		notify_watch(s, s->sel.owner);
}

bool
notify_look(struct session *s)
{
	if (!go_on_fetching(s))
		return true;
	notify_tell(s);
	return !look_at_selected(s);
}

void
notify_free(struct session *s)
{
	struct notify *n = s->notify;

	if (!n)
		return;
	s->notify = NULL;
	while (n->watched) {
		struct watched *w = n->watched;

		n->watched = w->next;
		watch_remove(s->d->watch, &w->watcher);
		free(w);
	}
	if (n->fetch)
		n->fetch->fini(s, n->fetch);
	if (n->told.arena)
		arena_free(&n->told.arena);
	arena_free(&n->arena);
	free(n);
}

/* STATUS of every mailbox whose messages are watched, to begin with. */
static void
put_statuses(struct session *s, const struct place *places, size_t count)
{
	struct notify *n = s->notify;

	for (size_t i = 0; i < count; i++) {
		const struct place *p = &places[i];
		unsigned events = notify_allowed(
		    notify_events(n, &n->told, p->own, p->name), p->rights);
		struct err e = ERR_INIT;

		if (!p->m.noselect && !notify_is_selected(s, p) &&
		    (events & EVENT_MESSAGES))
			status_put(s, p, notify_items(events), &e);
	}
}

static bool
means_others(const struct notify_request *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->groups[i].filter >= NOTIFY_SUBSCRIBED)
			return true;
	}
	return false;
}

static enum store_rc
start(struct session *s, struct arena *arena, struct notify_request *request,
    struct err *e)
{
	struct notify *n = mem_zalloc(sizeof(*n));
	struct place *places;
	size_t count;
	enum store_rc rc;

	notify_free(s);
	n->arena = arena;
	n->request = request;
	n->others = means_others(request);
	s->notify = n;
	/* First the watch, so that nothing falls between. */
	notify_watch(s, s->user);
	if (s->state == ST_SELECTED)
		notify_selected(s);
	rc = picture_take(s, n->others, &n->told, &places, &count, e);
	if (rc != STORE_OK) {
		notify_free(s);
		return rc;
	}
	notify_begin(s, places, count);
	if (request->status)
		put_statuses(s, places, count);
	return STORE_OK;
}

enum reply
cmd_notify(struct session *s, struct cmd *c)
{
	/* The request outlives the command, and with it what it points to. */
	struct arena *arena = arena_new();
	struct notify_request *request =
	    ARENA_NEW(arena, struct notify_request);
	struct parse p = { .in = arena_str(
			       arena, str_sub(c->p.in, c->p.at, c->p.in.n)),
		.arena = arena,
		.utf8 = c->p.utf8 };
	struct err e = ERR_INIT;
	enum store_rc rc;

	if (!parse_sp(&p) || !notify_parse(&p, request)) {
		arena_free(&arena);
		return bad(c, p.error);
	}
	if (p.bad_mailbox || request->bad_event || request->none) {
		bool none = request->none, name = p.bad_mailbox;

		arena_free(&arena);
		if (none)
			notify_free(s);
		return none ? REPLY_OK
		       : name
			   ? no(c, "CANNOT", "A mailbox name is badly encoded")
			   : no(c,
				 "BADEVENT (MessageNew MessageExpunge"
				 " FlagChange MailboxName"
				 " SubscriptionChange MailboxMetadataChange"
				 " ServerMetadataChange)",
				 "Unknown event");
	}
	rc = start(s, arena, request, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	return REPLY_OK;
}
