/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/message.h"

#include <string.h>

#include "store/internal.h"

struct flags
message_flags(struct arena *a, uint64_t bits, struct str stored)
{
	struct flags f = { .bits = bits, .nmore = (uint32_t)(stored.n / 4) };
	uint32_t *more;

	if (!f.nmore)
		return f;
	more = arena_array(a, f.nmore, sizeof(*more));
	for (uint32_t i = 0; i < f.nmore; i++) {
		const unsigned char *p =
		    (const unsigned char *)stored.p + (size_t)i * 4;

		more[i] = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			  (uint32_t)p[3] << 24;
	}
	f.more = more;
	return f;
}

struct str
message_keywords(struct arena *a, const struct flags *f)
{
	char *p;

	if (!f->nmore)
		return STR_NULL;
	p = arena_alloc(a, (size_t)f->nmore * 4);
	for (uint32_t i = 0; i < f->nmore; i++) {
		for (int b = 0; b < 4; b++)
			p[i * 4 + (uint32_t)b] = (char)(f->more[i] >> 8 * b);
	}
	return (struct str){ p, (size_t)f->nmore * 4 };
}

static void
read_row(struct sqlite3_stmt *s, struct message_row *m)
{
	*m = (struct message_row){ .uid = (uint32_t)sq_int(s, 0),
		.email = sq_int(s, 1),
		.thread = sq_int(s, 2),
		.flags = (uint64_t)sq_int(s, 3),
		.keywords = sq_blob(s, 4),
		.modseq = (uint64_t)sq_int(s, 5),
		.size = sq_int(s, 6),
		.received = sq_int(s, 7),
		.saved = sq_int(s, 8),
		.shared = sq_int(s, 9) != 0 };
}

enum store_rc
message_each(struct tx *tx, int64_t mailbox, struct uids uids,
    enum store_rc (*each)(
	void *arg, const struct message_row *m, struct err *e),
    void *arg, struct err *e)
{
	for (size_t i = 0; i < uids.n; i++) {
		struct sqlite3_stmt *s;
		enum store_rc rc = STORE_OK;
		enum sq_rc step = sq_start(tx->q, &s, e,
		    "SELECT uid, email, thread, flags, keywords, modseq, size,"
		    " received, saved, shared FROM message"
		    " WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid",
		    SQ_I(mailbox), SQ_I(uids.r[i].lo), SQ_I(uids.r[i].hi));

		while (step == SQ_OK && rc == STORE_OK &&
		       (step = sq_step(s, e)) == SQ_ROW) {
			struct message_row m;

			read_row(s, &m);
			rc = each(arg, &m, e);
			step = SQ_OK;
		}
		if (rc != STORE_OK) {
			sq_reset(s);
			return rc;
		}
		if ((rc = store_rc_of(step)) != STORE_OK)
			return rc;
	}
	return STORE_OK;
}

enum store_rc
message_insert(struct tx *tx, struct tx_mailbox *mb,
    const struct message_row *m, struct err *e)
{
	enum store_rc rc;

	rc = store_rc_of(sq_run(tx->q, e,
	    "INSERT INTO message (mailbox, uid, email, thread, flags,"
	    " keywords, modseq, size, received, saved, shared)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    SQ_I(mb->id), SQ_I(m->uid), SQ_I(m->email), SQ_I(m->thread),
	    SQ_I(m->flags), m->keywords.n ? SQ_B(m->keywords) : SQ_NULL,
	    SQ_I(m->modseq), SQ_I(m->size), SQ_I(m->received), SQ_I(m->saved),
	    SQ_I(m->shared)));
	if (rc != STORE_OK)
		return rc;
	mb->messages++;
	mb->size += m->size;
	mb->unseen += !(m->flags & FLAG_SEEN);
	mb->deleted += (m->flags & FLAG_DELETED) != 0;
	mb->modseq = m->modseq;
	mb->dirty = true;
	return thread_count(tx, mb, m->thread, 1, !(m->flags & FLAG_SEEN), e);
}

enum store_rc
thread_count(struct tx *tx, struct tx_mailbox *mb, int64_t thread,
    int64_t messages, int64_t unseen, struct err *e)
{
	struct sqlite3_stmt *s;
	int64_t now, now_unseen;
	enum sq_rc rc;

	if (!messages && !unseen)
		return STORE_OK;
	rc = sq_one(tx->q, &s, e,
	    "INSERT INTO mailbox_thread (mailbox, thread, messages, unseen)"
	    " VALUES (?, ?, ?, ?)"
	    " ON CONFLICT DO UPDATE SET messages = messages + "
	    "excluded.messages,"
	    " unseen = unseen + excluded.unseen RETURNING messages, unseen",
	    SQ_I(mb->id), SQ_I(thread), SQ_I(messages), SQ_I(unseen));
	if (rc != SQ_ROW)
		return store_rc_of(rc);
	now = sq_int(s, 0);
	now_unseen = sq_int(s, 1);
	/* The statement must run to its end for the change to count. */
	if ((rc = sq_step(s, e)) != SQ_DONE)
		return store_rc_of(rc);
	mb->threads += (now > 0) - (now - messages > 0);
	mb->unseen_threads += (now_unseen > 0) - (now_unseen - unseen > 0);
	mb->dirty = true;
	if (now > 0)
		return STORE_OK;
	return store_rc_of(sq_run(tx->q, e,
	    "DELETE FROM mailbox_thread WHERE mailbox = ? AND thread = ?",
	    SQ_I(mb->id), SQ_I(thread)));
}
