/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/context.h"
#include "backend/login.h"
#include "backend/reply.h"
#include "base/mem.h"
#include "net/gate.h"

#define NOWHERE "-"

static const struct {
	const char *text;
	bool valid;
	const char *imap, *pop3, *lmtp; /* "host port" */
} places[] = {
	{ "", true, NOWHERE, NOWHERE, NOWHERE },
	{ "old.example", true, "old.example 0", "old.example 0",
	    "old.example 0" },
	{ "old.example:143", true, "old.example 143", "old.example 0",
	    "old.example 0" },
	{ "old.example pop3=pop.example:1110", true, "old.example 0",
	    "pop.example 1110", "old.example 0" },
	{ "pop3=pop.example:1110 old.example:1143", true, "old.example 1143",
	    "pop.example 1110", "old.example 0" },
	{ " IMAP=a.example  lmtp=192.0.2.1:24 ", true, "a.example 0", NOWHERE,
	    "192.0.2.1 24" },
	{ "[2001:db8::1]:143 pop3=[::1]", true, "2001:db8::1 143", "::1 0",
	    "2001:db8::1 0" },
	{ "2001:db8::1", false, NULL, NULL, NULL },
	{ "[2001:db8::1", false, NULL, NULL, NULL },
	{ "[::1]143", false, NULL, NULL, NULL },
	{ "old.example:", false, NULL, NULL, NULL },
	{ "old.example:0", false, NULL, NULL, NULL },
	{ "old.example:65536", false, NULL, NULL, NULL },
	{ "old.example other.example", false, NULL, NULL, NULL },
	{ "imap=a.example imap=b.example", false, NULL, NULL, NULL },
	{ "smtp=a.example", false, NULL, NULL, NULL },
	{ "imap=", false, NULL, NULL, NULL },
	{ "a\"b", false, NULL, NULL, NULL },
	{ "a\r\nb", false, NULL, NULL, NULL },
};

static void
check_place(const char *text, enum site_backend_proto proto, const char *want)
{
	char got[300] = NOWHERE;
	struct str host;
	uint16_t port;

	if (site_backend_find(str_of(text), proto, &host, &port))
		snprintf(got, sizeof(got), "%.*s %u", STR_ARG(host), port);
	assert_string_equal(got, want);
}

static void
test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(places); i++) {
		print_message("%s\n", places[i].text);
		assert_int_equal(site_backend_valid(str_of(places[i].text)),
		    places[i].valid);
		if (!places[i].valid)
			continue;
		check_place(places[i].text, SITE_BACKEND_IMAP, places[i].imap);
		check_place(places[i].text, SITE_BACKEND_POP3, places[i].pop3);
		check_place(places[i].text, SITE_BACKEND_LMTP, places[i].lmtp);
	}
}

/* Whom we log in as. */
static void
test_login_as(void **state)
{
	struct site_account acc = { .address = STR("u@here.example") };
	struct backend_login l = { .account = &acc, .password = STR("pw") };
	struct site_backend b = { .port = 143 };
	struct arena *a = arena_new();
	struct err e = ERR_INIT;
	struct login_as as;
	struct str plain;

	(void)state;
	assert_true(login_as(&l, &b, a, &as, &e));
	plain = login_plain(a, &as);
	assert_string_equal(plain.p, "AHVAaGVyZS5leGFtcGxlAHB3");
	/* A mechanism that tells no password is of no use there. */
	l.password = STR("");
	assert_false(login_as(&l, &b, a, &as, &e));
	/* A master user whose password cannot be read. */
	b.master_user = STR("root");
	b.master_password_file = STR("/nonexistent/file");
	assert_false(login_as(&l, &b, a, &as, &e));
	assert_string_equal(as.authzid.p, "u@here.example");
	b.master_separator = STR("*");
	assert_false(login_as(&l, &b, a, &as, &e));
	assert_string_equal(as.user.p, "u@here.example*root");
	arena_free(&a);
}

/* A place that hangs holds half of the workers at most; others pass. */
static void
test_gate(void **state)
{
	unsigned max = gate_max();

	(void)state;
	for (unsigned i = 0; i < max; i++)
		assert_true(gate_enter("hangs:143"));
	/* It may just have answered. */
	assert_true(gate_enter("hangs:143"));
	usleep((GATE_QUIET_MS + 50) * 1000);
	assert_false(gate_enter("hangs:143"));
	assert_true(gate_enter("other:143"));
	gate_leave("other:143", true);
	gate_leave("hangs:143", false);
	assert_false(gate_enter("hangs:143"));
	gate_leave("hangs:143", true); /* it lives */
	for (unsigned i = 0; i < max; i++)
		assert_true(gate_enter("hangs:143"));
	for (unsigned i = 0; i < 2 * max - 1; i++)
		gate_leave("hangs:143", false);
	assert_true(gate_enter("hangs:143"));
	gate_leave("hangs:143", false);
}

/* The system's authorities are read once for all. */
static void
test_contexts(void **state)
{
	struct err e = ERR_INIT;
	SSL *a = context_ssl(true, STR(""), &e);
	SSL *b = context_ssl(true, STR(""), &e);
	SSL *c = context_ssl(false, STR(""), &e);

	(void)state;
	assert_ptr_equal(SSL_get_SSL_CTX(a), SSL_get_SSL_CTX(b));
	assert_ptr_not_equal(SSL_get_SSL_CTX(a), SSL_get_SSL_CTX(c));
	assert_int_equal(SSL_get_verify_mode(a), SSL_VERIFY_PEER);
	assert_int_equal(SSL_get_verify_mode(c), SSL_VERIFY_NONE);
	assert_null(context_ssl(true, STR("/nonexistent"), &e));
	assert_non_null(strstr(e.msg, "/nonexistent"));
	SSL_free(a);
	SSL_free(b);
	SSL_free(c);
}

static const struct {
	unsigned code;
	const char *lines[3];
	const char *status, *text;
} replies[] = {
	{ 550, { "5.1.1 <a@b> No such user" }, "5.1.1", "<a@b> No such user" },
	{ 550, { "No such user" }, "5.0.0", "No such user" },
	{ 452, { "4.2.2 Full,", "4.2.2 come again" }, "4.2.2",
	    "Full, come again" },
	/* No status codes, or not of this class. */
	{ 550, { "4.2.2 Full" }, "5.0.0", "4.2.2 Full" },
	{ 550, { "5.1 x" }, "5.0.0", "5.1 x" },
	{ 550, { "5.1.1000 x" }, "5.0.0", "5.1.1000 x" },
	{ 550, { "5.1.1x" }, "5.0.0", "5.1.1x" },
	{ 550, { "5..1 x" }, "5.0.0", "5..1 x" },
	{ 550, { "5.123.456" }, "5.123.456", "" },
	{ 550, { "5.7.1 a\xc3\xa9\tb\x01" }, "5.7.1", "a???b?" },
	{ 550, { "" }, "5.0.0", "" },
};

static void
test_replies(void **state)
{
	struct backend_reply r;
	char *many;

	(void)state;
	for (size_t i = 0; i < LEN(replies); i++) {
		print_message("%s\n", replies[i].lines[0]);
		reply_init(&r, replies[i].code);
		for (size_t k = 0; k < 3 && replies[i].lines[k]; k++)
			reply_add(&r, str_of(replies[i].lines[k]));
		assert_string_equal(r.status, replies[i].status);
		assert_string_equal(r.text, replies[i].text);
	}
	/* However many lines there are. */
	reply_init(&r, 554);
	many = memset(mem_alloc(1000), 'x', 1000);
	for (int i = 0; i < 10; i++)
		reply_add(&r, (struct str){ many, 1000 });
	assert_int_equal(strlen(r.text), sizeof(r.text) - 1);
	free(many);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_login_as),
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
