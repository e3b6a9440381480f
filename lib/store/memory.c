/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/memory.h"

#include "base/clock.h"
#include "store/internal.h"

enum store_rc
memory_has(struct account *a, struct str kind, struct str key, bool *yes,
    struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc = db_get(a, &db, e);
	enum sq_rc step;

	*yes = false;
	if (rc != STORE_OK)
		return rc;
	step = sq_one(db->q, &s, e,
	    "SELECT until FROM memory WHERE kind = ? AND key = ?", SQ_T(kind),
	    SQ_B(key));
	if (step == SQ_ROW) {
		*yes = sq_int(s, 0) > clock_now();
		sq_reset(s);
	}
	db_put(&db);
	return store_rc_of(step);
}

enum store_rc
memory_note(struct tx *tx, const struct memory *m, struct err *e)
{
	if (m->key.n != MEMORY_KEY || m->kind.n == 0)
		return store_fail(e, STORE_INVALID,
		    "a key of %zu octets cannot be remembered", m->key.n);
	tx->work |= WORK_PURGE;
	return store_rc_of(sq_run(tx->q, e,
	    "INSERT INTO memory (kind, key, until) VALUES (?, ?, ?)"
	    " ON CONFLICT DO UPDATE SET until = max(until, excluded.until)",
	    SQ_T(m->kind), SQ_B(m->key), SQ_I(m->until)));
}

enum store_rc
memory_forget(struct tx *tx, struct err *e)
{
	return store_rc_of(sq_run(tx->q, e,
	    "DELETE FROM memory WHERE until <= ?", SQ_I(clock_now())));
}
