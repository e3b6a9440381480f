/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/append.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/codec.h"
#include "store/internal.h"
#include "store/message.h"
#include "store/training.h"

/* References that are looked up and remembered, besides the first. */
#define KEEP_REFERENCES 10
#define UIDL_MAX 70

struct batch {
	int64_t mailbox;
	struct appending *items;
	struct blob *blobs;
	size_t count;
	const struct quota *quota;
	struct appended *results;
};

/* As RFC 1939 wants a unique-id. */
static bool
uidl_valid(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '!' || s.p[i] > '~')
			return false;
	}
	return s.n <= UIDL_MAX;
}

void
append_share(struct arena *arena, const struct appending *p,
    const struct append *item, struct appending *out)
{
	*out = *p;
	out->item = item;
	out->received = item->received ? item->received : clock_now();
	out->sent = p->digest.sent ? p->digest.sent : out->received;
	out->keywords = message_keywords(arena, &item->flags);
	out->email = out->thread = 0;
}

enum store_rc
append_prepare(struct account *a, struct arena *arena,
    const struct append *item, struct blob *blob, struct appending *p,
    struct err *e)
{
	struct mime_keys keys;

	*blob = (struct blob){ 0 };
	*p = (struct appending){ .blob = blob };
	if (!uidl_valid(item->uidl))
		return store_fail(e, STORE_INVALID, "\"%.*s\" is no unique-id",
		    STR_ARG(item->uidl));
	mime_digest(arena, item->raw, &p->digest);
	mime_keys(arena, item->raw, &keys);
	key_row_make(arena, &keys, &p->keys);
	p->msgid = p->digest.msgid.n ? hash63(p->digest.msgid) : 0;
	p->subject = hash63(p->digest.subject);
	append_share(arena, p, item, p);
	return blob_prepare(a, item->raw, blob, e);
}

/* ------------------------------------------------------------------------
 * Threads (RFC 8621, section 3: a shared message id and the same subject)
 */

static enum store_rc
thread_of_ref(struct tx *tx, int64_t msgid, int64_t subject, int64_t *thread,
    struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "SELECT thread FROM thread_ref WHERE msgid = ? AND subject = ?",
	    SQ_I(msgid), SQ_I(subject));

	if (rc == SQ_ROW) {
		*thread = sq_int(s, 0);
		sq_reset(s);
	}
	return store_rc_of(rc);
}

/* Call EACH for the hashes of all ids that tie P to a thread. */
static enum store_rc
each_ref(struct tx *tx, const struct appending *p, int64_t *thread,
    enum store_rc (*each)(struct tx *tx, int64_t msgid, int64_t subject,
	int64_t *thread, struct err *e),
    struct err *e)
{
	const struct mime_digest *d = &p->digest;
	enum store_rc rc = STORE_OK;

	if (p->msgid)
		rc = each(tx, p->msgid, p->subject, thread, e);
	for (size_t i = 0; rc == STORE_OK && i < d->nreferences; i++) {
		if (i > 0 && i + KEEP_REFERENCES < d->nreferences)
			continue;
		rc = each(tx, hash63(d->references[i]), p->subject, thread, e);
	}
	return rc;
}

static enum store_rc
find_ref(struct tx *tx, int64_t msgid, int64_t subject, int64_t *thread,
    struct err *e)
{
	return *thread ? STORE_OK
		       : thread_of_ref(tx, msgid, subject, thread, e);
}

static enum store_rc
remember_ref(struct tx *tx, int64_t msgid, int64_t subject, int64_t *thread,
    struct err *e)
{
	return store_rc_of(sq_run(tx->q, e,
	    "INSERT OR IGNORE INTO thread_ref (msgid, subject, thread)"
	    " VALUES (?, ?, ?)",
	    SQ_I(msgid), SQ_I(subject), SQ_I(*thread)));
}

/* ------------------------------------------------------------------------
 * Duplicates
 */

enum store_rc
append_uid(
    struct tx *tx, int64_t email, int64_t mailbox, uint32_t *uid, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "SELECT uid FROM message WHERE email = ? AND mailbox = ?",
	    SQ_I(email), SQ_I(mailbox));

	*uid = 0;
	if (rc == SQ_ROW) {
		*uid = (uint32_t)sq_int(s, 0);
		sq_reset(s);
	}
	return store_rc_of(rc);
}

enum store_rc
append_known(struct sq *q, struct str key, uint32_t window, bool *known,
    int64_t *email, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	*known = false;
	*email = 0;
	if (key.n == 0)
		return STORE_OK;
	rc = sq_one(q, &s, e, "SELECT email, at FROM delivery WHERE key = ?",
	    SQ_B(key));
	if (rc == SQ_ROW) {
		*known = sq_int(s, 1) + window >= clock_now();
		*email = *known ? sq_int(s, 0) : 0;
		sq_reset(s);
	}
	return store_rc_of(rc);
}

enum store_rc
append_remember(struct tx *tx, struct str key, int64_t email, struct err *e)
{
	if (key.n == 0)
		return STORE_OK;
	return store_rc_of(sq_run(tx->q, e,
	    "INSERT OR REPLACE INTO delivery (key, at, email) VALUES (?, ?, ?)",
	    SQ_B(key), SQ_I(clock_now()), SQ_I(email)));
}

enum store_rc
append_find_msgid(
    struct tx *tx, const struct appending *p, int64_t *email, struct err *e)
{
	struct sqlite3_stmt *s;
	int64_t thread = 0;
	enum store_rc rc;
	enum sq_rc step;

	*email = 0;
	if (!p->item->msgid_window || !p->msgid)
		return STORE_OK;
	rc = thread_of_ref(tx, p->msgid, p->subject, &thread, e);
	if (rc != STORE_OK || !thread)
		return rc;
	step = sq_one(tx->q, &s, e,
	    "SELECT id FROM email WHERE thread = ? AND msgid = ?"
	    " AND received >= ?",
	    SQ_I(thread), SQ_I(p->msgid),
	    SQ_I(p->received - p->item->msgid_window));
	if (step == SQ_ROW) {
		*email = sq_int(s, 0);
		sq_reset(s);
	}
	return store_rc_of(step);
}

static enum store_rc
find_duplicate(struct tx *tx, const struct appending *p, bool *known,
    int64_t *email, struct err *e)
{
	enum store_rc rc =
	    append_known(tx->q, p->item->key, p->item->window, known, email, e);

	if (rc != STORE_OK || *known)
		return rc;
	rc = append_find_msgid(tx, p, email, e);
	*known = *email != 0;
	return rc;
}

/* ------------------------------------------------------------------------
 * Storing
 */

bool
quota_exceeded(const struct tx *tx, const struct quota *q, size_t size)
{
	return q &&
	       ((q->bytes && (uint64_t)tx->bytes + size > q->bytes) ||
		   (q->messages && (uint64_t)tx->emails + 1 > q->messages));
}

static unsigned
used_percent(const struct tx *tx, const struct quota *q)
{
	uint64_t bytes = q->bytes ? (uint64_t)tx->bytes * 100 / q->bytes : 0;
	uint64_t count =
	    q->messages ? (uint64_t)tx->emails * 100 / q->messages : 0;
	uint64_t used = bytes > count ? bytes : count;

	return used >= 100 ? 100 : used >= 90 ? 90 : used >= 80 ? 80 : 0;
}

/* The mark rises with a warning and falls without one. */
static unsigned
quota_warning(struct tx *tx, const struct quota *q)
{
	unsigned used = q ? used_percent(tx, q) : 0;
	bool rose = used > tx->warned;

	tx->warned = used;
	return rose ? used : 0;
}

static enum store_rc
insert_email(struct tx *tx, struct appending *p, int64_t id, int64_t thread,
    struct err *e)
{
	const struct mime_digest *d = &p->digest;
	int64_t blob;
	enum store_rc rc;

	if ((rc = blob_put(tx, p->blob, &blob, e)) != STORE_OK)
		return rc;
	rc = store_rc_of(sq_run(tx->q, e,
	    "INSERT INTO email (id, blob, thread, msgid, sent, received, size,"
	    " attachment) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	    SQ_I(id), SQ_I(blob), SQ_I(thread), SQ_I(p->msgid), SQ_I(p->sent),
	    SQ_I(p->received), SQ_I(p->item->raw.n), SQ_I(d->has_attachment)));
	if (rc != STORE_OK)
		return rc;
	if ((rc = key_row_insert(tx->q, id, &p->keys, e)) != STORE_OK)
		return rc;
	if (d->i18n && (rc = store_rc_of(sq_run(tx->q, e,
			    "INSERT INTO email_downgraded (email, size)"
			    " VALUES (?, ?)",
			    SQ_I(id), SQ_I(d->downgraded)))) != STORE_OK)
		return rc;
	return store_rc_of(sq_run(tx->q, e,
	    "INSERT INTO email_cache (id, envelope, structure, layout, preview,"
	    " msgid) VALUES (?, ?, ?, ?, ?, ?)",
	    SQ_I(id), SQ_B(d->envelope), SQ_B(d->bodystructure),
	    SQ_B(d->layout), SQ_T(d->preview), SQ_T(d->msgid)));
}

static enum store_rc
keep_uidl(
    struct tx *tx, const struct appending *p, int64_t email, struct err *e)
{
	if (!p->item->uidl.n)
		return STORE_OK;
	return store_rc_of(sq_run(tx->q, e,
	    "INSERT OR IGNORE INTO email_uidl (email, uidl) VALUES (?, ?)",
	    SQ_I(email), SQ_T(p->item->uidl)));
}

/* What a user files as junk himself tells what he thinks of it. */
static enum store_rc
note_verdict(struct tx *tx, const struct appending *p, int64_t mailbox,
    int64_t email, struct err *e)
{
	enum verdict verdict;
	enum store_rc rc;

	if (!p->item->by_user)
		return STORE_OK;
	rc = training_of_copy(tx, 0, mailbox, &verdict, e);
	return rc == STORE_OK ? training_note(tx, email, verdict, e) : rc;
}

/* The mailbox a message goes to, with room for one. */
static enum store_rc
find_target(
    struct tx *tx, int64_t mailbox, struct tx_mailbox **mb, struct err *e)
{
	enum store_rc rc = tx_mailbox(tx, mailbox, mb, e);

	if (rc != STORE_OK)
		return rc;
	if ((*mb)->noselect)
		return store_fail(e, STORE_NOTFOUND,
		    "mailbox %lld holds no messages", (long long)mailbox);
	if ((*mb)->uidnext == UINT32_MAX)
		return store_fail(e, STORE_LIMIT,
		    "mailbox %lld has used up its UIDs", (long long)mailbox);
	return STORE_OK;
}

static enum store_rc
insert_message(struct tx *tx, struct tx_mailbox *mb, const struct appending *p,
    bool shared, uint64_t modseq, struct appended *out, struct err *e)
{
	struct message_row m = { .uid = mb->uidnext,
		.email = p->email,
		.thread = p->thread,
		.flags = p->item->flags.bits,
		.keywords = p->keywords,
		.modseq = modseq,
		.size = (int64_t)p->item->raw.n,
		.received = p->received,
		.saved = clock_now(),
		.shared = shared };
	enum store_rc rc = message_insert(tx, mb, &m, e);

	if (rc != STORE_OK)
		return rc;
	mb->uidnext++;
	out->uid = m.uid;
	out->uidvalidity = mb->uidvalidity;
	out->email = p->email;
	return STORE_OK;
}

static enum store_rc
find_thread(struct tx *tx, struct appending *p, struct err *e)
{
	enum store_rc rc;

	p->thread = 0;
	if ((rc = each_ref(tx, p, &p->thread, find_ref, e)) != STORE_OK)
		return rc;
	if (!p->thread)
		p->thread = p->email;
	return each_ref(tx, p, &p->thread, remember_ref, e);
}

enum store_rc
append_store(struct tx *tx, int64_t mailbox, struct appending *p,
    const struct quota *quota, struct appended *out, struct err *e)
{
	struct tx_mailbox *mb;
	enum store_rc rc;

	if (quota_exceeded(tx, quota, p->item->raw.n))
		return store_fail(e, STORE_QUOTA,
		    "account %s: %zu octets more would exceed its quota",
		    tx->a->id, p->item->raw.n);
	if ((rc = find_target(tx, mailbox, &mb, e)) != STORE_OK)
		return rc;
	p->email = (int64_t)tx_modseq(tx);
	if ((rc = find_thread(tx, p, e)) != STORE_OK ||
	    (rc = insert_email(tx, p, p->email, p->thread, e)) != STORE_OK ||
	    (rc = insert_message(
		 tx, mb, p, false, (uint64_t)p->email, out, e)) != STORE_OK ||
	    (rc = keep_uidl(tx, p, p->email, e)) != STORE_OK ||
	    (rc = note_verdict(tx, p, mailbox, p->email, e)) != STORE_OK)
		return rc;
	tx->bytes += (int64_t)p->item->raw.n;
	tx->emails++;
	tx->work |= WORK_INDEX;
	out->quota_warning = quota_warning(tx, quota);
	return STORE_OK;
}

enum store_rc
append_join(struct tx *tx, int64_t mailbox, const struct appending *p,
    struct appended *out, struct err *e)
{
	struct tx_mailbox *mb;
	enum store_rc rc;

	if ((rc = find_target(tx, mailbox, &mb, e)) != STORE_OK)
		return rc;
	rc = store_rc_of(sq_run(tx->q, e,
	    "UPDATE message SET shared = 1 WHERE email = ?", SQ_I(p->email)));
	if (rc != STORE_OK)
		return rc;
	return insert_message(tx, mb, p, true, tx_modseq(tx), out, e);
}

static enum store_rc
append_one(struct tx *tx, struct batch *b, size_t i, struct err *e)
{
	struct appending *p = &b->items[i];
	struct appended *out = &b->results[i];
	struct tx_mailbox *mb;
	enum store_rc rc;

	*out = (struct appended){ 0 };
	if ((rc = tx_mailbox(tx, b->mailbox, &mb, e)) != STORE_OK)
		return rc;
	out->uidvalidity = mb->uidvalidity;
	if ((rc = find_duplicate(tx, p, &out->duplicate, &out->email, e)) !=
	    STORE_OK)
		return rc;
	if (out->duplicate) {
		if ((rc = keep_uidl(tx, p, out->email, e)) != STORE_OK)
			return rc;
		return append_uid(tx, out->email, b->mailbox, &out->uid, e);
	}
	if ((rc = append_store(tx, b->mailbox, p, b->quota, out, e)) !=
	    STORE_OK)
		return rc;
	return append_remember(tx, p->item->key, out->email, e);
}

static enum store_rc
run_append(struct tx *tx, void *arg, struct err *e)
{
	struct batch *b = arg;
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < b->count && rc == STORE_OK; i++)
		rc = append_one(tx, b, i, e);
	return rc;
}

/* A message to go before the batch is stored, so that the quota allows for
 * its room. */
struct replacement {
	struct batch *batch;
	int64_t from;
	struct uid_range uid;
};

static enum store_rc
run_replace(struct tx *tx, void *arg, struct err *e)
{
	struct replacement *r = arg;
	struct uids gone;
	enum store_rc rc = tx_expunge(
	    tx, r->from, (struct uids){ &r->uid, 1 }, false, NULL, &gone, e);

	if (rc == STORE_OK && gone.n == 0)
		rc = store_fail(e, STORE_NOTFOUND,
		    "mailbox %lld has no message %u", (long long)r->from,
		    r->uid.lo);
	return rc == STORE_OK ? run_append(tx, r->batch, e) : rc;
}

/* Prepare all items, then RUN them with ARG, which knows BATCH, in a
 * transaction. */
static enum store_rc
run_prepared(struct account *a, struct batch *b, const struct append *items,
    size_t count, tx_fn run, void *arg, struct err *e)
{
	struct arena *arena = arena_new();
	enum store_rc rc = STORE_OK;

	b->items = arena_array(arena, count, sizeof(*b->items));
	b->blobs = arena_array(arena, count, sizeof(*b->blobs));
	atomic_store(&a->st->last_append_ms, clock_mono_ms());
	while (b->count < count && rc == STORE_OK) {
		rc = append_prepare(a, arena, &items[b->count],
		    &b->blobs[b->count], &b->items[b->count], e);
		b->count++;
	}
	if (rc == STORE_OK)
		rc = write_run(a, DURABLE, run, arg, e);
	for (size_t i = 0; i < b->count; i++)
		blob_fini(&b->blobs[i]);
	arena_free(&arena);
	return rc;
}

enum store_rc
account_append(struct account *a, int64_t mailbox, const struct append *items,
    size_t count, const struct quota *quota, struct appended *results,
    struct err *e)
{
	struct batch b = {
		.mailbox = mailbox, .quota = quota, .results = results
	};

	return run_prepared(a, &b, items, count, run_append, &b, e);
}

enum store_rc
account_replace(struct account *a, int64_t from, uint32_t uid, int64_t mailbox,
    const struct append *item, const struct quota *quota,
    struct appended *result, struct err *e)
{
	struct batch b = {
		.mailbox = mailbox, .quota = quota, .results = result
	};
	struct replacement r = { &b, from, { uid, uid } };

	return run_prepared(a, &b, item, 1, run_replace, &r, e);
}
