/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/thread.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "imapd/sort.h"

static const struct {
	const char *name;
	unsigned texts;
} algorithms[] = {
	[THREAD_ORDEREDSUBJECT] = { "ORDEREDSUBJECT", KEY_BIT(KEY_BASE) },
	[THREAD_REFERENCES] = { "REFERENCES",
	    KEY_REFERENCES | KEY_BIT(KEY_BASE) },
	[THREAD_REFS] = { "REFS", KEY_REFERENCES },
};

bool
thread_parse(struct parse *p, enum thread_algorithm *out)
{
	size_t n = LEN(algorithms);

	for (size_t i = 0; i < n; i++) {
		if (parse_try_word(p, algorithms[i].name)) {
			*out = (enum thread_algorithm)i;
			return true;
		}
	}
	return parse_fail(p, "unknown threading algorithm");
}

unsigned
thread_texts(enum thread_algorithm how)
{
	return algorithms[how].texts;
}

/* ------------------------------------------------------------------------
 * The forest
 */

uint32_t
forest_dummy(struct forest *f)
{
	if (f->n == f->cap) {
		f->cap = f->cap * 2 + 64;
		f->v = mem_array(f->v, f->cap, sizeof(*f->v));
	}
	f->v[f->n] =
	    (struct thread_node){ .parent = NO_NODE, .child = NO_NODE };
	return (uint32_t)f->n++;
}

void
forest_fini(struct forest *f)
{
	free(f->v);
	free(f->order);
	*f = (struct forest){ 0 };
}

static int
by_date(const void *a, const void *b, void *arg)
{
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	const struct forest *f = arg;
	const struct thread_node *x = &f->v[i], *y = &f->v[j];

	if (x->date != y->date)
		return x->date < y->date ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void
take_messages(struct forest *f, enum thread_algorithm how,
    const struct search_scope *sc, const struct keys *keys,
    const uint32_t *seqs, size_t n)
{
	size_t hint = 0;
	bool gone, sorted = true;

	f->cap = n + 64;
	f->n = f->messages = n;
	f->v = mem_array(NULL, f->cap, sizeof(*f->v));
	f->order = mem_array(NULL, n + 1, sizeof(*f->order));
	for (size_t i = 0; i < n; i++) {
		const struct view_row *row = scope_row(sc, seqs[i], &gone);
		const struct email_key *k = keys_find(keys, row->email, &hint);

		f->v[i] = (struct thread_node){ .seq = seqs[i],
			.parent = NO_NODE,
			.key = k,
			.date = how == THREAD_REFS ? row->received
						   : sent_or_received(k, row) };
		f->order[i] = (uint32_t)i;
		sorted &= i == 0 || f->v[i - 1].date <= f->v[i].date;
	}
	if (!sorted)
		qsort_r(f->order, n, sizeof(*f->order), by_date, f);
}

/* The first above NODE that stays: a message, or a dummy at the top. Paths
 * through dummies are made short, so that all of it is linear. */
static uint32_t
kept_parent(struct forest *f, uint32_t node)
{
	uint32_t up = f->v[node].parent, top;

	while (up != NO_NODE && f->v[up].seq == 0 && f->v[up].parent != NO_NODE)
		up = f->v[up].parent;
	top = up;
	for (uint32_t i = node; (up = f->v[i].parent) != top; i = up)
		f->v[i].parent = top;
	return top;
}

/* Dummies with one child give it up; those without are in no list anyway. */
static void
drop_dummies(struct forest *f)
{
	uint32_t *children = mem_zalloc((f->n + 1) * sizeof(*children));

	for (uint32_t i = 0; i < f->messages; i++) {
		uint32_t up = kept_parent(f, i);

		if (up != NO_NODE)
			children[up]++;
	}
	for (uint32_t i = 0; i < f->messages; i++) {
		uint32_t up = f->v[i].parent;

		if (up != NO_NODE && f->v[up].seq == 0 && children[up] == 1)
			f->v[i].parent = NO_NODE;
	}
	free(children);
}

/* At the end of its parent's children, or of the roots. */
static void
append(struct forest *f, uint32_t node)
{
	uint32_t up = f->v[node].parent;
	uint32_t *first = up == NO_NODE ? &f->first : &f->v[up].child;
	uint32_t *last = up == NO_NODE ? &f->last : &f->v[up].last;

	if (*first == NO_NODE)
		*first = node;
	else
		f->v[*last].next = node;
	*last = node;
}

/* In the order of messages, so that each list comes out in order; a dummy's
 * place is that of its first child. */
void
forest_link(struct forest *f)
{
	drop_dummies(f);
	f->first = f->last = NO_NODE;
	for (size_t i = 0; i < f->n; i++)
		f->v[i].child = f->v[i].last = f->v[i].next = NO_NODE;
	for (size_t i = 0; i < f->messages; i++) {
		uint32_t node = f->order[i], up = f->v[node].parent;

		if (up != NO_NODE && f->v[up].seq == 0 &&
		    f->v[up].child == NO_NODE)
			append(f, up);
		append(f, node);
	}
}

uint32_t
forest_face(const struct forest *f, uint32_t node)
{
	return f->v[node].seq ? node : f->v[node].child;
}

/* ------------------------------------------------------------------------
 * REFS: the thread with the newest message last
 */

static uint32_t
root_of(uint32_t *roots, const struct forest *f, uint32_t node)
{
	uint32_t top = node, next;

	while (roots[top] == NO_NODE && f->v[top].parent != NO_NODE)
		top = f->v[top].parent;
	if (roots[top] != NO_NODE)
		top = roots[top];
	for (; roots[node] == NO_NODE && node != top; node = next) {
		next = f->v[node].parent;
		roots[node] = top;
	}
	roots[top] = top;
	return top;
}

static void
newest_last(struct forest *f)
{
	uint32_t *roots = mem_array(NULL, f->n + 1, sizeof(*roots));
	size_t *newest = mem_zalloc((f->n + 1) * sizeof(*newest));

	memset(roots, 0xff, (f->n + 1) * sizeof(*roots));
	for (size_t i = 0; i < f->messages; i++)
		newest[root_of(roots, f, f->order[i])] = i;
	f->first = f->last = NO_NODE;
	for (size_t i = 0; i < f->messages; i++) {
		uint32_t root = roots[f->order[i]];

		if (newest[root] != i)
			continue;
		f->v[root].next = NO_NODE;
		append(f, root);
	}
	free(newest);
	free(roots);
}

void
thread_build(struct forest *f, enum thread_algorithm how,
    const struct search_scope *sc, const struct keys *keys,
    const uint32_t *seqs, size_t n)
{
	*f = (struct forest){ 0 };
	take_messages(f, how, sc, keys, seqs, n);
	if (how == THREAD_ORDEREDSUBJECT)
		thread_by_subject(f);
	else
		thread_by_references(f);
	forest_link(f);
	if (how == THREAD_REFERENCES) {
		thread_join_subjects(f);
		forest_link(f);
	} else if (how == THREAD_REFS) {
		newest_last(f);
	}
}

/* ------------------------------------------------------------------------
 * Writing
 */

static void
put_node(struct buf *out, const struct thread_node *n, const struct view *v)
{
	if (!n->seq)
		return;
	if (out->p[out->n - 1] != '(')
		buf_putc(out, ' ');
	buf_putu(out, v ? view_at(v, n->seq)->uid : n->seq);
}

/* Its children are lists of their own. */
static bool
branches(const struct forest *f, const struct thread_node *n)
{
	return n->child != NO_NODE && f->v[n->child].next != NO_NODE;
}

/* Up from a leaf to the next branch; NO_NODE behind the last one. */
static uint32_t
next_branch(struct buf *out, const struct forest *f, uint32_t at, uint32_t root)
{
	while (at != root) {
		uint32_t up = f->v[at].parent;

		if (branches(f, &f->v[up])) {
			buf_putc(out, ')');
			if (f->v[at].next != NO_NODE)
				return f->v[at].next;
		}
		at = up;
	}
	return NO_NODE;
}

/* A thread may be as deep as the mailbox is large: no recursion. */
static void
put_thread(struct buf *out, const struct forest *f, uint32_t root,
    const struct view *v)
{
	buf_putc(out, '(');
	for (uint32_t at = root; at != NO_NODE;) {
		const struct thread_node *n = &f->v[at];

		put_node(out, n, v);
		if (n->child == NO_NODE) {
			at = next_branch(out, f, at, root);
			if (at != NO_NODE)
				buf_putc(out, '(');
			continue;
		}
		if (branches(f, n))
			buf_puts(out, n->seq ? " (" : "(");
		at = n->child;
	}
	buf_putc(out, ')');
}

void
forest_put(struct buf *out, const struct forest *f, const struct view *v)
{
	for (uint32_t at = f->first; at != NO_NODE; at = f->v[at].next)
		put_thread(out, f, at, v);
}
