/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"
#include "base/log.h"
#include "imapd/search.h"
#include "imapd/seqset.h"

#define STEP_MS 50
/* With fewer doubts than that it is cheaper to read than to ask the index or
 * to read the keys of the whole mailbox. */
#define FEW 16
#define FEW_FOR_KEYS 256

/* Numbers that the keys joined by AND at the top leave. */
static struct uids
bounds(const struct search_run *run)
{
	const struct view *v = run->sc.view;
	struct uid_range *all = ARENA_NEW(run->arena, struct uid_range);
	struct uids set = { all, view_count(v) > 0 };

	*all = (struct uid_range){ 1, view_count(v) };
	for (const struct search_key *k = run->prog->root->child; k;
	     k = k->next) {
		if (k->kind == SK_SEQ)
			set = seqset_and(run->arena, set, k->set);
		else if (k->kind == SK_UID)
			set = seqset_and(
			    run->arena, set, view_seqs(run->arena, v, k->set));
	}
	return set;
}

static void
list_all(struct search_run *run)
{
	struct uids set = bounds(run);
	size_t n = (size_t)uids_count(set);

	run->seqs = arena_array(run->arena, n + 1, sizeof(*run->seqs));
	for (size_t i = 0; i < set.n; i++) {
		for (uint32_t seq = set.r[i].lo; seq <= set.r[i].hi; seq++)
			run->seqs[run->n++] = seq;
	}
}

void
search_run_init(struct search_run *run, const struct search_scope *sc,
    struct search_program *prog, struct arena *a, const uint32_t *seqs,
    size_t n)
{
	*run = (struct search_run){ .sc = *sc, .prog = prog, .arena = a };
	if (seqs) {
		run->seqs = arena_array(a, n + 1, sizeof(*seqs));
		for (; run->n < n; run->n++)
			run->seqs[run->n] = seqs[run->n];
	} else {
		list_all(run);
	}
	run->verdicts = arena_array(a, run->n + 1, 1);
}

/* Look at all that is open once more; what is ruled out leaves the list. */
static size_t
weigh(struct search_run *run, bool first)
{
	size_t kept = 0, open = 0;

	for (size_t i = 0; i < run->n; i++) {
		uint32_t seq = run->seqs[i];
		uint8_t v = run->verdicts[i];
		bool gone;

		if (first || v == VERDICT_MAYBE) {
			const struct view_row *row =
			    scope_row(&run->sc, seq, &gone);

			run->gone |= gone;
			v = gone ? VERDICT_NO
				 : (uint8_t)search_cheap(
				       run, run->prog->root, seq, row);
		}
		if (v == VERDICT_NO)
			continue;
		open += v == VERDICT_MAYBE;
		run->seqs[kept] = seq;
		run->verdicts[kept++] = v;
	}
	run->n = kept;
	return open;
}

/* Get what helps to settle OPEN doubts without reading the messages. */
static enum store_rc
get_help(struct search_run *run, size_t open, struct err *e)
{
	const struct search_program *p = run->prog;
	struct account *a = run->sc.account;
	enum store_rc rc = STORE_OK;

	if (p->keys && (open > FEW_FOR_KEYS || keys_cached(a, run->sc.latest,
						   p->texts, p->collation)))
		rc = keys_of(
		    a, run->sc.latest, p->texts, p->collation, &run->keys, e);
	if (rc == STORE_OK && open > FEW)
		rc = search_narrow(run, p->root, e);
	return rc;
}

static enum verdict
read_one(struct search_run *run, uint32_t seq, struct reader *r)
{
	struct err e = ERR_INIT;
	bool yes = false, gone;
	const struct view_row *row = scope_row(&run->sc, seq, &gone);
	enum store_rc rc =
	    search_full(run, run->prog->root, seq, row, r, &yes, &e);

	if (rc == STORE_OK)
		return yes ? VERDICT_YES : VERDICT_NO;
	if (rc == STORE_NOTFOUND) { /* expunged meanwhile */
		run->gone = true;
		return VERDICT_NO;
	}
	run->failed = true;
	log_error("cannot search a message",
	    LOG_CSTR("session", conn_id(run->sc.s->conn)),
	    LOG_CSTR("account", run->sc.s->user), LOG_UINT("uid", row->uid),
	    LOG_CSTR("result", store_rc_name(rc)), LOG_ERR(&e));
	return VERDICT_NO;
}

/* At least one, and for some time; no reader is held between steps. */
static enum store_rc
read_some(struct search_run *run, struct err *e)
{
	int64_t until = clock_mono_ms() + STEP_MS;
	struct reader *r;
	enum store_rc rc = reader_begin(run->sc.account, &r, e);

	if (rc != STORE_OK)
		return rc;
	for (; run->at < run->n; run->at++) {
		if (run->verdicts[run->at] != VERDICT_MAYBE)
			continue;
		run->verdicts[run->at] =
		    (uint8_t)read_one(run, run->seqs[run->at], r);
		if (clock_mono_ms() >= until)
			break;
	}
	reader_end(&r);
	return STORE_OK;
}

/* The seqs are what was found; scores may be wanted. */
static void
found(struct search_run *run)
{
	run->at = 0;
	run->grade = run->prog->relevancy ? RUN_SCORE : RUN_DONE;
	if (run->prog->relevancy)
		run->scores = arena_array(run->arena, run->n + 1, 1);
}

static void
keep_found(struct search_run *run)
{
	size_t kept = 0;

	for (size_t i = 0; i < run->n; i++) {
		if (run->verdicts[i] == VERDICT_YES)
			run->seqs[kept++] = run->seqs[i];
	}
	run->n = kept;
	found(run);
}

static enum store_rc
score_some(struct search_run *run, struct err *e)
{
	int64_t until = clock_mono_ms() + STEP_MS;
	struct reader *r;
	enum store_rc rc = reader_begin(run->sc.account, &r, e);

	if (rc != STORE_OK)
		return rc;
	while (run->at < run->n) {
		struct err ignored = ERR_INIT; /* it could be read before */
		uint32_t seq = run->seqs[run->at];
		bool gone;

		search_score(run, seq, scope_row(&run->sc, seq, &gone), r,
		    &run->scores[run->at++], &ignored);
		if (clock_mono_ms() >= until)
			break;
	}
	reader_end(&r);
	return STORE_OK;
}

enum store_rc
search_run_step(struct search_run *run, struct err *e)
{
	enum store_rc rc = STORE_OK;
	size_t open = 0;

	switch (run->grade) {
	case RUN_CHEAP:
		open = weigh(run, true);
		run->grade = RUN_NARROW;
		if (!open) {
			found(run);
			break;
		}
		/* fall through */
	case RUN_NARROW:
		rc = get_help(run, open, e);
		if (rc != STORE_OK)
			break;
		run->grade = RUN_READ;
		if (weigh(run, false) == 0) {
			found(run);
			break;
		}
		/* fall through */
	case RUN_READ:
		rc = read_some(run, e);
		if (rc == STORE_OK && run->at >= run->n)
			keep_found(run);
		break;
	case RUN_SCORE:
		rc = score_some(run, e);
		if (rc == STORE_OK && run->at == run->n)
			run->grade = RUN_DONE;
		break;
	case RUN_DONE:
		break;
	}
	return rc;
}

void
search_run_fini(struct search_run *run)
{
	keys_unref(&run->keys);
}
