/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/store.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "mime/decode.h"
#include "sqlite/sq.h"
#include "store/annotation.h"
#include "store/downgraded.h"
#include "store/internal.h"
#include "store/rights.h"
#include "store/test.h"
#include "store/training.h"

/* Lists that are read whole because they are short or wanted whole. */
static bool
may_scan(const char *sql)
{
	static const char *const whole[] = { "FROM mailbox ORDER BY id",
		"FROM subscription ORDER BY path", "FROM keyword", "FROM state",
		"UPDATE state", "UPDATE mailbox SET modseq", "FROM purge",
		"FROM gap", "PRAGMA", "FROM search",
		"FROM training ORDER BY n LIMIT", "FROM email_downgraded d" };

	for (size_t i = 0; i < LEN(whole); i++) {
		if (strstr(sql, whole[i]))
			return true;
	}
	return false;
}

/* A queue long enough that walking it would show. */
static void
use_training(struct fixture *f)
{
	struct copied c;
	struct training *list;
	size_t n;

	OK(account_copy(f->a, f->inbox, range(f, 20, 29), info(f, "Junk").id,
	    true, NULL, f->arena, &c, &f->e));
	OK(account_copy(f->a, info(f, "Junk").id, c.to, f->inbox, true, NULL,
	    f->arena, &c, &f->e));
	OK(training_list(f->a, f->arena, 100, &list, &n, &f->e));
	assert_int_equal(n, 10);
	OK(training_done(f->a, list[1].n, &f->e));
}

/* Many objects are shared; what is asked is about one, or about one user. */
static void
use_shares(struct fixture *f)
{
	struct share_who who = { .account = STR("00000000000000cc"),
		.domain = STR("example.org") };
	struct share_right *rights;
	struct share *shares;
	unsigned granted;
	int64_t made;
	size_t n;

	for (int i = 0; i < 20; i++) {
		struct str path = arena_printf(f->arena, "Shared/%d", i);

		OK(mailbox_create(f->a, path, ROLE_NONE, &made, &f->e));
		OK(share_set(
		    f->a, made, STR("@elsewhere.org"), STR("l"), &f->e));
		OK(share_set(f->a, made, i % 10 ? STR("anyone") : who.account,
		    STR("lr"), &f->e));
	}
	OK(share_list(f->a, f->arena, made, &shares, &n, &f->e));
	assert_int_equal(n, 2);
	OK(share_rights(f->a, made, &who, &granted, &f->e));
	assert_int_equal(granted, 0);
	OK(share_rights_all(f->a, f->arena, &who, &rights, &n, &f->e));
	assert_int_equal(n, 20);
	OK(share_set(f->a, made, STR("anyone"), STR(""), &f->e));
}

/* After all kinds of work, no statement may have walked a table. */
static void
test_no_scans(void **state)
{
	struct fixture *f = *state;
	struct copied c;
	struct view *v;
	struct reader *r;
	struct email_meta meta;
	struct uids gone;
	struct buf b = { 0 };
	bool complete, yes;
	uint64_t since;
	unsigned seen = 0;
	uint8_t hash[32];
	struct email_facts facts;
	const int64_t *ids;
	size_t nids;
	struct downgraded *more;
	struct annotation *notes;
	size_t nnotes;
	struct str id;

	fill(f, 1, 50);
	set_flags(f, 2, 20, FLAGS_ADD, FLAG_SEEN);
	OK(account_copy(f->a, f->inbox, range(f, 5, 15), info(f, "Archive").id,
	    false, NULL, f->arena, &c, &f->e));
	OK(account_copy(f->a, f->inbox, range(f, 16, 18), info(f, "Trash").id,
	    true, NULL, f->arena, &c, &f->e));
	set_flags(f, 1, 50, FLAGS_ADD, FLAG_FLAGGED);
	OK(account_expunge(
	    f->a, f->inbox, range(f, 30, 35), false, NULL, NULL, &f->e));
	v = view(f, f->inbox);
	OK(reader_begin(f->a, &r, &f->e));
	OK(email_meta(r, view_at(v, 3)->email, &meta, &f->e));
	OK(email_read(r, view_at(v, 3)->email, 0, 100, &b, &f->e));
	OK(email_contains(r, view_at(v, 3)->email, SEARCH_TEXT, mime_fold,
	    STR("zebra"), &yes, &f->e));
	assert_int_equal(
	    email_uidl(r, view_at(v, 3)->email, &id, &f->e), STORE_NOTFOUND);
	OK(email_hash(r, view_at(v, 3)->email, hash, &f->e));
	OK(email_facts(r, view_at(v, 3)->email, &facts, &f->e));
	reader_end(&r);
	OK(emails_by_hash(f->a, hash, 16, f->arena, &ids, &nids, &f->e));
	assert_int_equal(nids, 1);
	assert_int_equal(ids[0], view_at(v, 3)->email);
	OK(emails_of_thread(f->a, facts.thread, f->arena, &ids, &nids, &f->e));
	assert_true(nids >= 1);
	view_unref(&v);
	OK(account_index(f->a, &f->e));
	OK(mailbox_vanished(
	    f->a, f->inbox, 1, f->arena, &gone, &complete, &f->e));
	OK(account_since(f->a, 5, &since, &f->e));
	OK(account_purge(f->a, clock_now() + 1, &yes, &f->e));
	OK(annotations_set(f->a, f->inbox, STR("u"),
	    &(struct annotation){ .name = STR("/a"), .value = STR("v") }, 1, 1,
	    &since, &f->e));
	OK(annotations_get(
	    f->a, f->arena, f->inbox, STR("u"), &notes, &nnotes, &f->e));
	assert_int_equal(nnotes, 1);
	OK(annotation_shared(f->a, f->arena, f->inbox, STR("/a"), &id, &f->e));
	assert_null(id.p); /* that one is private */
	since = 1;
	OK(annotations_changed(
	    f->a, f->arena, STR("u"), &since, &notes, &nnotes, &f->e));
	assert_int_equal(nnotes, 1);
	OK(mailbox_downgraded(f->a, f->inbox, f->arena, &more, &nids, &f->e));
	use_training(f);
	use_shares(f);
	for (struct db *db = f->a->idle; db; db = db->next_idle) {
		sqlite3_stmt *s = NULL;

		while ((s = sqlite3_next_stmt(sq_handle(db->q), s))) {
			int steps = sqlite3_stmt_status(
			    s, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);

			seen++;
			if (steps > 1 && !may_scan(sqlite3_sql(s)))
				fail_msg("%d rows scanned by: %s", steps,
				    sqlite3_sql(s));
		}
	}
	assert_true(seen > 30);
	buf_fini(&b);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, store_up, store_down)
	const struct CMUnitTest tests[] = {
		T(test_no_scans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
