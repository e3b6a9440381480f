/* SPDX-License-Identifier: BSD-2-Clause */
/* What needs no connection: framing, words, answers, the command table. */

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sieved/command.h"

#define MAX_LINE 100
#define MAX_LITERAL 50

/* ------------------------------------------------------------------------
 * Framing
 */

static const char *const events[] = {
	[FRAME_MORE] = "MORE",
	[FRAME_DONE] = "DONE",
	[FRAME_LONG] = "LONG",
	[FRAME_LARGE] = "LARGE",
	[FRAME_HOPELESS] = "HOPELESS",
};

/* What comes out of TEXT in pieces of STEP octets: "EVENT[command] ...". */
static void
frames(struct str text, size_t step, struct buf *out)
{
	struct frame f = { .max_line = MAX_LINE, .max_literal = MAX_LITERAL };
	size_t at = 0, used;

	while (at < text.n) {
		enum frame_event ev =
		    frame_feed(&f, str_sub(text, at, step), &used);

		at += used;
		if (ev == FRAME_MORE)
			continue;
		buf_printf(out, "%s[%.*s]", events[ev],
		    STR_ARG(str_sub(buf_str(&f.cmd), 0, 30)));
		frame_reset(&f);
		if (ev == FRAME_HOPELESS)
			break;
	}
	frame_reset(&f);
}

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	const char *text, *want;
} framings[] = {
	{ "NOOP\r\n", "DONE[NOOP]" },
	{ "NOOP\nLOGOUT\r\n", "DONE[NOOP]DONE[LOGOUT]" },
	{ "\r\n", "DONE[]" },
	{ "NOOP", "" },
	{ "P {3+}\r\na\nb\r\nNOOP\r\n", "DONE[P {3+}\r\na\nb]DONE[NOOP]" },
	{ "P {3}\r\nabc {0+}\r\n \"x\"\r\n",
	    "DONE[P {3}\r\nabc {0+}\r\n \"x\"]" },
	/* A literal that ends in CR, and one that looks like an announcement */
	{ "P {2+}\r\na\r\r\n", "DONE[P {2+}\r\na\r]" },
	{ "P {4+}\r\n{9+}\r\nNOOP\r\n", "DONE[P {4+}\r\n{9+}]DONE[NOOP]" },
	/* No announcements */
	{ "P {+}\r\n", "DONE[P {+}]" },
	{ "P {1+} \r\n", "DONE[P {1+} ]" },
	{ "P {1-}\r\n", "DONE[P {1-}]" },
	{ "P \"{1+}\r\n", "DONE[P \"{1+}]" },
	{ "P \"\\\"{1+}\r\n", "DONE[P \"\\\"{1+}]" },
	{ "P \"\\\\\" {1+}\r\nx\r\n", "DONE[P \"\\\\\" {1+}\r\nx]" },
	/* Too much */
	{ "P " X50 X50 "\r\nNOOP\r\n",
	    "LONG[P xxxxxxxxxxxxxxxxxxxxxxxxxxxx]DONE[NOOP]" },
	{ "P " X50 X50 " {3+}\r\n\n\r\n\r\nNOOP\r\n",
	    "LONG[P xxxxxxxxxxxxxxxxxxxxxxxxxxxx]DONE[NOOP]" },
	{ "P {51+}\r\n" X50 "\n\r\nNOOP\r\n", "LARGE[P {51+}\r\n]DONE[NOOP]" },
	{ "P {99999999999+}\r\nNOOP\r\n", "HOPELESS[P {99999999999+}\r\n]" },
	{ "P {99999999999999999999+}\r\n",
	    "HOPELESS[P {99999999999999999999+}\r\n]" },
};

static void
test_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(framings); i++) {
		for (size_t step = 1; step < 200; step += 33) {
			struct buf got = { 0 };

			print_message("%zu in steps of %zu\n", i, step);
			frames(str_of(framings[i].text), step, &got);
			assert_string_equal(buf_cstr(&got), framings[i].want);
			buf_fini(&got);
		}
	}
}

/* Many literals do not add up to more than is allowed. */
static void
test_frame_is_bounded(void **state)
{
	struct frame f = { .max_line = MAX_LINE, .max_literal = MAX_LITERAL };
	struct str again =
	    STR(" {40+}\r\n0123456789012345678901234567890123456789");
	size_t used;

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(frame_feed(&f, again, &used), FRAME_MORE);
		assert_true(f.cmd.n <= MAX_LITERAL + 3 * MAX_LINE);
	}
	assert_int_equal(frame_feed(&f, STR("\r\n"), &used), FRAME_LARGE);
	frame_reset(&f);
}

/* ------------------------------------------------------------------------
 * Words
 */

static const struct {
	const char *text, *want; /* NULL: it is not well-formed */
} commands[] = {
	{ "NOOP", "NOOP" },
	{ "NOOP ", "NOOP" },
	{ "havespace \"a\" 99", "havespace s:a n:99" },
	{ "X \"\" {0+}\r\n", "X s: s:" },
	{ "X \"a\\\"b\\\\c\"", "X s:a\"b\\c" },
	{ "X {3+}\r\na\"b \"c\"", "X s:a\"b s:c" },
	{ "X {3}\na\nb", "X s:a\nb" },
	{ "X ADDR=::1 TTL=3", "X a:ADDR=::1 a:TTL=3" },
	{ "X 99999999999999999999", "X a:99999999999999999999" },
	{ "X \"\xc3\xa4\"", "X s:\xc3\xa4" },
	{ "", NULL },
	{ " NOOP", NULL },
	{ "\"NOOP\"", NULL },
	{ "X \"a", NULL },
	{ "X \"a\\", NULL },
	{ "X \"a\\b\"", NULL },
	{ "X \"a\"\"b\"", NULL },
	{ "X\t\"a\"", NULL },
	{ "X (a)", NULL },
	{ "X {1", NULL },
	{ "X {2+}\r\na", NULL },
	{ "X 1 2 3 4 5 6 7 8 9", NULL },
};

static void
test_args(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(commands); i++) {
		struct buf got = { 0 };
		struct args args;

		print_message("%s\n", commands[i].text);
		if (!args_parse(a, str_of(commands[i].text), &args)) {
			assert_null(commands[i].want);
			continue;
		}
		buf_putstr(&got, args.name);
		for (size_t k = 0; k < args.n; k++) {
			buf_printf(&got, " %c:%.*s", "ans"[args.v[k].kind],
			    STR_ARG(args.v[k].text));
			if (args.v[k].kind == ARG_NUMBER)
				assert_int_equal(args.v[k].number, 99);
		}
		assert_non_null(commands[i].want);
		assert_string_equal(buf_cstr(&got), commands[i].want);
		buf_fini(&got);
	}
	arena_free(&a);
}

static const struct {
	const char *text, *sig;
	bool fits;
} shapes[] = {
	{ "X", "", true },
	{ "X 1", "", false },
	{ "X \"a\"", "s", true },
	{ "X a", "s", false },
	{ "X 1", "s", false },
	{ "X", "s", false },
	{ "X", "?s", true },
	{ "X \"a\"", "?s", true },
	{ "X \"a\" \"b\"", "?s", false },
	{ "X \"a\"", "s?s", true },
	{ "X \"a\" 1", "sn", true },
	{ "X \"a\" b", "sn", false },
	{ "X a b c", "*", true },
	{ "X", "*", true },
};

static void
test_shapes(void **state)
{
	struct arena *a = arena_new();
	struct args args;

	(void)state;
	for (size_t i = 0; i < LEN(shapes); i++) {
		print_message("%s: %s\n", shapes[i].text, shapes[i].sig);
		assert_true(args_parse(a, str_of(shapes[i].text), &args));
		assert_int_equal(
		    args_fit(&args, shapes[i].sig), shapes[i].fits);
	}
	arena_free(&a);
}

/* What a client says in the course of SASL. */
static void
test_string_alone(void **state)
{
	struct arena *a = arena_new();
	struct str s;

	(void)state;
	assert_true(args_string(a, STR("\"*\""), &s));
	assert_true(str_eqc(s, "*"));
	assert_true(args_string(a, STR("{4+}\r\nYWJj"), &s));
	assert_true(str_eqc(s, "YWJj"));
	assert_true(args_string(a, STR("\"\""), &s));
	assert_int_equal(s.n, 0);
	assert_false(args_string(a, STR("YWJj"), &s));
	assert_false(args_string(a, STR("\"a\" \"b\""), &s));
	assert_false(args_string(a, STR(""), &s));
	arena_free(&a);
}

/* ------------------------------------------------------------------------
 * Answers
 */

/* What is put out is read as it was, and quoted strings are short. */
static void
test_put_string(void **state)
{
	static char large[1025];
	const struct str cases[] = { STR(""), STR("a"), STR("a\"b\\"),
		STR("two\r\nlines"), STR("\0nul"), STR("\xc3\xa4"),
		{ large, 1024 }, { large, 1025 } };
	struct arena *a = arena_new();

	(void)state;
	memset(large, 'x', sizeof(large));
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf out = { 0 };
		struct str back;

		print_message("case %zu\n", i);
		put_string(&out, cases[i]);
		assert_true(args_string(a, buf_str(&out), &back));
		assert_true(str_eq(back, cases[i]));
		assert_int_equal(
		    out.p[0] == '{', i == 3 || i == 4 || cases[i].n > 1024);
		buf_fini(&out);
	}
	arena_free(&a);
}

/* ------------------------------------------------------------------------
 * Commands
 */

static void
test_table(void **state)
{
	size_t n;
	const struct command *table = command_table(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct str name = str_of(table[i].name);

		print_message("%s\n", table[i].name);
		assert_ptr_equal(command_find(name), &table[i]);
		assert_true(
		    i == 0 || strcmp(table[i - 1].name, table[i].name) < 0);
		assert_true(str_starts(str_of(table[i].syntax), name));
	}
	assert_non_null(command_find(STR("putscript")));
	assert_null(command_find(STR("PUTSCRIPTS")));
	assert_null(command_find(STR("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_frame_is_bounded),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_string_alone),
		cmocka_unit_test(test_put_string),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
