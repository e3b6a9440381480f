/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ESEARCH (RFC 7377): a search of many mailboxes, one after the other, as a
 * cursor. Mailboxes in which nothing is found are not told of, and those that
 * cannot be read by the user are passed over.
 */
#include "imapd/context.h"
#include "imapd/notify.h"
#include "imapd/place.h"
#include "imapd/search.h"
#include "imapd/search_result.h"

#define FILTERS 64

struct esearch {
	struct search_program prog;
	struct notify_group filters[FILTERS];
	size_t nfilters;
	struct place *places; /* those to search */
	size_t n, at;
	/* Of the mailbox that is being searched. */
	bool running;
	struct arena *arena;
	struct view *view;
	struct search_run run;
	/* What went wrong in one of them. */
	bool failed;
};

/* ------------------------------------------------------------------------
 * Which mailboxes
 */

/* "IN (subtree "a" personal) ": scope options are for extensions. */
static bool
take_source(struct parse *p, struct esearch *f)
{
	if (!parse_try_word(p, "IN"))
		return true;
	if (!parse_sp(p) || !parse_char(p, '('))
		return false;
	do {
		struct notify_group *g = &f->filters[f->nfilters];

		if (f->nfilters++ == FILTERS)
			return parse_fail(p, "too many mailbox filters");
		if (!notify_take_filter(p, g))
			return false;
		if (g->filter == NOTIFY_SELECTED_DELAYED)
			return parse_fail(p, "selected-delayed is for NOTIFY");
	} while (parse_try(p, ' '));
	return parse_char(p, ')') && parse_sp(p);
}

static bool
applies(const struct session *s, const struct notify_group *g,
    const struct place *p)
{
	switch (g->filter) {
	case NOTIFY_SELECTED:
	case NOTIFY_SELECTED_DELAYED:
		return sel_is(s, p->account, p->m.id);
	case NOTIFY_INBOXES:
		return str_eqc(p->name, "INBOX");
	case NOTIFY_PERSONAL:
		return p->own;
	case NOTIFY_SUBSCRIBED:
		return p->m.subscribed;
	default:
		return notify_named(g, p->name);
	}
}

static enum store_rc
list_places(struct session *s, struct esearch *f, struct err *e)
{
	struct place *all;
	size_t n;
	enum store_rc rc = place_list(s, true, &all, &n, e);

	for (size_t i = 0; rc == STORE_OK && i < n; i++) {
		bool wanted = false;

		for (size_t k = 0; k < f->nfilters && !wanted; k++)
			wanted = applies(s, &f->filters[k], &all[i]);
		if (wanted && !all[i].m.noselect &&
		    (all[i].rights & RIGHT_READ))
			all[f->n++] = all[i];
	}
	f->places = all;
	return rc;
}

/* Numbers of messages, and what is saved, are about the selected mailbox. */
static bool
only_selected(const struct esearch *f)
{
	return f->nfilters == 1 && f->filters[0].filter == NOTIFY_SELECTED;
}

/* ------------------------------------------------------------------------
 * One mailbox
 */

static void
leave(struct esearch *f)
{
	if (f->running)
		search_run_fini(&f->run);
	f->running = false;
	view_unref(&f->view);
	arena_reset(f->arena);
}

static enum store_rc
enter(struct session *s, struct esearch *f, struct err *e)
{
	const struct place *p = &f->places[f->at];
	struct search_scope sc = search_selected(s);
	enum store_rc rc = STORE_OK;

	if (!sel_is(s, p->account, p->m.id)) {
		rc = view_current(p->account, p->m.id, &f->view, e);
		sc = (struct search_scope){ p->account, f->view, f->view, s,
			false };
	}
	if (rc != STORE_OK)
		return rc;
	if (search_prepare(&sc, f->arena, &f->prog, &rc, e) != SEARCH_READY)
		return rc == STORE_OK ? STORE_BUG : rc;
	search_run_init(&f->run, &sc, &f->prog, f->arena, NULL, 0);
	f->running = true;
	return STORE_OK;
}

static void
tell(struct session *s, struct cmd *c, struct esearch *f)
{
	const struct search_run *run = &f->run;
	const struct search_return *ret = &f->prog.ret;
	struct search_result r = { .tag = c->tag,
		.uid = true,
		.ret = ret,
		.found = search_numbers(run, true),
		.n = run->n,
		.scores = run->scores,
		.mailbox = f->places[f->at].name,
		.utf8 = session_utf8(s),
		.uidvalidity = view_uidvalidity(run->sc.view) };

	if (f->prog.modseq)
		r.modseq = search_modseq(run, ret);
	if (ret->items & RETURN_SAVE)
		search_save(s, run, ret, run->failed);
	if (run->n && ret->items != RETURN_SAVE)
		put_esearch(conn_out(s->conn), &r);
	f->failed |= run->failed;
}

/* ------------------------------------------------------------------------
 * The cursor
 */

static enum reply
step(struct session *s, struct cmd *c)
{
	struct esearch *f = c->data;
	struct err e = ERR_INIT;
	enum store_rc rc = STORE_OK;

	if (f->at == f->n) {
		if (f->failed)
			return no(
			    c, "UNAVAILABLE", "Some messages cannot be read");
		return REPLY_OK;
	}
	if (!f->running)
		rc = enter(s, f, &e);
	if (rc == STORE_OK)
		rc = search_run_step(&f->run, &e);
	if (rc != STORE_OK && rc != STORE_NOTFOUND) {
		search_unsave(s, &f->prog.ret);
		return store_failed(s, c, rc, &e);
	}
	if (rc == STORE_NOTFOUND || f->run.grade == RUN_DONE) {
		if (rc == STORE_OK) /* else it is gone */
			tell(s, c, f);
		leave(f);
		f->at++;
	}
	command_progress(s, c, f->at, f->n);
	return REPLY_MORE;
}

static void
fini(struct session *s, struct cmd *c)
{
	struct esearch *f = c->data;

	(void)s;
	leave(f);
	arena_free(&f->arena);
}

/* What can be refused before anything is searched. */
static bool
allowed(struct session *s, struct cmd *c, struct esearch *f, enum reply *r)
{
	if (!f->nfilters) {
		f->filters[f->nfilters++].filter = NOTIFY_SELECTED;
		if (s->state != ST_SELECTED) {
			*r = bad(c, "Select a mailbox first, or name some");
			return false;
		}
	}
	if (!only_selected(f) && (f->prog.numbers || f->prog.saved ||
				     (f->prog.ret.items & RETURN_SAVE))) {
		*r = bad(c, "Message numbers are for the selected mailbox");
		return false;
	}
	if (f->prog.numbers && (s->enabled & EN_UIDONLY)) {
		*r = uid_required(c);
		return false;
	}
	return search_charset(s, c, &f->prog, r);
}

enum reply
cmd_esearch(struct session *s, struct cmd *c)
{
	struct esearch *f = ARENA_NEW(s->arena, struct esearch);
	struct err e = ERR_INIT;
	enum store_rc rc = STORE_OK;
	enum reply r;

	EXPECT(c, parse_sp(&c->p) && take_source(&c->p, f) &&
		      search_parse(&c->p, &f->prog));
	if (!f->prog.ret.given)
		f->prog.ret.items = RETURN_ALL;
	if (!allowed(s, c, f, &r))
		return r;
	if (f->prog.ret.items & RETURN_UPDATE)
		context_refuse(
		    s, c->tag, "Only SEARCH and SORT are kept up to date");
	if (f->prog.modseq)
		enable_condstore(s);
	if (s->state == ST_SELECTED)
		rc = sel_refresh(s, &e);
	if (rc == STORE_OK)
		rc = list_places(s, f, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	f->arena = arena_new();
	c->data = f;
	c->step = step;
	c->fini = fini;
	return step(s, c);
}
