/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/deliver.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "deliver/trace.h"
#include "site/setting.h"
#include "store/outgoing.h"

/* A site of two accounts on a disk of its own. */
static char dir[] = "/tmp/deliver_test.XXXXXX";
static struct site *site;
static struct store *store;
static struct deliver *deliver;
static struct arena *arena;
static struct site_account ann, bob, off;

#define MESSAGE "Subject: hello\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n"

static void
set(const char *key, const struct site_account *acc, const char *value)
{
	struct err e = ERR_INIT;
	struct site_scope scope = { 0 };

	if (acc)
		scope = site_scope_of(acc);
	if (site_setting_set(
		site, NULL, str_of(key), scope, str_of(value), &e) != SITE_OK)
		fail_msg("%s", e.msg);
}

static void
add_account(const char *address, struct site_account *out)
{
	struct err e = ERR_INIT;

	if (site_account_add(site, arena, NULL, str_of(address), STR_NULL,
		STR_NULL, out, &e) != SITE_OK ||
	    account_create(store, str_of(out->id), &e) != STORE_OK)
		fail_msg("%s", e.msg);
}

static void
add_alias(const char *address, const char *t1, const char *t2)
{
	struct str targets[2] = { str_of(t1), str_of(t2) };
	struct site_alias alias = { .address = str_of(address),
		.targets = targets,
		.count = t2 ? 2 : 1 };
	struct err e = ERR_INIT;

	if (site_alias_set(site, NULL, &alias, true, &e) != SITE_OK)
		fail_msg("%s", e.msg);
}

/* ------------------------------------------------------------------------
 * A thread for each, as a server's workers would
 */

struct job {
	void (*task)(void *targ, size_t i);
	void *targ;
	size_t i;
};

static void *
run_job(void *arg)
{
	struct job *j = arg;

	j->task(j->targ, j->i);
	return NULL;
}

static void
threads(void *arg, size_t count, void (*task)(void *targ, size_t i), void *targ)
{
	pthread_t t[16];
	struct job jobs[16];

	(void)arg;
	assert_true(count <= 16);
	for (size_t i = 0; i < count; i++) {
		jobs[i] = (struct job){ task, targ, i };
		pthread_create(&t[i], NULL, run_job, &jobs[i]);
	}
	for (size_t i = 0; i < count; i++)
		pthread_join(t[i], NULL);
}

static int
setup(void **state)
{
	struct store_options so = { .data_dir = dir };
	struct deliver_options o;
	struct err e = ERR_INIT;

	(void)state;
	log_init("deliver_test", LOG_ERROR + 1, LOG_LOGFMT);
	if (!mkdtemp(dir))
		return -1;
	arena = arena_new();
	if (site_open(dir, &site, &e) != SITE_OK ||
	    store_open(&so, &store, &e) != STORE_OK ||
	    site_domain_add(site, NULL, STR("a.test"), STR_NULL, &e) != SITE_OK)
		fail_msg("%s", e.msg);
	add_account("ann@a.test", &ann);
	add_account("bob@a.test", &bob);
	add_account("off@a.test", &off);
	off.state = SITE_STATE_DISABLED;
	site_account_set(site, NULL, SITE_SET_STATE, &off, &e);
	add_alias("both@a.test", "ann@a.test", "bob@a.test");
	add_alias("some@a.test", "ann@a.test", "off@a.test");
	add_alias("away@a.test", "ann@a.test", "x@elsewhere.test");
	add_alias("lost@a.test", "nobody@a.test", NULL);
	o = (struct deliver_options){ .site = site,
		.store = store,
		.hostname = "mx.a.test",
		.parallel = threads };
	deliver = deliver_new(&o);
	return 0;
}

static int
teardown(void **state)
{
	struct err e;

	(void)state;
	deliver_free(&deliver);
	store_close(&store);
	site_close(&site);
	arena_free(&arena);
	return fs_remove_tree(dir, &e) ? 0 : -1;
}

/* ------------------------------------------------------------------------
 * Helpers of the tests
 */

static uint64_t
count_in(const struct site_account *acc, const char *path)
{
	struct account *a;
	struct mailbox box;
	struct err e = ERR_INIT;

	assert_int_equal(
	    account_open(store, str_of(acc->id), &a, &e), STORE_OK);
	assert_int_equal(
	    mailbox_find(a, arena, str_of(path), &box, &e), STORE_OK);
	account_close(&a);
	return box.messages;
}

/* The newest message of a mailbox. */
static void
read_last(const struct site_account *acc, const char *path, struct buf *out)
{
	struct account *a;
	struct mailbox box;
	struct view *v;
	struct reader *r;
	struct err e = ERR_INIT;

	assert_int_equal(
	    account_open(store, str_of(acc->id), &a, &e), STORE_OK);
	assert_int_equal(
	    mailbox_find(a, arena, str_of(path), &box, &e), STORE_OK);
	assert_int_equal(view_current(a, box.id, &v, &e), STORE_OK);
	assert_int_equal(reader_begin(a, &r, &e), STORE_OK);
	assert_int_equal(email_read(r, view_at(v, view_count(v))->email, 0,
			     1 << 20, out, &e),
	    STORE_OK);
	reader_end(&r);
	view_unref(&v);
	account_close(&a);
}

static enum deliver_rc
check(const char *address, uint64_t size)
{
	struct deliver_rcpt r = { .address = str_of(address) };
	struct err e = ERR_INIT;

	return deliver_check(deliver, arena, size, &r, &e);
}

static struct deliver_rcpt
send_to(const char *address, const char *raw)
{
	struct deliver_rcpt r = { .address = str_of(address) };
	struct deliver_message m = {
		.raw = str_of(raw),
		.from = STR("sender@x.test"),
		.helo = STR("client"),
		.peer = "local",
		.with = "LMTP",
		.id = "id1",
	};
	struct err e = ERR_INIT;

	assert_int_equal(deliver_check(deliver, arena, 0, &r, &e), DELIVER_OK);
	deliver_message(deliver, &m, &r, 1);
	return r;
}

/* ------------------------------------------------------------------------
 * Tests
 */

static void
test_check(void **state)
{
	static const struct {
		const char *address;
		enum deliver_rc rc;
	} cases[] = {
		{ "ann@a.test", DELIVER_OK },
		{ "ANN@A.TEST", DELIVER_OK },
		{ "ann+box@a.test", DELIVER_OK },
		{ "both@a.test", DELIVER_OK },
		{ "some@a.test", DELIVER_OK },
		{ "nobody@a.test", DELIVER_UNKNOWN },
		{ "lost@a.test", DELIVER_UNKNOWN },
		{ "ann@elsewhere.test", DELIVER_UNKNOWN },
		{ "off@a.test", DELIVER_DISABLED },
		{ "away@a.test", DELIVER_ELSEWHERE },
		{ "no address", DELIVER_BAD_ADDRESS },
		{ "", DELIVER_BAD_ADDRESS },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		print_message("%s\n", cases[i].address);
		assert_int_equal(check(cases[i].address, 0), cases[i].rc);
	}
}

static void
test_trace(void **state)
{
	static const char fields[] =
	    "Received: from b (local)\r\n\tby c (Postfix) with ESMTP id "
	    "4XyZ12\r\n"
	    "\tfor <x@y>; Sun, 22 Nov 2026 10:00:00 +0000\r\n"
	    "Delivered-To: Ann@A.test\r\n"
	    "received: from a\r\n\r\nDelivered-To: bob@a.test\r\n";
	struct deliver_message m = { .raw = STR(MESSAGE),
		.from = STR("s@x"),
		.helo = STR("evil) \r\nX: y"),
		.peer = "2001:db8::1",
		.with = "LMTPS",
		.id = "abc" };
	struct buf b = { 0 };
	struct trace t;

	(void)state;
	trace_fields(&b, &m, STR("ann@a.test"), "mx", 0);
	assert_true(str_starts(buf_str(&b),
	    STR("Return-Path: <s@x>\r\nDelivered-To: ann@a.test\r\n"
		"Received: from evil????X:?y ([IPv6:2001:db8::1])\r\n"
		"\tby mx with LMTPS id abc for <ann@a.test>;")));
	assert_true(
	    str_iends(buf_str(&b), STR("Thu, 1 Jan 1970 00:00:00 +0000\r\n")));
	trace_read(arena, str_of(fields), &t);
	assert_int_equal(t.received, 2);
	assert_int_equal(t.ndelivered, 1);
	assert_true(str_eqc(t.queue_id, "4XyZ12"));
	assert_true(trace_loops(arena, &t, STR("ann@a.test")));
	assert_false(trace_loops(arena, &t, STR("bob@a.test")));
	t.received = TRACE_MAX_RECEIVED + 1;
	assert_true(trace_loops(arena, &t, STR("bob@a.test")));
	buf_fini(&b);
}

static void
test_delivery(void **state)
{
	struct buf got = { 0 };
	uint64_t before = count_in(&ann, "INBOX");
	struct deliver_rcpt r = send_to("ann@a.test", MESSAGE);

	(void)state;
	assert_int_equal(r.rc, DELIVER_OK);
	assert_false(r.duplicate);
	assert_int_equal(count_in(&ann, "INBOX"), before + 1);
	read_last(&ann, "INBOX", &got);
	assert_true(str_starts(buf_str(&got),
	    STR("Return-Path: <sender@x.test>\r\nDelivered-To: ann@a.test\r\n"
		"Received: from client (local)\r\n"
		"\tby mx.a.test with LMTP id id1 for <ann@a.test>;")));
	assert_true(str_iends(buf_str(&got), STR("+0000\r\n" MESSAGE)));
	/* Acknowledged again, stored once; another recipient is another. */
	r = send_to("ann@a.test", MESSAGE);
	assert_int_equal(r.rc, DELIVER_OK);
	assert_true(r.duplicate);
	assert_int_equal(count_in(&ann, "INBOX"), before + 1);
	r = send_to("bob@a.test", MESSAGE);
	assert_false(r.duplicate);
	/* Back where it was: a loop. */
	r = send_to("ann@a.test", buf_cstr(&got));
	assert_int_equal(r.rc, DELIVER_LOOP);
	assert_int_equal(count_in(&ann, "INBOX"), before + 1);
	set("delivery.redelivery_window", NULL, "0");
	r = send_to("ann@a.test", MESSAGE);
	assert_false(r.duplicate);
	set("delivery.redelivery_window", NULL, "1d");
	buf_fini(&got);
}

/* ------------------------------------------------------------------------
 * Notices
 */

static struct deliver_rcpt
send_notify(struct deliver *d, const char *address, const char *raw,
    const char *notify, struct deliver_by by)
{
	struct deliver_rcpt r = { .address = str_of(address),
		.notify = str_of(notify) };
	struct deliver_message m = { .raw = str_of(raw),
		.from = STR("sender@x.test"),
		.helo = STR("client"),
		.peer = "local",
		.with = "LMTP",
		.id = "id3",
		.by = by };
	struct err e = ERR_INIT;

	assert_int_equal(deliver_check(d, arena, 0, &r, &e), DELIVER_OK);
	deliver_message(d, &m, &r, 1);
	return r;
}

/* How much mail it sends; the last of it, if OUT is not NULL. */
static size_t
queued(const struct site_account *acc, struct buf *out)
{
	struct account *a;
	struct outgoing_row *list, row;
	struct err e = ERR_INIT;
	size_t n;

	assert_int_equal(
	    account_open(store, str_of(acc->id), &a, &e), STORE_OK);
	assert_int_equal(outgoing_list(a, arena, &list, &n, &e), STORE_OK);
	if (out && n) {
		buf_clear(out);
		assert_int_equal(
		    outgoing_lock(a, arena, list[n - 1].id, &row, &e),
		    STORE_OK);
		assert_int_equal(outgoing_read(a, &row, out, &e), STORE_OK);
		assert_true(str_eqc(row.what.to[0], "sender@x.test"));
		outgoing_unlock(&row);
	}
	account_close(&a);
	return n;
}

static void
test_notices(void **state)
{
	static const struct deliver_by none;
	const char *raw = "Message-ID: <notice@x>\r\n\r\nbody\r\n";
	uint64_t before = count_in(&ann, "INBOX");
	size_t ann_had = queued(&ann, NULL), bob_had = queued(&bob, NULL);
	struct buf got = { 0 };
	struct deliver_rcpt r;

	(void)state;
	r = send_notify(deliver, "ann@a.test", raw, "SUCCESS", none);
	assert_int_equal(r.rc, DELIVER_OK);
	assert_int_equal(count_in(&ann, "INBOX"), before + 1);
	assert_int_equal(queued(&ann, &got), ann_had + 1);
	assert_non_null(strstr(buf_cstr(&got),
	    "Final-Recipient: rfc822; ann@a.test\r\nAction: delivered\r\n"));
	/* Once, even if it comes again; also without having been asked. */
	r = send_notify(deliver, "ann@a.test", raw, "SUCCESS", none);
	assert_true(r.duplicate);
	assert_int_equal(queued(&ann, NULL), ann_had + 1);
	r = send_notify(deliver, "bob@a.test", raw, "FAILURE", none);
	r = send_notify(deliver, "bob@a.test", raw, "SUCCESS", none);
	assert_true(r.duplicate);
	assert_int_equal(queued(&bob, NULL), bob_had);
	/* An alias of two answers once. */
	r = send_notify(deliver, "both@a.test", raw, "SUCCESS", none);
	assert_int_equal(r.rc, DELIVER_OK);
	assert_int_equal(
	    queued(&ann, &got) + queued(&bob, &got), ann_had + bob_had + 2);
	assert_non_null(
	    strstr(buf_cstr(&got), "Final-Recipient: rfc822; both@a.test\r\n"));
	buf_fini(&got);
}

static void
test_late(void **state)
{
	struct deliver_by by = { .set = true, .until = clock_now() - 1 };
	uint64_t before = count_in(&ann, "INBOX");
	struct deliver_rcpt r;

	(void)state;
	r = send_notify(deliver, "ann@a.test", "A: late\r\n\r\n", "", by);
	assert_int_equal(r.rc, DELIVER_OK);
	by.refuse = true;
	r = send_notify(deliver, "ann@a.test", "A: late 2\r\n\r\n", "", by);
	assert_int_equal(r.rc, DELIVER_EXPIRED);
	assert_string_equal(deliver_reply(r.rc)->status, "5.4.7");
	by.until = clock_now() + 60;
	r = send_notify(deliver, "ann@a.test", "A: late 2\r\n\r\n", "", by);
	assert_int_equal(r.rc, DELIVER_OK);
	assert_int_equal(count_in(&ann, "INBOX"), before + 2);
}

static void
test_headroom(void **state)
{
	char room[DELIVER_HEADROOM + sizeof(MESSAGE)];
	struct deliver_rcpt r = { .address = STR("ann@a.test") };
	struct deliver_message m = {
		.raw = { room + DELIVER_HEADROOM, sizeof(MESSAGE) - 1 },
		.headroom = DELIVER_HEADROOM,
		.from = STR_NULL,
		.peer = "192.0.2.1",
		.with = "LMTP",
		.id = "id2",
	};
	struct err e = ERR_INIT;
	struct buf got = { 0 };

	(void)state;
	memcpy(room + DELIVER_HEADROOM, MESSAGE, sizeof(MESSAGE));
	assert_int_equal(deliver_check(deliver, arena, 0, &r, &e), DELIVER_OK);
	deliver_message(deliver, &m, &r, 1);
	assert_int_equal(r.rc, DELIVER_OK);
	read_last(&ann, "INBOX", &got);
	assert_true(str_starts(buf_str(&got), STR("Return-Path: <>\r\n")));
	assert_true(str_iends(buf_str(&got), STR("+0000\r\n" MESSAGE)));
	buf_fini(&got);
}

static void
test_many(void **state)
{
	struct deliver_rcpt list[] = { { .address = STR("both@a.test") },
		{ .address = STR("bob+x@a.test") },
		{ .address = STR("some@a.test") } };
	struct deliver_message m = { .raw = STR(MESSAGE "many\r\n"),
		.from = STR("s@x.test"),
		.peer = "local",
		.with = "LMTP",
		.id = "id3" };
	uint64_t a = count_in(&ann, "INBOX"), b = count_in(&bob, "INBOX");
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
		    deliver_check(deliver, arena, 0, &list[i], &e), DELIVER_OK);
	deliver_message(deliver, &m, list, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(list[i].rc, DELIVER_OK);
	assert_int_equal(count_in(&ann, "INBOX"), a + 2);
	assert_int_equal(count_in(&bob, "INBOX"), b + 2);
}

static void
test_detail(void **state)
{
	struct account *a;
	struct err e = ERR_INIT;
	uint64_t inbox = count_in(&bob, "INBOX");

	(void)state;
	assert_int_equal(account_open(store, str_of(bob.id), &a, &e), STORE_OK);
	assert_int_equal(
	    mailbox_create(a, STR("lists"), ROLE_NONE, NULL, &e), STORE_OK);
	account_close(&a);
	send_to("bob+lists@a.test", MESSAGE "1");
	assert_int_equal(count_in(&bob, "lists"), 0);
	set("delivery.detail_mailbox", &bob, "yes");
	send_to("bob+lists@a.test", MESSAGE "2");
	assert_int_equal(count_in(&bob, "lists"), 1);
	send_to("bob+nothing@a.test", MESSAGE "3");
	assert_int_equal(count_in(&bob, "INBOX"), inbox + 2);
}

static void
test_junk(void **state)
{
	uint64_t inbox = count_in(&bob, "INBOX"), junk = count_in(&bob, "Junk");

	(void)state;
	send_to("bob@a.test", "X-Spam-Flag: YES\r\n" MESSAGE "j1");
	send_to("bob@a.test", "X-Spam-Score: 5.0 (five)\r\n" MESSAGE "j2");
	assert_int_equal(count_in(&bob, "Junk"), junk + 2);
	send_to("bob@a.test", "X-Spam-Flag: NO\r\n" MESSAGE "j3");
	send_to("bob@a.test", "X-Spam-Score: 4.9\r\n" MESSAGE "j4");
	send_to("bob@a.test", MESSAGE "X-Spam-Flag: YES\r\n");
	assert_int_equal(count_in(&bob, "INBOX"), inbox + 3);
	set("spam.tag", &bob, "0");
	send_to("bob@a.test", "X-Spam-Score: 99\r\n" MESSAGE "j5");
	set("delivery.junk", &bob, "no");
	send_to("bob@a.test", "X-Spam-Flag: YES\r\n" MESSAGE "j6");
	assert_int_equal(count_in(&bob, "INBOX"), inbox + 5);
	assert_int_equal(count_in(&bob, "Junk"), junk + 2);
}

static void
test_quota(void **state)
{
	static char big[30000];
	struct buf got = { 0 };
	struct site_account eve;
	struct deliver_rcpt r;

	(void)state;
	add_account("eve@a.test", &eve);
	set("quota.bytes", &eve, "100000");
	assert_int_equal(check("eve@a.test", 99999), DELIVER_OK);
	assert_int_equal(check("eve@a.test", 100001), DELIVER_FULL_TEMP);
	set("delivery.over_quota", &eve, "reject");
	assert_int_equal(check("eve@a.test", 100001), DELIVER_FULL_PERM);
	memset(big, 'x', sizeof(big) - 1);
	memcpy(big, "A: b\r\n\r\n", 8);
	/* 30, 60, 90 %: one warning, at 90. */
	for (int i = 0; i < 3; i++) {
		big[20] = (char)('a' + i);
		r = send_to("eve@a.test", big);
		assert_int_equal(r.rc, DELIVER_OK);
		assert_int_equal(
		    count_in(&eve, "INBOX"), (uint64_t)i + 1 + (i == 2));
	}
	read_last(&eve, "INBOX", &got);
	assert_non_null(
	    strstr(buf_cstr(&got), "Subject: Your mailbox is 90 % full\r\n"));
	/* It goes past the limit: refused, and told once that it is full. */
	for (int i = 0; i < 2; i++) {
		big[20] = (char)('k' + i);
		r = send_to("eve@a.test", big);
		assert_int_equal(r.rc, DELIVER_FULL_PERM);
		assert_int_equal(count_in(&eve, "INBOX"), 5);
	}
	buf_clear(&got);
	read_last(&eve, "INBOX", &got);
	assert_non_null(
	    strstr(buf_cstr(&got), "Subject: Your mailbox is full\r\n"));
	assert_non_null(
	    strstr(buf_cstr(&got), "Auto-Submitted: auto-generated\r\n"));
	buf_fini(&got);
}

static void
test_failing_store(void **state)
{
	struct site_account gone;
	struct deliver_rcpt r;
	struct err e = ERR_INIT;

	(void)state;
	add_account("gone@a.test", &gone);
	account_remove(store, str_of(gone.id), &e);
	r = send_to("gone@a.test", MESSAGE);
	assert_int_equal(r.rc, DELIVER_TEMP);
	assert_int_equal(deliver_reply(r.rc)->code, 451);
}

/* ------------------------------------------------------------------------
 * Accounts of other servers
 */

static char forwarded[2000];

static enum deliver_rc
take_forwarded(struct site *s, struct deliver_forward *f, struct err *e)
{
	(void)s;
	(void)e;
	f->words.code = 554;
	strcpy(f->words.text, "Not him");
	assert_string_equal(f->account->id, bob.id);
	snprintf(forwarded, sizeof(forwarded), "%.*s|%.*s%.*s", STR_ARG(f->to),
	    STR_ARG(f->head), STR_ARG(f->message->raw));
	return DELIVER_REFUSED;
}

static void
set_backend(const char *backend)
{
	struct err e = ERR_INIT;

	bob.backend = str_of(backend);
	assert_int_equal(
	    site_account_set(site, NULL, SITE_SET_BACKEND, &bob, &e), SITE_OK);
}

static void
forward(struct deliver *d, struct str raw, struct deliver_rcpt *list)
{
	struct deliver_message m = { .raw = raw,
		.from = STR("s@x"),
		.helo = STR("mta"),
		.peer = "local",
		.with = "LMTP",
		.id = "t" };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		    deliver_check(d, arena, 0, &list[i], &e), DELIVER_OK);
	deliver_message(d, &m, list, 2);
}

static void
test_forward(void **state)
{
	struct deliver_options o = { .site = site,
		.store = store,
		.hostname = "mx.a.test",
		.forward = take_forwarded };
	struct deliver *d = deliver_new(&o);
	struct deliver_rcpt list[] = { { .address = STR("ann@a.test") },
		{ .address = STR("bob+box@a.test") } };
	const char *raw;

	(void)state;
	set_backend("old.test");
	assert_int_equal(check("bob@a.test", 0), DELIVER_ELSEWHERE);
	forward(d, STR(MESSAGE), list);
	assert_int_equal(list[0].rc, DELIVER_OK);
	assert_int_equal(list[0].words.code, 0);
	assert_int_equal(list[1].rc, DELIVER_REFUSED);
	assert_int_equal(list[1].words.code, 554);
	assert_string_equal(list[1].words.text, "Not him");
	assert_non_null(strstr(forwarded, "bob+box@a.test|Received: from mta"));
	assert_non_null(strstr(forwarded, "for <bob+box@a.test>"));
	assert_non_null(strstr(forwarded, MESSAGE));
	assert_null(strstr(forwarded, "Delivered-To"));
	/* Here it is again. */
	raw = arena_cstr(arena, str_of(strchr(forwarded, '|') + 1));
	forward(d, str_of(raw), list);
	assert_int_equal(list[0].rc, DELIVER_OK);
	assert_int_equal(list[1].rc, DELIVER_LOOP);
	assert_int_equal(list[1].words.code, 0);
	set_backend("");
	deliver_free(&d);
}

static bool backend_tells;

static enum deliver_rc
accept_forwarded(struct site *s, struct deliver_forward *f, struct err *e)
{
	(void)s;
	(void)e;
	assert_true(str_eqc(f->notify, "SUCCESS"));
	f->tells = backend_tells;
	return DELIVER_OK;
}

/* A server that takes NOTIFY tells the sender, else we do. */
static void
test_forward_notices(void **state)
{
	static const struct deliver_by none;
	struct deliver_options o = { .site = site,
		.store = store,
		.hostname = "mx.a.test",
		.forward = accept_forwarded };
	struct deliver *d = deliver_new(&o);
	size_t had = queued(&bob, NULL);
	struct buf got = { 0 };

	(void)state;
	set_backend("old.test");
	backend_tells = true;
	send_notify(d, "bob@a.test", "A: f1\r\n\r\n", "SUCCESS", none);
	assert_int_equal(queued(&bob, NULL), had);
	backend_tells = false;
	for (int i = 0; i < 2; i++) {
		struct deliver_rcpt r = send_notify(
		    d, "bob@a.test", "A: f2\r\n\r\n", "SUCCESS", none);

		assert_int_equal(r.rc, DELIVER_OK);
		assert_false(r.duplicate);
	}
	assert_int_equal(queued(&bob, &got), had + 1);
	assert_non_null(strstr(buf_cstr(&got), "\r\nAction: relayed\r\n"));
	set_backend("");
	buf_fini(&got);
	deliver_free(&d);
}

static void
test_forwarded(void **state)
{
	static const struct {
		const char *received;
		bool ours;
	} cases[] = {
		{ "from a by mx.a.test with LMTP id 1 for <u@x>; now", true },
		{ "from a\r\n\tby mx.a.test with UTF8LMTPS id 1\r\n"
		  "\tfor <u@x>; now",
		    true },
		{ "from a by mx.a.test with LMTP id 1 for <v@x>; now", false },
		{ "from a by mx.b.test with LMTP id 1 for <u@x>; now", false },
		/* Our MTA. */
		{ "from a by mx.a.test (Postfix) with ESMTP id 1 for <u@x>; n",
		    false },
		{ "from a by mx.a.test with ESMTP id 1 for <u@x>; n", false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct str raw = arena_printf(arena,
		    "Received: %s\r\nSubject: x\r\n\r\n", cases[i].received);

		print_message("%s\n", cases[i].received);
		assert_int_equal(
		    trace_forwarded(arena, raw, STR("u@x"), "mx.a.test"),
		    cases[i].ours);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_delivery),
		cmocka_unit_test(test_notices),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_headroom),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_forward),
		cmocka_unit_test(test_forward_notices),
		cmocka_unit_test(test_forwarded),
		cmocka_unit_test(test_detail),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_failing_store),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, setup, teardown);
}
