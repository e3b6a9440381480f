/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SEARCH (RFC 3501, section 6.4.4; ESEARCH of RFC 4731; MODSEQ of RFC 7162) as
 * a cursor: after some time of reading messages it lets go of the reader and
 * the worker, and goes on in the next step.
 */
#include "base/clock.h"
#include "base/log.h"
#include "imapd/search.h"
#include "imapd/seqset.h"

#define STEP_MS 50

struct search {
	struct search_program prog;
	uint32_t seq; /* next to look at */
	bool narrowed;
	struct uids_builder found; /* numbers or UIDs */
	uint64_t modseq, min_modseq, max_modseq;
	bool failed;
};

static void
add(struct search *f, const struct cmd *c, uint32_t seq,
    const struct view_row *row)
{
	if (f->found.n == 0)
		f->min_modseq = row->modseq;
	f->max_modseq = row->modseq;
	if (row->modseq > f->modseq)
		f->modseq = row->modseq;
	uids_add(&f->found, c->uid ? row->uid : seq);
}

static void
put_search(struct buf *out, const struct search *f, struct uids found)
{
	BUF_LIT(out, "* SEARCH");
	for (size_t i = 0; i < found.n; i++) {
		for (uint64_t n = found.r[i].lo; n <= found.r[i].hi; n++) {
			buf_putc(out, ' ');
			buf_putu(out, n);
		}
	}
	if (f->prog.modseq && found.n) {
		BUF_LIT(out, " (MODSEQ ");
		buf_putu(out, f->modseq);
		buf_putc(out, ')');
	}
	BUF_LIT(out, "\r\n");
}

/* RFC 7162, section 3.1.5: of the messages returned, not of all found. */
static uint64_t
esearch_modseq(const struct search *f)
{
	uint64_t min = f->min_modseq, max = f->max_modseq;

	if (f->prog.returns & (RETURN_ALL | RETURN_COUNT))
		return f->modseq;
	if (f->prog.returns == RETURN_MIN)
		return min;
	if (f->prog.returns == RETURN_MAX)
		return max;
	return min > max ? min : max;
}

static void
put_named(struct buf *out, const char *name, uint64_t n)
{
	buf_puts(out, name);
	buf_putu(out, n);
}

static void
put_esearch(struct buf *out, const struct cmd *c, const struct search *f,
    struct uids found)
{
	/* RFC 9051, section 6.4.4: without RETURN it is ALL. */
	unsigned returns = f->prog.returns ? f->prog.returns : RETURN_ALL;

	BUF_LIT(out, "* ESEARCH (TAG ");
	write_string(out, c->tag);
	buf_puts(out, c->uid ? ") UID" : ")");
	if (found.n && (returns & RETURN_MIN))
		put_named(out, " MIN ", found.r[0].lo);
	if (found.n && (returns & RETURN_MAX))
		put_named(out, " MAX ", seqset_max(found));
	if (found.n && (returns & RETURN_ALL)) {
		BUF_LIT(out, " ALL ");
		seqset_put(out, found);
	}
	if (returns & RETURN_COUNT)
		put_named(out, " COUNT ", uids_count(found));
	if (found.n && f->prog.modseq)
		put_named(out, " MODSEQ ", esearch_modseq(f));
	BUF_LIT(out, "\r\n");
}

static enum reply
result(struct session *s, struct cmd *c, const struct search *f)
{
	struct uids found = uids_done(&f->found);
	struct buf *out = conn_out(s->conn);

	if (f->prog.extended || (s->enabled & EN_REV2))
		put_esearch(out, c, f, found);
	else
		put_search(out, f, found);
	if (f->failed)
		return no(c, "UNAVAILABLE", "Some messages cannot be read");
	return REPLY_OK;
}

/* A doubt that only reading can settle. */
static void
read_one(struct session *s, struct cmd *c, struct search *f,
    const struct view_row *row, struct reader *r)
{
	struct err e = ERR_INIT;
	bool yes = false;
	enum store_rc rc =
	    search_full(s, f->prog.root, f->seq, row, r, &yes, &e);

	if (rc == STORE_OK && yes)
		add(f, c, f->seq, row);
	if (rc == STORE_OK || rc == STORE_NOTFOUND) /* expunged meanwhile */
		return;
	f->failed = true;
	log_error("cannot search a message",
	    LOG_CSTR("session", conn_id(s->conn)), LOG_CSTR("account", s->user),
	    LOG_UINT("uid", row->uid), LOG_CSTR("result", store_rc_name(rc)),
	    LOG_ERR(&e));
}

/* Before the first message is read, the index and a reader are asked for. */
static enum store_rc
begin_reading(
    struct session *s, struct search *f, struct reader **r, struct err *e)
{
	enum store_rc rc = STORE_OK;

	if (!f->narrowed)
		rc = search_narrow(s, f->prog.root, e);
	f->narrowed = true;
	if (rc == STORE_OK && !*r)
		rc = reader_begin(s->sel.account, r, e);
	return rc;
}

static enum reply
search_step(struct session *s, struct cmd *c)
{
	struct search *f = c->data;
	int64_t until = clock_mono_ms() + STEP_MS;
	struct reader *r = NULL;
	struct err e = ERR_INIT;
	enum store_rc rc = STORE_OK;

	for (; f->seq <= view_count(s->sel.view); f->seq++) {
		bool gone;
		const struct view_row *row = sel_row(s, f->seq, &gone);
		enum verdict v =
		    gone ? VERDICT_NO
			 : search_cheap(s, f->prog.root, f->seq, row);

		if (v == VERDICT_MAYBE && !f->narrowed) {
			rc = begin_reading(s, f, &r, &e);
			v = search_cheap(s, f->prog.root, f->seq, row);
		}
		if (v == VERDICT_MAYBE && rc == STORE_OK)
			rc = begin_reading(s, f, &r, &e);
		if (rc != STORE_OK)
			break;
		if (v == VERDICT_YES)
			add(f, c, f->seq, row);
		if (v != VERDICT_MAYBE)
			continue;
		if (clock_mono_ms() >= until) {
			command_progress(s, c, f->seq, view_count(s->sel.view));
			break;
		}
		read_one(s, c, f, row, r);
	}
	reader_end(&r);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	return f->seq <= view_count(s->sel.view) ? REPLY_MORE : result(s, c, f);
}

enum reply
cmd_search(struct session *s, struct cmd *c)
{
	struct search *f = ARENA_NEW(s->arena, struct search);
	struct err e = ERR_INIT;
	enum store_rc rc = STORE_OK;

	EXPECT(c, parse_sp(&c->p) && search_parse(&c->p, &f->prog));
	if (f->prog.numbers && (s->enabled & EN_UIDONLY))
		return uid_required(c);
	switch (search_prepare(s, &f->prog, &rc, &e)) {
	case SEARCH_READY:
		break;
	case SEARCH_BAD_SET:
		return bad(c, "invalid message set");
	case SEARCH_BAD_CHARSET:
		return no(c, "BADCHARSET (US-ASCII UTF-8)", "Unknown charset");
	case SEARCH_FAILED:
		return store_failed(s, c, rc, &e);
	}
	rc = sel_refresh(s, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	f->seq = 1;
	f->found.arena = s->arena;
	c->data = f;
	c->step = search_step;
	return search_step(s, c);
}
