/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_test.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl/message.h"

/*
 * Programs that tests run: input and output are files of memory, so that
 * nobody has to feed a pipe.
 */

#define TICK_NS 5000000L /* between two looks whether it has ended */
#define OUTPUT_MAX ((size_t)16 << 20)

static int
input_file(struct tester *t, const struct sieve_execution *x)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	struct buf lines = { 0 };
	struct str in = x->input;
	size_t at = 0;

	if (t->config.crlf[x->kind])
		lines_to_crlf(in, false, &lines);
	else
		lines_to_lf(in, &lines);
	in = buf_str(&lines);
	while (fd >= 0 && at < in.n) {
		ssize_t n = write(fd, in.p + at, in.n - at);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	buf_fini(&lines);
	return fd;
}

static void
read_output(int fd, struct buf *out)
{
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	do {
		n = read(fd, buf_reserve(out, 65536), 65536);
		out->n += n > 0 ? (size_t)n : 0;
	} while (n > 0 && out->n < OUTPUT_MAX);
}

/* Its status, or -1 when it had to be ended. */
static int
wait_for(pid_t pid, unsigned seconds)
{
	const struct timespec tick = { 0, TICK_NS };
	uint64_t left =
	    seconds ? seconds * (1000000000ULL / TICK_NS) : UINT64_MAX;
	int status;

	for (; left > 0; left--) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		nanosleep(&tick, NULL);
	}
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

static char *
variable(struct tester *t, const char *name, struct str value)
{
	return arena_cstr(
	    t->arena, arena_printf(t->arena, "%s=%.*s", name, STR_ARG(value)));
}

static bool
start(struct tester *t, const struct sieve_execution *x, const char *path,
    int in, int out, pid_t *pid)
{
	char **argv = arena_array(t->arena, x->nargs + 2, sizeof(char *));
	char *const env[] = {
		variable(t, "PATH", STR("/usr/bin:/bin")),
		variable(t, "HOME", STR("/tmp")),
		variable(t, "USER", t->in.user.name),
		variable(t, "HOST", t->in.hostname),
		variable(t, "SENDER", t->in.envelope.from),
		variable(t, "RECIPIENT", t->in.envelope.to),
		variable(t, "ORIG_RECIPIENT", t->in.envelope.orig_to),
		NULL,
	};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	bool ok;

	argv[0] = arena_cstr(t->arena, x->program);
	for (size_t i = 0; i < x->nargs; i++)
		argv[i + 1] = arena_cstr(t->arena, x->args[i]);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	ok = posix_spawn(pid, path, &files, &attr, argv, env) == 0;
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return ok;
}

static enum sieve_answer
run(struct tester *t, const struct sieve_execution *x, const char *path, int in,
    int out, struct buf *why)
{
	pid_t pid;
	int status;

	if (in < 0 || out < 0 || !start(t, x, path, in, out, &pid)) {
		buf_printf(why, "program '%.*s' cannot be started",
		    STR_ARG(x->program));
		return SIEVE_NO;
	}
	status = wait_for(pid, t->config.timeout[x->kind]);
	if (status == 0)
		return SIEVE_YES;
	if (status == -1 && x->kind == SIEVE_PIPE)
		test_error_add(t, STR("a program took too long"));
	if (status == -1)
		buf_printf(why, "program '%.*s' took longer than %u seconds",
		    STR_ARG(x->program), t->config.timeout[x->kind]);
	else
		buf_printf(why, "program '%.*s' failed with status %d",
		    STR_ARG(x->program),
		    WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return SIEVE_NO;
}

enum sieve_answer
test_program(struct tester *t, const struct sieve_execution *x,
    struct buf *output, struct buf *why)
{
	struct str path = arena_printf(t->arena, "%.*s/%.*s",
	    STR_ARG(t->config.bin_dir[x->kind]), STR_ARG(x->program));
	enum sieve_answer a;
	int in, out;

	if (t->config.bin_dir[x->kind].n == 0 || access(path.p, X_OK) != 0) {
		buf_printf(
		    why, "program '%.*s' not found", STR_ARG(x->program));
		return x->kind == SIEVE_PIPE ? SIEVE_NO : SIEVE_FAILED;
	}
	in = input_file(t, x);
	out = memfd_create("output", MFD_CLOEXEC);
	a = run(t, x, path.p, in, out, why);
	if (a == SIEVE_YES && output && x->want_output)
		read_output(out, output);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return a;
}
