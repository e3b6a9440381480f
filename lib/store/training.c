/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/training.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"
#include "store/marker.h"

/* ------------------------------------------------------------------------
 * What a change says
 */

enum store_rc
training_of_copy(
    struct tx *tx, int64_t from, int64_t to, enum verdict *out, struct err *e)
{
	struct sqlite3_stmt *s;
	int64_t source, target;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "SELECT ifnull((SELECT role FROM mailbox WHERE id = ?), 0),"
	    " ifnull((SELECT role FROM mailbox WHERE id = ?), 0)",
	    SQ_I(from), SQ_I(to));

	*out = VERDICT_NONE;
	if (rc != SQ_ROW)
		return store_rc_of(rc);
	source = sq_int(s, 0);
	target = sq_int(s, 1);
	sq_reset(s);
	if (source == target)
		return STORE_OK;
	if (target == ROLE_JUNK)
		*out = VERDICT_SPAM;
	else if (source == ROLE_JUNK && target != ROLE_TRASH)
		*out = VERDICT_HAM;
	return STORE_OK;
}

static const struct {
	const char *name;
	bool spam;
} keywords[] = {
	{ "$Junk", true }, /* both of IANA's registry (RFC 5788) */
	{ "$NotJunk", false },
	{ "Junk", true }, /* Thunderbird, Apple Mail */
	{ "NonJunk", false },
	{ "NotJunk", false },
};

enum store_rc
training_keywords(struct account *a, struct arena *arena,
    struct training_keywords *out, struct err *e)
{
	const struct str *names;
	uint32_t n;
	enum store_rc rc = account_keywords(a, arena, &names, &n, e);

	*out = (struct training_keywords){ 0 };
	for (uint32_t i = 0; rc == STORE_OK && i < n; i++) {
		for (size_t k = 0; k < LEN(keywords); k++) {
			if (str_ieqc(names[i], keywords[k].name))
				flags_set_keyword(arena,
				    keywords[k].spam ? &out->spam : &out->ham,
				    i);
		}
	}
	return rc;
}

static bool
has_any(const struct flags *f, const struct flags *of)
{
	if (f->bits & of->bits)
		return true;
	for (uint32_t i = 0; i < of->nmore; i++) {
		if (flags_has_keyword(f, of->more[i]))
			return true;
	}
	return false;
}

enum verdict
training_of_flags(const struct training_keywords *k, const struct flags *old,
    const struct flags *new)
{
	bool was_spam = has_any(old, &k->spam),
	     is_spam = has_any(new, &k->spam);
	bool was_ham = has_any(old, &k->ham), is_ham = has_any(new, &k->ham);

	if (is_spam && is_ham) /* what was said last counts */
		return was_ham == was_spam ? VERDICT_NONE
		       : was_ham           ? VERDICT_SPAM
					   : VERDICT_HAM;
	if (is_spam)
		return was_spam ? VERDICT_NONE : VERDICT_SPAM;
	if (is_ham)
		return was_ham ? VERDICT_NONE : VERDICT_HAM;
	return was_spam ? VERDICT_HAM : VERDICT_NONE;
}

/* ------------------------------------------------------------------------
 * The queue
 */

/* The event counts more than that somebody is told of it at once. */
static void
mark(struct tx *tx)
{
	struct err e = ERR_INIT;

	if (!tx->trains && marker_set(tx->a->st, MARKER_TRAINING,
			       account_id(tx->a), &e) != STORE_OK)
		log_warn("training_marker",
		    LOG_STR("account", account_id(tx->a)), LOG_ERR(&e));
	tx->trains = true;
}

/* Numbers rise, and of an email there is one row: so the distance to the
 * newest number is never less than the count. */
enum store_rc
training_note(struct tx *tx, int64_t email, enum verdict verdict, struct err *e)
{
	enum store_rc rc;

	if (verdict == VERDICT_NONE)
		return STORE_OK;
	mark(tx);
	rc = store_rc_of(sq_run(tx->q, e,
	    "INSERT OR REPLACE INTO training (email, spam, at)"
	    " VALUES (?, ?, ?)",
	    SQ_I(email), SQ_I(verdict == VERDICT_SPAM), SQ_I(clock_now())));
	if (rc != STORE_OK)
		return rc;
	return store_rc_of(sq_run(tx->q, e,
	    "DELETE FROM training"
	    " WHERE n <= (SELECT max(n) FROM training) - ?",
	    SQ_I(TRAINING_MAX)));
}

enum store_rc
training_list(struct account *a, struct arena *arena, size_t limit,
    struct training **list, size_t *count, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	size_t cap = 0;
	enum store_rc rc;
	enum sq_rc step;

	*list = NULL;
	*count = 0;
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_start(db->q, &s, e,
	    "SELECT n, email, spam, at FROM training ORDER BY n LIMIT ?",
	    SQ_I(limit));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(arena, *list, *count, &cap, sizeof(**list));
		(*list)[(*count)++] = (struct training){ sq_int(s, 0),
			sq_int(s, 1), sq_int(s, 2) != 0, sq_int(s, 3) };
		step = SQ_OK;
	}
	db_put(&db);
	return store_rc_of(step);
}

static enum store_rc
run_done(struct tx *tx, void *arg, struct err *e)
{
	const int64_t *n = arg;

	return store_rc_of(
	    sq_run(tx->q, e, "DELETE FROM training WHERE n <= ?", SQ_I(*n)));
}

enum store_rc
training_done(struct account *a, int64_t n, struct err *e)
{
	return write_run(a, DURABLE, run_done, &n, e);
}

/* The marker may go when nothing is left; what this batch noted may not be on
 * disk yet. */
static enum store_rc
run_tidy(struct tx *tx, void *arg, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	(void)arg;
	if (tx->trains)
		return STORE_OK;
	rc = sq_one(tx->q, &s, e, "SELECT 1 FROM training LIMIT 1");
	if (rc == SQ_ROW)
		sq_reset(s);
	else if (rc == SQ_DONE)
		marker_clear(tx->a->st, MARKER_TRAINING, account_id(tx->a));
	return store_rc_of(rc == SQ_ROW ? SQ_DONE : rc);
}

enum store_rc
training_tidy(struct account *a, struct err *e)
{
	return write_run(a, RELAXED, run_tidy, NULL, e);
}

enum store_rc
training_accounts(struct store *st,
    bool (*each)(void *arg, struct str id, int64_t stamp), void *arg,
    struct err *e)
{
	return marker_accounts(st, MARKER_TRAINING, each, arg, e);
}
