/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SEARCH (RFC 3501, section 6.4.4; ESEARCH of RFC 4731; MODSEQ of RFC 7162;
 * RETURN (SAVE) of RFC 5182; PARTIAL of RFC 9394, UPDATE of RFC 5267), SORT and
 * THREAD (RFC 5256; RETURN for SORT of RFC 5267) as a cursor: after some time
 * of reading messages it lets go of the reader and the worker, and goes on in
 * the next step. What was found is then put in order.
 */
#include "imapd/context.h"
#include "imapd/search.h"
#include "imapd/search_result.h"
#include "imapd/sort.h"
#include "imapd/thread.h"

struct search {
	struct str text; /* the arguments */
	struct search_program prog;
	struct search_run run;
	struct sort_program sort;
	enum thread_algorithm thread;
	enum reply (*result)(
	    struct session *s, struct cmd *c, struct search *f);
};

/* What the tagged response says in the end. */
static enum reply
finish(struct cmd *c, const struct search *f)
{
	if (f->run.failed)
		return no(c, "UNAVAILABLE", "Some messages cannot be read");
	if (f->run.gone && !c->uid) { /* else this reply tells which */
		c->code = STR("EXPUNGEISSUED");
		c->text = "Some messages were expunged";
	}
	return REPLY_OK;
}

/* ------------------------------------------------------------------------
 * SEARCH, SORT
 */

/* NAME: of the response without RETURN. */
static enum reply
tell(struct session *s, struct cmd *c, struct search *f, const char *name)
{
	struct search_return *ret = &f->prog.ret;
	struct search_result r = { .tag = c->tag, .uid = c->uid, .ret = ret };
	struct buf *out = conn_out(s->conn);

	r.found = search_numbers(&f->run, c->uid);
	r.n = f->run.n;
	r.scores = f->run.scores;
	if (f->prog.modseq)
		r.modseq = search_modseq(&f->run, ret);
	if (ret->items & RETURN_SAVE)
		search_save(s, &f->run, ret, f->run.failed);
	if (!ret->given)
		put_numbers(out, name, &r);
	else if (ret->items != RETURN_SAVE)
		put_esearch(out, &r);
	if (ret->items & RETURN_UPDATE)
		context_keep(s, c, &f->run, f->text);
	return finish(c, f);
}

static enum reply
searched(struct session *s, struct cmd *c, struct search *f)
{
	return tell(s, c, f, "SEARCH");
}

static enum reply
sorted(struct session *s, struct cmd *c, struct search *f)
{
	struct search_run *run = &f->run;
	struct err e = ERR_INIT;
	struct keys *keys = NULL;
	enum store_rc rc = STORE_OK;

	if (f->sort.keys && run->n > 1)
		rc = keys_of(run->sc.account, run->sc.latest, f->prog.texts,
		    f->prog.collation, &keys, &e);
	if (rc != STORE_OK) {
		search_unsave(s, &f->prog.ret);
		return store_failed(s, c, rc, &e);
	}
	sort_seqs(&f->sort, &run->sc, keys, run->arena, run->seqs, run->scores,
	    run->n);
	keys_unref(&keys);
	return tell(s, c, f, "SORT");
}

/* ------------------------------------------------------------------------
 * THREAD
 */

static enum reply
threaded(struct session *s, struct cmd *c, struct search *f)
{
	struct search_run *run = &f->run;
	struct buf *out = conn_out(s->conn);
	struct err e = ERR_INIT;
	struct forest forest;
	struct keys *keys;
	enum store_rc rc;

	rc = keys_of(run->sc.account, run->sc.latest, f->prog.texts,
	    f->prog.collation, &keys, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	thread_build(&forest, f->thread, &run->sc, keys, run->seqs, run->n);
	BUF_LIT(out, "* THREAD");
	if (run->n) {
		buf_putc(out, ' ');
		forest_put(out, &forest, c->uid ? run->sc.view : NULL);
	}
	BUF_LIT(out, "\r\n");
	forest_fini(&forest);
	keys_unref(&keys);
	return finish(c, f);
}

/* ------------------------------------------------------------------------
 * The cursor
 */

static enum reply
step(struct session *s, struct cmd *c)
{
	struct search *f = c->data;
	struct err e = ERR_INIT;
	enum store_rc rc = search_run_step(&f->run, &e);

	if (rc != STORE_OK) {
		search_unsave(s, &f->prog.ret);
		return store_failed(s, c, rc, &e);
	}
	if (f->run.grade == RUN_DONE)
		return f->result(s, c, f);
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

/* F is parsed: go. */
static enum reply
begin(struct session *s, struct cmd *c, struct search *f)
{
	struct search_scope sc;
	struct err e = ERR_INIT;
	enum store_rc rc = sel_refresh(s, &e);
	enum reply r;

	if ((f->prog.ret.items & RETURN_UPDATE) && context_has(s, c->tag))
		return bad(c, "Results of another search with this tag are"
			      " being updated");
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
	c->step = step;
	c->fini = search_fini;
	return step(s, c);
}

enum reply
cmd_search(struct session *s, struct cmd *c)
{
	struct search *f = ARENA_NEW(s->arena, struct search);

	f->text = str_sub(c->p.in, c->p.at, SIZE_MAX);
	EXPECT(c, parse_sp(&c->p) && search_parse(&c->p, &f->prog));
	if (!f->prog.ret.given && (s->enabled & EN_REV2)) {
		/* RFC 9051, section 6.4.4: without RETURN it is ALL. */
		f->prog.ret.given = true;
		f->prog.ret.items = RETURN_ALL;
	}
	f->result = searched;
	return begin(s, c, f);
}

enum reply
cmd_sort(struct session *s, struct cmd *c)
{
	struct search *f = ARENA_NEW(s->arena, struct search);
	struct parse *p = &c->p;

	f->text = str_sub(p->in, p->at, SIZE_MAX);
	EXPECT(c, parse_sp(p) && sort_parse_all(p, &f->sort, &f->prog));
	f->prog.texts |= f->sort.texts;
	f->result = sorted;
	return begin(s, c, f);
}

enum reply
cmd_thread(struct session *s, struct cmd *c)
{
	struct search *f = ARENA_NEW(s->arena, struct search);
	struct parse *p = &c->p;

	EXPECT(c, parse_sp(p) && thread_parse(p, &f->thread) &&
		      search_parse_with_charset(p, &f->prog));
	f->prog.texts |= thread_texts(f->thread);
	f->result = threaded;
	return begin(s, c, f);
}
