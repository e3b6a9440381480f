/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
test_commands(void **state)
{
	static const struct {
		struct str in;
		size_t taken;
		enum command command;
		char delimiter;
	} cases[] = {
		/* clang-format off */
		{ STR("zPING\0"),          6, COMMAND_PING, '\0' },
		{ STR("zPING\0zEND\0"),    6, COMMAND_PING, '\0' },
		{ STR("nPING\n"),          6, COMMAND_PING, '\n' },
		{ STR("PING\n"),           5, COMMAND_PING, '\n' },
		{ STR("PING\r\n"),         6, COMMAND_PING, '\n' },
		{ STR("nPING\r\n"),        7, COMMAND_UNKNOWN, '\n' },
		{ STR("zPING\n\0"),        7, COMMAND_UNKNOWN, '\0' },
		{ STR("ping\n"),           5, COMMAND_UNKNOWN, '\n' },
		{ STR("zINSTREAM\0"),     10, COMMAND_INSTREAM, '\0' },
		{ STR("zVERSION\0"),       9, COMMAND_VERSION, '\0' },
		{ STR("zVERSIONCOMMANDS\0"), 17, COMMAND_VERSIONCOMMANDS, '\0' },
		{ STR("zSHUTDOWN\0"),     10, COMMAND_UNAVAILABLE, '\0' },
		{ STR("zSCAN /x y\0"),    11, COMMAND_UNAVAILABLE, '\0' },
		{ STR("zPING x\0"),        8, COMMAND_UNKNOWN, '\0' },
		{ STR("z\0"),              2, COMMAND_UNKNOWN, '\0' },
		{ STR("\n"),               1, COMMAND_UNKNOWN, '\n' },
		{ STR("\0PING\n"),         6, COMMAND_UNKNOWN, '\n' },
		{ STR("zPING"),            0, COMMAND_UNKNOWN, '\0' },
		{ STR("nPING\0"),          0, COMMAND_UNKNOWN, '\n' },
		{ STR(""),                 0, COMMAND_UNKNOWN, '\n' },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct request r = { .command = COMMAND_UNKNOWN };

		print_message("case %zu: %.*s\n", i, STR_ARG(cases[i].in));
		assert_int_equal(command_take(cases[i].in, &r), cases[i].taken);
		assert_int_equal(r.delimiter, cases[i].delimiter);
		assert_int_equal(r.command, cases[i].command);
	}
}

static void
test_endless_command(void **state)
{
	char text[COMMAND_MAX + 10];
	struct request r;

	(void)state;
	memset(text, 'A', sizeof(text));
	assert_int_equal(
	    command_take((struct str){ text, COMMAND_MAX - 1 }, &r), 0);
	assert_int_equal(
	    command_take((struct str){ text, sizeof(text) }, &r), COMMAND_MAX);
	assert_int_equal(r.command, COMMAND_UNKNOWN);
}

/* What comes out of IN when it arrives STEP octets at a time. */
static enum stream_state
read_stream(
    struct str in, uint64_t max, size_t step, struct buf *out, size_t *used)
{
	enum stream_state state = STREAM_MORE;
	size_t end = 0;
	struct stream s;

	stream_init(&s, max);
	*used = 0;
	while (state == STREAM_MORE && *used < in.n) {
		struct str data;

		if (end < *used + step)
			end = *used + step;
		*used += stream_take(
		    &s, str_sub(in, *used, end - *used), &data, &state);
		buf_putstr(out, data);
	}
	return state;
}

static void
test_streams(void **state)
{
	static const struct {
		struct str in;
		uint64_t max;
		enum stream_state state;
		const char *data;
		size_t used;
	} cases[] = {
		/* clang-format off */
		{ STR("\0\0\0\0"), 10, STREAM_END, "", 4 },
		{ STR("\0\0\0\3abc\0\0\0\0"), 10, STREAM_END, "abc", 11 },
		{ STR("\0\0\0\3abc\0\0\0\2de\0\0\0\0zPING"), 10, STREAM_END, "abcde", 17 },
		{ STR("\0\0\0\3abc\0\0\0\2de\0\0\0\0"), 5, STREAM_END, "abcde", 17 },
		{ STR("\0\0\0\3abc\0\0\0\2de\0\0\0\0"), 4, STREAM_TOO_LONG, "abc", 11 },
		{ STR("\377\377\377\377abc"), 1000, STREAM_TOO_LONG, "", 4 },
		{ STR("\0\0\0\3ab"), 10, STREAM_MORE, "ab", 6 },
		{ STR("\0\0\0"), 10, STREAM_MORE, "", 3 },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		for (size_t step = 1; step < 20; step++) {
			struct buf out = { 0 };
			size_t used;

			print_message("case %zu by %zu\n", i, step);
			assert_int_equal(read_stream(cases[i].in, cases[i].max,
					     step, &out, &used),
			    cases[i].state);
			assert_int_equal(used, cases[i].used);
			assert_string_equal(buf_cstr(&out), cases[i].data);
			buf_fini(&out);
		}
	}
}

static void
test_names(void **state)
{
	struct buf out = { 0 };

	(void)state;
	command_names(&out);
	assert_string_equal(buf_cstr(&out),
	    "END IDSESSION INSTREAM PING RELOAD STATS VERSION "
	    "VERSIONCOMMANDS");
	buf_fini(&out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_endless_command),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
