/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LIST and LSUB (RFC 3501; RFC 5258 LIST-EXTENDED; RFC 5819 LIST-STATUS;
 * RFC 6154 SPECIAL-USE; RFC 3348 CHILDREN; RFC 8440 LIST-MYRIGHTS; RFC 9590
 * LIST-METADATA).
 */
#include <stdlib.h>

#include "base/map.h"
#include "imapd/acl.h"
#include "imapd/list.h"
#include "imapd/match.h"

/* A line to be. */
struct entry {
	struct str path;
	const struct place *p; /* NULL: there is no such mailbox */
	bool subscribed;
	bool childinfo; /* one below it is selected, but does not match */
	bool above;     /* a level over mailboxes, no mailbox itself */
};

struct entries {
	struct entry *v;
	size_t n, cap;
	struct map *by_path; /* index + 1, as a pointer */
};

/* ------------------------------------------------------------------------
 * What there is
 */

static bool
matches(const struct listing *l, struct str path)
{
	for (size_t i = 0; i < l->npatterns; i++) {
		if (match_mailbox(l->patterns[i], path))
			return true;
	}
	return false;
}

static struct entry *
entry_of(struct arena *a, struct entries *es, struct str path)
{
	uintptr_t at = (uintptr_t)map_get(es->by_path, path);
	struct entry *e;

	if (at)
		return &es->v[at - 1];
	es->v = arena_grow(a, es->v, es->n, &es->cap, sizeof(*es->v));
	e = &es->v[es->n++];
	*e = (struct entry){ .path = path };
	map_set(es->by_path, path, (void *)(uintptr_t)es->n);
	return e;
}

/* What others use their mailboxes for says nothing to this user. */
static bool
has_use(const struct place *p)
{
	return p->own && role_names[p->m.role];
}

/* Parents that match stand for a selected child that does not. */
static void
add_parents(struct arena *a, struct entries *es, const struct listing *l,
    struct str path)
{
	size_t at;

	while ((at = str_rchr(path, '/')) != STR_NPOS) {
		path = str_sub(path, 0, at);
		if (matches(l, path))
			entry_of(a, es, path)->childinfo = true;
	}
}

static enum store_rc
add_subscribed(struct session *s, struct entries *es, const struct listing *l,
    bool parents, struct err *e)
{
	struct str *paths;
	size_t n;
	enum store_rc rc =
	    mailbox_subscriptions(s->account, s->arena, &paths, &n, e);

	if (rc != STORE_OK)
		return rc;
	for (size_t i = 0; i < n; i++) {
		if (matches(l, paths[i]))
			entry_of(s->arena, es, paths[i])->subscribed = true;
		else if (parents)
			add_parents(s->arena, es, l, paths[i]);
	}
	return STORE_OK;
}

/* Can a name that matches lie below the other users' prefix? */
static bool
reaches_others(const struct session *s, const struct listing *l)
{
	struct str others = str_of(s->others);

	for (size_t i = 0; i < l->npatterns; i++) {
		struct str p = l->patterns[i];
		size_t n = 0;

		while (n < p.n && p.p[n] != '*' && p.p[n] != '%')
			n++;
		p.n = n;
		if (str_starts(others, p) || str_starts(p, others))
			return others.n > 0;
	}
	return false;
}

/*
 * Levels above another's mailbox that the user may not look up himself, or
 * that are the prefix: names without a mailbox, listed where "%" asks for
 * them (RFC 3501, section 6.3.8).
 */
static void
add_levels(struct arena *a, struct entries *es, const struct listing *l,
    struct str path)
{
	size_t at;

	while ((at = str_rchr(path, '/')) != STR_NPOS) {
		path = str_sub(path, 0, at);
		for (size_t i = 0; i < l->npatterns; i++) {
			if (str_chr(l->patterns[i], '%') != STR_NPOS &&
			    match_mailbox(l->patterns[i], path))
				entry_of(a, es, path)->above = true;
		}
	}
}

/* A mailbox becomes an entry, or its parents do, if SUBSCRIBED does not say
 * which are entries. */
static void
add_mailbox(struct session *s, struct entries *es, const struct listing *l,
    const struct place *p)
{
	bool all = !(l->select & SELECT_SUBSCRIBED);
	bool special = (l->select & SELECT_SPECIAL) != 0;

	if (all && !p->own)
		add_levels(s->arena, es, l, p->name);
	if (special && (!has_use(p) || (!all && !p->m.subscribed)))
		return;
	if (!matches(l, p->name)) {
		if (special && (l->select & SELECT_RECURSIVE))
			add_parents(s->arena, es, l, p->name);
	} else if (all) {
		entry_of(s->arena, es, p->name);
	}
}

/* Fill in what is known of the entries. */
static enum store_rc
add_mailboxes(struct session *s, struct entries *es, const struct listing *l,
    struct err *e)
{
	struct place *list;
	size_t n;
	enum store_rc rc = place_list(s, reaches_others(s, l), &list, &n, e);

	if (rc != STORE_OK)
		return rc;
	for (size_t i = 0; i < n; i++)
		add_mailbox(s, es, l, &list[i]);
	for (size_t i = 0; i < n; i++) {
		struct entry *it;

		if (!map_get(es->by_path, list[i].name))
			continue;
		it = entry_of(s->arena, es, list[i].name);
		it->p = &list[i];
		it->subscribed = list[i].m.subscribed;
	}
	return STORE_OK;
}

static int
by_path(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return str_cmp(x->path, y->path);
}

/* ------------------------------------------------------------------------
 * What is said
 */

struct words {
	struct buf *out;
	const char *sep;
};

static void
put_word(struct words *w, const char *word)
{
	buf_puts(w->out, w->sep);
	buf_puts(w->out, word);
	w->sep = " ";
}

static void
put_attributes(struct buf *out, const struct listing *l, const struct entry *it)
{
	struct words w = { out, "" };
	const struct mailbox *m = it->p ? &it->p->m : NULL;

	if (it->subscribed && (l->give & GIVE_SUBSCRIBED))
		put_word(&w, "\\Subscribed");
	if (!m && l->extended)
		put_word(&w, "\\NonExistent");
	else if (!m || m->noselect) /* \NonExistent says so too */
		put_word(&w, "\\Noselect");
	if ((l->give & GIVE_CHILDREN) && it->above)
		put_word(&w, "\\HasChildren");
	else if (m && (l->give & GIVE_CHILDREN))
		put_word(
		    &w, m->has_children ? "\\HasChildren" : "\\HasNoChildren");
	if (m && (l->give & GIVE_SPECIAL) && has_use(it->p))
		put_word(&w, role_names[m->role]);
}

/* By what the children were selected. */
static void
put_childinfo(struct buf *out, unsigned select)
{
	BUF_LIT(out, " (\"CHILDINFO\" (");
	if (select & SELECT_SUBSCRIBED)
		BUF_LIT(out, "\"SUBSCRIBED\"");
	if ((select & SELECT_SUBSCRIBED) && (select & SELECT_SPECIAL))
		buf_putc(out, ' ');
	if (select & SELECT_SPECIAL)
		BUF_LIT(out, "\"SPECIAL-USE\"");
	BUF_LIT(out, "))");
}

static void
put_entry(struct session *s, const struct listing *l, const struct entry *it)
{
	struct buf *out = conn_out(s->conn);

	BUF_LIT(out, "* ");
	buf_puts(out, l->response);
	BUF_LIT(out, " (");
	put_attributes(out, l, it);
	BUF_LIT(out, ") \"/\" ");
	write_mailbox(out, it->path, session_utf8(s));
	if (it->childinfo)
		put_childinfo(out, l->select);
	BUF_LIT(out, "\r\n");
}

/* What was asked for beside the names. */
static enum store_rc
put_more(
    struct session *s, struct listing *l, const struct place *p, struct err *e)
{
	enum store_rc rc = STORE_OK;

	if (l->give & GIVE_MYRIGHTS) /* RFC 8440 */
		acl_put_myrights(s, p);
	if ((l->give & GIVE_STATUS) && !p->m.noselect &&
	    (p->rights & RIGHT_READ))
		rc = status_put(s, p, l->status, e);
	if (rc == STORE_OK && (l->give & GIVE_METADATA) &&
	    metadata_allowed(p->rights))
		rc = metadata_put(s, p, &l->metadata, e); /* RFC 9590 */
	return rc;
}

static enum store_rc
put_entries(struct session *s, struct listing *l, const struct entries *es,
    struct err *e)
{
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < es->n && rc == STORE_OK; i++) {
		const struct entry *it = &es->v[i];

		if ((l->select & SELECT_SPECIAL) && !it->childinfo &&
		    (!it->p || !has_use(it->p)))
			continue;
		put_entry(s, l, it);
		if (it->p)
			rc = put_more(s, l, it->p, e);
	}
	return rc;
}

static enum reply
list(struct session *s, struct cmd *c, struct listing *l)
{
	bool subscribed = (l->select & SELECT_SUBSCRIBED) != 0;
	bool parents = (l->select & SELECT_RECURSIVE) != 0;
	bool special = (l->select & SELECT_SPECIAL) != 0;
	struct entries es = { .by_path = map_new() };
	struct err e = ERR_INIT;
	enum store_rc rc = STORE_OK;

	if (subscribed)
		rc = add_subscribed(s, &es, l, parents && !special, &e);
	if (rc == STORE_OK)
		rc = add_mailboxes(s, &es, l, &e);
	if ((subscribed || parents) && es.n)
		qsort(es.v, es.n, sizeof(*es.v), by_path);
	if (rc == STORE_OK)
		rc = put_entries(s, l, &es, &e);
	map_free(&es.by_path);
	return rc == STORE_OK ? REPLY_OK : store_failed(s, c, rc, &e);
}

enum reply
cmd_list(struct session *s, struct cmd *c)
{
	struct listing l = { .response = "LIST",
		.metadata.maxsize = UINT64_MAX };

	EXPECT(c, list_parse(&c->p, &l));
	if (!l.extended && l.patterns[0].n == 0) {
		/* What the separator is, and the root of a reference. */
		write_untagged(
		    conn_out(s->conn), "LIST (\\Noselect) \"/\" \"\"");
		return REPLY_OK;
	}
	if (!l.extended)
		l.give = GIVE_CHILDREN | GIVE_SPECIAL;
	if (l.select & SELECT_SUBSCRIBED)
		l.give |= GIVE_SUBSCRIBED;
	if (l.select & SELECT_SPECIAL)
		l.give |= GIVE_SPECIAL;
	status_enable(s, l.status);
	return list(s, c, &l);
}

/*
 * LSUB says \Noselect of a parent that is only there for its subscribed
 * children when "%" asked for one level (RFC 3501, section 6.3.9), and
 * nothing of whether a mailbox exists.
 */
static void
put_lsub(struct session *s, const struct entries *es)
{
	struct buf *out = conn_out(s->conn);

	for (size_t i = 0; i < es->n; i++) {
		BUF_LIT(out, "* LSUB (");
		if (!es->v[i].subscribed)
			BUF_LIT(out, "\\Noselect");
		BUF_LIT(out, ") \"/\" ");
		write_mailbox(out, es->v[i].path, session_utf8(s));
		BUF_LIT(out, "\r\n");
	}
}

enum reply
cmd_lsub(struct session *s, struct cmd *c)
{
	struct listing l = { .response = "LSUB" };
	struct entries es = { 0 };
	struct err e = ERR_INIT;
	struct str reference;
	enum store_rc rc;

	EXPECT(c, parse_sp(&c->p) && parse_pattern(&c->p, &reference) &&
		      parse_sp(&c->p) && list_pattern(&c->p, reference, &l) &&
		      parse_end(&c->p));
	es.by_path = map_new();
	rc = add_subscribed(
	    s, &es, &l, str_chr(l.patterns[0], '%') != STR_NPOS, &e);
	map_free(&es.by_path);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	if (es.n)
		qsort(es.v, es.n, sizeof(*es.v), by_path);
	put_lsub(s, &es);
	return REPLY_OK;
}
