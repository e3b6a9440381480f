/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/check.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sqlite/sq.h"
#include "store/downgraded.h"
#include "store/internal.h"
#include "store/test.h"

/* Each damage is found, mended, and then not found any more. */
static void
test_check(void **state)
{
	static const char *const damages[] = {
		"DELETE FROM email WHERE id = (SELECT max(id) FROM email)",
		"INSERT INTO message SELECT 99, uid, email, thread, flags,"
		" keywords, modseq, size, received, saved, 1 FROM message"
		" WHERE mailbox = 1 LIMIT 1",
		"DELETE FROM message WHERE mailbox = 1 AND uid = 1",
		"INSERT INTO purge SELECT email, 0 FROM message LIMIT 1",
		"UPDATE blob SET refs = 7",
		"UPDATE message SET shared = 0",
		"UPDATE mailbox SET uidnext = 2 WHERE id = 1",
		"UPDATE state SET modseq = 3",
		"UPDATE mailbox_thread SET unseen = 9",
		"DELETE FROM mailbox_thread",
		"UPDATE mailbox SET messages = 1, size = 0",
		"UPDATE state SET bytes = 1",
		"DELETE FROM email_cache",
	};
	struct fixture *f = *state;
	struct copied c;

	fill(f, 1, 10);
	set_flags(f, 3, 5, FLAGS_ADD, FLAG_SEEN);
	OK(account_copy(f->a, f->inbox, range(f, 2, 4), info(f, "Archive").id,
	    false, NULL, f->arena, &c, &f->e));
	OK(account_expunge(
	    f->a, f->inbox, range(f, 9, 9), false, NULL, NULL, &f->e));
	assert_int_equal(problems(f, false), 0);
	for (size_t i = 0; i < LEN(damages); i++) {
		print_message("damage: %s\n", damages[i]);
		run_sql(f, damages[i]);
		assert_true(problems(f, false) > 0);
		assert_true(problems(f, true) > 0);
		assert_int_equal(problems(f, true), 0);
	}
	/* A blob with another content. */
	run_sql(f, "UPDATE blob SET data = (SELECT data FROM blob LIMIT 1)");
	assert_true(problems(f, false) > 0);
}

static void
test_backup(void **state)
{
	struct fixture *f = *state;
	struct buf dir = { 0 }, big = { 0 };
	struct account *copy;
	struct view *v;
	struct reader *r;
	struct buf got = { 0 };

	fill(f, 1, 3);
	BUF_LIT(&big, "Subject: big\r\n\r\n");
	while (big.n < 2 << 20)
		buf_printf(&big, "%d\r\n", rand());
	append(f, f->inbox, buf_str(&big), FLAG_FLAGGED);
	buf_printf(&dir, "%s/copy", f->dir);
	OK(account_backup(f->a, buf_cstr(&dir), true, &f->e));
	assert_int_equal(
	    account_backup(f->a, dir.p, true, &f->e), STORE_EXISTS);
	fill(f, 4, 5);
	assert_int_equal(
	    account_restore(f->st, ID, dir.p, &f->e), STORE_EXISTS);
	OK(account_restore(f->st, STR("00000000000000bb"), dir.p, &f->e));
	OK(account_open(f->st, STR("00000000000000bb"), &copy, &f->e));
	OK(view_current(copy, f->inbox, &v, &f->e));
	assert_int_equal(view_count(v), 4);
	assert_true(view_modseq(v) > 1000000);
	OK(reader_begin(copy, &r, &f->e));
	OK(email_read(r, view_at(v, 4)->email, 0, UINT64_MAX, &got, &f->e));
	assert_int_equal(got.n, big.n);
	assert_memory_equal(got.p, big.p, big.n);
	reader_end(&r);
	view_unref(&v);
	account_close(&copy);
	buf_fini(&dir);
	buf_fini(&big);
	buf_fini(&got);
}

/* Of messages that are there already, of copies, and of those that went. */
static void
test_downgraded(void **state)
{
	struct fixture *f = *state;
	struct append items[] = { { .raw = STR("Subject: plain\r\n\r\nx") },
		{ .raw = STR("Subject: Gr\u00fc\u00dfe\r\n\r\nx") } };
	struct appended done[2];
	struct downgraded *list;
	struct sqlite3_stmt *s;
	struct copied c;
	struct db *db;
	size_t n;
	bool more;

	OK(account_append(f->a, f->inbox, items, 2, NULL, done, &f->e));
	OK(account_copy(f->a, f->inbox, range(f, 2, 2), f->inbox, false, NULL,
	    f->arena, &c, &f->e));
	OK(mailbox_downgraded(f->a, f->inbox, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].uid, 2);
	assert_int_equal(list[0].size,
	    sizeof("Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\r\nx") - 1);
	assert_int_equal(list[1].uid, 3);
	/* As the migration leaves those of older versions. */
	run_sql(f, "DELETE FROM email_downgraded");
	run_sql(f, "INSERT INTO email_downgraded (email) SELECT id FROM email");
	OK(mailbox_downgraded(f->a, f->inbox, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].uid, 2);
	OK(account_expunge(
	    f->a, f->inbox, range(f, 1, 3), false, NULL, NULL, &f->e));
	OK(account_purge(f->a, clock_now() + 1, &more, &f->e));
	OK(db_get(f->a, &db, &f->e));
	assert_int_equal(
	    sq_one(db->q, &s, &f->e, "SELECT 1 FROM email_downgraded"),
	    SQ_DONE);
	db_put(&db);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, store_up, store_down)
	const struct CMUnitTest tests[] = {
		T(test_check),
		T(test_backup),
		T(test_downgraded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
