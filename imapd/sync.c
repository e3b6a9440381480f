/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "imapd/command.h"
#include "imapd/context.h"
#include "imapd/place.h"
#include "imapd/seqset.h"
#include "imapd/session.h"
#include "imapd/tell.h"

void
sel_close(struct session *s)
{
	view_unref(&s->sel.view);
	view_unref(&s->sel.latest);
	account_close(&s->sel.account);
	free(s->sel.saved);
	contexts_free(s);
	s->sel = (struct selected){ 0 };
	if (s->state == ST_SELECTED)
		s->state = ST_AUTH;
}

bool
sel_is(const struct session *s, const struct account *a, int64_t mailbox)
{
	return s->state == ST_SELECTED && s->sel.account == a &&
	       s->sel.mailbox == mailbox;
}

/* What is another's can be taken away again. */
static enum store_rc
read_rights(struct session *s, struct err *e)
{
	struct selected *sel = &s->sel;

	if (sel->own)
		return STORE_OK;
	return place_rights(s, sel->owner, sel->mailbox, &sel->rights, e);
}

bool
sel_readable(struct session *s)
{
	struct err e = ERR_INIT;

	return read_rights(s, &e) == STORE_OK && (s->sel.rights & RIGHT_READ);
}

enum store_rc
sel_refresh(struct session *s, struct err *e)
{
	struct selected *sel = &s->sel;
	struct view *v = NULL;
	enum store_rc rc = read_rights(s, e);

	if (rc == STORE_OK && !(sel->rights & RIGHT_READ))
		rc = STORE_NOTFOUND;
	if (rc == STORE_OK)
		rc = view_current(sel->account, sel->mailbox, &v, e);
	if (rc != STORE_OK)
		return rc;
	view_unref(&sel->latest);
	sel->latest = v;
	return STORE_OK;
}

/* ------------------------------------------------------------------------
 * \Recent
 */

bool
sel_wants_recent(const struct session *s)
{
	return !s->sel.readonly && !(s->enabled & EN_REV2);
}

bool
sel_recent(const struct session *s, uint32_t uid)
{
	if (s->enabled & EN_REV2)
		return false;
	for (unsigned i = s->sel.nrecent; i-- > 0;) {
		const struct uid_range *r = &s->sel.recent[i];

		if (uid >= r->lo)
			return uid <= r->hi;
	}
	return false;
}

uint32_t
sel_count_recent(const struct session *s, const struct view *v)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < s->sel.nrecent; i++) {
		const struct uid_range *r = &s->sel.recent[i];

		n += (r->hi == UINT32_MAX ? view_count(v) + 1
					  : view_lower_bound(v, r->hi + 1)) -
		     view_lower_bound(v, r->lo);
	}
	return n;
}

static void
add_recent(struct selected *sel, uint32_t lo, uint32_t hi)
{
	struct uid_range *r = sel->recent;

	if (lo > hi)
		return;
	if (sel->nrecent && r[sel->nrecent - 1].hi + 1 >= lo) {
		r[sel->nrecent - 1].hi = hi;
		return;
	}
	if (sel->nrecent == RECENT_RANGES) { /* the oldest are not so recent */
		memmove(r, r + 1, (RECENT_RANGES - 1) * sizeof(*r));
		sel->nrecent--;
	}
	r[sel->nrecent++] = (struct uid_range){ lo, hi };
}

/*
 * The view is taken after the claim, so that what was claimed is in it. What
 * came in between is in the view as well, and for the next claim.
 */
enum store_rc
sel_claim(struct session *s, struct err *e)
{
	uint32_t first, next;
	enum store_rc rc;

	rc = mailbox_claim_recent(
	    s->sel.account, s->sel.mailbox, &first, &next, e);
	if (rc == STORE_NOSPACE) { /* no reason not to read */
		log_warn("recent messages not claimed",
		    LOG_CSTR("session", conn_id(s->conn)),
		    LOG_CSTR("account", s->user), LOG_ERR(e));
		return sel_refresh(s, e);
	}
	if (rc != STORE_OK)
		return rc;
	add_recent(&s->sel, first, next - 1);
	s->sel.claimed = next;
	return sel_refresh(s, e);
}

/* ------------------------------------------------------------------------
 * Keywords
 */

/* The flags that RIGHTS let somebody change. */
static void
put_names(struct buf *out, const struct keywords *k, unsigned rights)
{
	static const struct {
		const char *name;
		unsigned right;
	} flags[] = {
		{ "\\Answered", RIGHT_WRITE },
		{ "\\Flagged", RIGHT_WRITE },
		{ "\\Deleted", RIGHT_TRASH },
		{ "\\Seen", RIGHT_SEEN },
		{ "\\Draft", RIGHT_WRITE },
	};
	const char *sep = "";

	for (size_t i = 0; i < LEN(flags); i++) {
		if (!(rights & flags[i].right))
			continue;
		buf_puts(out, sep);
		buf_puts(out, flags[i].name);
		sep = " ";
	}
	if (!(rights & RIGHT_WRITE))
		return;
	for (uint32_t i = 0; i < k->n; i++) {
		buf_putc(out, ' ');
		buf_putstr(out, k->names[i]);
	}
}

static void
load_keywords(struct session *s)
{
	struct err e = ERR_INIT;
	enum store_rc rc = account_keywords(
	    s->sel.account, s->arena, &s->keywords.names, &s->keywords.n, &e);

	if (rc != STORE_OK)
		log_error("cannot read keywords", LOG_CSTR("account", s->user),
		    LOG_ERR(&e));
}

void
sel_put_flag_lists(struct session *s)
{
	struct buf *out = conn_out(s->conn);

	load_keywords(s);
	s->sel.keywords = s->keywords.n;
	BUF_LIT(out, "* FLAGS (");
	put_names(out, &s->keywords, RIGHTS_ALL);
	BUF_LIT(out, ")\r\n* OK [PERMANENTFLAGS (");
	if (!s->sel.readonly) {
		put_names(out, &s->keywords, s->sel.rights);
		if (s->sel.rights & RIGHT_WRITE)
			BUF_LIT(out, " \\*");
	}
	BUF_LIT(out, ")] Flags permitted\r\n");
}

/* One more than the largest keyword index. */
static uint32_t
keywords_of(const struct flags *f)
{
	uint64_t bits = f->bits >> 8;

	if (f->nmore)
		return f->more[f->nmore - 1] + 1;
	return bits ? 64 - (uint32_t)__builtin_clzll(bits) : 0;
}

void
sel_keywords(struct session *s, const struct flags *f)
{
	uint32_t need = keywords_of(f);

	if (need <= s->keywords.n)
		return;
	load_keywords(s);
	if (s->keywords.n > s->sel.keywords)
		sel_put_flag_lists(s);
}

/* ------------------------------------------------------------------------
 * Numbers and rows
 */

const struct view_row *
sel_row(const struct session *s, uint32_t seq, bool *gone)
{
	const struct view_row *row = view_at(s->sel.view, seq);
	uint32_t now;

	*gone = false;
	if (s->sel.latest == s->sel.view)
		return row;
	now = view_seq(s->sel.latest, row->uid);
	*gone = now == 0;
	return now ? view_at(s->sel.latest, now) : row;
}

/* A UID between two messages of the view that is not in it was expunged: so a
 * range of numbers is a range of UIDs. */
struct uids
sel_uids(struct session *s, struct uids set, bool uid)
{
	const struct view *v = s->sel.view;
	struct uids seqs = sel_seqs(s, set, uid);
	struct uid_range *r = arena_array(s->arena, seqs.n + 1, sizeof(*r));

	for (size_t i = 0; i < seqs.n; i++) {
		r[i].lo = view_at(v, seqs.r[i].lo)->uid;
		r[i].hi = view_at(v, seqs.r[i].hi)->uid;
	}
	return (struct uids){ r, seqs.n };
}

struct uids
sel_seqs(struct session *s, struct uids set, bool uid)
{
	return uid ? view_seqs(s->arena, s->sel.view, set) : set;
}

void
sel_save(struct session *s, struct uids uids)
{
	free(s->sel.saved);
	s->sel.saved = mem_array(NULL, uids.n + 1, sizeof(*uids.r));
	s->sel.nsaved = uids.n;
	if (uids.n)
		memcpy(s->sel.saved, uids.r, uids.n * sizeof(*uids.r));
}

struct uids
sel_saved(const struct session *s, bool uid)
{
	struct uids saved = { s->sel.saved, s->sel.nsaved };

	return uid ? saved : view_seqs(s->arena, s->sel.view, saved);
}

/* ------------------------------------------------------------------------
 * Bringing the client up to date
 */

static bool
sync_failed(struct session *s, enum store_rc rc, const struct err *e)
{
	if (rc == STORE_NOTFOUND) {
		write_untagged(
		    conn_out(s->conn), "BYE The selected mailbox was deleted");
		return false;
	}
	/* The command itself is done; the next one will find out again. */
	log_error("cannot refresh a mailbox",
	    LOG_CSTR("session", conn_id(s->conn)), LOG_CSTR("account", s->user),
	    LOG_ERR(e));
	return true;
}

bool
sel_sync(struct session *s, bool expunge, const struct told *told)
{
	struct selected *sel = &s->sel;
	struct err e = ERR_INIT;
	enum store_rc rc = sel_refresh(s, &e);
	struct view *new;

	if (rc == STORE_OK && sel_wants_recent(s) &&
	    view_uidnext(sel->latest) > sel->claimed)
		rc = sel_claim(s, &e);
	if (rc != STORE_OK)
		return sync_failed(s, rc, &e);
	if ((sel->latest == sel->view ||
		(!expunge &&
		    view_modseq(sel->latest) == view_modseq(sel->view))) &&
	    !contexts_due(s))
		return true;
	if (!expunge && view_has_expunged(sel->view, sel->latest))
		new = view_with_expunged(sel->view, sel->latest);
	else
		new = view_ref(sel->latest);
	contexts_before(s, new);
	tell_changes(s, new, told);
	view_unref(&sel->view);
	sel->view = new;
	if (new == sel->latest)
		sel->known = view_modseq(new);
	contexts_after(s);
	return true;
}

bool
sel_behind(const struct session *s)
{
	return s->state == ST_SELECTED && (s->enabled & EN_QRESYNC) &&
	       view_modseq(s->sel.latest) > s->sel.known;
}
