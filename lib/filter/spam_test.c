/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/spam.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "filter/fake_scanner.h"

#define JSON "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

struct fixture {
	struct fake *fake;
	struct arena *arena;
	struct spam_options o;
	struct spam_message m;
	struct spam_verdict v;
	struct err e;
};

static const struct str recipients[] = { { "x@c.example", 11 },
	{ "y@c.example", 11 } };

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->fake = fake_start(true);
	f->arena = arena_new();
	f->o.server = fake_server(f->fake);
	f->o.timeout = 1;
	f->o.password = "secret";
	f->m.raw = STR("Subject: a\r\n\r\nb\r\n");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->arena);
	fake_stop(&f->fake);
	free(f);
	return 0;
}

static bool
check(struct fixture *f, const char *answer)
{
	fake_set(f->fake, FAKE_ANSWERS, str_of(answer));
	return spam_check(&f->o, f->arena, &f->m, &f->v, &f->e);
}

static bool
learn(
    struct fixture *f, enum spam_lesson lesson, bool *known, const char *answer)
{
	fake_set(f->fake, FAKE_ANSWERS, str_of(answer));
	return spam_learn(&f->o, &f->m, lesson, known, &f->e);
}

static bool
was_said(struct fixture *f, const char *text)
{
	return str_find(fake_heard(f->fake), str_of(text)) != STR_NPOS;
}

/* ------------------------------------------------------------------------
 * spamd
 */

static void
test_spamd_check(void **state)
{
	struct fixture *f = *state;

	f->m.user = STR("joe\r\nSet: local");
	assert_true(check(f, "SPAMD/1.1 0 EX_OK\r\nContent-length: 3\r\n"
			     "Spam: True ; 6.5 / 5.0\r\n\r\nA,B"));
	assert_true(f->v.spam && f->v.score == 6.5 && f->v.threshold == 5);
	assert_true(str_eqc(f->v.rules, "A,B"));
	assert_true(str_eqc(fake_heard(f->fake),
	    "SYMBOLS SPAMC/1.5\r\nUser: joe??Set: local\r\n"
	    "Content-length: 17\r\n\r\nSubject: a\r\n\r\nb\r\n"));
	f->m.user = STR_NULL;
	assert_false(check(f, "SPAMD/1.0 75 EX_TEMPFAIL\r\n"));
	assert_false(was_said(f, "User:"));
	assert_non_null(strstr(f->e.msg, "for now"));
}

static const struct {
	enum spam_lesson lesson;
	const char *fields, *did;
	bool known;
} lessons[] = {
	{ SPAM_IS_SPAM, "Message-class: spam\r\nSet: local\r\n",
	    "DidSet: local\r\n", false },
	{ SPAM_IS_SPAM, "Message-class: spam\r\n", "", true },
	{ SPAM_IS_HAM, "Message-class: ham\r\nSet: local\r\n",
	    "DidSet: local\r\n", false },
	{ SPAM_IS_HAM, "Message-class: ham\r\n", "", true },
	{ SPAM_FORGET, "Remove: local\r\n", "DidRemove: local\r\n", true },
	{ SPAM_FORGET, "Remove: local\r\n", "", false },
};

static void
test_spamd_learn(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < LEN(lessons); i++) {
		char answer[100];
		bool known;

		print_message("%s%s\n", lessons[i].fields, lessons[i].did);
		snprintf(answer, sizeof(answer),
		    "SPAMD/1.1 0 EX_OK\r\n%s\r\n\r\n", lessons[i].did);
		assert_true(learn(f, lessons[i].lesson, &known, answer));
		assert_int_equal(known, lessons[i].known);
		assert_true(was_said(f, "TELL SPAMC/1.5\r\n"));
		assert_true(was_said(f, lessons[i].fields));
		assert_false(learn(f, lessons[i].lesson, &known,
		    "SPAMD/1.0 69 Service Unavailable: TELL commands are not "
		    "enabled"));
		assert_non_null(strstr(f->e.msg, "not enabled"));
	}
}

static void
test_spamd_ping(void **state)
{
	struct fixture *f = *state;

	fake_set(f->fake, FAKE_ANSWERS, STR("SPAMD/1.5 0 PONG\r\n"));
	assert_true(spam_ping(&f->o, &f->e));
	assert_true(str_eqc(fake_heard(f->fake), "PING SPAMC/1.5\r\n\r\n"));
	fake_set(f->fake, FAKE_ANSWERS, STR("SPAMD/1.5 0 PANG\r\n"));
	assert_false(spam_ping(&f->o, &f->e));
}

/* ------------------------------------------------------------------------
 * rspamd
 */

static void
know_all(struct fixture *f)
{
	f->o.engine = SPAM_RSPAMD;
	f->m.client = STR("192.0.2.1");
	f->m.helo = STR("mx\r\nUser: root\n.example");
	f->m.sender = STR("");
	f->m.queue_id = STR("ABC");
	f->m.hostname = STR("host.example");
	f->m.user = STR("x@c.example");
	f->m.recipients = recipients;
	f->m.nrecipients = 2;
}

static void
test_rspamd_check(void **state)
{
	static const char *const said[] = { "POST /checkv2 HTTP/1.1\r\n",
		"\r\nIP: 192.0.2.1\r\n",
		"\r\nHelo: mx??User: root?.example\r\n", "\r\nFrom: <>\r\n",
		"\r\nQueue-Id: ABC\r\n", "\r\nHostname: host.example\r\n",
		"\r\nRcpt: <x@c.example>\r\nRcpt: <y@c.example>\r\n",
		"\r\nDeliver-To: x@c.example\r\n", "\r\nContent-Length: 17\r\n",
		"\r\n\r\nSubject: a\r\n\r\nb\r\n" };
	struct fixture *f = *state;

	know_all(f);
	assert_true(check(f,
	    JSON "{\"score\":15.5,\"required_score\":15,"
		 "\"action\":\"reject\",\"symbols\":{\"A\":{},\"B\":{}}}"));
	assert_true(f->v.spam && f->v.score == 15.5 && f->v.threshold == 15);
	assert_true(str_eqc(f->v.rules, "A,B"));
	for (size_t i = 0; i < LEN(said); i++) {
		print_message("%s\n", said[i]);
		assert_true(was_said(f, said[i]));
	}
	assert_false(was_said(f, "\nUser:"));
	assert_false(was_said(f, "Expect"));
	f->m.login = STR("joe");
	assert_false(check(f, "HTTP/1.1 401 No\r\n\r\n{\"error\":\"Unau\"}"));
	assert_non_null(strstr(f->e.msg, "401: \"Unau\""));
	assert_true(was_said(f, "\r\nUser: joe\r\n"));
}

/* Rspamd refuses a request whose fields are longer than 80 KiB. */
static void
test_rspamd_recipients(void **state)
{
	static char address[200];
	struct str many[1000];
	struct fixture *f = *state;

	memset(address, 'a', sizeof(address));
	for (size_t i = 0; i < LEN(many); i++)
		many[i] = (struct str){ address, sizeof(address) };
	f->o.engine = SPAM_RSPAMD;
	f->m.recipients = many;
	f->m.nrecipients = LEN(many);
	assert_false(check(f, JSON "{}"));
	assert_in_range(fake_heard(f->fake).n, 100 * 200, 40000);
}

/* A message with many links has a long answer. */
static void
test_rspamd_long_answer(void **state)
{
	struct fixture *f = *state;
	struct buf answer = { 0 };

	buf_puts(&answer, JSON "{\"score\":20,\"required_score\":15,"
			       "\"action\":\"reject\",\"urls\":[");
	for (int i = 0; i < 10240; i++)
		buf_printf(&answer, "\"%0*d.example\",", 220, i);
	buf_puts(&answer, "\"\"]}");
	f->o.engine = SPAM_RSPAMD;
	assert_true(check(f, buf_cstr(&answer)));
	assert_true(f->v.spam);
	buf_fini(&answer);
}

static void
test_rspamd_learn(void **state)
{
	struct fixture *f = *state;
	bool known;

	know_all(f);
	assert_true(learn(f, SPAM_IS_SPAM, &known, JSON "{\"success\":true}"));
	assert_false(known);
	assert_true(was_said(f, "POST /learnspam HTTP/1.1\r\n"));
	assert_true(was_said(f, "\r\nPassword: secret\r\n"));
	assert_true(was_said(f, "\r\nDeliver-To: x@c.example\r\n"));
	assert_true(learn(f, SPAM_IS_HAM, &known,
	    "HTTP/1.1 404 x\r\n\r\n{\"error\":\"<a> has been already learned "
	    "as ham, ignore it\"}"));
	assert_true(known);
	assert_true(was_said(f, "POST /learnham HTTP/1.1\r\n"));
	assert_false(learn(f, SPAM_IS_HAM, &known, "HTTP/1.1 404 x\r\n\r\n"));
	assert_false(learn(f, SPAM_FORGET, &known, JSON "{}"));
	assert_non_null(strstr(f->e.msg, "cannot forget"));
}

static void
test_rspamd_ping(void **state)
{
	struct fixture *f = *state;

	f->o.engine = SPAM_RSPAMD;
	fake_set(f->fake, FAKE_ANSWERS, STR(JSON "pong\r\n"));
	assert_true(spam_ping(&f->o, &f->e));
	assert_true(was_said(f, "GET /ping HTTP/1.1\r\n"));
	fake_set(f->fake, FAKE_ANSWERS, STR(JSON "pang\r\n"));
	assert_false(spam_ping(&f->o, &f->e));
	f->o.server = "localhost/x@evil:80";
	assert_false(spam_ping(&f->o, &f->e));
}

/* ------------------------------------------------------------------------
 * Servers that fail
 */

static const enum manner faults[] = { FAKE_HANGS, FAKE_DEAF, FAKE_TRICKLES,
	FAKE_FLOODS, FAKE_RESETS, FAKE_CLOSES };

static void
test_faults(void **state)
{
	static const char *const begin[] = { "SPAMD/1.1 0 EX_OK\r\n", JSON };
	struct fixture *f = *state;

	for (size_t i = 0; i < 2 * LEN(faults); i++) {
		int64_t start = clock_mono_ms();

		f->o.engine = i % 2 ? SPAM_RSPAMD : SPAM_SPAMD;
		print_message("engine %zu, manner %u\n", i % 2, faults[i / 2]);
		fake_set(f->fake, faults[i / 2], str_of(begin[i % 2]));
		f->e.msg[0] = '\0';
		assert_false(spam_check(&f->o, f->arena, &f->m, &f->v, &f->e));
		assert_non_null(strstr(f->e.msg, f->o.server));
		assert_in_range(clock_mono_ms() - start, 0, 3000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_spamd_check, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_spamd_learn, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_spamd_ping, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_rspamd_check, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_rspamd_recipients, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_rspamd_long_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_rspamd_learn, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_rspamd_ping, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
