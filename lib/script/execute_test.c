/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/execute.h"

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
#include <unistd.h>

#include "site/test.h"

static void
set(struct fixture *f, const char *key, const char *value)
{
	struct site_scope everywhere = { .domain = STR_NULL };

	ok(site_setting_set(
	    f->site, NULL, str_of(key), everywhere, str_of(value), &f->e));
}

static void
make_program(struct fixture *f, const char *text)
{
	char full[4096];
	struct str path;
	FILE *file;

	assert_non_null(realpath(f->dir, full));
	path = arena_printf(f->a, "%s/bin", full);
	assert_int_equal(mkdir(path.p, 0755), 0);
	set(f, "sieve.program_dir", path.p);
	path = arena_printf(f->a, "%s/bin/it", full);
	file = fopen(path.p, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", text);
	fclose(file);
	assert_int_equal(chmod(path.p, 0755), 0);
}

static void
test_programs(void **state)
{
	static const struct str args[] = { STR("one") };
	struct fixture *f = *state;
	struct site_account acc = { .address = STR("me@a.test") };
	struct sieve_envelope env = { .from = STR("s@far.test"),
		.to = STR("me+x@a.test") };
	struct sieve_execution x = { .kind = SIEVE_FILTER,
		.program = STR("it"),
		.args = args,
		.nargs = 1,
		.input = STR("input"),
		.want_output = true };
	struct buf out = { 0 };

	signal(SIGPIPE, SIG_IGN);
	assert_false(script_program_exists(f->site, STR("it")));
	assert_int_equal(script_execute(f->site, &acc, &env, "mail.test", &x,
			     1000, &out, &f->e),
	    PROGRAM_NONE);
	make_program(f, "cat; echo \" $1 $USER $SENDER $RECIPIENT "
			"$ORIG_RECIPIENT $HOST\"");
	assert_true(script_program_exists(f->site, STR("it")));
	assert_false(script_program_exists(f->site, STR("other")));
	assert_int_equal(script_execute(f->site, &acc, &env, "mail.test", &x,
			     1000, &out, &f->e),
	    PROGRAM_OK);
	assert_str(buf_str(&out), "input one me@a.test s@far.test me+x@a.test "
				  "me+x@a.test mail.test\n");
	buf_clear(&out);
	assert_int_equal(script_execute(f->site, &acc, &env, "mail.test", &x,
			     10, &out, &f->e),
	    PROGRAM_FAILED);
	/* What nobody wants may be of any length. */
	x.want_output = false;
	assert_int_equal(script_execute(f->site, &acc, &env, "mail.test", &x,
			     10, &out, &f->e),
	    PROGRAM_OK);
	assert_int_equal(out.n, 0);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_programs, fixture_up, fixture_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
