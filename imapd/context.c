/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/context.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "imapd/search_result.h"
#include "imapd/seqset.h"

static void
context_free(struct context *x)
{
	context_change_free(x);
	free(x->uids);
	free(x->order);
	arena_free(&x->arena);
	free(x);
}

static struct context **
find(struct session *s, struct str tag)
{
	struct context **x = &s->sel.contexts;

	while (*x && !str_eq((*x)->tag, tag))
		x = &(*x)->next;
	return x;
}

bool
context_has(const struct session *s, struct str tag)
{
	for (const struct context *x = s->sel.contexts; x; x = x->next) {
		if (str_eq(x->tag, tag))
			return true;
	}
	return false;
}

void
context_refuse(struct session *s, struct str tag, const char *why)
{
	struct buf *out = conn_out(s->conn);

	BUF_LIT(out, "* NO [NOUPDATE ");
	write_string(out, tag);
	BUF_LIT(out, "] ");
	buf_puts(out, why);
	BUF_LIT(out, "\r\n");
}

void
context_drop(struct session *s, struct context *x, const char *why)
{
	struct context **at = find(s, x->tag);

	context_refuse(s, x->tag, why);
	*at = x->next;
	context_free(x);
}

void
contexts_free(struct session *s)
{
	struct context *x;

	while ((x = s->sel.contexts)) {
		s->sel.contexts = x->next;
		context_free(x);
	}
}

bool
context_due(const struct context *x)
{
	return x->aging && clock_now() - x->aged >= CONTEXT_AGE;
}

bool
contexts_due(const struct session *s)
{
	for (const struct context *x = s->sel.contexts; x; x = x->next) {
		if (context_due(x))
			return true;
	}
	return false;
}

bool
context_room(const struct session *s, size_t n)
{
	for (const struct context *x = s->sel.contexts; x; x = x->next)
		n += x->n;
	return n <= CONTEXT_MESSAGES;
}

/* ------------------------------------------------------------------------
 * What numbers mean now is what they will mean
 */

static void
freeze_numbers(struct search_key *k, const struct view *v, struct arena *a)
{
	struct uid_range all = { 1, view_count(v) };
	struct uids_builder b = { .arena = a };
	struct uids set =
	    seqset_and(a, k->set, (struct uids){ &all, all.hi > 0 });

	for (size_t i = 0; i < set.n; i++)
		uids_add_range(&b, view_at(v, set.r[i].lo)->uid,
		    view_at(v, set.r[i].hi)->uid);
	k->set = uids_done(&b);
}

static bool
is_open(struct str set)
{
	return str_find(set, STR(":*")) != STR_NPOS ||
	       str_find(set, STR("*:")) != STR_NPOS;
}

/* "100:*" has what will come, too. */
static void
freeze_uids(struct search_key *k, struct arena *a)
{
	struct uids_builder b = { .arena = a };
	bool open = !k->saved && is_open(k->text);

	for (size_t i = 0; i < k->set.n; i++) {
		bool last = i + 1 == k->set.n;

		uids_add_range(&b, k->set.r[i].lo,
		    open && last ? UINT32_MAX : k->set.r[i].hi);
	}
	k->set = uids_done(&b);
}

static bool
can_change(const struct search_key *k)
{
	return k->kind == SK_FLAG || k->kind == SK_KEYWORD ||
	       k->kind == SK_RECENT || k->kind == SK_MODSEQ;
}

static void
freeze(struct context *x, struct search_key *k, const struct view *v)
{
	if (k->kind == SK_SEQ)
		freeze_numbers(k, v, x->arena);
	else if (k->kind == SK_UID)
		freeze_uids(k, x->arena);
	if (k->kind == SK_SEQ || k->kind == SK_UID) {
		k->kind = SK_UID;
		k->fixed = true;
	}
	x->flags |= can_change(k);
	x->aging |= k->kind == SK_WITHIN;
	for (struct search_key *c = k->child; c; c = c->next)
		freeze(x, c, v);
}

/* ------------------------------------------------------------------------
 * A new one
 */

static bool
is_sort(const struct cmd *c)
{
	return c->row->run == cmd_sort;
}

static bool
parse_again(
    struct session *s, const struct cmd *c, struct str text, struct context *x)
{
	struct parse p = { .in = arena_str(x->arena, text),
		.arena = x->arena,
		.utf8 = session_utf8(s) };

	return parse_sp(&p) &&
	       (is_sort(c) ? sort_parse_all(&p, &x->sort, &x->prog)
			   : search_parse(&p, &x->prog));
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static uint32_t *
copy(const uint32_t *v, size_t n)
{
	uint32_t *out = mem_array(NULL, n + 1, sizeof(*v));

	memcpy(out, v, n * sizeof(*v));
	return out;
}

static struct context *
context_new(struct session *s, const struct cmd *c,
    const struct search_run *run, struct str text)
{
	struct context *x = mem_zalloc(sizeof(*x));
	const uint32_t *found = search_numbers(run, true);
	struct err e = ERR_INIT;
	enum store_rc rc;

	x->arena = arena_new();
	x->tag = arena_str(x->arena, c->tag);
	x->uid = c->uid;
	x->n = run->n;
	x->uids = copy(found, x->n);
	if (is_sort(c)) {
		x->order = copy(found, x->n);
		qsort(x->uids, x->n, sizeof(*x->uids), by_number);
	}
	/* An order by relevancy would need the scores of all the others. */
	if (!parse_again(s, c, text, x) || x->sort.relevancy ||
	    search_prepare(&run->sc, x->arena, &x->prog, &rc, &e) !=
		SEARCH_READY) {
		context_free(x);
		return NULL;
	}
	x->prog.relevancy = false;
	x->aged = run->prog->now;
	freeze(x, x->prog.root, run->sc.view);
	return x;
}

static size_t
count(const struct session *s)
{
	size_t n = 0;

	for (const struct context *x = s->sel.contexts; x; x = x->next)
		n++;
	return n;
}

void
context_keep(struct session *s, const struct cmd *c,
    const struct search_run *run, struct str text)
{
	struct context *x = NULL;

	if (count(s) == CONTEXTS || !context_room(s, run->n)) {
		context_refuse(s, c->tag, "Too many results to keep");
		return;
	}
	if (!run->failed)
		x = context_new(s, c, run, text);
	if (!x) {
		context_refuse(s, c->tag, "This result cannot be kept");
		return;
	}
	*find(s, x->tag) = x;
}

/* ------------------------------------------------------------------------
 * CANCELUPDATE "tag" "tag"
 */

enum reply
cmd_cancelupdate(struct session *s, struct cmd *c)
{
	struct str tags[CONTEXTS];
	size_t n = 0;

	do {
		EXPECT(c,
		    parse_sp(&c->p) &&
			(n < CONTEXTS || parse_fail(&c->p, "too many tags")) &&
			parse_string(&c->p, &tags[n++]));
	} while (parse_peek(&c->p) == ' ');
	EXPECT(c, parse_end(&c->p));
	for (size_t i = 0; i < n; i++) {
		if (!context_has(s, tags[i]))
			return no(c, NULL, "No updates with this tag");
	}
	for (size_t i = 0; i < n; i++) {
		struct context **at = find(s, tags[i]), *x = *at;

		if (!x) /* named twice */
			continue;
		*at = x->next;
		context_free(x);
	}
	return REPLY_OK;
}
