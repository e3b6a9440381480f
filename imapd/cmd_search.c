/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SEARCH (RFC 3501, section 6.4.4; ESEARCH of RFC 4731; MODSEQ of RFC 7162;
 * RETURN (SAVE) of RFC 5182; PARTIAL of RFC 9394) as a cursor: after some time
 * of reading messages it lets go of the reader and the worker, and goes on in
 * the next step.
 */
#include "imapd/search.h"
#include "imapd/search_result.h"

struct search {
	struct search_program prog;
	struct search_run run;
};

/* RFC 7162, section 3.1.5: of the messages returned, not of all found. */
static uint64_t
returned_modseq(const struct search *f)
{
	const struct search_run *run = &f->run;
	uint64_t most = 0;
	bool gone;

	for (size_t i = 0; i < run->n; i++) {
		uint64_t modseq =
		    scope_row(&run->sc, run->seqs[i], &gone)->modseq;

		if (modseq > most && search_returns(&f->prog.ret, run->n, i))
			most = modseq;
	}
	return most;
}

static enum reply
result(struct session *s, struct cmd *c, struct search *f)
{
	struct search_return *ret = &f->prog.ret;
	struct search_result r = { .tag = c->tag, .uid = c->uid, .ret = ret };
	struct buf *out = conn_out(s->conn);

	r.found = search_numbers(&f->run, c->uid);
	r.n = f->run.n;
	if (f->prog.modseq)
		r.modseq = returned_modseq(f);
	if (ret->items & RETURN_SAVE)
		search_save(s, &f->run, ret, f->run.failed);
	if (!ret->given && !(s->enabled & EN_REV2))
		put_numbers(out, "SEARCH", &r);
	else if (ret->items != RETURN_SAVE)
		put_esearch(out, &r);
	if (f->run.failed)
		return no(c, "UNAVAILABLE", "Some messages cannot be read");
	return REPLY_OK;
}

static enum reply
search_step(struct session *s, struct cmd *c)
{
	struct search *f = c->data;
	struct err e = ERR_INIT;
	enum store_rc rc = search_run_step(&f->run, &e);

	if (rc != STORE_OK) {
		search_unsave(s, &f->prog.ret);
		return store_failed(s, c, rc, &e);
	}
	if (f->run.grade == RUN_DONE)
		return result(s, c, f);
	command_progress(s, c, f->run.at, f->run.n);
	return REPLY_MORE;
}

static void
search_fini(struct session *s, struct cmd *c)
{
	struct search *f = c->data;

	(void)s;
	search_run_fini(&f->run);
}

enum reply
cmd_search(struct session *s, struct cmd *c)
{
	struct search *f = ARENA_NEW(s->arena, struct search);
	struct search_scope sc;
	struct err e = ERR_INIT;
	enum store_rc rc;
	enum reply r;

	EXPECT(c, parse_sp(&c->p) && search_parse(&c->p, &f->prog));
	if (!f->prog.ret.given) /* RFC 9051, section 6.4.4 */
		f->prog.ret.items = RETURN_ALL;
	rc = sel_refresh(s, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	sc = search_selected(s);
	if (!search_ready(s, c, &sc, &f->prog, &r)) {
		if (r == REPLY_NO)
			search_unsave(s, &f->prog.ret);
		return r;
	}
	search_run_init(&f->run, &sc, &f->prog, s->arena, NULL, 0);
	c->data = f;
	c->step = search_step;
	c->fini = search_fini;
	return search_step(s, c);
}
