/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "pop3d/command.h"
#include "pop3d/wire.h"

static void
test_table(void **state)
{
	size_t n;
	const struct command *rows = command_table(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_true(
		    i == 0 || strcmp(rows[i - 1].name, rows[i].name) < 0);
		assert_ptr_equal(command_find(str_of(rows[i].name)), &rows[i]);
		assert_int_equal(rows[i].states & ~(unsigned)ST_ANY, 0);
		assert_true(
		    str_istarts(str_of(rows[i].syntax), str_of(rows[i].name)));
	}
	assert_non_null(command_find(STR("retr")));
	assert_null(command_find(STR("RETRO")));
	assert_null(command_find(STR("")));
}

/* ------------------------------------------------------------------------
 * Lines
 */

static const struct {
	const char *line, *keyword;
	enum shape shape;
	bool ok;
	uint32_t msg;
	uint64_t lines;
} lines[] = {
	{ "NOOP", "NOOP", ARGS_NONE, true, 0, 0 },
	{ "NOOP ", "NOOP", ARGS_NONE, true, 0, 0 },
	{ "NOOP x", "NOOP", ARGS_NONE, false, 0, 0 },
	{ "RETR 17", "RETR", ARGS_MSG, true, 17, 0 },
	{ "RETR  17 ", "RETR", ARGS_MSG, true, 17, 0 },
	{ "RETR", "RETR", ARGS_MSG, false, 0, 0 },
	{ "RETR -1", "RETR", ARGS_MSG, false, 0, 0 },
	{ "RETR +1", "RETR", ARGS_MSG, false, 0, 0 },
	{ "RETR 1 2", "RETR", ARGS_MSG, false, 0, 0 },
	{ "RETR 4294967296", "RETR", ARGS_MSG, true, 0, 0 },
	{ "RETR 99999999999999999999999", "RETR", ARGS_MSG, true, 0, 0 },
	{ "LIST", "LIST", ARGS_MSG_OPT, true, 0, 0 },
	{ "LIST 3", "LIST", ARGS_MSG_OPT, true, 3, 0 },
	{ "LIST x", "LIST", ARGS_MSG_OPT, false, 0, 0 },
	{ "TOP 3 0", "TOP", ARGS_MSG_LINES, true, 3, 0 },
	{ "TOP 3  10", "TOP", ARGS_MSG_LINES, true, 3, 10 },
	{ "TOP 3", "TOP", ARGS_MSG_LINES, false, 0, 0 },
	{ "TOP 3 -1", "TOP", ARGS_MSG_LINES, false, 0, 0 },
	{ "TOP 1 99999999999999999999999", "TOP", ARGS_MSG_LINES, true, 1,
	    UINT64_MAX - 1 },
	{ "PASS  a b ", "PASS", ARGS_TEXT, true, 0, 0 },
	{ "PASS", "PASS", ARGS_TEXT, false, 0, 0 },
	{ "PASS ", "PASS", ARGS_TEXT, false, 0, 0 },
};

static void
test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(lines); i++) {
		struct args args;
		struct str keyword = line_keyword(str_of(lines[i].line), &args);

		print_message("%s\n", lines[i].line);
		assert_true(str_eqc(keyword, lines[i].keyword));
		assert_int_equal(line_args(lines[i].shape, &args), lines[i].ok);
		if (!lines[i].ok)
			continue;
		assert_int_equal(args.msg, lines[i].msg);
		assert_int_equal(args.lines, lines[i].lines);
		/* A password keeps its spaces. */
		if (lines[i].shape == ARGS_TEXT)
			assert_true(str_eqc(args.text, " a b "));
	}
}

/* ------------------------------------------------------------------------
 * Messages on the wire
 */

static const struct {
	const char *in;
	uint64_t lines;
	const char *out;
} wires[] = {
	{ "", WIRE_ALL, ".\r\n" },
	{ "A: b\r\n\r\nx\r\n", WIRE_ALL, "A: b\r\n\r\nx\r\n.\r\n" },
	{ "A: b\r\n\r\nx", WIRE_ALL, "A: b\r\n\r\nx\r\n.\r\n" },
	{ ".\r\n..\r\n.x\r\n", WIRE_ALL, "..\r\n...\r\n..x\r\n.\r\n" },
	/* What could be taken for a line end makes a line. */
	{ "a\n.\nb\n", WIRE_ALL, "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\r.\rb", WIRE_ALL, "a\r.\rb\r\n.\r\n" },
	{ "a\r\r\n.\r", WIRE_ALL, "a\r\r\n..\r\n.\r\n" },
	{ "\r", WIRE_ALL, "\r\n.\r\n" },
	/* TOP */
	{ "A: b\r\n\r\n1\r\n2\r\n", 0, "A: b\r\n\r\n.\r\n" },
	{ "A: b\r\n\r\n1\r\n2\r\n", 1, "A: b\r\n\r\n1\r\n.\r\n" },
	{ "A: b\r\n\r\n\r\n2\r\n", 1, "A: b\r\n\r\n\r\n.\r\n" },
	{ "A: b\r\n\r\n1\r\n2", 2, "A: b\r\n\r\n1\r\n2\r\n.\r\n" },
	{ "A: b\r\n\r\n1\r\n2", 9, "A: b\r\n\r\n1\r\n2\r\n.\r\n" },
	{ "A: b\n\n1\n2", 1, "A: b\r\n\r\n1\r\n.\r\n" },
	{ "A: b\r\n", 0, "A: b\r\n.\r\n" },
	{ "\r\n1\r\n2\r\n", 1, "\r\n1\r\n.\r\n" },
};

/* The same whatever pieces it comes in. */
static void
test_wire(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(wires); i++) {
		struct str in = str_of(wires[i].in);

		for (size_t step = 1; step <= in.n + 1; step++) {
			struct buf out = { 0 };
			struct wire w;

			wire_init(&w, wires[i].lines);
			for (size_t at = 0; at < in.n; at += step)
				wire_put(&w, str_sub(in, at, step), &out);
			wire_end(&w, &out);
			assert_string_equal(buf_cstr(&out), wires[i].out);
			buf_fini(&out);
		}
	}
}

/* ------------------------------------------------------------------------
 * Locks
 */

#define A STR("00000000000000aa")
#define B STR("ffffffffffffffff")

/* Whether another process gets the lock. */
static bool
another_gets(const char *dir, struct str id)
{
	struct locks *l;
	struct err e;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(locks_open(dir, &l, &e) &&
		      locks_take(l, id, &e) == LOCK_OK);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void
test_locks(void **state)
{
	char dir[] = "/tmp/pop3d_testXXXXXX";
	struct locks *l;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_true(locks_open(dir, &l, &e));
	assert_int_equal(locks_take(l, A, &e), LOCK_OK);
	assert_int_equal(locks_take(l, A, &e), LOCK_IN_USE);
	assert_int_equal(locks_take(l, B, &e), LOCK_OK);
	assert_false(another_gets(dir, A));
	assert_false(another_gets(dir, B));
	assert_true(another_gets(dir, STR("00000000000000af")));
	locks_give(l, A);
	assert_true(another_gets(dir, A)); /* and it ended without giving it */
	assert_int_equal(locks_take(l, A, &e), LOCK_OK);
	locks_close(&l);
	assert_true(another_gets(dir, B));
	assert_true(fs_remove_tree(dir, &e));
}

static void
test_delays(void **state)
{
	struct delays *d = delays_new();

	(void)state;
	assert_true(delays_pass(d, A, 0));
	assert_true(delays_pass(d, A, 60));
	assert_false(delays_pass(d, A, 60));
	assert_true(delays_pass(d, B, 60));
	clock_shift(59);
	assert_false(delays_pass(d, A, 60));
	clock_shift(2);
	assert_true(delays_pass(d, A, 60));
	assert_false(delays_pass(d, A, 60));
	delays_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_delays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
