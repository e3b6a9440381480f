/* SPDX-License-Identifier: BSD-2-Clause */
#include "program/program.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "program/child.h"

struct fixture {
	char dir[40]; /* not under /tmp, which programs may use */
	char bin[64];
	struct buf out;
	struct err e;
};

static void
write_program(
    struct fixture *f, const char *name, mode_t mode, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->bin, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", text);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static int
setup(void **state)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;

	*f = (struct fixture){ .dir = "/var/tmp/program_test.XXXXXX" };
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->bin, sizeof(f->bin), "%.40s/bin", f->dir);
	assert_int_equal(mkdir(f->bin, 0755), 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	buf_fini(&f->out);
	return fs_remove_tree(f->dir, &f->e) ? 0 : -1;
}

/* Programs run in "/", so the folder is named in full. */
static enum program_rc
run(struct fixture *f, struct program p, const char *text)
{
	char full[4096];

	write_program(f, "it", 0755, text);
	assert_non_null(realpath(f->bin, full));
	p.dir = full;
	p.name = STR("it");
	p.seconds = p.seconds ? p.seconds : 5;
	p.max_output = p.max_output ? p.max_output : 1 << 20;
	buf_clear(&f->out);
	f->e.msg[0] = '\0';
	return program_run(&p, &f->out, &f->e);
}

static const struct {
	const char *text;
	enum program_rc rc;
	const char *said; /* output, or the error */
} cases[] = {
	{ "cat", PROGRAM_OK, "input" },
	{ "exit 0", PROGRAM_OK, "" },
	{ "exit 1", PROGRAM_FAILED, "it ended with status 1" },
	{ "echo no such thing >&2; echo more >&2; exit 3", PROGRAM_FAILED,
	    "it ended with status 3: no such thing" },
	{ "exit 75", PROGRAM_TEMPORARY, "it ended with status 75" },
	{ "kill -9 $$", PROGRAM_FAILED, "it was ended by signal 9" },
	{ "echo \"$1|$2|$#\"", PROGRAM_OK, "a b|$(id)|2\n" },
	{ "env | grep -v ^PWD= | grep -v ^_= | sort", PROGRAM_OK,
	    "HOST=mail.x\nPATH=/usr/local/bin:/usr/bin:/bin\n"
	    "RECIPIENT=r@x\nSENDER=s@x\nUSER=u@x\n" },
	{ "ls /proc/self/fd | tr '\\n' ' '", PROGRAM_OK, "0 1 2 3 " },
	{ "grep NoNewPrivs /proc/self/status | cut -f2", PROGRAM_OK, "1\n" },
	{ "kill -s PIPE $$", PROGRAM_FAILED, "it was ended by signal 13" },
	{ "kill -s HUP $$", PROGRAM_FAILED, "it was ended by signal 1" },
	{ "ulimit -n; ulimit -c; pwd; umask", PROGRAM_OK, "256\n0\n/\n0077\n" },
	{ "exec >&- 2>&-; sleep 0.2; exit 4", PROGRAM_FAILED,
	    "it ended with status 4" },
};

static void
test_runs(void **state)
{
	static const struct str args[] = { STR("a b"), STR("$(id)") };
	struct fixture *f = *state;
	struct program p = { .args = args,
		.nargs = 2,
		.input = STR("input"),
		.user = STR("u@x"),
		.sender = STR("s@x"),
		.recipient = STR("r@x"),
		.host = STR("mail.x") };

	for (size_t i = 0; i < LEN(cases); i++) {
		print_message("%s\n", cases[i].text);
		assert_int_equal(run(f, p, cases[i].text), cases[i].rc);
		assert_string_equal(
		    cases[i].rc == PROGRAM_OK ? buf_cstr(&f->out) : f->e.msg,
		    cases[i].said);
	}
}

/* More than pipes hold, both ways at once; and one that does not read. */
static void
test_much(void **state)
{
	struct fixture *f = *state;
	struct buf in = { 0 };
	struct program p = { .max_output = 8 << 20 };

	for (int i = 0; i < 400000; i++)
		buf_printf(&in, "%d\n", i);
	p.input = buf_str(&in);
	assert_int_equal(run(f, p, "cat"), PROGRAM_OK);
	assert_true(str_eq(buf_str(&f->out), p.input));
	assert_int_equal(run(f, p, "exit 0"), PROGRAM_OK);
	p.max_output = 1000;
	assert_int_equal(run(f, p, "cat"), PROGRAM_FAILED);
	assert_int_equal(f->out.n, 0);
	assert_int_equal(run(f, p, "yes | head -c 1000"), PROGRAM_OK);
	buf_fini(&in);
}

static bool
exists(struct fixture *f, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return access(path, F_OK) == 0;
}

/* With all that it started. */
static void
test_time(void **state)
{
	struct fixture *f = *state;
	char full[4096], text[9000];
	struct program p = { .seconds = 1 };
	int64_t start = clock_mono_ms();

	assert_non_null(realpath(f->dir, full));
	p.paths = str_of(full);
	snprintf(
	    text, sizeof(text), "(sleep 2; echo > %s/alive) & sleep 10", full);
	assert_int_equal(run(f, p, text), PROGRAM_FAILED);
	assert_string_equal(f->e.msg, "it did not end within 1 s");
	assert_in_range(clock_mono_ms() - start, 900, 2500);
	/* One that leaves somebody behind with its output. */
	snprintf(
	    text, sizeof(text), "(sleep 2; echo > %s/alive) & echo x", full);
	start = clock_mono_ms();
	assert_int_equal(run(f, p, text), PROGRAM_OK);
	assert_string_equal(buf_cstr(&f->out), "x\n");
	assert_true(clock_mono_ms() - start < 900);
	sleep(3);
	assert_false(exists(f, "alive"));
}

/* The folder that is named may be written, others may not even be read. */
static void
test_sandbox(void **state)
{
	struct fixture *f = *state;
	char full[4096], text[9000];
	struct program p = { .paths = STR("") };
	int ruleset = sandbox_ruleset("/", "");

	if (ruleset < 0) {
		print_message("this kernel has no Landlock\n");
		skip();
	}
	close(ruleset);
	assert_non_null(realpath(f->dir, full));
	snprintf(
	    text, sizeof(text), "echo > %s/mail && cat %s/mail", full, full);
	assert_int_equal(run(f, p, text), PROGRAM_FAILED);
	assert_false(exists(f, "mail"));
	snprintf(text, sizeof(text), "ls %s", full);
	assert_int_equal(run(f, p, text), PROGRAM_FAILED);
	p.paths = str_of(full);
	snprintf(
	    text, sizeof(text), "echo > %s/mail && cat %s/mail", full, full);
	assert_int_equal(run(f, p, text), PROGRAM_OK);
	assert_true(exists(f, "mail"));
}

static void
test_refused(void **state)
{
	static const char *const names[] = { "", ".hidden", "a/b", "../bin/ok",
		"none", "writable", "plain", "link", "folder" };
	struct fixture *f = *state;
	char path[128];
	struct program p = { .dir = f->bin, .seconds = 1, .max_output = 10 };
	struct str many[PROGRAM_MAX_ARGS + 1] = { { 0 } };
	char *long_one = calloc(1, PROGRAM_MAX_ARG + 1);

	write_program(f, "ok", 0755, "exit 0");
	write_program(f, ".hidden", 0755, "exit 0");
	write_program(f, "writable", 0777, "exit 0");
	write_program(f, "plain", 0644, "exit 0");
	snprintf(path, sizeof(path), "%s/link", f->bin);
	assert_int_equal(symlink("ok", path), 0);
	snprintf(path, sizeof(path), "%s/folder", f->bin);
	assert_int_equal(mkdir(path, 0755), 0);
	for (size_t i = 0; i < LEN(names); i++) {
		print_message("\"%s\"\n", names[i]);
		p.name = str_of(names[i]);
		assert_false(program_find(f->bin, p.name, &f->e));
		assert_int_equal(program_run(&p, NULL, &f->e), PROGRAM_NONE);
	}
	p.name = STR("ok");
	assert_true(program_find(f->bin, p.name, &f->e));
	assert_false(program_find("", p.name, &f->e));
	p.args = many;
	p.nargs = PROGRAM_MAX_ARGS + 1;
	assert_int_equal(program_run(&p, NULL, &f->e), PROGRAM_NONE);
	memset(long_one, 'x', PROGRAM_MAX_ARG + 1);
	p.args = &(struct str){ long_one, PROGRAM_MAX_ARG + 1 };
	p.nargs = 1;
	assert_int_equal(program_run(&p, NULL, &f->e), PROGRAM_NONE);
	free(long_one);
	/* A folder that others can write to. */
	assert_int_equal(chmod(f->bin, 0777), 0);
	assert_false(program_find(f->bin, STR("ok"), &f->e));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_runs),
		TEST(test_much),
		TEST(test_time),
		TEST(test_sandbox),
		TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
