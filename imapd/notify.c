/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/notify.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "imapd/metadata.h"
#include "imapd/tell.h"

/* A mailbox, as the client was told of it. */
struct seen {
	char owner[17]; /* the account */
	struct mailbox m;
	struct str name;
};

/* All that the user can see, or his own only. */
struct picture {
	struct arena *arena;
	struct seen *v; /* by owner and id */
	size_t n;
	struct str *subscribed; /* sorted */
	size_t nsubscribed;
};

/* An account whose changes wake the session. */
struct watched {
	struct watcher watcher;
	char owner[17];
	uint64_t metadata; /* annotations told so far: a modseq */
	struct watched *next;
};

struct notify {
	struct arena *arena; /* the groups */
	struct notify_request *request;
	bool others; /* mailboxes of others may be meant */
	struct watched *watched;
	struct picture told;
	/* In the selected mailbox, UIDs below this were fetched for the
	 * client. */
	char owner[17];
	int64_t mailbox;
	uint32_t uidnext;
	struct cmd *fetch; /* in the middle of it */
};

/* From now on changes of the account wake the session; what happened before is
 * for another look. */
static void
watch_account(struct session *s, const char *owner)
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
 * Pictures
 */

static int
compare(const struct seen *a, const char *owner, int64_t id)
{
	int c = strcmp(a->owner, owner);

	return c != 0 ? c : a->m.id < id ? -1 : a->m.id > id;
}

static int
by_id(const void *a, const void *b)
{
	const struct seen *y = b;

	return compare(a, y->owner, y->m.id);
}

static void
see(struct picture *out, const struct place *p)
{
	struct seen *x = &out->v[out->n++];

	memcpy(x->owner, p->owner, sizeof(x->owner));
	x->m = p->m;
	x->name = arena_str(out->arena, p->name);
	x->m.path = x->name;
}

/* The places stay good until the end of the command; the picture for longer. */
static enum store_rc
picture_take(struct session *s, struct picture *out, struct place **places,
    size_t *n, struct err *e)
{
	enum store_rc rc = place_list(s, s->notify->others, places, n, e);

	*out = (struct picture){ 0 };
	if (rc != STORE_OK)
		return rc;
	out->arena = arena_new();
	out->v = arena_array(out->arena, *n + 1, sizeof(*out->v));
	for (size_t i = 0; i < *n; i++)
		see(out, &(*places)[i]);
	qsort(out->v, out->n, sizeof(*out->v), by_id);
	rc = mailbox_subscriptions(
	    s->account, out->arena, &out->subscribed, &out->nsubscribed, e);
	if (rc != STORE_OK)
		arena_free(&out->arena);
	return rc;
}

static const struct seen *
picture_find(const struct picture *p, const char *owner, int64_t id)
{
	size_t lo = 0, hi = p->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = compare(&p->v[mid], owner, id);

		if (c == 0)
			return &p->v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static int
by_name(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool
is_subscribed(const struct picture *p, struct str path)
{
	return p->nsubscribed && bsearch(&path, p->subscribed, p->nsubscribed,
				     sizeof(path), by_name);
}

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
		return is_subscribed(now, path);
	case NOTIFY_SUBTREE:
	case NOTIFY_SUBTREE_ONE:
	case NOTIFY_MAILBOXES:
		break;
	}
	return notify_named(g, path);
}

/* The first group that applies decides (RFC 5465, section 5). */
static unsigned
events_of(const struct notify *n, const struct picture *now, bool own,
    struct str path)
{
	for (size_t i = 0; i < n->request->n; i++) {
		if (applies(&n->request->groups[i], now, own, path))
			return n->request->groups[i].events;
	}
	return 0;
}

static unsigned
events_of_seen(
    const struct session *s, const struct picture *now, const struct seen *x)
{
	return events_of(
	    s->notify, now, strcmp(x->owner, s->user) == 0, x->name);
}

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

/* ------------------------------------------------------------------------
 * Telling what changed between two pictures
 */

/* RFC 5465, section 5: what STATUS responses hold; with FlagChange also what
 * only flags change. */
static unsigned
status_items(unsigned events)
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
	if (!old || new->noselect || old->m.modseq == new->modseq)
		return false;
	if ((events & (EVENT_NEW | EVENT_EXPUNGE)) &&
	    (old->m.uidnext != new->uidnext ||
		old->m.messages != new->messages))
		return true;
	return (events & EVENT_FLAGS) != 0;
}

static bool
is_selected(const struct session *s, const struct place *p)
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
	unsigned events = events_of(n, now, new->own, new->name);
	struct err e = ERR_INIT;

	if (events)
		watch_account(s, new->owner);
	if (events & EVENT_NAME)
		tell_name(s, old, new);
	if (!is_selected(s, new) && messages_changed(old, &new->m, events))
		status_put(s, new, status_items(events),
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

		if (!is_subscribed(told, path) &&
		    (events_of(s->notify, now, true, path) &
			EVENT_SUBSCRIPTION))
			put_list(s, "\\Subscribed", path, STR_NULL);
	}
	for (size_t i = 0; i < told->nsubscribed; i++) {
		struct str path = told->subscribed[i];

		/* It may have been watched because it was subscribed. */
		if (!is_subscribed(now, path) &&
		    (events_of(s->notify, told, true, path) &
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
			metadata_put_changed(s, x->name, &list[i], n - i);
		else if (!list[i].mailbox && strcmp(w->owner, s->user) == 0 &&
			 server_events(s->notify))
			metadata_put_changed(s, STR(""), &list[i], n - i);
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

static void
tell_pictures(struct session *s)
{
	struct picture now;
	struct place *places;
	size_t count;
	struct err e = ERR_INIT;
	enum store_rc rc = picture_take(s, &now, &places, &count, &e);

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

/* ------------------------------------------------------------------------
 * The selected mailbox
 */

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
	return true;
}

static bool
look_at_selected(struct session *s)
{
	const struct notify_group *g = selected_group(s->notify);

	if (s->state != ST_SELECTED || !g || !g->events)
		return true;
	if (!sel_sync(s, g->filter == NOTIFY_SELECTED, NULL)) {
		s->expired = true;
		return true;
	}
	begin_fetch(s, g);
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
		watch_account(s, s->sel.owner);
}

bool
notify_look(struct session *s)
{
	if (!go_on_fetching(s))
		return true;
	tell_pictures(s);
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
	unsigned messages = EVENT_NEW | EVENT_EXPUNGE | EVENT_FLAGS;

	for (size_t i = 0; i < count; i++) {
		const struct place *p = &places[i];
		unsigned events = events_of(n, &n->told, p->own, p->name);
		struct err e = ERR_INIT;

		if (!p->m.noselect && !is_selected(s, p) && (events & messages))
			status_put(s, p, status_items(events), &e);
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
	watch_account(s, s->user);
	if (s->state == ST_SELECTED)
		notify_selected(s);
	rc = picture_take(s, &n->told, &places, &count, e);
	if (rc != STORE_OK)
		notify_free(s);
	else if (request->status)
		put_statuses(s, places, count);
	return rc;
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
