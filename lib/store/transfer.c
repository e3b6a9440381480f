/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/internal.h"

#include <stdlib.h>

/*
 * Copies into another account. There the messages are new ones: read here,
 * appended there, so many at a time that memory stays bounded. When a later
 * part fails, the earlier ones are taken back.
 */

#define PART_OCTETS (32u << 20)
#define PART_MESSAGES 1000

struct transfer {
	struct account *from, *to;
	int64_t target;
	uint64_t may;
	const struct quota *quota;
	struct arena *arena;
	const struct view *view;
	struct uids_builder src, dst;
	uint32_t uidvalidity;
	/* By keyword index here: index there + 1; 0: not asked for yet. */
	const struct str *keywords;
	uint32_t nkeywords, *mapped;
};

static enum store_rc
map_keyword(
    struct transfer *t, uint32_t index, struct flags *out, struct err *e)
{
	enum store_rc rc = STORE_OK;
	uint32_t there;

	if (index >= t->nkeywords)
		return STORE_OK;
	if (!t->mapped[index]) {
		rc =
		    account_keyword(t->to, t->keywords[index], true, &there, e);
		if (rc != STORE_OK)
			return rc;
		t->mapped[index] = there + 1;
	}
	flags_set_keyword(t->arena, out, t->mapped[index] - 1);
	return rc;
}

/* Keywords have other numbers there; \Deleted stays with the copy, as when
 * it is made within an account. */
static enum store_rc
map_flags(struct transfer *t, const struct flags *in, struct flags *out,
    struct err *e)
{
	enum store_rc rc = STORE_OK;

	*out = (struct flags){ .bits = in->bits & FLAGS_SYSTEM & t->may };
	if (!(t->may & FLAGS_KEYWORD_BITS))
		return STORE_OK;
	for (uint32_t i = 0; i < FLAGS_KEYWORDS && rc == STORE_OK; i++) {
		if (in->bits & FLAG_KEYWORD(i))
			rc = map_keyword(t, i, out, e);
	}
	for (uint32_t i = 0; i < in->nmore && rc == STORE_OK; i++)
		rc = map_keyword(t, in->more[i], out, e);
	return rc;
}

/* One part: messages that are read here and stored there with one commit. */
struct part {
	struct append items[PART_MESSAGES];
	uint32_t uids[PART_MESSAGES];
	struct buf raw[PART_MESSAGES];
	size_t n;
	uint64_t octets;
};

static void
part_clear(struct part *p)
{
	for (size_t i = 0; i < p->n; i++)
		buf_fini(&p->raw[i]);
	p->n = 0;
	p->octets = 0;
}

static enum store_rc
part_add(struct transfer *t, struct part *p, struct reader *r,
    const struct view_row *row, struct err *e)
{
	struct buf *raw = &p->raw[p->n];
	enum store_rc rc;

	*raw = (struct buf){ 0 };
	p->items[p->n] =
	    (struct append){ .received = row->received, .by_user = true };
	rc = map_flags(t, &row->flags, &p->items[p->n].flags, e);
	if (rc == STORE_OK)
		rc = email_read(r, row->email, 0, UINT64_MAX, raw, e);
	if (rc == STORE_OK) {
		p->items[p->n].raw = buf_str(raw);
		p->uids[p->n] = row->uid;
		p->octets += raw->n;
		p->n++;
		return STORE_OK;
	}
	buf_fini(raw);
	return rc == STORE_NOTFOUND ? STORE_OK : rc; /* expunged meanwhile */
}

static enum store_rc
part_store(struct transfer *t, struct part *p, struct err *e)
{
	struct appended *done = arena_array(t->arena, p->n, sizeof(*done));
	enum store_rc rc = STORE_OK;

	if (p->n)
		rc = account_append(
		    t->to, t->target, p->items, p->n, t->quota, done, e);
	for (size_t i = 0; rc == STORE_OK && i < p->n; i++) {
		uids_add(&t->src, p->uids[i]);
		uids_add(&t->dst, done[i].uid);
		t->uidvalidity = done[i].uidvalidity;
	}
	part_clear(p);
	return rc;
}

/* The messages with numbers from *SEQ to HI that fit into a part. */
static enum store_rc
part_read(struct transfer *t, struct part *p, uint32_t *seq, uint32_t hi,
    struct err *e)
{
	struct reader *r;
	enum store_rc rc = reader_begin(t->from, &r, e);

	if (rc != STORE_OK)
		return rc;
	for (; *seq <= hi && rc == STORE_OK && p->n < PART_MESSAGES &&
	       p->octets < PART_OCTETS;
	     ++*seq)
		rc = part_add(t, p, r, view_at(t->view, *seq), e);
	reader_end(&r);
	return rc;
}

static enum store_rc
transfer_all(struct transfer *t, struct uids uids, struct err *e)
{
	struct part *p = mem_zalloc(sizeof(*p));
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < uids.n && rc == STORE_OK; i++) {
		uint32_t seq = view_lower_bound(t->view, uids.r[i].lo);
		uint32_t hi =
		    uids.r[i].hi == UINT32_MAX
			? view_count(t->view)
			: view_lower_bound(t->view, uids.r[i].hi + 1) - 1;

		while (seq <= hi && rc == STORE_OK) {
			rc = part_read(t, p, &seq, hi, e);
			if (rc == STORE_OK &&
			    (p->n == PART_MESSAGES || p->octets >= PART_OCTETS))
				rc = part_store(t, p, e);
		}
	}
	if (rc == STORE_OK)
		rc = part_store(t, p, e);
	part_clear(p);
	free(p);
	return rc;
}

enum store_rc
account_copy_to(struct account *from, int64_t mailbox, struct uids uids,
    struct account *to, int64_t target, uint64_t may, const struct quota *quota,
    struct arena *arena, struct copied *copied, struct err *e)
{
	struct transfer t = { .from = from,
		.to = to,
		.target = target,
		.may = may,
		.quota = quota,
		.arena = arena,
		.src.arena = arena,
		.dst.arena = arena };
	struct view *view = NULL;
	struct err ignored = ERR_INIT;
	enum store_rc rc;

	*copied = (struct copied){ 0 };
	if ((rc = view_current(from, mailbox, &view, e)) != STORE_OK ||
	    (rc = account_keywords(
		 from, arena, &t.keywords, &t.nkeywords, e)) != STORE_OK)
		goto out;
	t.view = view;
	t.mapped = arena_array(arena, t.nkeywords + 1, sizeof(*t.mapped));
	rc = transfer_all(&t, uids, e);
	if (rc == STORE_OK)
		*copied = (struct copied){ t.uidvalidity, uids_done(&t.src),
			uids_done(&t.dst) };
	else if (t.dst.n)
		account_expunge(
		    to, target, uids_done(&t.dst), false, NULL, NULL, &ignored);
out:
	view_unref(&view);
	return rc;
}
