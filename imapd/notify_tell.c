/* SPDX-License-Identifier: BSD-2-Clause */
/* Events outside of the selected mailbox: what differs between two pictures,
 * and whether the client asked for it. */
#include <string.h>

#include "base/log.h"
#include "imapd/metadata.h"
#include "imapd/notify_state.h"
#include "imapd/tell.h"

/* ------------------------------------------------------------------------
 * Which events the client wants to hear
 */

static bool
below(struct str path, struct str top)
{
	return str_eq(path, top) || (path.n > top.n && path.p[top.n] == '/' &&
					str_eq(str_sub(path, 0, top.n), top));
}

static bool
one_below(struct str path, struct str top)
{
	return below(path, top) &&
	       (path.n == top.n || str_chr(str_sub(path, top.n + 1, SIZE_MAX),
				       '/') == STR_NPOS);
}

bool
notify_named(const struct notify_group *g, struct str path)
{
	for (size_t i = 0; i < g->nnames; i++) {
		struct str name = g->names[i];

		if (str_ieqc(name, "INBOX"))
			name = STR("INBOX");
		if (g->filter == NOTIFY_SUBTREE       ? below(path, name)
		    : g->filter == NOTIFY_SUBTREE_ONE ? one_below(path, name)
						      : str_eq(path, name))
			return true;
	}
	return false;
}

/* OWN: the mailbox is the user's. */
static bool
applies(const struct notify_group *g, const struct picture *now, bool own,
    struct str path)
{
	switch (g->filter) {
	case NOTIFY_SELECTED:
	case NOTIFY_SELECTED_DELAYED:
		return false;
	case NOTIFY_INBOXES: /* where mail is delivered to */
		return str_eqc(path, "INBOX");
	case NOTIFY_PERSONAL:
		return own;
	case NOTIFY_SUBSCRIBED:
		return picture_subscribed(now, path);
	case NOTIFY_SUBTREE:
	case NOTIFY_SUBTREE_ONE:
	case NOTIFY_MAILBOXES:
		break;
	}
	return notify_named(g, path);
}

/* The first group that applies decides (RFC 5465, section 5). */
unsigned
notify_events(const struct notify *n, const struct picture *now, bool own,
    struct str path)
{
	for (size_t i = 0; i < n->request->n; i++) {
		if (applies(&n->request->groups[i], now, own, path))
			return n->request->groups[i].events;
	}
	return 0;
}

unsigned
notify_allowed(unsigned events, unsigned rights)
{
	if (!(rights & RIGHT_READ))
		events &= ~(unsigned)EVENT_MESSAGES;
	if (!metadata_allowed(rights))
		events &= ~(unsigned)EVENT_METADATA;
	return events;
}

static unsigned
events_of_seen(
    const struct session *s, const struct picture *now, const struct seen *x)
{
	return notify_allowed(notify_events(s->notify, now,
				  strcmp(x->owner, s->user) == 0, x->name),
	    x->rights);
}

/* ------------------------------------------------------------------------
 * Telling what changed between two pictures
 */

/* RFC 5465, section 5: what STATUS responses hold; with FlagChange also what
 * only flags change. */
unsigned
notify_items(unsigned events)
{
	struct parse p = { .in = (events & EVENT_FLAGS)
				     ? STR("(MESSAGES UIDNEXT UIDVALIDITY "
					   "UNSEEN HIGHESTMODSEQ)")
				     : STR("(MESSAGES UIDNEXT UIDVALIDITY)") };
	unsigned items;

	status_parse(&p, &items);
	return items;
}

static void
put_list(
    struct session *s, const char *attributes, struct str path, struct str old)
{
	struct buf *out = conn_out(s->conn);

	BUF_LIT(out, "* LIST (");
	buf_puts(out, attributes);
	BUF_LIT(out, ") \"/\" ");
	write_mailbox(out, path, session_utf8(s));
	if (old.n) {
		BUF_LIT(out, " (\"OLDNAME\" (");
		write_mailbox(out, old, session_utf8(s));
		BUF_LIT(out, "))");
	}
	BUF_LIT(out, "\r\n");
}

static void
tell_name(struct session *s, const struct seen *old, const struct place *new)
{
	const char *attributes = new->m.noselect ? "\\Noselect" : "";

	if (!old)
		put_list(s, attributes, new->name, STR_NULL);
	else if (!str_eq(old->name, new->name))
		put_list(s, attributes, new->name, old->name);
	else if (old->m.noselect != new->m.noselect)
		put_list(s, attributes, new->name, STR_NULL);
}

/* Did something happen to the messages that EVENTS ask for? */
static bool
messages_changed(
    const struct seen *old, const struct mailbox *new, unsigned events)
{
	if (!old || new->noselect)
		return false;
	if (!(old->rights & RIGHT_READ) && (events & EVENT_MESSAGES))
		return true; /* now it may be told */
	if (old->m.modseq == new->modseq)
		return false;
	if ((events & (EVENT_NEW | EVENT_EXPUNGE)) &&
	    (old->m.uidnext != new->uidnext ||
		old->m.messages != new->messages))
		return true;
	return (events & EVENT_FLAGS) != 0;
}

bool
notify_is_selected(const struct session *s, const struct place *p)
{
	return s->state == ST_SELECTED && s->sel.mailbox == p->m.id &&
	       strcmp(s->sel.owner, p->owner) == 0;
}

static void
tell_mailbox(
    struct session *s, const struct picture *now, const struct place *new)
{
	struct notify *n = s->notify;
	const struct seen *old = picture_find(&n->told, new->owner, new->m.id);
	unsigned events = notify_events(n, now, new->own, new->name);
	struct err e = ERR_INIT;

	if (events)
		notify_watch(s, new->owner);
	events = notify_allowed(events, new->rights);
	if (events & EVENT_NAME)
		tell_name(s, old, new);
	if (!notify_is_selected(s, new) &&
	    messages_changed(old, &new->m, events))
		status_put(s, new, notify_items(events),
		    &e); /* no counting, no error */
}

static void
tell_gone(struct session *s, const struct picture *now)
{
	struct notify *n = s->notify;

	for (size_t i = 0; i < n->told.n; i++) {
		const struct seen *old = &n->told.v[i];

		if (!picture_find(now, old->owner, old->m.id) &&
		    (events_of_seen(s, now, old) & EVENT_NAME))
			put_list(s, "\\NonExistent", old->name, STR_NULL);
	}
}

/* Names only one of the two lists has. */
static void
tell_subscriptions(struct session *s, const struct picture *now)
{
	const struct picture *told = &s->notify->told;

	for (size_t i = 0; i < now->nsubscribed; i++) {
		struct str path = now->subscribed[i];

		if (!picture_subscribed(told, path) &&
		    (notify_events(s->notify, now, true, path) &
			EVENT_SUBSCRIPTION))
			put_list(s, "\\Subscribed", path, STR_NULL);
	}
	for (size_t i = 0; i < told->nsubscribed; i++) {
		struct str path = told->subscribed[i];

		/* It may have been watched because it was subscribed. */
		if (!picture_subscribed(now, path) &&
		    (notify_events(s->notify, told, true, path) &
			EVENT_SUBSCRIPTION))
			put_list(s, "", path, STR_NULL);
	}
}

static unsigned
server_events(const struct notify *n)
{
	unsigned events = 0;

	for (size_t i = 0; i < n->request->n; i++)
		events |= n->request->groups[i].events;
	return events & EVENT_SERVER_METADATA;
}

static void
tell_annotations(struct session *s, const struct picture *now,
    const struct watched *w, const struct annotation *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct seen *x =
		    picture_find(now, w->owner, list[i].mailbox);

		if (i > 0 && list[i - 1].mailbox == list[i].mailbox)
			continue;
		if (x && (events_of_seen(s, now, x) & EVENT_METADATA))
			metadata_put_changed(
			    s, w->owner, x->name, &list[i], n - i);
		else if (!list[i].mailbox && strcmp(w->owner, s->user) == 0 &&
			 server_events(s->notify))
			metadata_put_changed(
			    s, w->owner, STR(""), &list[i], n - i);
	}
}

static void
tell_metadata(struct session *s, const struct picture *now)
{
	for (struct watched *w = s->notify->watched; w; w = w->next) {
		struct annotation *list;
		struct account *a;
		struct err e = ERR_INIT;
		size_t n;
		enum store_rc rc = place_account(s, str_of(w->owner), &a, &e);

		if (rc == STORE_OK)
			rc = annotations_changed(a, s->arena, str_of(s->user),
			    &w->metadata, &list, &n, &e);
		if (rc == STORE_OK)
			tell_annotations(s, now, w, list, n);
		else
			log_warn("cannot look for changed annotations",
			    LOG_CSTR("session", conn_id(s->conn)),
			    LOG_CSTR("owner", w->owner), LOG_ERR(&e));
	}
}

void
notify_begin(struct session *s, const struct place *places, size_t count)
{
	struct notify *n = s->notify;

	for (size_t i = 0; i < count; i++) {
		const struct place *p = &places[i];

		if (notify_events(n, &n->told, p->own, p->name))
			notify_watch(s, p->owner);
	}
	tell_metadata(s, &n->told); /* the first look only takes the place */
}

void
notify_tell(struct session *s)
{
	struct picture now;
	struct place *places;
	size_t count;
	struct err e = ERR_INIT;
	enum store_rc rc =
	    picture_take(s, s->notify->others, &now, &places, &count, &e);

	if (rc != STORE_OK) { /* the next look will find the same */
		log_error("cannot look for events",
		    LOG_CSTR("session", conn_id(s->conn)),
		    LOG_CSTR("account", s->user), LOG_ERR(&e));
		return;
	}
	for (size_t i = 0; i < count; i++)
		tell_mailbox(s, &now, &places[i]);
	tell_gone(s, &now);
	tell_subscriptions(s, &now);
	tell_metadata(s, &now);
	arena_free(&s->notify->told.arena);
	s->notify->told = now;
}
