/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbox/outbox.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/smtp.h"
#include "outbox/mail.h"
#include "outbox/note.h"
#include "outbox/post.h"
#include "outbox/send.h"

static const struct {
	const char *text, *clean; /* NULL: nothing to do */
} texts[] = {
	{ "", NULL },
	{ "a\r\n.\r\n", NULL },
	{ "a\n.\nb", "a\r\n.\r\nb" },
	{ "\n.\r\n", "\r\n.\r\n" },
	{ "a\r.\r\n", "a\r\n.\r\n" },
	{ "a\r\r\n", "a\r\n\r\n" },
	{ "a\r\n\n", "a\r\n\r\n" },
	{ "a\r", "a\r\n" },
};

static void
test_clean(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(texts); i++) {
		struct buf out = { 0 };
		bool bare = send_clean(str_of(texts[i].text), &out);

		print_message("%zu\n", i);
		assert_int_equal(bare, texts[i].clean != NULL);
		if (bare)
			assert_string_equal(buf_cstr(&out), texts[i].clean);
		buf_fini(&out);
	}
}

static const struct str plain[] = { STR("you@example.net") };
static const struct str utf8[] = { STR("d\xc3\xb6rte@example.net") };

static const struct {
	bool able; /* the server offers everything, or nothing */
	struct outgoing o;
	const char *raw, *mail, *rcpt;
} lines[] = {
	{ false, { .to = plain, .nto = 1 }, "A: \xff", "MAIL FROM:<>",
	    "RCPT TO:<you@example.net>" },
	{ true, { .to = plain, .nto = 1 }, "A: b\r\n\r\nc",
	    "MAIL FROM:<> SIZE=9", "RCPT TO:<you@example.net>" },
	{ true, { .from = STR("a@b"), .to = plain, .nto = 1 },
	    "A: b\r\n\r\n\xc3\xa4", "MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME",
	    "RCPT TO:<you@example.net>" },
	{ true, { .from = STR("a@b"), .to = plain, .nto = 1 },
	    "A: \xc3\xa4\r\n\r\n",
	    "MAIL FROM:<a@b> SIZE=9 BODY=8BITMIME SMTPUTF8",
	    "RCPT TO:<you@example.net>" },
	{ true, { .from = STR("a@b"), .to = utf8, .nto = 1 }, "A: b\r\n\r\n",
	    "MAIL FROM:<a@b> SIZE=8 SMTPUTF8",
	    "RCPT TO:<d\xc3\xb6rte@example.net>" },
	{ true,
	    { .from = STR("a@b"),
		.to = plain,
		.nto = 1,
		.notify = STR("SUCCESS,DELAY"),
		.ret = STR("HDRS"),
		.envid = STR("id+2B"),
		.orcpt = STR("rfc822;o@x"),
		.by_time = 1120,
		.by_mode = STR("RT") },
	    "", "MAIL FROM:<a@b> SIZE=0 RET=HDRS ENVID=id+2B BY=120;RT",
	    "RCPT TO:<you@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o@x" },
	{ false,
	    { .from = STR("a@b"),
		.to = plain,
		.nto = 1,
		.notify = STR("NEVER"),
		.ret = STR("HDRS"),
		.by_time = 1120,
		.by_mode = STR("N") },
	    "", "MAIL FROM:<a@b>", "RCPT TO:<you@example.net>" },
	{ true,
	    { .from = STR("a@b"),
		.to = plain,
		.nto = 1,
		.by_time = 900,
		.by_mode = STR("N") },
	    "", "MAIL FROM:<a@b> SIZE=0 BY=-100;N",
	    "RCPT TO:<you@example.net>" },
};

static void
test_lines(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(lines); i++) {
		bool able = lines[i].able;
		struct smtp t = { .arena = a,
			.eightbit = able,
			.utf8 = able,
			.size = able,
			.dsn = able,
			.deliverby = able };
		const struct outgoing *o = &lines[i].o;

		print_message("%zu\n", i);
		assert_string_equal(
		    send_mail_line(&t, o, str_of(lines[i].raw), 1000).p,
		    lines[i].mail);
		assert_string_equal(
		    send_rcpt_line(&t, o, o->to[0]).p, lines[i].rcpt);
	}
	arena_free(&a);
}

static void
test_note(void **state)
{
	static const struct str to[] = { STR("a@example.net"),
		STR("b@example.net") };
	const struct outgoing o = { .kind = OUTGOING_MAIL,
		.from = STR("sender@example.org"),
		.to = to,
		.nto = 2 };
	const struct verdict verdicts[] = { { FATE_SENT, STR_NULL },
		{ FATE_FAILED, STR("550 5.1.1 Who is that?") } };
	const struct site_account owner = { .address = STR("me@example.test"),
		.domain = STR("example.test") };
	struct buf out = { 0 };

	(void)state;
	note_compose(&out, &owner, &o,
	    STR("Subject: the subject\r\n\r\nthe body\r\n"), verdicts);
	buf_cstr(&out);
	assert_non_null(strstr(out.p, "\r\nTo: <me@example.test>\r\n"));
	assert_non_null(
	    strstr(out.p, "From: Mail system <postmaster@example.test>\r\n"));
	assert_non_null(strstr(out.p, "Auto-Submitted: auto-generated\r\n"));
	assert_non_null(strstr(out.p, "b@example.net\r\n"));
	assert_non_null(strstr(out.p, "550 5.1.1 Who is that?\r\n"));
	assert_non_null(strstr(out.p, "sender@example.org"));
	assert_non_null(strstr(out.p, "Subject: the subject\r\n"));
	assert_null(strstr(out.p, "a@example.net"));
	assert_null(strstr(out.p, "the body"));
	buf_fini(&out);
}

static const struct {
	const char *list, *url;
	enum post_rule rule;
} rules[] = {
	{ "", "https://a.example/", POST_REFUSED },
	{ "*", "https://a.example/x", POST_PUBLIC },
	{ "*", "http://a.example/x", POST_REFUSED },
	{ "*", "ftp://a.example/x", POST_REFUSED },
	{ "*", "file:///etc/passwd", POST_REFUSED },
	{ "*", "https://me@a.example/x", POST_REFUSED },
	{ "*", "https://a.example/x@y", POST_PUBLIC },
	{ "https://a.example", "https://a.example", POST_ALLOWED },
	{ "https://a.example", "https://a.example/x?y", POST_ALLOWED },
	{ "https://a.example", "https://a.example?y", POST_ALLOWED },
	{ "https://a.example", "https://a.example.net/x", POST_REFUSED },
	{ "https://a.example", "https://a.example:1@b.example/", POST_REFUSED },
	{ "https://a.example", "https://a.example:8443/x", POST_REFUSED },
	{ "https://a.example", "http://a.example/x", POST_REFUSED },
	{ "https://a.example/in/", "https://a.example/in/x", POST_ALLOWED },
	{ "https://a.example/in/", "https://a.example/out", POST_REFUSED },
	{ "https://a.example/in", "https://a.example/inner", POST_REFUSED },
	{ "https://a.example/in/", "https://a.example/in/../out",
	    POST_REFUSED },
	{ "https://a.example/in/", "https://a.example/in/%2e%2E/out",
	    POST_REFUSED },
	{ "https://a.example/in/", "https://a.example/in/\\..\\out",
	    POST_REFUSED },
	{ "http://127.0.0.1:9/ https://b.example/", "http://127.0.0.1:9/x",
	    POST_ALLOWED },
	{ "http://127.0.0.1:9/ * ", "https://c.example/", POST_PUBLIC },
	{ "http://127.0.0.1:9/ *", "http://127.0.0.1:90/", POST_REFUSED },
};

static void
test_post_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rules); i++) {
		print_message("%s %s\n", rules[i].list, rules[i].url);
		assert_int_equal(
		    post_rule(str_of(rules[i].list), str_of(rules[i].url)),
		    rules[i].rule);
	}
	assert_true(str_eqc(post_host(STR("https://a.example:8/token?x")),
	    "https://a.example:8"));
	assert_true(str_eqc(
	    post_host(STR("https://a.example?token")), "https://a.example"));
}

/* What SMTP cannot say is refused before anybody is asked. */
static void
test_letter(void **state)
{
	static const struct str to[] = { STR("you@example.net"),
		STR("a\r\nDATA@example.net") };
	enum outbox_result results[2] = { OUTBOX_SENT, OUTBOX_SENT };
	const struct outbox_letter l = {
		.to = to, .n = 2, .raw = STR("A: b\r\n\r\n"), .results = results
	};
	struct err e = ERR_INIT;

	(void)state;
	assert_false(outbox_mail(NULL, "mail.example", &l, &e));
	assert_non_null(strstr(e.msg, "cannot be written in SMTP"));
	assert_int_equal(results[0], OUTBOX_FAILED);
	assert_int_equal(results[1], OUTBOX_FAILED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_letter),
		cmocka_unit_test(test_note),
		cmocka_unit_test(test_post_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
