/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "site/internal.h"

/* Run a check whose rows are problems; COLUMNS of them make the sentence. */
static enum sq_rc
run_check(struct sq *q, const char *sql, int columns,
    void (*report)(void *arg, const char *problem), void *arg, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc = sq_start(q, &st, e, sql);

	while (rc == SQ_OK && (rc = sq_step(st, e)) == SQ_ROW) {
		struct buf line = { 0 };

		BUF_LIT(&line, "site.db:");
		for (int i = 0; i < columns; i++)
			buf_printf(&line, " %.*s", STR_ARG(sq_str(st, i)));
		if (!str_eqc(sq_str(st, 0), "ok"))
			report(arg, buf_cstr(&line));
		buf_fini(&line);
		rc = SQ_OK;
	}
	return rc;
}

enum site_rc
site_check(struct site *s, void (*report)(void *arg, const char *problem),
    void *arg, struct err *e)
{
	struct reader_slot *r;
	enum site_rc rc = site_reader(s, &r, e);
	enum sq_rc sq;

	if (rc != SITE_OK)
		return rc;
	sq = run_check(r->q, "PRAGMA integrity_check(100)", 1, report, arg, e);
	if (sq == SQ_DONE)
		sq = run_check(r->q,
		    "SELECT 'dangling reference in', \"table\", 'to', parent"
		    " FROM pragma_foreign_key_check LIMIT 100",
		    4, report, arg, e);
	site_reader_done(s, r);
	return site_rc_of(sq);
}

enum site_rc
site_backup(struct site *s, const char *path, struct err *e)
{
	struct reader_slot *r;
	enum site_rc rc;

	if (access(path, F_OK) == 0)
		return site_fail(e, SITE_EXISTS, "%s exists already", path);
	if ((rc = site_reader(s, &r, e)) != SITE_OK)
		return rc;
	rc = site_rc_of(sq_run(r->q, e, "VACUUM INTO ?", SQ_C(path)));
	site_reader_done(s, r);
	if (rc == SITE_OK && !fs_sync_file(path, 0600, e))
		rc = SITE_IO;
	return rc;
}
