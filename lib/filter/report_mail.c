/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/report_mail.h"

bool
report_refused_until(
    struct filter_db *db, struct str address, int64_t *until, struct err *e)
{
	struct sq *q = filter_db_reader(db, e);
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	*until = 0;
	if (!q)
		return false;
	rc = sq_one(q, &s, e,
	    "SELECT until FROM report_refusals WHERE address = ?",
	    SQ_T(address));
	if (rc == SQ_ROW) {
		*until = sq_int(s, 0);
		sq_reset(s);
	}
	filter_db_reader_done(db, &q);
	return rc == SQ_ROW || rc == SQ_DONE;
}

void
report_refused(
    struct filter_db *db, struct str address, struct str why, int64_t now)
{
	filter_db_run(db,
	    "INSERT INTO report_refusals VALUES (?1, 1, ?2 + ?3, ?4)"
	    " ON CONFLICT (address) DO UPDATE SET why = excluded.why,"
	    " until = ?2 + min(?3 << min(count, 10), ?5), count = count + 1",
	    SQ_VALUES(SQ_T(address), SQ_I(now), SQ_I(REPORT_REFUSED), SQ_T(why),
		SQ_I(REPORT_REFUSED_MAX)));
}

static void
report_taken(struct filter_db *db, struct str address)
{
	filter_db_run(db, "DELETE FROM report_refusals WHERE address = ?",
	    SQ_VALUES(SQ_T(address)));
}

enum outbox_result
report_mail(struct filter_db *db, struct site *s, const char *hostname,
    const struct outbox_letter *l, int64_t now, struct err *why)
{
	enum outbox_result result = OUTBOX_DEFERRED;
	struct outbox_letter one = *l;

	one.n = 1;
	one.results = &result;
	if (outbox_mail(s, hostname, &one, why)) {
		report_taken(db, *l->to);
		return OUTBOX_SENT;
	}
	if (result == OUTBOX_FAILED)
		report_refused(db, *l->to, str_of(why->msg), now);
	return result;
}
