/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/delivery.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "store/internal.h"
#include "store/test.h"

#define RAW STR("Message-ID: <1@x>\r\nSubject: x\r\n\r\nhello\r\n")

static int
up(void **state)
{
	struct fixture *f;

	store_up(state);
	f = *state;
	f->blob_threshold = 4096;
	reopen(f);
	return 0;
}

/* Every test leaves an account without faults. */
static int
down(void **state)
{
	assert_int_equal(problems(*state, false), 0);
	return store_down(state);
}

static bool
marked(struct fixture *f)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/outbox/%.*s", f->dir, STR_ARG(ID));
	return access(path, F_OK) == 0;
}

static const struct str to_one[] = { STR("you@example.net") };
static const struct str to_two[] = { STR("a@example.net"),
	STR("\"b <c>\"@example.net") };

static struct outgoing
mail(struct str raw, const struct str *to, size_t nto)
{
	return (struct outgoing){ .kind = OUTGOING_MAIL,
		.from = STR("me@example.test"),
		.to = to,
		.nto = nto,
		.raw = raw };
}

static const char key32[] = "0123456789abcdef0123456789ABCDEF";

/* ------------------------------------------------------------------------
 * Filing
 */

static void
test_all_at_once(void **state)
{
	struct fixture *f = *state;
	struct str names[] = { STR("\\Seen"), STR("$Label1"), STR("\\Recent"),
		STR("no keyword") };
	struct filing filings[] = {
		{ .path = STR("INBOX"), .item = { .raw = RAW } },
		{ .path = STR("Lists/C"),
		    .create = true,
		    .item = { .raw = RAW } },
		{ .mailbox = info(f, "Archive").id, .item = { .raw = RAW } },
		{ .path = STR("Gone"), .item = { .raw = STR("A: b\r\n\r\n") } },
	};
	struct outgoing out = mail(RAW, to_two, 2);
	struct memory memory = { STR("vacation"), { key32, 32 },
		clock_now() + 100 };
	struct delivery d = { .key = STR("k"),
		.window = 100,
		.filings = filings,
		.nfilings = 4,
		.outgoing = &out,
		.noutgoing = 1,
		.memories = &memory,
		.nmemories = 1 };
	struct filed filed[4], again[4];
	struct usage used;
	bool duplicate, yes;

	OK(account_flags(
	    f->a, f->arena, names, 4, &filings[2].item.flags, &f->e));
	assert_int_equal(
	    filings[2].item.flags.bits, FLAG_SEEN | FLAG_KEYWORD(0));
	OK(account_deliver(f->a, &d, filed, &duplicate, &f->e));
	assert_false(duplicate);
	/* The same flags: one email. Others: one of its own, over one blob. */
	assert_int_equal(filed[0].appended.email, filed[1].appended.email);
	assert_int_not_equal(filed[0].appended.email, filed[2].appended.email);
	assert_int_equal(filed[1].mailbox, info(f, "Lists/C").id);
	/* A mailbox that is not there is INBOX. */
	assert_int_equal(filed[3].mailbox, filed[0].mailbox);
	assert_int_equal(info(f, "INBOX").messages, 2);
	assert_int_equal(info(f, "Archive").unseen, 0);
	assert_int_equal(number(f, "SELECT count(*) FROM blob"), 2);
	assert_int_equal(number(f, "SELECT max(refs) FROM blob"), 3);
	OK(account_usage(f->a, &used, &f->e));
	assert_int_equal(used.messages, 3);
	OK(memory_has(f->a, memory.kind, memory.key, &yes, &f->e));
	assert_true(yes);
	assert_true(marked(f));

	OK(account_deliver(f->a, &d, again, &duplicate, &f->e));
	assert_true(duplicate);
	assert_true(again[0].appended.duplicate);
	assert_int_equal(again[0].appended.uid, filed[0].appended.uid);
	assert_int_equal(number(f, "SELECT count(*) FROM email"), 3);
	assert_int_equal(number(f, "SELECT count(*) FROM outgoing"), 1);
}

/* Also of a delivery that stores nothing. */
static void
test_redelivery_without_filing(void **state)
{
	struct fixture *f = *state;
	struct outgoing out = mail(RAW, to_one, 1);
	struct delivery d = {
		.key = STR("k"), .window = 100, .outgoing = &out, .noutgoing = 1
	};
	bool duplicate;

	OK(account_delivered(f->a, d.key, d.window, &duplicate, &f->e));
	assert_false(duplicate);
	OK(account_deliver(f->a, &d, NULL, &duplicate, &f->e));
	assert_false(duplicate);
	OK(account_delivered(f->a, d.key, d.window, &duplicate, &f->e));
	assert_true(duplicate);
	OK(account_deliver(f->a, &d, NULL, &duplicate, &f->e));
	assert_true(duplicate);
	assert_int_equal(number(f, "SELECT count(*) FROM outgoing"), 1);
}

static void
test_same_message_id(void **state)
{
	struct fixture *f = *state;
	struct filing filings[] = {
		{ .path = STR("INBOX"), .item = { .raw = RAW } },
		{ .path = STR("Junk"), .item = { .raw = RAW } },
	};
	struct delivery d = {
		.msgid_window = 100, .filings = filings, .nfilings = 2
	};
	struct filed filed[2];
	bool duplicate;

	OK(account_deliver(f->a, &d, filed, &duplicate, &f->e));
	assert_false(duplicate);
	assert_int_equal(info(f, "Junk").messages, 1);
	OK(account_deliver(f->a, &d, filed, &duplicate, &f->e));
	assert_true(duplicate);
	d.msgid_window = 0;
	OK(account_deliver(f->a, &d, filed, &duplicate, &f->e));
	assert_false(duplicate);
}

/* Twice in one mailbox: an email of its own. */
static void
test_twice_in_a_mailbox(void **state)
{
	struct fixture *f = *state;
	struct filing filings[] = {
		{ .path = STR("INBOX"), .item = { .raw = RAW } },
		{ .path = STR("INBOX"), .item = { .raw = RAW } },
	};
	struct delivery d = { .filings = filings, .nfilings = 2 };
	struct filed filed[2];
	bool duplicate;

	OK(account_deliver(f->a, &d, filed, &duplicate, &f->e));
	assert_int_not_equal(filed[0].appended.email, filed[1].appended.email);
	assert_int_equal(info(f, "INBOX").messages, 2);
}

/* The second filing does not fit: nothing happened at all. */
static void
test_quota_fails_as_a_whole(void **state)
{
	struct fixture *f = *state;
	struct filing filings[] = {
		{ .path = STR("New"), .create = true, .item = { .raw = RAW } },
		{ .path = STR("INBOX"),
		    .item = { .raw = STR("B: c\r\n\r\n") } },
	};
	struct outgoing out = mail(RAW, to_one, 1);
	struct memory memory = { STR("duplicate"), { key32, 32 },
		clock_now() + 100 };
	struct quota quota = { .messages = 1 };
	struct delivery d = { .key = STR("k"),
		.window = 100,
		.filings = filings,
		.nfilings = 2,
		.outgoing = &out,
		.noutgoing = 1,
		.memories = &memory,
		.nmemories = 1,
		.quota = &quota };
	struct filed filed[2];
	bool duplicate, yes;

	assert_int_equal(
	    account_deliver(f->a, &d, filed, &duplicate, &f->e), STORE_QUOTA);
	assert_int_equal(mailbox_find(f->a, f->arena, STR("New"), NULL, &f->e),
	    STORE_NOTFOUND);
	OK(memory_has(f->a, memory.kind, memory.key, &yes, &f->e));
	assert_false(yes);
	assert_int_equal(number(f, "SELECT count(*) FROM outgoing"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM blob"), 0);
	quota.messages = 2;
	OK(account_deliver(f->a, &d, filed, &duplicate, &f->e));
	assert_false(duplicate);
}

static void
test_invalid(void **state)
{
	static const struct str bad[] = { STR("a@b>\r\nQUIT"), STR(""),
		STR("a b@c"), STR("a>@c"), STR("\"a@c"), STR("a\tb@c"),
		STR("\xff@c") };
	struct fixture *f = *state;
	struct outgoing out = mail(RAW, bad, 1);
	struct memory memory = { STR("duplicate"), STR("short"), 1 };
	struct delivery d = { .outgoing = &out, .noutgoing = 1 };
	bool duplicate;

	for (size_t i = 0; i < LEN(bad); i++) {
		out.to = &bad[i];
		print_message("%zu\n", i);
		assert_int_equal(
		    account_deliver(f->a, &d, NULL, &duplicate, &f->e),
		    STORE_INVALID);
	}
	out.to = to_one;
	out.envid = STR("a b");
	assert_int_equal(
	    account_deliver(f->a, &d, NULL, &duplicate, &f->e), STORE_INVALID);
	out.envid = STR_NULL;
	out.nto = 0;
	assert_int_equal(
	    account_deliver(f->a, &d, NULL, &duplicate, &f->e), STORE_INVALID);
	d = (struct delivery){ .memories = &memory, .nmemories = 1 };
	assert_int_equal(
	    account_deliver(f->a, &d, NULL, &duplicate, &f->e), STORE_INVALID);
	assert_false(marked(f));
}

/* ------------------------------------------------------------------------
 * Memory
 */

static void
remember(struct fixture *f, int64_t until)
{
	struct memory m = { STR("vacation"), { key32, 32 }, until };
	struct delivery d = { .memories = &m, .nmemories = 1 };
	bool duplicate;

	OK(account_deliver(f->a, &d, NULL, &duplicate, &f->e));
}

static bool
remembers(struct fixture *f, const char *kind)
{
	bool yes;

	OK(memory_has(
	    f->a, str_of(kind), (struct str){ key32, 32 }, &yes, &f->e));
	return yes;
}

static void
test_memory(void **state)
{
	struct fixture *f = *state;
	int64_t now = clock_now();
	bool more;

	assert_false(remembers(f, "vacation"));
	remember(f, now + 1000);
	remember(f, now + 10);
	assert_true(remembers(f, "vacation"));
	assert_false(remembers(f, "duplicate"));
	assert_int_equal(number(f, "SELECT until FROM memory"), now + 1000);
	OK(account_purge(f->a, 0, &more, &f->e));
	assert_true(remembers(f, "vacation"));
	clock_shift(1001);
	assert_false(remembers(f, "vacation"));
	OK(account_purge(f->a, 0, &more, &f->e));
	clock_shift(-1001);
	assert_int_equal(number(f, "SELECT count(*) FROM memory"), 0);
}

/* ------------------------------------------------------------------------
 * What goes out
 */

static void
send_one(struct fixture *f, struct outgoing o)
{
	struct delivery d = { .outgoing = &o, .noutgoing = 1 };
	bool duplicate;

	OK(account_deliver(f->a, &d, NULL, &duplicate, &f->e));
}

static size_t
due(struct fixture *f, int64_t **ids)
{
	size_t n;

	OK(outgoing_due(f->a, f->arena, 10, ids, &n, &f->e));
	return n;
}

static void
test_outgoing(void **state)
{
	struct fixture *f = *state;
	struct outgoing o = mail(RAW, to_two, 2);
	struct outgoing_fate fates[] = { { .final = true },
		{ .why = STR("451 later") } };
	struct append note = { .raw = STR("Subject: note\r\n\r\n") };
	struct outgoing_row row, other;
	struct outgoing_state state_of;
	struct buf raw = { 0 };
	int64_t *ids;

	o.notify = STR("NEVER");
	o.envid = STR("e1");
	o.by_time = 77;
	o.by_mode = STR("N");
	send_one(f, o);
	assert_int_equal(due(f, &ids), 1);
	OK(outgoing_lock(f->a, f->arena, ids[0], &row, &f->e));
	assert_int_equal(
	    outgoing_lock(f->a, f->arena, ids[0], &other, &f->e), STORE_BUSY);
	assert_int_equal(row.what.nto, 2);
	assert_true(str_eq(row.what.to[1], to_two[1]));
	assert_true(str_eq(row.what.from, o.from));
	assert_true(str_eqc(row.what.notify, "NEVER"));
	assert_true(str_eqc(row.what.envid, "e1"));
	assert_int_equal(row.what.by_time, 77);
	assert_true(str_eqc(row.what.by_mode, "N"));
	OK(outgoing_read(f->a, &row, &raw, &f->e));
	assert_true(str_eq(buf_str(&raw), RAW));
	buf_fini(&raw);

	OK(outgoing_settle(f->a, &row, fates, clock_now() + 60, &note, &f->e));
	outgoing_unlock(&row);
	assert_int_equal(info(f, "INBOX").messages, 1);
	assert_int_equal(due(f, &ids), 0);
	OK(outgoing_state(f->a, &state_of, &f->e));
	assert_int_equal(state_of.count, 1);
	OK(outgoing_tidy(f->a, &f->e));
	assert_true(marked(f));

	clock_shift(61);
	assert_int_equal(due(f, &ids), 1);
	OK(outgoing_lock(f->a, f->arena, ids[0], &row, &f->e));
	clock_shift(-61);
	assert_int_equal(row.tries, 1);
	assert_int_equal(row.what.nto, 1);
	assert_true(str_eq(row.what.to[0], to_two[1]));
	assert_true(str_eqc(row.why[0], "451 later"));
	OK(outgoing_settle(f->a, &row, fates, 0, NULL, &f->e));
	outgoing_unlock(&row);
	assert_int_equal(
	    outgoing_lock(f->a, f->arena, ids[0], &row, &f->e), STORE_NOTFOUND);
	assert_true(marked(f));
	OK(outgoing_tidy(f->a, &f->e));
	assert_false(marked(f));
	assert_int_equal(number(f, "SELECT count(*) FROM outgoing"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM blob"), 1);
}

static void
test_list_and_hurry(void **state)
{
	struct fixture *f = *state;
	struct outgoing_fate later[] = { { .why = STR("451 no") },
		{ .why = STR("452 no") } };
	struct outgoing_row row, *list;
	int64_t *ids;
	size_t n;

	OK(outgoing_hurry(f->a, &f->e));
	assert_false(marked(f));
	send_one(f, mail(RAW, to_two, 2));
	send_one(f, mail(RAW, to_one, 1));
	assert_int_equal(due(f, &ids), 2);
	OK(outgoing_lock(f->a, f->arena, ids[0], &row, &f->e));
	OK(outgoing_settle(f->a, &row, later, clock_now() + 3600, NULL, &f->e));
	OK(outgoing_list(f->a, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].what.nto, 2);
	assert_true(str_eqc(list[0].why[1], "452 no"));
	assert_true(list[0].due > clock_now() + 3500);
	assert_int_equal(list[1].tries, 0);
	outgoing_unlock(&row);
	assert_int_equal(due(f, &ids), 1);
	OK(outgoing_hurry(f->a, &f->e));
	assert_int_equal(due(f, &ids), 2);
}

/* A large one is a file, shared with the message that stays. */
static void
test_large(void **state)
{
	struct fixture *f = *state;
	struct buf raw = { 0 };
	struct filing filing = { .path = STR("INBOX") };
	struct outgoing out;
	struct delivery d = { .filings = &filing,
		.nfilings = 1,
		.outgoing = &out,
		.noutgoing = 1 };
	struct outgoing_fate gone = { .final = true };
	struct outgoing_row row;
	struct filed filed;
	bool duplicate;
	int64_t *ids;

	BUF_LIT(&raw, "Subject: large\r\n\r\n");
	for (int i = 0; i < 2000; i++)
		buf_printf(&raw, "line %d\r\n", i * 7919 % 2003);
	filing.item.raw = buf_str(&raw);
	out = mail(buf_str(&raw), to_one, 1);
	OK(account_deliver(f->a, &d, &filed, &duplicate, &f->e));
	assert_int_equal(due(f, &ids), 1);
	OK(outgoing_lock(f->a, f->arena, ids[0], &row, &f->e));
	OK(outgoing_settle(f->a, &row, &gone, 0, NULL, &f->e));
	outgoing_unlock(&row);
	OK(outgoing_tidy(f->a, &f->e));
	assert_int_equal(number(f, "SELECT refs FROM blob"), 1);
	buf_fini(&raw);
}

/* What is in a copy has gone since, and a check mends what is lost. */
static void
test_restore_and_check(void **state)
{
	struct fixture *f = *state;
	char copy[80], marker[80];
	struct outgoing_state left;

	send_one(f, mail(RAW, to_one, 1));
	snprintf(marker, sizeof(marker), "%s/outbox/%.*s", f->dir, STR_ARG(ID));
	assert_int_equal(unlink(marker), 0);
	assert_int_equal(problems(f, true), 1);
	assert_true(marked(f));

	snprintf(copy, sizeof(copy), "%s/copy", f->dir);
	OK(account_backup(f->a, copy, true, &f->e));
	account_close(&f->a);
	OK(account_restore(f->st, STR("00000000000000bb"), copy, &f->e));
	OK(account_open(f->st, STR("00000000000000bb"), &f->a, &f->e));
	OK(outgoing_state(f->a, &left, &f->e));
	assert_int_equal(left.count, 0);
}

/* ------------------------------------------------------------------------
 * The marker, against each other
 */

#define ROUNDS 40

static void *
queue_many(void *arg)
{
	struct fixture *f = arg;
	struct outgoing o = mail(RAW, to_one, 1);
	struct delivery d = { .outgoing = &o, .noutgoing = 1 };
	struct err e;
	bool duplicate;

	for (int i = 0; i < ROUNDS; i++) {
		if (account_deliver(f->a, &d, NULL, &duplicate, &e) !=
			STORE_OK ||
		    !marked(f))
			return f; /* nobody settles: it must be there */
	}
	return NULL;
}

static void *
tidy_many(void *arg)
{
	struct fixture *f = arg;
	struct err e;

	for (int i = 0; i < ROUNDS * 4; i++) {
		if (outgoing_tidy(f->a, &e) != STORE_OK)
			return f;
	}
	return NULL;
}

static void
test_marker_race(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[4];
	void *wrong;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
				     i % 2 ? tidy_many : queue_many, f),
		    0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_int_equal(
	    number(f, "SELECT count(*) FROM outgoing"), 2 * ROUNDS);
}

/* ------------------------------------------------------------------------
 * Queries
 */

static const char *const indexed[] = {
	"SELECT until FROM memory WHERE kind = 'a' AND key = x'00'",
	"DELETE FROM memory WHERE until <= 1",
	"SELECT id FROM outgoing WHERE kind > 0 AND due <= 1 ORDER BY due"
	" LIMIT 1",
	"SELECT count(*), min(due) FROM outgoing WHERE kind > 0",
	"SELECT address, why FROM outgoing_recipient WHERE outgoing = 1"
	" ORDER BY n",
};

static void
test_queries_use_indexes(void **state)
{
	struct fixture *f = *state;
	struct sq *q = open_database(f);

	for (size_t i = 0; i < LEN(indexed); i++) {
		struct str sql =
		    arena_printf(f->arena, "EXPLAIN QUERY PLAN %s", indexed[i]);
		sqlite3_stmt *s;

		assert_int_equal(
		    sqlite3_prepare_v2(sq_handle(q), sql.p, -1, &s, NULL),
		    SQLITE_OK);
		while (sqlite3_step(s) == SQLITE_ROW) {
			const char *plan =
			    (const char *)sqlite3_column_text(s, 3);

			print_message("%s\n", plan);
			assert_non_null(strstr(plan, "USING"));
			assert_null(strstr(plan, "TEMP"));
		}
		sqlite3_finalize(s);
	}
	sq_close(&q);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_at_once),
		TEST(test_redelivery_without_filing),
		TEST(test_same_message_id),
		TEST(test_twice_in_a_mailbox),
		TEST(test_quota_fails_as_a_whole),
		TEST(test_invalid),
		TEST(test_memory),
		TEST(test_outgoing),
		TEST(test_list_and_hurry),
		TEST(test_large),
		TEST(test_restore_and_check),
		TEST(test_marker_race),
		TEST(test_queries_use_indexes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
