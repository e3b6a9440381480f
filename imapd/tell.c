/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/tell.h"

#include "imapd/seqset.h"

void
tell_fetch(struct session *s, uint32_t seq, uint32_t uid)
{
	struct buf *out = conn_out(s->conn);
	bool uidonly = (s->enabled & EN_UIDONLY) != 0;

	BUF_LIT(out, "* ");
	buf_putu(out, uidonly ? uid : seq);
	buf_puts(out, uidonly ? " UIDFETCH (" : " FETCH (");
}

void
tell_flags(struct session *s, uint32_t seq, const struct view_row *row)
{
	struct buf *out = conn_out(s->conn);

	sel_keywords(s, &row->flags);
	tell_fetch(s, seq, row->uid);
	if ((s->enabled & (EN_CONDSTORE | EN_REV2)) &&
	    !(s->enabled & EN_UIDONLY)) {
		BUF_LIT(out, "UID ");
		buf_putu(out, row->uid);
		buf_putc(out, ' ');
	}
	if (s->enabled & EN_CONDSTORE) {
		BUF_LIT(out, "MODSEQ (");
		buf_putu(out, row->modseq);
		BUF_LIT(out, ") ");
	}
	BUF_LIT(out, "FLAGS ");
	write_flags(out, &row->flags, sel_recent(s, row->uid), &s->keywords);
	BUF_LIT(out, ")\r\n");
}

void
tell_modseq(struct session *s)
{
	struct buf *out = conn_out(s->conn);

	BUF_LIT(out, "* OK [HIGHESTMODSEQ ");
	buf_putu(out, s->sel.known);
	BUF_LIT(out, "] Highest\r\n");
}

void
tell_vanished(struct session *s, struct uids uids, bool earlier)
{
	struct buf *out = conn_out(s->conn);

	if (uids.n == 0)
		return;
	buf_puts(out, earlier ? "* VANISHED (EARLIER) " : "* VANISHED ");
	seqset_put(out, uids);
	BUF_LIT(out, "\r\n");
}

/* ------------------------------------------------------------------------
 * From one view to the next
 */

struct diff {
	struct session *s;
	const struct told *told; /* or NULL */
	/* VANISHED names them at once; collected highest first. */
	struct uid_range *gone;
	size_t ngone, cap;
};

static void
note_gone(struct diff *d, uint32_t uid)
{
	if (d->ngone && d->gone[d->ngone - 1].lo == uid + 1) {
		d->gone[d->ngone - 1].lo = uid;
		return;
	}
	d->gone = arena_grow(
	    d->s->arena, d->gone, d->ngone, &d->cap, sizeof(*d->gone));
	d->gone[d->ngone++] = (struct uid_range){ uid, uid };
}

static void
put_gone(struct diff *d)
{
	for (size_t i = 0; i < d->ngone / 2; i++) {
		struct uid_range *a = &d->gone[i];
		struct uid_range *b = &d->gone[d->ngone - 1 - i], swap = *a;

		*a = *b;
		*b = swap;
	}
	tell_vanished(d->s, (struct uids){ d->gone, d->ngone }, false);
	d->ngone = 0;
}

static void
on_expunged(void *arg, uint32_t seq, uint32_t uid)
{
	struct diff *d = arg;

	if (d->s->enabled & (EN_QRESYNC | EN_UIDONLY))
		note_gone(d, uid);
	else
		write_number(conn_out(d->s->conn), seq, "EXPUNGE");
}

/* Numbers are those after all that was expunged, so that is told before. */
static void
on_changed(void *arg, uint32_t seq, const struct view_row *row)
{
	struct diff *d = arg;
	const struct told *t = d->told;

	put_gone(d);
	if (t && row->modseq >= t->lo && row->modseq <= t->hi &&
	    seqset_has(t->uids, row->uid) && !seqset_has(t->except, row->uid))
		return;
	tell_flags(d->s, seq, row);
}

/*
 * view_diff() calls expunged() for all first, and EXISTS must come before the
 * FETCH responses of nobody: changed messages are old ones. So EXISTS may
 * follow both.
 */
void
tell_changes(struct session *s, const struct view *new, const struct told *told)
{
	static const struct view_diff cb = { on_expunged, on_changed };
	const struct view *old = s->sel.view;
	struct buf *out = conn_out(s->conn);
	struct diff d = { .s = s, .told = told };
	uint32_t recent = sel_count_recent(s, old);

	view_diff(old, new, &cb, &d);
	put_gone(&d);
	if (view_uidnext(new) != view_uidnext(old) &&
	    view_lower_bound(new, view_uidnext(old)) <= view_count(new)) {
		write_number(out, view_count(new), "EXISTS");
		recent = UINT32_MAX;
	}
	if (!(s->enabled & EN_REV2) && sel_count_recent(s, new) != recent)
		write_number(out, sel_count_recent(s, new), "RECENT");
}
