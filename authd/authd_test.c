/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "authd/http_request.h"
#include "authd/lookup.h"
#include "authd/netstring.h"
#include "authd/proto.h"
#include "base/log.h"
#include "site/test.h"

/* ------------------------------------------------------------------------
 * Lines
 */

static const struct {
	const char *line;
	enum auth_command command;
	uint32_t number;
	const char *mechanism, *service, *rip, *data; /* NULL: not there */
	bool secured;
} lines[] = {
	/* clang-format off */
	{ "VERSION\t1\t1", AUTH_VERSION, 1, NULL, NULL, NULL, NULL, false },
	{ "VERSION\t2\t0\r", AUTH_VERSION, 2, NULL, NULL, NULL, NULL, false },
	{ "CPID\t4711", AUTH_CPID, 4711, NULL, NULL, NULL, NULL, false },
	{ "AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=10.0.0.1\trip=192.0.2.1\tsecured\tresp=YQpi",
	  AUTH_AUTH, 1, "PLAIN", "smtp", "192.0.2.1", "a\nb", true },
	{ "AUTH\t2\tLOGIN\tservice=smtp\tsecured=tls", AUTH_AUTH, 2, "LOGIN", "smtp", "", NULL, true },
	{ "AUTH\t3\tPLAIN\tservice=a\001tb\0011\tresp=", AUTH_AUTH, 3, "PLAIN", "a\tb\001", "", "", false },
	{ "AUTH\t3\tPLAIN\tresp==", AUTH_AUTH, 3, "PLAIN", "", "", "", false },
	{ "CONT\t7\tYWJj", AUTH_CONT, 7, NULL, NULL, NULL, "abc", false },
	{ "CONT\t7\t", AUTH_CONT, 7, NULL, NULL, NULL, "", false },
	{ "CANCEL\t7", AUTH_CANCEL, 7, NULL, NULL, NULL, NULL, false },
	{ "SERVICE\tSMTP", AUTH_OTHER, 0, NULL, NULL, NULL, NULL, false },
	{ "", AUTH_OTHER, 0, NULL, NULL, NULL, NULL, false },
	{ "AUTH", AUTH_MALFORMED, 0, NULL, NULL, NULL, NULL, false },
	{ "AUTH\tx\tPLAIN", AUTH_MALFORMED, 0, NULL, NULL, NULL, NULL, false },
	{ "AUTH\t1", AUTH_MALFORMED, 1, NULL, NULL, NULL, NULL, false },
	{ "AUTH\t99999999999\tPLAIN", AUTH_MALFORMED, 0, NULL, NULL, NULL, NULL, false },
	{ "AUTH\t1\tPLAIN\tresp=!!!!", AUTH_MALFORMED, 1, NULL, NULL, NULL, NULL, false },
	{ "CONT\t1\tabc", AUTH_MALFORMED, 1, NULL, NULL, NULL, NULL, false },
	{ "CONT", AUTH_MALFORMED, 0, NULL, NULL, NULL, NULL, false },
	/* clang-format on */
};

static void
test_lines(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(lines); i++) {
		struct auth_line l;

		print_message("%s\n", lines[i].line);
		auth_parse(a, str_of(lines[i].line), &l);
		assert_int_equal(l.command, lines[i].command);
		if (l.command == AUTH_MALFORMED)
			continue;
		assert_int_equal(l.number, lines[i].number);
		assert_int_equal(l.secured, lines[i].secured);
		assert_int_equal(l.has_data, lines[i].data != NULL);
		if (lines[i].mechanism) {
			assert_str(l.mechanism, lines[i].mechanism);
			assert_str(l.service, lines[i].service);
			assert_str(l.rip, lines[i].rip);
		}
		if (lines[i].data && lines[i].data[0])
			assert_str(l.data, lines[i].data);
	}
	arena_free(&a);
}

static void
test_escapes(void **state)
{
	struct buf out = { 0 };

	(void)state;
	auth_put_field(&out, "user", STR("a\tb\nc\001d\r\0e"));
	assert_true(str_eq(
	    buf_str(&out), STR("\tuser=a\001tb\001nc\0011d\001r\0010e")));
	buf_fini(&out);
}

static void
test_netstrings(void **state)
{
	static const struct {
		const char *in;
		enum netstring_rc rc;
		const char *out;
		size_t used;
	} cases[] = {
		{ "5:hello,", NETSTRING_OK, "hello", 8 },
		{ "0:,", NETSTRING_OK, "", 3 },
		{ "2:a,,3:", NETSTRING_OK, "a,", 5 },
		{ "", NETSTRING_PARTIAL, NULL, 0 },
		{ "1", NETSTRING_PARTIAL, NULL, 0 },
		{ "5:hel", NETSTRING_PARTIAL, NULL, 0 },
		{ "5:hello", NETSTRING_PARTIAL, NULL, 0 },
		{ "5:hello!", NETSTRING_BAD, NULL, 0 },
		{ ":x,", NETSTRING_BAD, NULL, 0 },
		{ "x:", NETSTRING_BAD, NULL, 0 },
		{ "-1:x,", NETSTRING_BAD, NULL, 0 },
		{ "05:hello,", NETSTRING_BAD, NULL, 0 },
		{ "101:", NETSTRING_BAD, NULL, 0 },
		{ "4294967297:x,", NETSTRING_BAD, NULL, 0 },
		{ "GET / HTTP/1.1", NETSTRING_BAD, NULL, 0 },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct str out;
		size_t used;

		print_message("%s\n", cases[i].in);
		assert_int_equal(
		    netstring_take(str_of(cases[i].in), 100, &out, &used),
		    cases[i].rc);
		if (cases[i].rc == NETSTRING_OK) {
			assert_str(out, cases[i].out);
			assert_int_equal(used, cases[i].used);
		}
	}
	netstring_put(&b, STR("OK x"));
	assert_str(buf_str(&b), "4:OK x,");
	buf_fini(&b);
}

/* ------------------------------------------------------------------------
 * Maps
 */

static const struct {
	const char *map, *key;
	enum lookup_rc rc;
	const char *data;
} lookups[] = {
	/* clang-format off */
	{ "domains", "a.example", LOOKUP_FOUND, "a.example" },
	{ "domains", "A.Example", LOOKUP_FOUND, "a.example" },
	{ "domains", "alias.example", LOOKUP_FOUND, "alias.example" },
	{ "domains", "off.example", LOOKUP_NOTFOUND, "" },
	{ "domains", "far.example", LOOKUP_NOTFOUND, "" },
	{ "domains", "*", LOOKUP_NOTFOUND, "" },
	{ "mailboxes", "alice@a.example", LOOKUP_FOUND, "alice@a.example" },
	{ "mailboxes", "alice+x@a.example", LOOKUP_FOUND, "alice@a.example" },
	{ "mailboxes", "info@a.example", LOOKUP_FOUND, "alice@a.example" },
	{ "mailboxes", "gone@a.example", LOOKUP_NOTFOUND, "" },
	{ "mailboxes", "away@a.example", LOOKUP_FOUND, "away@a.example" },
	{ "mailboxes", "fwd@a.example", LOOKUP_NOTFOUND, "" },
	{ "mailboxes", "nobody@a.example", LOOKUP_NOTFOUND, "" },
	{ "mailboxes", "alice@far.example", LOOKUP_NOTFOUND, "" },
	{ "mailboxes", "@a.example", LOOKUP_NOTFOUND, "" },
	{ "aliases", "alice@a.example", LOOKUP_NOTFOUND, "" },
	{ "aliases", "ALICE@a.example", LOOKUP_NOTFOUND, "" },
	{ "aliases", "alice+x@a.example", LOOKUP_NOTFOUND, "" },
	{ "aliases", "alice@alias.example", LOOKUP_FOUND, "alice@a.example" },
	{ "aliases", "info@a.example", LOOKUP_FOUND, "alice@a.example,bob@b.example" },
	{ "aliases", "info+q@a.example", LOOKUP_FOUND, "alice+q@a.example,bob+q@b.example" },
	{ "aliases", "fwd@a.example", LOOKUP_FOUND, "x@far.example" },
	{ "aliases", "keep@a.example", LOOKUP_FOUND, "keep@a.example,x@far.example" },
	{ "aliases", "mut@a.example", LOOKUP_NOTFOUND, "" },
	{ "aliases", "any@b.example", LOOKUP_FOUND, "alice@a.example" },
	{ "aliases", "bob@b.example", LOOKUP_NOTFOUND, "" },
	{ "aliases", "x@far.example", LOOKUP_NOTFOUND, "" },
	{ "aliases", "MAILER-DAEMON", LOOKUP_NOTFOUND, "" },
	{ "aliases", "@b.example", LOOKUP_NOTFOUND, "" },
	{ "senders", "alice@a.example", LOOKUP_FOUND, "alice@a.example" },
	{ "senders", "info@a.example", LOOKUP_FOUND, "alice@a.example,bob@b.example" },
	{ "senders", "any@b.example", LOOKUP_NOTFOUND, "" },
	{ "senders", "x@far.example", LOOKUP_NOTFOUND, "" },
	{ "srs", "alice@a.example", LOOKUP_NOTFOUND, "" },
	{ "srs", "SRS0=AAAA=AA=far.example=x@a.example", LOOKUP_NOTFOUND, "" },
	{ "srs", "srs.example", LOOKUP_NOTFOUND, "" },
	{ "srs-sender", "x@far.example", LOOKUP_NOTFOUND, "" },
	{ "transport", "alice@a.example", LOOKUP_NOTFOUND, "" },
	{ "transport", "moved@a.example", LOOKUP_FOUND, "lmtp:inet:[old.example]:24" },
	{ "transport", "moved+x@a.example", LOOKUP_FOUND, "lmtp:inet:[old.example]:24" },
	{ "transport", "a.example", LOOKUP_NOTFOUND, "" },
	{ "nosuch", "a.example", LOOKUP_PERM, "there is no such map" },
	/* clang-format on */
};

static void
set_account(struct fixture *f, const char *address, unsigned field,
    enum site_account_state state, const char *backend)
{
	struct site_account acc;

	add_account(f, address);
	ok(site_account_find(f->site, f->a, str_of(address), &acc, &f->e));
	acc.state = state;
	acc.backend = str_of(backend);
	ok(site_account_set(f->site, NULL, field, &acc, &f->e));
}

static void
test_lookups(void **state)
{
	struct fixture *f = *state;
	struct buf out = { 0 };

	add_domain(f, "a.example");
	add_domain(f, "b.example");
	add_domain(f, "off.example");
	ok(site_domain_set(f->site, NULL, STR("off.example"), &(bool){ true },
	    STR_NULL, &f->e));
	ok(site_domain_add(
	    f->site, NULL, STR("alias.example"), STR("a.example"), &f->e));
	add_account(f, "alice@a.example");
	add_account(f, "bob@b.example");
	add_account(f, "keep@a.example");
	add_account(f, "mut@a.example");
	set_account(
	    f, "gone@a.example", SITE_SET_STATE, SITE_STATE_DISABLED, "");
	set_account(f, "away@a.example", SITE_SET_STATE, SITE_SUSPENDED, "");
	set_account(f, "moved@a.example", SITE_SET_BACKEND, SITE_ACTIVE,
	    "old.example:143");
	add_alias(f, "info@a.example", "alice@a.example", "bob@b.example");
	add_alias(f, "fwd@a.example", "x@far.example", NULL);
	add_alias(f, "keep@a.example", "keep@a.example", "x@far.example");
	add_alias(f, "mut@a.example", "mut2@a.example", NULL);
	add_alias(f, "mut2@a.example", "mut@a.example", NULL);
	add_alias(f, "@b.example", "alice@a.example", NULL);

	for (size_t i = 0; i < LEN(lookups); i++) {
		print_message("%s %s\n", lookups[i].map, lookups[i].key);
		assert_int_equal(lookup(f->site, f->a, str_of(lookups[i].map),
				     str_of(lookups[i].key), &out),
		    lookups[i].rc);
		assert_str(buf_str(&out), lookups[i].data);
	}
	buf_fini(&out);
}

static void
test_srs(void **state)
{
	struct fixture *f = *state;
	struct site_scope everywhere = { .domain = STR_NULL };
	struct buf there = { 0 }, back = { 0 };

	add_domain(f, "a.example");
	ok(site_setting_set(f->site, NULL, STR("srs.domain"), everywhere,
	    STR("a.example"), &f->e));
	assert_int_equal(lookup(f->site, f->a, STR("srs-sender"),
			     STR("x@far.example"), &there),
	    LOOKUP_FOUND);
	assert_true(str_starts(buf_str(&there), STR("SRS0=")));
	assert_int_equal(
	    lookup(f->site, f->a, STR("srs"), buf_str(&there), &back),
	    LOOKUP_FOUND);
	assert_str(buf_str(&back), "x@far.example");
	/* Senders of ours, and those that are rewritten already. */
	assert_int_equal(
	    lookup(f->site, f->a, STR("srs-sender"), STR("x@a.example"), &back),
	    LOOKUP_NOTFOUND);
	assert_int_equal(
	    lookup(f->site, f->a, STR("srs-sender"), buf_str(&there), &back),
	    LOOKUP_NOTFOUND);
	buf_fini(&there);
	buf_fini(&back);
}

static void
test_large_reply(void **state)
{
	struct fixture *f = *state;
	struct str targets[SITE_MAX_TARGETS];
	struct site_alias many = { .address = STR("many@a.example"),
		.targets = targets,
		.count = SITE_MAX_TARGETS };
	struct buf out = { 0 };

	add_domain(f, "a.example");
	for (int i = 0; i < SITE_MAX_TARGETS; i++)
		targets[i] = arena_printf(f->a, "%0200d@far.example", i);
	ok(site_alias_set(f->site, NULL, &many, true, &f->e));
	assert_int_equal(
	    lookup(f->site, f->a, STR("aliases"), STR("many@a.example"), &out),
	    LOOKUP_PERM);
	buf_fini(&out);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

/* ------------------------------------------------------------------------
 * nginx
 */

#define FIELDS "Auth-Method: plain\r\nAuth-Protocol: imap\r\nClient-IP: ::1\r\n"

static const struct {
	const char *text;
	bool ok;
	const char *user, *password;
	bool tls;
} requests[] = {
	/* clang-format off */
	{ "GET /a HTTP/1.0\r\n" FIELDS "Auth-User: u@x\r\nAuth-Pass: p\r\n", true, "u@x", "p", false },
	{ "GET /a HTTP/1.0\r\n" FIELDS "auth-user:u\r\nAUTH-PASS: a%20b%25%0D%0a\r\nAuth-SSL: on\r\n",
	  true, "u", "a b%\r\n", true },
	{ "GET /a HTTP/1.0\r\n" FIELDS "X: y\r\n", true, "", "", false },
	{ "GET /a HTTP/1.0\r\n" FIELDS "Auth-Pass: %2\r\n", false, "", "", false },
	{ "GET /a HTTP/1.0\r\n" FIELDS "Auth-Pass: %\r\n", false, "", "", false },
	{ "GET /a HTTP/1.0\r\n" FIELDS "Auth-Pass: %zz\r\n", false, "", "", false },
	{ "GET /a HTTP/1.0\r\n" FIELDS "no colon\r\n", false, "", "", false },
	{ "GET /a HTTP/1.0\r\nAuth-Method: plain\r\n", false, "", "", false },
	{ "POST /a HTTP/1.0\r\n" FIELDS, false, "", "", false },
	{ "GET ", false, "", "", false },
	{ "", false, "", "", false },
	/* clang-format on */
};

static void
test_http(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(requests); i++) {
		struct http_request r;

		print_message("%s\n", requests[i].text);
		assert_int_equal(
		    http_request_parse(a, str_of(requests[i].text), &r),
		    requests[i].ok);
		if (!requests[i].ok)
			continue;
		assert_true(str_eqc(r.user, requests[i].user));
		assert_true(str_eqc(r.password, requests[i].password));
		assert_int_equal(r.tls, requests[i].tls);
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_netstrings),
		T(test_lookups),
		T(test_srs),
		T(test_large_reply),
	};

	log_init("authd_test", LOG_ERROR, LOG_LOGFMT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
