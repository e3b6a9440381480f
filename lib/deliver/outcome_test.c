/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/outcome.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "sieve/capability.h"
#include "site/test.h"

/* Scripts, run by the engine, down to the rows of an account. */

#define OK(call) assert_int_equal(call, STORE_OK)
#define MESSAGE                                                                \
	"Return-Path: <s@far.test>\r\nDelivered-To: me@a.test\r\n"             \
	"From: s@far.test\r\nTo: me@a.test\r\nSubject: x\r\n\r\nhello\r\n"

struct test {
	struct fixture *f;
	struct store *store;
	struct account *account;
	struct site_account owner;
	struct sieve_envelope envelope;
	struct outcome_options options;
	struct outcome_result result;
	struct str raws[4];
	struct str redirect_from;
};

static int
up(void **state)
{
	static struct test test;
	struct test *t = &test;
	struct store_options so = { .no_indexer = true };
	struct fixture *f;

	if (fixture_up(state) != 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	f = *state;
	*t = (struct test){ .f = f };
	add_domain(f, "a.test");
	add_account(f, "me@a.test");
	ok(site_account_find(
	    f->site, f->a, STR("me@a.test"), &t->owner, &f->e));
	so.data_dir = so.run_dir = f->dir;
	OK(store_open(&so, &t->store, &f->e));
	OK(account_create(t->store, str_of(t->owner.id), &f->e));
	OK(account_open(t->store, str_of(t->owner.id), &t->account, &f->e));
	t->envelope = (struct sieve_envelope){ .from = STR("s@far.test"),
		.to = STR("me@a.test") };
	t->options = (struct outcome_options){ .site = f->site,
		.account = t->account,
		.owner = &t->owner,
		.envelope = &t->envelope,
		.hostname = "mail.a.test" };
	*state = t;
	return 0;
}

static int
down(void **state)
{
	struct test *t = *state;

	account_close(&t->account);
	store_close(&t->store);
	*state = t->f;
	return fixture_down(state);
}

static void
set(struct test *t, const char *key, const char *value)
{
	struct fixture *f = t->f;
	struct site_scope everywhere = { .domain = STR_NULL };

	ok(site_setting_set(
	    f->site, NULL, str_of(key), everywhere, str_of(value), &f->e));
}

static const struct sieve_host no_host;
static const struct str methods[] = { STR("https"), STR("http") };

/* Run SCRIPT and apply what comes of it. */
static enum store_rc
run_script(struct test *t, const char *script)
{
	struct fixture *f = t->f;
	struct sieve_compiler c = { .caps = { UINT64_MAX },
		.notify_methods = methods,
		.nnotify_methods = 2 };
	struct sieve_sender sender = { .hostname = STR("mail.a.test"),
		.postmaster = STR("postmaster@a.test"),
		.redirect_from = t->redirect_from };
	struct str own = t->owner.address;
	struct sieve_input in = { .message = STR(MESSAGE),
		.envelope = t->envelope,
		.user = { .address = own, .addresses = &own, .naddresses = 1 },
		.host = &no_host,
		.notify_methods = methods,
		.nnotify_methods = 2,
		.now = clock_now() };
	struct outcome_terms terms = { .key = str_of(script), .window = 60 };
	static const struct str seen = STR("\\Seen");
	struct sieve_diags diags;
	struct sieve_program *p =
	    sieve_compile(&c, STR("test"), str_of(script), f->a, &diags);
	struct outcome *o = outcome_new(&t->options, f->a);
	struct sieve_sink sink = outcome_sink(o);
	struct sieve_run *r;
	enum store_rc rc;

	if (!p)
		fail_msg("%.*s", STR_ARG(diags.v[0].text));
	if (t->options.original.mailbox)
		in.event = (struct sieve_imap_event){
			.cause = STR("APPEND"), .flags = &seen, .nflags = 1
		};
	r = sieve_run_new(&in);
	sieve_run_next(r, p);
	assert_int_not_equal(sieve_execute(r, &sender, &sink), SIEVE_TEMPORARY);
	rc = outcome_apply(o, &terms, &t->result, &f->e);
	sieve_run_free(&r);
	sieve_program_unref(&p);
	return rc;
}

static uint64_t
messages(struct test *t, const char *path)
{
	struct mailbox m;

	if (mailbox_find(t->account, t->f->a, str_of(path), &m, &t->f->e) !=
	    STORE_OK)
		return 9999;
	return m.messages;
}

/* The rows that go out, as "KIND FROM TO..."; their octets in t->raws. */
static const char *
going_out(struct test *t)
{
	static const char *const kinds[] = { "", "mail", "post", "notice" };
	struct arena *a = t->f->a;
	struct buf text = { 0 };
	const char *out;
	int64_t *ids;
	size_t n;

	OK(outgoing_due(t->account, a, 4, &ids, &n, &t->f->e));
	for (size_t i = 0; i < n; i++) {
		struct outgoing_row row;
		struct buf raw = { 0 };

		OK(outgoing_lock(t->account, a, ids[i], &row, &t->f->e));
		OK(outgoing_read(t->account, &row, &raw, &t->f->e));
		buf_printf(&text, "%s%s <%.*s>", i ? "; " : "",
		    kinds[row.what.kind], STR_ARG(row.what.from));
		for (size_t k = 0; k < row.what.nto; k++)
			buf_printf(&text, " %.*s", STR_ARG(row.what.to[k]));
		if (row.what.notify.n)
			buf_printf(&text, " %.*s", STR_ARG(row.what.notify));
		if (row.what.by_mode.n)
			buf_printf(&text, " %.*s", STR_ARG(row.what.by_mode));
		t->raws[i] = arena_str(a, buf_str(&raw));
		buf_fini(&raw);
		outgoing_unlock(&row);
	}
	out = arena_cstr(a, buf_str(&text));
	buf_fini(&text);
	return out;
}

static void
forget_outgoing(struct test *t)
{
	struct arena *a = t->f->a;
	struct outgoing_fate fates[4] = { { true, STR_NULL },
		{ true, STR_NULL }, { true, STR_NULL }, { true, STR_NULL } };
	int64_t *ids;
	size_t n;

	OK(outgoing_due(t->account, a, 8, &ids, &n, &t->f->e));
	for (size_t i = 0; i < n; i++) {
		struct outgoing_row row;

		OK(outgoing_lock(t->account, a, ids[i], &row, &t->f->e));
		OK(outgoing_settle(t->account, &row, fates, 0, NULL, &t->f->e));
		outgoing_unlock(&row);
	}
}

static void
test_store(void **state)
{
	struct test *t = *state;
	struct mailbox m;

	OK(run_script(t,
	    "require [\"fileinto\", \"mailbox\", \"imap4flags\","
	    " \"special-use\", \"mailboxid\", \"copy\"];"
	    "fileinto :create \"Lists/C\";"
	    "fileinto :flags [\"\\\\Seen\", \"$Label1\"] \"Archive\";"
	    "fileinto :specialuse \"\\\\Junk\" \"No such\";"
	    "fileinto :mailboxid \"F5\" \"INBOX\";"
	    "keep;"));
	assert_int_equal(t->result.nfiled, 5);
	assert_int_equal(messages(t, "Lists/C"), 1);
	assert_int_equal(messages(t, "Junk"), 1);
	assert_int_equal(messages(t, "Trash"), 1); /* whose id is F5 */
	assert_int_equal(messages(t, "INBOX"), 1);
	OK(mailbox_find(t->account, t->f->a, STR("Archive"), &m, &t->f->e));
	assert_int_equal(m.messages, 1);
	assert_int_equal(m.unseen, 0);
	assert_false(t->result.queued);
	/* The engine keeps what cannot be stored. */
	OK(run_script(t, "require \"fileinto\"; fileinto \"Not there\";"));
	assert_int_equal(messages(t, "Not there"), 9999);
	assert_int_equal(messages(t, "INBOX"), 2);
	OK(run_script(t, "require [\"fileinto\", \"mailbox\"];"
			 "fileinto :create \"a//b\";"));
	assert_int_equal(messages(t, "INBOX"), 3);
	OK(run_script(t, "discard;"));
	assert_int_equal(t->result.nfiled, 0);
	assert_int_equal(messages(t, "INBOX"), 3);
}

static void
test_redirect(void **state)
{
	struct test *t = *state;
	struct filed none;
	const char *script = "require \"copy\";"
			     "redirect :copy \"you@example.net\"; keep;";

	(void)none;
	OK(run_script(t, script));
	assert_true(t->result.queued);
	assert_string_equal(going_out(t), "mail <s@far.test> you@example.net");
	/* Without Return-Path, with what finds loops. */
	assert_true(str_starts(t->raws[0], STR("Delivered-To:")));
	assert_true(str_iends(t->raws[0], STR("\r\n\r\nhello\r\n")));
	/* The same delivery again. */
	OK(run_script(t, script));
	assert_true(t->result.duplicate);
	assert_false(t->result.queued);
	assert_string_equal(going_out(t), "mail <s@far.test> you@example.net");
	assert_int_equal(messages(t, "INBOX"), 1);
}

static void
test_redirect_rewritten(void **state)
{
	struct test *t = *state;
	const char *text;

	set(t, "srs.enabled", "yes");
	OK(run_script(t, "require [\"redirect-dsn\", \"redirect-deliverby\"];"
			 "redirect :notify \"NEVER\" :bytimerelative 60"
			 " :bymode \"notify\" \"you@example.net\";"));
	text = going_out(t);
	assert_non_null(strstr(text, "mail <SRS0="));
	assert_non_null(strstr(text, "=s@a.test> you@example.net NEVER N"));
}

static void
test_vacation(void **state)
{
	struct test *t = *state;
	int64_t *ids;
	size_t n;

	OK(run_script(t, "require \"vacation\"; vacation \"I am away\";"));
	assert_string_equal(going_out(t), "mail <> s@far.test NEVER");
	assert_int_equal(messages(t, "INBOX"), 1);
	OK(outgoing_due(t->account, t->f->a, 4, &ids, &n, &t->f->e));
	assert_int_equal(n, 1);
}

static void
test_reject(void **state)
{
	struct test *t = *state;

	OK(run_script(t, "require \"reject\"; reject \"no thanks\";"));
	assert_null(t->result.refusal.p);
	assert_string_equal(going_out(t), "mail <> s@far.test");
	t->options.may_refuse = true;
	OK(run_script(t, "require \"reject\"; reject \"not at all\";"));
	assert_true(str_eqc(t->result.refusal, "not at all"));
	assert_false(t->result.queued);
	assert_int_equal(messages(t, "INBOX"), 0);
}

static void
test_notify(void **state)
{
	struct test *t = *state;
	const char *script = "require \"enotify\"; notify :importance \"1\""
			     " :options \"tag=a b\" :message \"New mail\""
			     " \"https://hooks.example/x?token\";";

	OK(run_script(t, script));
	assert_false(t->result.queued);
	set(t, "notify.webhooks", "https://hooks.example/");
	t->envelope.to = STR("me+b@a.test");
	OK(run_script(t, script + 0));
	assert_true(t->result.duplicate); /* the first was done, without it */
	OK(run_script(t, arena_printf(t->f->a, "%s stop;", script).p));
	assert_string_equal(
	    going_out(t), "post <> https://hooks.example/x?token");
	assert_true(
	    str_find(t->raws[0], STR("\"message\":\"New mail\"")) != STR_NPOS);
	assert_true(
	    str_find(t->raws[0], STR("\"importance\":\"high\"")) != STR_NPOS);
	assert_true(str_find(t->raws[0],
			STR("\"options\":{\"tag\":\"a b\"}")) != STR_NPOS);
	assert_true(str_find(t->raws[0],
			STR("\"recipient\":\"me+b@a.test\"")) != STR_NPOS);
}

/* ------------------------------------------------------------------------
 * IMAP events
 */

static const struct view_row *
row_of(struct test *t, int64_t mailbox, uint32_t uid, struct view **v)
{
	OK(view_current(t->account, mailbox, v, &t->f->e));
	return view_at(*v, view_seq(*v, uid));
}

/* Its flags after SCRIPT acted on a message of INBOX that has only \Seen. */
static uint64_t
after_event(struct test *t, const char *script)
{
	struct append item = {
		.raw = STR(MESSAGE), .flags.bits = FLAG_SEEN, .received = 86400
	};
	struct outcome_original *from = &t->options.original;
	struct appended done;
	struct mailbox inbox;
	struct view *v;
	uint64_t bits;

	OK(mailbox_find(t->account, t->f->a, STR("INBOX"), &inbox, &t->f->e));
	OK(account_append(
	    t->account, inbox.id, &item, 1, NULL, &done, &t->f->e));
	*from = (struct outcome_original){ inbox.id, done.uid, item.flags,
		item.received, item.raw };
	OK(run_script(t, script));
	bits = row_of(t, inbox.id, done.uid, &v)->flags.bits;
	view_unref(&v);
	return bits;
}

static const struct {
	const char *script;
	uint64_t flags;
	size_t filed;
} events[] = {
	{ "keep;", FLAG_SEEN, 0 },
	{ "require \"imap4flags\"; setflag \"\";", 0, 0 },
	{ "require \"imap4flags\"; addflag \"\\\\Flagged\";",
	    FLAG_SEEN | FLAG_FLAGGED, 0 },
	{ "discard;", FLAG_SEEN | FLAG_DELETED, 0 },
	{ "require \"fileinto\"; fileinto \"Archive\";",
	    FLAG_SEEN | FLAG_DELETED, 1 },
	{ "require [\"fileinto\", \"copy\"]; fileinto :copy \"Archive\";",
	    FLAG_SEEN, 1 },
	{ "require \"fileinto\"; fileinto \"Not there\";", FLAG_SEEN, 0 },
	{ "redirect \"you@far.test\";", FLAG_SEEN | FLAG_DELETED, 0 },
};

static void
test_events(void **state)
{
	struct test *t = *state;
	struct mailbox archive;
	struct view *v;

	for (size_t i = 0; i < LEN(events); i++) {
		uint64_t flags = after_event(t, events[i].script);

		print_message("%s\n", events[i].script);
		assert_int_equal(flags, events[i].flags);
		assert_int_equal(t->result.nfiled, events[i].filed);
		assert_int_equal(
		    t->result.deleted, (flags & FLAG_DELETED) != 0);
	}
	assert_true(t->result.queued);
	OK(mailbox_find(
	    t->account, t->f->a, STR("Archive"), &archive, &t->f->e));
	assert_int_equal(row_of(t, archive.id, 1, &v)->received, 86400);
	view_unref(&v);
}

/* ------------------------------------------------------------------------
 * A sender who wants to know
 */

static void
test_sender_is_told(void **state)
{
	static const struct {
		const char *script, *notify, *from, *out;
		const char *action; /* of the notice, which is the last row */
	} cases[] = {
		/* clang-format off */
		{ "keep;", "SUCCESS", "", "notice <> s@far.test NEVER", "delivered" },
		{ "require \"fileinto\"; fileinto \"Trash\"; keep;", "SUCCESS", "", "notice <> s@far.test NEVER", "delivered" },
		{ "discard;", "SUCCESS", "", "notice <> s@far.test NEVER", "delivered" },
		{ "redirect \"you@b.test\";", "SUCCESS,DELAY", "", "mail <s@far.test> you@b.test SUCCESS,DELAY", NULL },
		{ "redirect \"you@b.test\"; discard;", "SUCCESS", "", "mail <s@far.test> you@b.test SUCCESS", NULL },
		{ "redirect \"you@b.test\"; keep;", "SUCCESS,DELAY", "",
			"mail <s@far.test> you@b.test DELAY; notice <> s@far.test NEVER", "delivered" },
		{ "redirect \"you@b.test\"; keep;", "SUCCESS", "",
			"mail <s@far.test> you@b.test NEVER; notice <> s@far.test NEVER", "delivered" },
		{ "redirect \"you@b.test\"; redirect \"she@b.test\";", "SUCCESS,FAILURE", "",
			"mail <s@far.test> you@b.test FAILURE; mail <s@far.test> she@b.test FAILURE; notice <> s@far.test NEVER", "expanded" },
		{ "require \"redirect-dsn\"; redirect :notify \"NEVER\" \"you@b.test\";", "SUCCESS", "",
			"mail <s@far.test> you@b.test NEVER; notice <> s@far.test NEVER", "relayed" },
		{ "require \"redirect-dsn\"; redirect :notify \"SUCCESS\" \"you@b.test\"; keep;", "SUCCESS", "",
			"mail <s@far.test> you@b.test SUCCESS; notice <> s@far.test NEVER", "delivered" },
		{ "redirect \"you@b.test\";", "SUCCESS", "recipient",
			"mail <me@a.test> you@b.test; notice <> s@far.test NEVER", "delivered" },
		{ "require \"reject\"; reject \"no\";", "SUCCESS", "", "", NULL },
		{ "require [\"vacation\"]; vacation \"away\";", "SUCCESS", "",
			"mail <> s@far.test NEVER; notice <> s@far.test NEVER", "delivered" },
		/* clang-format on */
	};
	struct test *t = *state;
	struct deliver_message m = { .raw = STR(MESSAGE),
		.from = STR("s@far.test") };
	struct deliver_rcpt r = { .address = STR("me@a.test") };
	struct notice n = { &m, &r, "mail.a.test", STR("postmaster@a.test") };

	t->options.may_refuse = true;
	t->options.notice = &n;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct str last;

		print_message("%s\n", cases[i].script);
		t->envelope.notify = str_of(cases[i].notify);
		t->envelope.envid = STR("a=b");
		t->redirect_from = str_of(cases[i].from);
		for (size_t k = 0; k < 4; k++)
			t->raws[k] = STR_NULL;
		/* Each is a delivery of its own. */
		OK(run_script(t,
		    arena_printf(t->f->a, "%s # %zu", cases[i].script, i).p));
		assert_string_equal(going_out(t), cases[i].out);
		last = t->raws[2].n   ? t->raws[2]
		       : t->raws[1].n ? t->raws[1]
				      : t->raws[0];
		assert_int_equal(
		    str_find(last, STR("Reporting-MTA")) != STR_NPOS,
		    cases[i].action != NULL);
		if (cases[i].action &&
		    str_find(last, str_of(arena_printf(t->f->a,
				       "\r\nAction: %s\r\n", cases[i].action)
					      .p)) == STR_NPOS)
			fail_msg("%.*s", STR_ARG(last));
		forget_outgoing(t);
	}
	t->options.notice = NULL;
}

static void
test_request_goes_along(void **state)
{
	struct test *t = *state;
	struct outgoing_row row;
	int64_t *ids;
	size_t n;

	t->envelope.notify = STR("SUCCESS");
	t->envelope.envid = STR("a=b");
	t->envelope.orcpt = STR("utf-8;\xc3\xa4@a.test");
	OK(run_script(t, "redirect \"you@b.test\";"));
	OK(outgoing_due(t->account, t->f->a, 4, &ids, &n, &t->f->e));
	assert_int_equal(n, 1);
	OK(outgoing_lock(t->account, t->f->a, ids[0], &row, &t->f->e));
	assert_true(str_eqc(row.what.envid, "a+3Db"));
	assert_true(str_eqc(row.what.orcpt, "utf-8;\\x{E4}@a.test"));
	outgoing_unlock(&row);
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_store),
		T(test_redirect),
		T(test_redirect_rewritten),
		T(test_vacation),
		T(test_reject),
		T(test_notify),
		T(test_events),
		T(test_sender_is_told),
		T(test_request_goes_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
