/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/outgoing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/delivery.h"
#include "store/internal.h"
#include "store/marker.h"
#include "store/outgoing_row.h"

#define MAX_ADDRESS 1000
#define MAX_PARAMETER 1000
/* Locks of rows begin here in the account's lock file (lock.c has the rest). */
#define LOCK_BASE ((off_t)1 << 40)

/* ------------------------------------------------------------------------
 * Queueing
 */

/* Nothing that would end a path or a line of SMTP. */
static bool
address_valid(struct str s)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c == 0x7f)
			return false;
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '<' || c == '>' || c == ' '))
			return false;
	}
	return !quoted && s.n <= MAX_ADDRESS && str_is_utf8(s);
}

static bool
parameter_valid(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '=')
			return false;
	}
	return s.n <= MAX_PARAMETER;
}

enum store_rc
outgoing_check(const struct outgoing *o, struct err *e)
{
	const struct str parameters[] = { o->notify, o->ret, o->envid, o->orcpt,
		o->by_mode };

	if (o->nto == 0)
		return store_fail(
		    e, STORE_INVALID, "mail without a recipient cannot go out");
	for (size_t i = 0; i <= o->nto; i++) {
		struct str s = i ? o->to[i - 1] : o->from;

		if ((i && s.n == 0) || !address_valid(s))
			return store_fail(e, STORE_INVALID,
			    "\"%.*s\" cannot be written in SMTP",
			    STR_ARG(str_sub(s, 0, 200)));
	}
	for (size_t i = 0; i < LEN(parameters); i++) {
		if (!parameter_valid(parameters[i]))
			return store_fail(e, STORE_INVALID,
			    "\"%.*s\" cannot be a parameter of SMTP",
			    STR_ARG(str_sub(parameters[i], 0, 200)));
	}
	return STORE_OK;
}

static enum store_rc
insert_row(struct tx *tx, const struct outgoing *o, int64_t blob, struct err *e)
{
	int64_t now = clock_now();

	return store_rc_of(sq_run(tx->q, e,
	    "INSERT INTO outgoing (kind, blob, created, due, tries, sender,"
	    " notify, ret, envid, orcpt, by_time, by_mode)"
	    " VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)",
	    SQ_I(o->kind), SQ_I(blob), SQ_I(now), SQ_I(now), SQ_T(o->from),
	    SQ_T(o->notify), SQ_T(o->ret), SQ_T(o->envid), SQ_T(o->orcpt),
	    SQ_I(o->by_time), SQ_T(o->by_mode)));
}

enum store_rc
outgoing_insert(struct tx *tx, const struct outgoing_ready *r, struct err *e)
{
	const struct outgoing *o = r->what;
	int64_t blob, id;
	enum store_rc rc;

	if (!tx->marked && (rc = marker_set(tx->a->st, MARKER_OUTGOING,
				account_id(tx->a), e)) != STORE_OK)
		return rc;
	tx->outgoing = tx->marked = true;
	if ((rc = blob_put(tx, r->blob, &blob, e)) != STORE_OK ||
	    (rc = insert_row(tx, o, blob, e)) != STORE_OK)
		return rc;
	id = sq_last_id(tx->q);
	for (size_t i = 0; i < o->nto && rc == STORE_OK; i++)
		rc = store_rc_of(sq_run(tx->q, e,
		    "INSERT INTO outgoing_recipient (outgoing, n, address, why)"
		    " VALUES (?, ?, ?, '')",
		    SQ_I(id), SQ_I(i), SQ_T(o->to[i])));
	return rc;
}

/* ------------------------------------------------------------------------
 * Looking
 */

enum store_rc
outgoing_due(struct account *a, struct arena *arena, size_t limit,
    int64_t **ids, size_t *count, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	size_t cap = 0;
	enum store_rc rc = db_get(a, &db, e);
	enum sq_rc step;

	*ids = NULL;
	*count = 0;
	if (rc != STORE_OK)
		return rc;
	step = sq_start(db->q, &s, e,
	    "SELECT id FROM outgoing WHERE kind > 0 AND due <= ?"
	    " ORDER BY due LIMIT ?",
	    SQ_I(clock_now()), SQ_I(limit));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*ids = arena_grow(arena, *ids, *count, &cap, sizeof(**ids));
		(*ids)[(*count)++] = sq_int(s, 0);
		step = SQ_OK;
	}
	db_put(&db);
	return store_rc_of(step);
}

enum store_rc
outgoing_state(struct account *a, struct outgoing_state *out, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc = db_get(a, &db, e);
	enum sq_rc step;

	*out = (struct outgoing_state){ 0 };
	if (rc != STORE_OK)
		return rc;
	step = sq_one(db->q, &s, e,
	    "SELECT count(*), min(due) FROM outgoing WHERE kind > 0");
	if (step == SQ_ROW) {
		*out = (struct outgoing_state){ (uint64_t)sq_int(s, 0),
			sq_int(s, 1) };
		sq_reset(s);
	}
	db_put(&db);
	return store_rc_of(step);
}

/* ------------------------------------------------------------------------
 * Taking a row
 */

static enum store_rc
lock_row(struct account *a, int64_t id, int *fd, struct err *e)
{
	struct flock fl = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = LOCK_BASE + id,
		.l_len = 1 };
	struct buf path = { 0 };
	enum store_rc rc = STORE_OK;

	buf_printf(&path, "%s/lock", a->dir);
	*fd = open(buf_cstr(&path), O_RDWR | O_CLOEXEC);
	if (*fd < 0 || fcntl(*fd, F_OFD_SETLK, &fl) != 0) {
		rc = *fd >= 0 && (errno == EAGAIN || errno == EACCES)
			 ? STORE_BUSY
			 : STORE_IO;
		err_errno(e, "cannot lock mail that goes out in %s", path.p);
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
	buf_fini(&path);
	return rc;
}

static enum store_rc
read_row(struct sq *q, struct arena *arena, int64_t id,
    struct outgoing_row *out, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(q, &s, e,
	    "SELECT kind, created, tries, blob, sender, notify, ret, envid,"
	    " orcpt, by_time, by_mode, due FROM outgoing"
	    " WHERE id = ? AND kind > 0",
	    SQ_I(id));

	if (rc == SQ_DONE)
		return store_fail(
		    e, STORE_NOTFOUND, "mail %lld went out", (long long)id);
	if (rc != SQ_ROW)
		return store_rc_of(rc);
	out->id = id;
	out->created = sq_int(s, 1);
	out->tries = (unsigned)sq_int(s, 2);
	out->blob = sq_int(s, 3);
	out->due = sq_int(s, 11);
	out->what = (struct outgoing){ .kind = (enum outgoing_kind)sq_int(s, 0),
		.from = sq_dup(arena, s, 4),
		.notify = sq_dup(arena, s, 5),
		.ret = sq_dup(arena, s, 6),
		.envid = sq_dup(arena, s, 7),
		.orcpt = sq_dup(arena, s, 8),
		.by_time = sq_int(s, 9),
		.by_mode = sq_dup(arena, s, 10) };
	sq_reset(s);
	return STORE_OK;
}

static enum store_rc
read_recipients(
    struct sq *q, struct arena *arena, struct outgoing_row *row, struct err *e)
{
	struct str *to = NULL, *why = NULL;
	size_t n = 0, cap = 0, why_cap = 0;
	struct sqlite3_stmt *s;
	enum sq_rc step = sq_start(q, &s, e,
	    "SELECT address, why FROM outgoing_recipient WHERE outgoing = ?"
	    " ORDER BY n",
	    SQ_I(row->id));

	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		to = arena_grow(arena, to, n, &cap, sizeof(*to));
		why = arena_grow(arena, why, n, &why_cap, sizeof(*why));
		to[n] = sq_dup(arena, s, 0);
		why[n++] = sq_dup(arena, s, 1);
		step = SQ_OK;
	}
	row->what.to = to;
	row->what.nto = n;
	row->why = why;
	return store_rc_of(step);
}

enum store_rc
outgoing_lock(struct account *a, struct arena *arena, int64_t id,
    struct outgoing_row *out, struct err *e)
{
	struct db *db;
	enum store_rc rc;

	*out = (struct outgoing_row){ .lock = -1 };
	if ((rc = lock_row(a, id, &out->lock, e)) != STORE_OK)
		return rc;
	if ((rc = db_get(a, &db, e)) == STORE_OK) {
		rc = read_row(db->q, arena, id, out, e);
		if (rc == STORE_OK)
			rc = read_recipients(db->q, arena, out, e);
		db_put(&db);
	}
	if (rc != STORE_OK)
		outgoing_unlock(out);
	return rc;
}

/* Ids of all rows. */
static enum store_rc
list_ids(
    struct sq *q, struct arena *arena, int64_t **ids, size_t *n, struct err *e)
{
	struct sqlite3_stmt *s;
	size_t cap = 0;
	enum sq_rc step = sq_start(
	    q, &s, e, "SELECT id FROM outgoing WHERE kind > 0 ORDER BY id");

	*ids = NULL;
	*n = 0;
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*ids = arena_grow(arena, *ids, *n, &cap, sizeof(**ids));
		(*ids)[(*n)++] = sq_int(s, 0);
		step = SQ_OK;
	}
	return store_rc_of(step);
}

enum store_rc
outgoing_list(struct account *a, struct arena *arena,
    struct outgoing_row **list, size_t *count, struct err *e)
{
	struct db *db;
	int64_t *ids;
	size_t n = 0;
	enum store_rc rc = db_get(a, &db, e);

	*list = NULL;
	*count = 0;
	if (rc != STORE_OK)
		return rc;
	rc = list_ids(db->q, arena, &ids, &n, e);
	*list = arena_array(arena, n, sizeof(**list));
	for (size_t i = 0; i < n && rc == STORE_OK; i++) {
		struct outgoing_row *row = &(*list)[*count];

		row->lock = -1;
		rc = read_row(db->q, arena, ids[i], row, e);
		if (rc == STORE_OK)
			rc = read_recipients(db->q, arena, row, e);
		if (rc == STORE_OK)
			++*count;
		else if (rc == STORE_NOTFOUND)
			rc = STORE_OK; /* it was sent meanwhile */
	}
	db_put(&db);
	return rc;
}

void
outgoing_unlock(struct outgoing_row *row)
{
	if (row->lock >= 0)
		close(row->lock);
	row->lock = -1;
}

enum store_rc
outgoing_read(struct account *a, const struct outgoing_row *row,
    struct buf *raw, struct err *e)
{
	struct db *db;
	enum store_rc rc = db_get(a, &db, e);

	if (rc != STORE_OK)
		return rc;
	rc = blob_read(a, db->q, row->blob, 0, UINT64_MAX, raw, e);
	db_put(&db);
	return rc;
}

/* ------------------------------------------------------------------------
 * What became of it
 */

struct settlement {
	const struct outgoing_row *row;
	const struct outgoing_fate *fates;
	int64_t due;
};

static enum store_rc
settle_recipient(struct tx *tx, int64_t id, struct str address,
    const struct outgoing_fate *f, struct err *e)
{
	if (f->final)
		return store_rc_of(sq_run(tx->q, e,
		    "DELETE FROM outgoing_recipient"
		    " WHERE outgoing = ? AND address = ?",
		    SQ_I(id), SQ_T(address)));
	return store_rc_of(sq_run(tx->q, e,
	    "UPDATE outgoing_recipient SET why = ?"
	    " WHERE outgoing = ? AND address = ?",
	    SQ_T(f->why), SQ_I(id), SQ_T(address)));
}

/* A row of which nothing is left keeps its blob until outgoing_release(): a
 * file goes before the commit, and this commit must not depend on it. */
static enum store_rc
run_settle(struct tx *tx, void *arg, struct err *e)
{
	const struct settlement *s = arg;
	const struct outgoing_row *row = s->row;
	enum store_rc rc = STORE_OK;

	tx->outgoing = true;
	for (size_t i = 0; i < row->what.nto && rc == STORE_OK; i++)
		rc = settle_recipient(
		    tx, row->id, row->what.to[i], &s->fates[i], e);
	if (rc != STORE_OK)
		return rc;
	return store_rc_of(sq_run(tx->q, e,
	    "UPDATE outgoing SET tries = tries + 1, due = ?1,"
	    " kind = iif(EXISTS (SELECT 1 FROM outgoing_recipient"
	    "  WHERE outgoing = ?2), kind, 0) WHERE id = ?2",
	    SQ_I(s->due), SQ_I(row->id)));
}

enum store_rc
outgoing_settle(struct account *a, const struct outgoing_row *row,
    const struct outgoing_fate *fates, int64_t due, const struct append *note,
    struct err *e)
{
	struct settlement s = { row, fates, due };
	struct filing filing = { .path = STR("INBOX") };
	struct delivery d = { .filings = &filing, .nfilings = note != NULL };
	struct filed filed;
	bool duplicate;

	if (note) {
		filing.item = *note;
		d.key = note->key;
		d.window = note->window;
	}
	return delivery_after(a, &d, run_settle, &s, &filed, &duplicate, e);
}

/* The marker tells those who wait. */
static enum store_rc
run_hurry(struct tx *tx, void *arg, struct err *e)
{
	enum store_rc rc;

	(void)arg;
	rc = store_rc_of(sq_run(tx->q, e,
	    "UPDATE outgoing SET due = ? WHERE kind > 0", SQ_I(clock_now())));
	if (rc != STORE_OK || sq_changes(tx->q) == 0)
		return rc;
	tx->outgoing = tx->marked = true;
	return marker_set(tx->a->st, MARKER_OUTGOING, account_id(tx->a), e);
}

enum store_rc
outgoing_hurry(struct account *a, struct err *e)
{
	return write_run(a, DURABLE, run_hurry, NULL, e);
}

enum store_rc
outgoing_release(struct tx *tx, struct err *e)
{
	for (;;) {
		struct sqlite3_stmt *s;
		int64_t id, blob;
		enum store_rc rc;
		enum sq_rc step = sq_one(tx->q, &s, e,
		    "SELECT id, blob FROM outgoing WHERE kind = 0 LIMIT 1");

		if (step != SQ_ROW)
			return store_rc_of(step);
		id = sq_int(s, 0);
		blob = sq_int(s, 1);
		sq_reset(s);
		if ((rc = blob_unref(tx, blob, e)) != STORE_OK ||
		    (rc = store_rc_of(sq_run(tx->q, e,
			 "DELETE FROM outgoing WHERE id = ?", SQ_I(id)))) !=
			STORE_OK)
			return rc;
	}
}

/*
 * The marker may go when no row is left on disk. What functions of this batch
 * did is not there yet: then another time.
 */
static enum store_rc
run_tidy(struct tx *tx, void *arg, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	(void)arg;
	if (!tx->outgoing) {
		rc = sq_one(tx->q, &s, e,
		    "SELECT 1 FROM outgoing WHERE kind > 0 LIMIT 1");
		if (rc == SQ_ROW)
			sq_reset(s);
		else if (rc == SQ_DONE)
			outgoing_unmark(tx->a->st, account_id(tx->a));
		else
			return store_rc_of(rc);
	}
	return outgoing_release(tx, e);
}

void
outgoing_unmark(struct store *st, struct str id)
{
	marker_clear(st, MARKER_OUTGOING, id);
}

enum store_rc
outgoing_accounts(struct store *st,
    bool (*each)(void *arg, struct str id, int64_t stamp), void *arg,
    struct err *e)
{
	return marker_accounts(st, MARKER_OUTGOING, each, arg, e);
}

enum store_rc
outgoing_tidy(struct account *a, struct err *e)
{
	return write_run(a, RELAXED, run_tidy, NULL, e);
}
