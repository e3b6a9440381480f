/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/greylist.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>

#include "base/fs.h"
#include "base/log.h"
#include "filter/greylist_key.h"
#include "filter/greylist_rows.h"

#define NOW INT64_C(1700000000)
#define HOUR 3600
#define DAY 86400
#define ENTRIES 1000

static char dir[64], path[96], log_path[96];
static struct filter_db *db;
static struct greylist *g;
static const struct greylist_rules rules = { 60, 2 * DAY, 36 * DAY };

/* ------------------------------------------------------------------------
 * Fixture
 */

static void
open_all(unsigned entries, int64_t now)
{
	struct err e = ERR_INIT;

	if (!filter_db_open(dir, &db, &e))
		fail_msg("%s", e.msg);
	g = greylist_new(db, entries, now);
}

static void
close_all(void)
{
	greylist_free(&g);
	filter_db_close(&db);
}

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "greylist_test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/filter.db", dir);
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	if (!log_open(log_path))
		return -1;
	open_all(ENTRIES, NOW);
	return 0;
}

static int
teardown(void **state)
{
	struct err e;

	(void)state;
	close_all();
	return fs_remove_tree(dir, &e) ? 0 : -1;
}

static struct in6_addr
address(const char *text)
{
	struct in6_addr a = IN6ADDR_ANY_INIT;

	if (inet_pton(AF_INET6, text, &a) == 1)
		return a;
	a.s6_addr[10] = a.s6_addr[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, &a.s6_addr[12]), 1);
	return a;
}

static struct greylist_query
query(const char *client, const char *sender, int64_t now)
{
	return (struct greylist_query){ .client = address(client),
		.sender = str_of(sender),
		.recipient = STR("bob@b.example"),
		.now = now };
}

static enum greylist_answer
ask(const char *client, const char *sender, int64_t now)
{
	struct greylist_query q = query(client, sender, now);
	unsigned wait, peeked;
	enum greylist_answer before = greylist_peek(g, &q, &rules, &peeked);
	enum greylist_answer a = greylist_ask(g, &q, &rules, &wait);

	assert_int_equal(before, a);
	assert_int_equal(peeked, wait);
	return a;
}

static void
flush(void)
{
	struct err e = ERR_INIT;

	if (!filter_db_flush(db, &e))
		fail_msg("%s", e.msg);
}

static int
rows(const char *table)
{
	struct arena *a = arena_new();
	struct str sql = arena_printf(a, "SELECT count(*) FROM %s", table);
	struct sq_options o = { .path = path, .readonly = true };
	struct sqlite3_stmt *s;
	struct err e;
	struct sq *q;
	int n;

	flush();
	assert_int_equal(sq_open(&o, &q, &e), SQ_OK);
	assert_int_equal(sq_one(q, &s, &e, sql.p), SQ_ROW);
	n = (int)sq_int(s, 0);
	sq_reset(s);
	sq_close(&q);
	arena_free(&a);
	return n;
}

/* ------------------------------------------------------------------------
 * Keys
 */

static const struct {
	const char *sender, *key;
} senders[] = {
	{ "", "" },
	{ "Ann@A.Example", "ann@a.example" },
	{ "ann", "ann" },
	{ "prvs=1234abcdef=Ann@a.example", "ann@a.example" },
	{ "PRVS=0123456789=ann=x@a.example", "ann=x@a.example" },
	{ "prvs=ann@a.example", "prvs=ann@a.example" },
	{ "msprvs1=17830xqZ=bounces-1@a.example", "bounces-#@a.example" },
	{ "btv1==12345678abc==ann@a.example", "ann@a.example" },
	{ "SRS0=HaSh=T4=c.example=ann@f.example", "c.example=ann@f.example" },
	{ "SRS0+HaSh=T4=c.example=ann@f.example", "c.example=ann@f.example" },
	{ "SRS1=HaSh=c.example==XXXX=T4=d.example=ann@f.example",
	    "c.example@f.example" },
	{ "SRS0.HaSh@f.example", "#.hash@f.example" },
	{ "SRS0=HaSh@f.example", "#=hash@f.example" },
	{ "list-bounces-1234-ann=b.example@l.example",
	    "list-bounces-#-ann=b.example@l.example" },
	{ "bounce-12@l.example", "bounce-#@l.example" },
	{ "bounce+4e7d2a.af9-ann=b.example@l.example",
	    "bounce+#-ann=b.example@l.example" },
	{ "0100018f2ab3c4d5-1234abcd-5678-90ab-cdef-dead00000000-000000"
	  "@ses.example",
	    "#@ses.example" },
	{ "fade-face.bead@a.example", "#@a.example" },
	{ "bad.cab@a.example", "bad.cab@a.example" },
	{ "1--2@a.example", "#--#@a.example" },
	{ "m\303\274ller7@a.example", "#@a.example" },
	{ "\"a@b\"1@a.example", "\"a@b\"#@a.example" },
	/* Only of the local part. */
	{ "ann@mail7.Example", "ann@mail7.example" },
};

static void
test_senders(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(senders); i++) {
		buf_clear(&b);
		greylist_put_sender(&b, str_of(senders[i].sender));
		print_message("%s\n", senders[i].sender);
		assert_string_equal(buf_cstr(&b), senders[i].key);
	}
	buf_fini(&b);
}

static const struct {
	const char *client, *spf_domain, *place;
} places[] = {
	{ "192.0.2.77", "", "192.0.2.0/24" },
	{ "::ffff:192.0.2.77", "", "192.0.2.0/24" },
	{ "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64" },
	{ "2001:db8:1:2:ffff::", "", "2001:db8:1:2::/64" },
	{ "::1", "", "::/64" },
	{ "192.0.2.77", "Mail.A.example", "mail.a.example" },
	{ "2001:db8::1", "a.example.", "a.example" },
	{ "192.0.2.77", ".", "192.0.2.0/24" },
	{ "192.0.2.77", "198.51.100.0/24", "192.0.2.0/24" },
};

static void
test_places(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(places); i++) {
		struct in6_addr client = address(places[i].client);

		buf_clear(&b);
		greylist_put_place(&b, &client, str_of(places[i].spf_domain));
		print_message("%s %s\n", places[i].client, buf_cstr(&b));
		assert_string_equal(buf_cstr(&b), places[i].place);
	}
	buf_fini(&b);
}

/* ------------------------------------------------------------------------
 * The state machine: questions one after the other
 */

struct question {
	int64_t at; /* after NOW */
	const char *client, *spf_domain, *sender, *recipient;
	enum greylist_answer answer;
	unsigned wait;
};

#define A "ann@a.example"
#define B "bob@b.example"
#define C "cat@b.example"
#define IP1 "192.0.2.1"
#define IP2 "192.0.2.200"
#define FAR "198.51.100.1"
#define V6 "2001:db8:1:2::1"

/* clang-format off */
static const struct question early[] = {
	{ 0, IP1, "", A, B, GREYLIST_NEW, 60 },
	{ 0, IP1, "", A, B, GREYLIST_EARLY, 60 },
	{ 59, IP1, "", A, B, GREYLIST_EARLY, 1 },
	{ 60, IP1, "", A, B, GREYLIST_RETURNED, 0 },
	{ 60, IP1, "", A, B, GREYLIST_KNOWN, 0 },
	{ 61, IP1, "", A, B, GREYLIST_KNOWN, 0 },
};
static const struct question late[] = {
	{ 0, IP1, "", A, B, GREYLIST_NEW, 60 },
	{ 2 * DAY + 1, IP1, "", A, B, GREYLIST_NEW, 60 },
	{ 2 * DAY + 30, IP1, "", A, B, GREYLIST_EARLY, 31 },
	{ 4 * DAY + 1, IP1, "", A, B, GREYLIST_RETURNED, 0 },
};
/* Being too early does not begin the time anew, nor make it longer. */
static const struct question hammering[] = {
	{ 0, IP1, "", A, B, GREYLIST_NEW, 60 },
	{ 20, IP1, "", A, B, GREYLIST_EARLY, 40 },
	{ 40, IP1, "", A, B, GREYLIST_EARLY, 20 },
	{ 60, IP1, "", A, B, GREYLIST_RETURNED, 0 },
};
static const struct question lifetime[] = {
	{ 0, IP1, "", A, B, GREYLIST_NEW, 60 },
	{ 100, IP1, "", A, B, GREYLIST_RETURNED, 0 },
	{ 30 * DAY, IP1, "", A, B, GREYLIST_KNOWN, 0 },
	{ 66 * DAY, IP1, "", A, B, GREYLIST_KNOWN, 0 },
	{ 102 * DAY + 1, IP1, "", A, B, GREYLIST_NEW, 60 },
	{ 102 * DAY + 61, IP1, "", A, B, GREYLIST_RETURNED, 0 },
};
/* Each waits alone; once one came again the place is known for all. */
static const struct question strangers[] = {
	{ 0, IP1, "", A, B, GREYLIST_NEW, 60 },
	{ 10, IP1, "", A, C, GREYLIST_NEW, 60 },
	{ 20, IP1, "", "x@a.example", B, GREYLIST_NEW, 60 },
	{ 30, FAR, "", A, B, GREYLIST_NEW, 60 },
	{ 61, IP1, "", A, C, GREYLIST_EARLY, 9 },
	{ 62, IP1, "", A, B, GREYLIST_RETURNED, 0 },
	{ 63, IP1, "", A, C, GREYLIST_KNOWN, 0 },
	{ 64, IP1, "", "y@a.example", "dan@b.example", GREYLIST_KNOWN, 0 },
	{ 65, FAR, "", A, B, GREYLIST_EARLY, 25 },
};
static const struct question networks[] = {
	{ 0, IP1, "", A, B, GREYLIST_NEW, 60 },
	{ 60, IP2, "", "ANN@A.example", "Bob@B.EXAMPLE", GREYLIST_RETURNED, 0 },
	{ 61, "192.0.3.1", "", A, B, GREYLIST_NEW, 60 },
	{ 62, V6, "", A, B, GREYLIST_NEW, 60 },
	{ 122, "2001:db8:1:3::1", "", A, B, GREYLIST_NEW, 60 },
	{ 122, "2001:db8:1:2:ffff::1", "", A, B, GREYLIST_RETURNED, 0 },
	{ 123, "::ffff:192.0.2.9", "", A, B, GREYLIST_KNOWN, 0 },
};
/* A pool of senders that come again from anywhere. */
static const struct question pools[] = {
	{ 0, IP1, "a.example", A, B, GREYLIST_NEW, 60 },
	{ 60, FAR, "A.Example", A, B, GREYLIST_RETURNED, 0 },
	{ 61, V6, "a.example", A, B, GREYLIST_KNOWN, 0 },
	{ 62, V6, "", A, B, GREYLIST_NEW, 60 },
	{ 63, V6, "b.example", A, B, GREYLIST_NEW, 60 },
};
static const struct question variants[] = {
	{ 0, IP1, "", "list-1-ab@l.example", B, GREYLIST_NEW, 60 },
	{ 60, IP1, "", "list-22-ab@l.example", B, GREYLIST_RETURNED, 0 },
	{ 0, FAR, "", "", B, GREYLIST_NEW, 60 },
	{ 60, FAR, "", "", B, GREYLIST_RETURNED, 0 },
};
static const struct question clock_back[] = {
	{ 1000, IP1, "", A, B, GREYLIST_NEW, 60 },
	{ 0, IP1, "", A, B, GREYLIST_EARLY, 60 },
	{ 60, IP1, "", A, B, GREYLIST_RETURNED, 0 },
	{ 0, IP1, "", A, B, GREYLIST_KNOWN, 0 },
};
#define QUESTIONS(list) { #list, list, LEN(list) }
static const struct {
	const char *name;
	const struct question *list;
	size_t n;
} machine[] = {
	QUESTIONS(early), QUESTIONS(late), QUESTIONS(hammering),
	QUESTIONS(lifetime), QUESTIONS(strangers), QUESTIONS(networks),
	QUESTIONS(pools), QUESTIONS(variants), QUESTIONS(clock_back),
};
/* clang-format on */

static void
ask_one(const struct question *t)
{
	struct greylist_query q = { .client = address(t->client),
		.spf_domain = str_of(t->spf_domain),
		.sender = str_of(t->sender),
		.recipient = str_of(t->recipient),
		.now = NOW + t->at };
	unsigned wait;

	assert_string_equal(
	    greylist_answer_name(greylist_ask(g, &q, &rules, &wait)),
	    greylist_answer_name(t->answer));
	assert_int_equal(wait, t->wait);
}

static void
test_machine(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(machine); i++) {
		struct greylist *was = g;

		g = greylist_new(db, ENTRIES, NOW + 1000 * DAY);
		for (size_t k = 0; k < machine[i].n; k++) {
			print_message("%s %zu\n", machine[i].name, k);
			ask_one(&machine[i].list[k]);
		}
		greylist_free(&g);
		g = was;
	}
}

static void
test_noted(void **state)
{
	int64_t last = NOW + 100 * DAY,
		end = last + (int64_t)GREYLIST_CORRESPONDENT_DAYS * DAY;

	(void)state;
	assert_false(greylist_is_correspondent(g, STR(A), NOW));
	greylist_note_correspondent(g, STR("Ann@a.EXAMPLE"), NOW);
	assert_true(greylist_is_correspondent(g, STR(A), NOW));
	assert_true(greylist_is_correspondent(g, STR("ANN@a.example"), NOW));
	assert_false(greylist_is_domain(g, STR(A), NOW));
	assert_false(greylist_is_correspondent(g, STR(B), NOW));
	greylist_note_correspondent(g, STR(A), last);
	assert_true(greylist_is_correspondent(g, STR(A), end - 1));
	assert_false(greylist_is_correspondent(g, STR(A), end));

	greylist_note_domain(g, STR("A.example"), NOW);
	end = NOW + (int64_t)GREYLIST_DOMAIN_DAYS * DAY;
	assert_true(greylist_is_domain(g, STR("a.example"), end - 1));
	assert_false(greylist_is_domain(g, STR("a.example"), end));
	assert_false(greylist_is_domain(g, STR("x.a.example"), NOW));
}

/* ------------------------------------------------------------------------
 * filter.db
 */

static void
test_persistent(void **state)
{
	(void)state;
	ask(IP1, A, NOW);
	ask(IP1, A, NOW + 60);
	ask(FAR, A, NOW + 100);
	greylist_note_correspondent(g, STR(B), NOW);
	greylist_note_domain(g, STR("a.example"), NOW);
	close_all();
	open_all(ENTRIES, NOW + 120);
	assert_int_equal(ask(IP1, A, NOW + 120), GREYLIST_KNOWN);
	assert_int_equal(ask(FAR, A, NOW + 120), GREYLIST_EARLY);
	assert_int_equal(ask(FAR, A, NOW + 160), GREYLIST_RETURNED);
	assert_true(greylist_is_correspondent(g, STR(B), NOW + DAY));
	assert_true(greylist_is_domain(g, STR("a.example"), NOW + DAY));
	assert_int_equal(rows("greylist_waiting"), 0);
	assert_int_equal(rows("greylist_known"), 2);
}

/* It lives on as long as it sends, in filter.db too. */
static void
test_written_again(void **state)
{
	(void)state;
	ask(IP1, A, NOW);
	ask(IP1, A, NOW + 60);
	ask(IP1, A, NOW + 30 * DAY);
	close_all();
	open_all(ENTRIES, NOW + 50 * DAY);
	assert_int_equal(ask(IP1, A, NOW + 50 * DAY), GREYLIST_KNOWN);
}

static void
test_expired_rows(void **state)
{
	struct greylist_counts n;
	char sender[32];

	(void)state;
	for (int i = 0; i < 500; i++) {
		snprintf(sender, sizeof(sender), "a%cb%cx@a.example",
		    'g' + i % 19, 'g' + i / 19 % 20);
		ask(i % 2 ? FAR : IP1, sender, NOW);
	}
	assert_true(rows("greylist_waiting") > 300);
	close_all();
	open_all(ENTRIES, NOW + 3 * DAY);
	greylist_count(g, &n);
	assert_int_equal(n.strangers, 0);
	assert_int_equal(rows("greylist_waiting"), 0);
}

/* Those that last longest are read, and stay in order. */
static void
test_load_bounded(void **state)
{
	struct greylist_counts n;
	char client[32];

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(client, sizeof(client), "10.0.%d.1", i);
		ask(client, A, NOW + i);
	}
	close_all();
	open_all(50, NOW + 200);
	greylist_count(g, &n);
	assert_int_equal(n.strangers, 50);
	assert_int_equal(ask("10.0.199.1", A, NOW + 200), GREYLIST_EARLY);
	assert_int_equal(ask("10.0.200.1", A, NOW + 200), GREYLIST_NEW);
	assert_int_equal(ask("10.0.151.1", A, NOW + 201), GREYLIST_EARLY);
	assert_int_equal(ask("10.0.150.1", A, NOW + 201), GREYLIST_NEW);
}

static void
test_broken_file(void **state)
{
	FILE *f;

	(void)state;
	close_all();
	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		fputs("no database\n", f);
	fclose(f);
	open_all(ENTRIES, NOW);
	assert_int_equal(ask(IP1, A, NOW), GREYLIST_NEW);
	assert_int_equal(ask(IP1, A, NOW + 60), GREYLIST_RETURNED);
	assert_int_equal(ask(IP1, A, NOW + 61), GREYLIST_KNOWN);
}

static void
test_list(void **state)
{
	struct arena *a = arena_new();
	struct greylist_row *list;
	struct err e;
	size_t n;

	(void)state;
	ask(IP1, A, NOW);
	ask(IP1, A, NOW + 60);
	ask(IP1, A, NOW + 200);
	ask(FAR, "x1@a.example", NOW);
	flush();
	assert_int_equal(greylist_list(db, a, &list, &n, &e), SQ_OK);
	assert_int_equal(n, 2);
	assert_true(list[0].known);
	assert_string_equal(list[0].place.p, "192.0.2.0/24");
	assert_string_equal(list[0].sender.p, A);
	assert_string_equal(list[0].recipient.p, B);
	assert_int_equal(list[0].first, NOW + 60);
	assert_int_equal(list[0].last, NOW + 200);
	assert_int_equal(list[0].count, 2);
	assert_int_equal(list[0].expires, NOW + 200 + 36 * DAY);
	assert_false(list[1].known);
	assert_string_equal(list[1].place.p, "198.51.100.0/24");
	assert_string_equal(list[1].sender.p, "#@a.example");
	arena_free(&a);
}

static void
explain(struct sq *q, struct arena *a, const char *sql)
{
	struct str text = arena_printf(a, "EXPLAIN QUERY PLAN %s", sql);
	/* As many NULLs as there are parameters. */
	struct sq_value values[16] = { 0 };
	struct sqlite3_stmt *s;
	struct err e = ERR_INIT;
	enum sq_rc rc;
	unsigned n = 0;

	for (const char *p = sql; *p; p++) {
		if (*p == '?')
			values[n++] = SQ_NULL;
	}
	rc = sq_startv(q, text.p, values, &s, &e);
	print_message("%s\n", sql);
	if (rc != SQ_OK)
		fail_msg("%s", e.msg);
	while ((rc = sq_step(s, &e)) == SQ_ROW) {
		const char *plan = sq_dup(a, s, 3).p;

		print_message("  %s\n", plan);
		assert_null(strstr(plan, "SCAN"));
		assert_null(strstr(plan, "TEMP"));
	}
	assert_int_equal(rc, SQ_DONE);
}

static void
test_queries_use_indexes(void **state)
{
	struct arena *a = arena_new();
	struct err e;
	struct sq *q = filter_db_reader(db, &e);

	(void)state;
	assert_non_null(q);
	for (int i = 0; i < GREYLIST_KINDS; i++) {
		explain(q, a, greylist_sql[i].put);
		explain(q, a, greylist_sql[i].drop);
		explain(q, a, greylist_sql[i].prune);
		explain(q, a, greylist_sql[i].load);
	}
	filter_db_reader_done(db, &q);
	arena_free(&a);
}

/* ------------------------------------------------------------------------
 * The table
 */

static struct greylist_id
id_of(uint32_t n)
{
	return greylist_id_of((struct str){ (const char *)&n, sizeof(n) });
}

/* Against a list of the same things in order. */
static void
test_table(void **state)
{
	struct greylist_table *t = greylist_table_new(300);
	uint32_t order[300], n = 0, seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint32_t key = (seed = seed * 1664525 + 1013904223) >> 16, at;
		struct greylist_id id = id_of(key %= 500);
		struct greylist_entry *e = greylist_table_find(t, &id);

		for (at = 0; at < n && order[at] != key;)
			at++;
		assert_int_equal(e != NULL, at < n);
		if (!e && greylist_table_full(t)) {
			assert_int_equal(n, 300);
			e = greylist_table_oldest(t);
			assert_int_equal(e->first, order[0]);
			greylist_table_remove(t, e);
			memmove(order, order + 1, --n * sizeof(*order));
		} else if (!e) {
			greylist_table_add(t, &id)->first = key;
			order[n++] = key;
		} else if (seed & 0x100) {
			greylist_table_make_newest(t, e);
			memmove(order + at, order + at + 1,
			    (n - at - 1) * sizeof(*order));
			order[n - 1] = key;
		} else {
			greylist_table_make_oldest(t, e);
			memmove(order + 1, order, at * sizeof(*order));
			order[0] = key;
		}
		assert_int_equal(greylist_table_count(t), n);
	}
	while (n) {
		struct greylist_entry *e = greylist_table_oldest(t);

		assert_int_equal(e->first, order[0]);
		greylist_table_remove(t, e);
		memmove(order, order + 1, --n * sizeof(*order));
	}
	assert_null(greylist_table_oldest(t));
	greylist_table_free(&t);
}

/* ------------------------------------------------------------------------
 * Floods and threads
 */

static void
ask_number(uint32_t n, int64_t now)
{
	struct greylist_query q = { .client = address("2001:db8::1"),
		.sender = STR(A),
		.recipient = STR(B),
		.now = now };
	unsigned wait;

	memcpy(&q.client.s6_addr[4], &n, sizeof(n));
	assert_int_equal(greylist_ask(g, &q, &rules, &wait), GREYLIST_NEW);
}

#define FLOOD 1000000

static void
test_flood(void **state)
{
	struct greylist_counts n;

	(void)state;
	ask(IP1, A, NOW);
	ask(IP1, A, NOW + 60);
	for (uint32_t i = 0; i < FLOOD; i++)
		ask_number(i, NOW + 61);
	greylist_count(g, &n);
	assert_int_equal(n.strangers, ENTRIES);
	assert_int_equal(n.places, 1);
	assert_true(n.bytes < 4 * 72 * ENTRIES);
	assert_int_equal(ask(IP1, A, NOW + 62), GREYLIST_KNOWN);
	/* The newest are those that still wait. */
	assert_int_equal(ask(FAR, A, NOW + 62), GREYLIST_NEW);
	assert_int_equal(ask(FAR, A, NOW + 122), GREYLIST_RETURNED);
}

/* What goes from memory goes from the file. */
static void
test_flood_in_file(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 10 * ENTRIES; i++)
		ask_number(i, NOW);
	assert_int_equal(rows("greylist_waiting"), ENTRIES);
}

#define THREADS 8
#define QUESTIONS_EACH 5000

struct asker {
	unsigned n, answers[4];
};

/* All ask for the same strangers, at times of their own. */
static void *
ask_many(void *arg)
{
	struct asker *a = arg;
	struct greylist_query q;
	unsigned wait;
	char client[32];

	for (unsigned i = 0; i < QUESTIONS_EACH; i++) {
		snprintf(client, sizeof(client), "10.0.%u.1", i % 200);
		q = query(client, A, NOW + i / 50);
		a->answers[greylist_ask(g, &q, &rules, &wait)]++;
		greylist_note_domain(g, str_of(client), NOW + i);
		greylist_is_correspondent(g, STR(B), NOW);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct asker askers[THREADS] = { 0 };
	unsigned total[4] = { 0 };
	pthread_t threads[THREADS];
	struct greylist_counts n;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		askers[i].n = i;
		assert_int_equal(
		    pthread_create(&threads[i], NULL, ask_many, &askers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		for (int k = 0; k < 4; k++)
			total[k] += askers[i].answers[k];
	}
	/* Nobody is new twice, nor does he return twice. */
	assert_int_equal(total[GREYLIST_NEW], 200);
	assert_int_equal(total[GREYLIST_RETURNED], 200);
	greylist_count(g, &n);
	assert_int_equal(n.strangers, 0);
	assert_int_equal(n.places, 200);
	assert_int_equal(n.domains, 200);
	assert_int_equal(rows("greylist_known"), 200);
	assert_int_equal(rows("greylist_waiting"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_table),
		TEST(test_machine),
		TEST(test_noted),
		TEST(test_persistent),
		TEST(test_written_again),
		TEST(test_expired_rows),
		TEST(test_load_bounded),
		TEST(test_broken_file),
		TEST(test_list),
		TEST(test_queries_use_indexes),
		TEST(test_flood),
		TEST(test_flood_in_file),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
