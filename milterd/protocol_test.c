/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/protocol.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(s) ((struct str){ (s), sizeof(s) - 1 })

static const struct {
	struct str in;
	enum milter_rc rc;
	char command;
	struct str data, rest;
} packets[] = {
	{ BYTES("\0\0\0\1N"), MILTER_WHOLE, 'N', BYTES(""), BYTES("") },
	{ BYTES("\0\0\0\6Hmx.a\0\0\0\0\1N"), MILTER_WHOLE, 'H', BYTES("mx.a\0"),
	    BYTES("\0\0\0\1N") },
	{ BYTES("\0\0\0\3B\0\n"), MILTER_WHOLE, 'B', BYTES("\0\n"), BYTES("") },
	{ BYTES(""), MILTER_PARTIAL, 0, BYTES(""), BYTES("") },
	{ BYTES("\0\0\0"), MILTER_PARTIAL, 0, BYTES(""), BYTES("") },
	{ BYTES("\0\0\0\2N"), MILTER_PARTIAL, 0, BYTES(""), BYTES("") },
	{ BYTES("\0\0\0\0"), MILTER_BROKEN, 0, BYTES(""), BYTES("") },
	{ BYTES("\0\x10\0\1"), MILTER_BROKEN, 0, BYTES(""), BYTES("") },
	{ BYTES("\xff\xff\xff\xff"), MILTER_BROKEN, 0, BYTES(""), BYTES("") },
	{ BYTES("GET / HTTP/1.0\r\n"), MILTER_BROKEN, 0, BYTES(""), BYTES("") },
};

static void
test_packets(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(packets); i++) {
		struct str in = packets[i].in;
		struct milter_packet p;

		print_message("%zu\n", i);
		assert_int_equal(milter_take(&in, &p), packets[i].rc);
		if (packets[i].rc != MILTER_WHOLE) {
			assert_true(in.n == packets[i].in.n);
			continue;
		}
		assert_int_equal(p.command, packets[i].command);
		assert_true(str_eq(p.data, packets[i].data));
		assert_true(str_eq(in, packets[i].rest));
	}
}

static const struct {
	struct str data;
	bool ok;
	const char *host, *address; /* NULL: none is known */
} clients[] = {
	{ BYTES("mx.a\0004\0\031192.0.2.1\0"), true, "mx.a", "192.0.2.1" },
	{ BYTES("mx.a\0006\0\0312001:db8::1\0"), true, "mx.a", "2001:db8::1" },
	{ BYTES("[x]\0006\0\031IPv6:2001:db8::1\0"), true, "[x]",
	    "2001:db8::1" },
	{ BYTES("mx.a\0004\0\031192.0.2.1"), true, "mx.a", "192.0.2.1" },
	{ BYTES("localhost\0U"), true, "localhost", NULL },
	{ BYTES("localhost\0L\0\0/run/x\0"), true, "localhost", NULL },
	{ BYTES("mx.a\0004\0\031here\0"), false, NULL, NULL },
	{ BYTES("mx.a\0004"), false, NULL, NULL },
	{ BYTES("mx.a\0"), false, NULL, NULL },
	{ BYTES("mx.a"), false, NULL, NULL },
	{ BYTES(""), false, NULL, NULL },
};

static void
test_clients(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(clients); i++) {
		struct milter_client c;
		struct addr want;

		print_message("%zu\n", i);
		assert_int_equal(
		    milter_client_parse(clients[i].data, &c), clients[i].ok);
		if (!clients[i].ok)
			continue;
		assert_true(str_eqc(c.host, clients[i].host));
		assert_int_equal(c.known, clients[i].address != NULL);
		if (!c.known)
			continue;
		assert_true(addr_parse(str_of(clients[i].address), &want));
		assert_memory_equal(&want, &c.address, sizeof(want));
	}
}

static void
test_options(void **state)
{
	struct milter_options o;

	(void)state;
	assert_true(
	    milter_options_parse(BYTES("\0\0\0\6\0\0\1\377\0\37\377\377"), &o));
	assert_int_equal(o.version, 6);
	assert_int_equal(o.actions, 0x1ff);
	assert_int_equal(o.steps, 0x1fffff);
	assert_false(milter_options_parse(BYTES("\0\0\0\6\0\0\1\377\0"), &o));
}

static void
test_writing(void **state)
{
	struct buf b = { 0 };
	size_t begin;

	(void)state;
	milter_put(&b, MILTER_CONTINUE);
	begin = milter_begin(&b, MILTER_INSERT_HEADER);
	milter_put_number(&b, 258);
	milter_put_text(&b, STR("X-A"));
	milter_put_text(&b, BYTES("one\0two"));
	milter_end(&b, begin);
	assert_true(str_eq(
	    buf_str(&b), BYTES("\0\0\0\1c\0\0\0\15i\0\0\1\2X-A\0one\0")));
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
