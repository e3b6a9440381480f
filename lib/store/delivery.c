/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/delivery.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "store/append.h"
#include "store/internal.h"
#include "store/outgoing_row.h"
#include "store/setflags.h"

struct work {
	const struct delivery *d;
	struct arena *arena;
	struct appending *filings;
	struct outgoing_ready *outgoing;
	struct blob **blobs; /* of different octets */
	struct str *raws;
	size_t nblobs;
	struct training_keywords telling;
	tx_fn before;
	void *before_arg;
	struct filed *filed;
	bool duplicate;
};

/* ------------------------------------------------------------------------
 * Before the transaction
 */

static bool
same_octets(struct str a, struct str b)
{
	return a.n == b.n && (a.p == b.p || memcmp(a.p, b.p, a.n) == 0);
}

/* The blob of RAW that is there already. */
static struct blob *
find_blob(const struct work *w, struct str raw)
{
	for (size_t i = 0; i < w->nblobs; i++) {
		if (same_octets(w->raws[i], raw))
			return w->blobs[i];
	}
	return NULL;
}

static struct blob *
add_blob(struct work *w, struct str raw)
{
	struct blob *b = arena_alloc(w->arena, sizeof(*b));

	w->raws[w->nblobs] = raw;
	w->blobs[w->nblobs++] = b;
	return b;
}

static enum store_rc
prepare_filing(struct account *a, struct work *w, size_t i, struct err *e)
{
	const struct append *item = &w->d->filings[i].item;

	for (size_t k = 0; k < i; k++) {
		if (!same_octets(w->filings[k].item->raw, item->raw))
			continue;
		append_share(w->arena, &w->filings[k], item, &w->filings[i]);
		return STORE_OK;
	}
	return append_prepare(
	    a, w->arena, item, add_blob(w, item->raw), &w->filings[i], e);
}

static enum store_rc
prepare_outgoing(struct account *a, struct work *w, size_t i, struct err *e)
{
	const struct outgoing *o = &w->d->outgoing[i];
	struct outgoing_ready *r = &w->outgoing[i];
	enum store_rc rc = outgoing_check(o, e);

	if (rc != STORE_OK)
		return rc;
	*r = (struct outgoing_ready){ o, find_blob(w, o->raw) };
	if (r->blob)
		return STORE_OK;
	r->blob = add_blob(w, o->raw);
	return blob_prepare(a, o->raw, r->blob, e);
}

static enum store_rc
prepare(struct account *a, struct work *w, struct err *e)
{
	const struct delivery *d = w->d;
	size_t most = d->nfilings + d->noutgoing;
	enum store_rc rc = STORE_OK;

	w->filings = arena_array(w->arena, d->nfilings, sizeof(*w->filings));
	w->outgoing = arena_array(w->arena, d->noutgoing, sizeof(*w->outgoing));
	w->blobs = arena_array(w->arena, most, sizeof(struct blob *));
	w->raws = arena_array(w->arena, most, sizeof(*w->raws));
	for (size_t i = 0; i < d->nfilings && rc == STORE_OK; i++)
		rc = prepare_filing(a, w, i, e);
	for (size_t i = 0; i < d->noutgoing && rc == STORE_OK; i++)
		rc = prepare_outgoing(a, w, i, e);
	if (rc == STORE_OK && d->reflag.mailbox)
		rc = training_keywords(a, w->arena, &w->telling, e);
	return rc;
}

/* ------------------------------------------------------------------------
 * In the transaction
 */

static enum store_rc
find_mailbox(struct tx *tx, const struct filing *f, int64_t *id, struct err *e)
{
	struct tx_mailbox *mb;
	enum store_rc rc;

	*id = f->mailbox;
	if (f->mailbox) {
		rc = tx_mailbox(tx, f->mailbox, &mb, e);
		if (rc == STORE_OK && mb->noselect)
			rc = STORE_NOTFOUND;
	} else {
		rc = tx_mailbox_at(tx, f->path, f->create, id, e);
	}
	if (rc != STORE_NOTFOUND)
		return rc;
	return tx_mailbox_at(tx, STR("INBOX"), false, id, e);
}

static bool
same_flags(const struct appending *a, const struct appending *b)
{
	return a->item->flags.bits == b->item->flags.bits &&
	       str_eq(a->keywords, b->keywords);
}

/* An earlier filing whose email the mailbox of filing I can have as well. */
static const struct appending *
find_email(const struct work *w, size_t i)
{
	const struct appending *p = &w->filings[i];

	for (size_t k = 0; k < i; k++) {
		const struct appending *q = &w->filings[k];
		bool taken = q->blob != p->blob || !same_flags(q, p);

		for (size_t m = k; m < i && !taken; m++)
			taken = w->filings[m].email == q->email &&
				w->filed[m].mailbox == w->filed[i].mailbox;
		if (!taken)
			return q;
	}
	return NULL;
}

static enum store_rc
file(struct tx *tx, struct work *w, size_t i, struct err *e)
{
	struct appending *p = &w->filings[i];
	struct filed *out = &w->filed[i];
	const struct appending *there;
	enum store_rc rc =
	    find_mailbox(tx, &w->d->filings[i], &out->mailbox, e);

	if (rc != STORE_OK)
		return rc;
	if (!(there = find_email(w, i)))
		return append_store(
		    tx, out->mailbox, p, w->d->quota, &out->appended, e);
	p->email = there->email;
	p->thread = there->thread;
	return append_join(tx, out->mailbox, p, &out->appended, e);
}

/* What a duplicate reports: where the first message is, if it still is. */
static enum store_rc
report_duplicate(struct tx *tx, struct work *w, int64_t email, struct err *e)
{
	struct filed *out = w->filed;
	struct tx_mailbox *mb;
	enum store_rc rc;

	w->duplicate = true;
	if (w->d->nfilings == 0)
		return STORE_OK;
	out->appended.duplicate = true;
	out->appended.email = email;
	rc = find_mailbox(tx, w->d->filings, &out->mailbox, e);
	if (rc == STORE_OK)
		rc = tx_mailbox(tx, out->mailbox, &mb, e);
	if (rc != STORE_OK)
		return rc;
	out->appended.uidvalidity = mb->uidvalidity;
	return append_uid(tx, email, out->mailbox, &out->appended.uid, e);
}

static enum store_rc
find_duplicate(struct tx *tx, const struct work *w, bool *known, int64_t *email,
    struct err *e)
{
	const struct delivery *d = w->d;
	struct append first = { .raw = STR_NULL };
	struct appending p;
	enum store_rc rc =
	    append_known(tx->q, d->key, d->window, known, email, e);

	if (rc != STORE_OK || *known || d->nfilings == 0)
		return rc;
	first.msgid_window = d->msgid_window;
	p = w->filings[0];
	p.item = &first;
	rc = append_find_msgid(tx, &p, email, e);
	*known = *email != 0;
	return rc;
}

static enum store_rc
change_flags(struct tx *tx, const struct work *w, struct err *e)
{
	const struct reflag *f = &w->d->reflag;
	struct uid_range one = { f->uid, f->uid };
	const struct uids uids = { &one, 1 };
	enum store_rc rc = STORE_OK;

	if (f->add.bits || f->add.nmore)
		rc = setflags(
		    tx, f->mailbox, uids, FLAGS_ADD, &f->add, &w->telling, e);
	if (rc == STORE_OK && (f->remove.bits || f->remove.nmore))
		rc = setflags(tx, f->mailbox, uids, FLAGS_REMOVE, &f->remove,
		    &w->telling, e);
	return rc;
}

static enum store_rc
apply(struct tx *tx, struct work *w, struct err *e)
{
	const struct delivery *d = w->d;
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < d->nfilings && rc == STORE_OK; i++)
		rc = file(tx, w, i, e);
	for (size_t i = 0; i < d->noutgoing && rc == STORE_OK; i++)
		rc = outgoing_insert(tx, &w->outgoing[i], e);
	for (size_t i = 0; i < d->nmemories && rc == STORE_OK; i++)
		rc = memory_note(tx, &d->memories[i], e);
	if (rc == STORE_OK && d->reflag.mailbox)
		rc = change_flags(tx, w, e);
	if (rc != STORE_OK)
		return rc;
	return append_remember(
	    tx, d->key, d->nfilings ? w->filings[0].email : 0, e);
}

static enum store_rc
run(struct tx *tx, void *arg, struct err *e)
{
	struct work *w = arg;
	bool known;
	int64_t email;
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < w->d->nfilings; i++)
		w->filed[i] = (struct filed){ 0 };
	if (w->before)
		rc = w->before(tx, w->before_arg, e);
	if (rc == STORE_OK)
		rc = find_duplicate(tx, w, &known, &email, e);
	if (rc != STORE_OK)
		return rc;
	return known ? report_duplicate(tx, w, email, e) : apply(tx, w, e);
}

enum store_rc
delivery_after(struct account *a, const struct delivery *d, tx_fn before,
    void *arg, struct filed *filed, bool *duplicate, struct err *e)
{
	struct work w = { .d = d,
		.arena = arena_new(),
		.before = before,
		.before_arg = arg,
		.filed = filed };
	bool flags_only = !d->nfilings && !d->noutgoing && !d->nmemories &&
			  !d->key.n && !before;
	enum store_rc rc;

	if (d->nfilings)
		atomic_store(&a->st->last_append_ms, clock_mono_ms());
	rc = prepare(a, &w, e);
	if (rc == STORE_OK)
		rc = write_run(a, flags_only ? RELAXED : DURABLE, run, &w, e);
	for (size_t i = 0; i < w.nblobs; i++)
		blob_fini(w.blobs[i]);
	arena_free(&w.arena);
	*duplicate = w.duplicate;
	return rc;
}

enum store_rc
account_deliver(struct account *a, const struct delivery *d,
    struct filed *filed, bool *duplicate, struct err *e)
{
	return delivery_after(a, d, NULL, NULL, filed, duplicate, e);
}

enum store_rc
account_delivered(struct account *a, struct str key, uint32_t window, bool *yes,
    struct err *e)
{
	struct db *db;
	int64_t email;
	enum store_rc rc = db_get(a, &db, e);

	*yes = false;
	if (rc != STORE_OK)
		return rc;
	rc = append_known(db->q, key, window, yes, &email, e);
	db_put(&db);
	return rc;
}

/* ------------------------------------------------------------------------
 * Flags
 */

static const struct {
	const char *name;
	uint64_t bit;
} system_flags[] = {
	{ "\\Answered", FLAG_ANSWERED },
	{ "\\Deleted", FLAG_DELETED },
	{ "\\Draft", FLAG_DRAFT },
	{ "\\Flagged", FLAG_FLAGGED },
	{ "\\Seen", FLAG_SEEN },
};

static uint64_t
system_flag(struct str name)
{
	for (size_t i = 0; i < LEN(system_flags); i++) {
		if (str_ieqc(name, system_flags[i].name))
			return system_flags[i].bit;
	}
	return 0;
}

enum store_rc
account_flags(struct account *a, struct arena *arena, const struct str *names,
    size_t count, struct flags *out, struct err *e)
{
	*out = (struct flags){ 0 };
	for (size_t i = 0; i < count; i++) {
		uint32_t index;
		enum store_rc rc;

		if (str_starts(names[i], STR("\\"))) {
			out->bits |= system_flag(names[i]);
			continue;
		}
		rc = account_keyword(a, names[i], true, &index, e);
		if (rc == STORE_OK)
			flags_set_keyword(arena, out, index);
		else if (rc != STORE_INVALID && rc != STORE_LIMIT)
			return rc;
	}
	return STORE_OK;
}
