/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/sanitize.h"

/*
 * What a scanner can and cannot do, each tried in a process of its own behind
 * the walls: with namespaces where the kernel lets us, and without.
 */

static char dir[] = "/tmp/sandbox_test.XXXXXX";
static const char *temp; /* in the child */

/* ------------------------------------------------------------------------
 * Attempts: true if it worked
 */

static bool
write_temp(void)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/file", temp);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	return fd >= 0 && write(fd, "x", 1) == 1 && unlink(path) == 0;
}

static bool
make_temp_folder(void)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/folder", temp);
	return mkdir(path, 0700) == 0 && rmdir(path) == 0;
}

static bool
opens(const char *path, int how)
{
	return open(path, how, 0600) >= 0;
}

static bool
read_usr(void)
{
	return opens("/usr", O_RDONLY | O_DIRECTORY);
}

static bool
read_passwd(void)
{
	return opens("/etc/passwd", O_RDONLY);
}

static bool
read_proc(void)
{
	return opens("/proc/self/status", O_RDONLY);
}

static bool
write_elsewhere(void)
{
	return opens("/var/tmp/sandbox_test", O_WRONLY | O_CREAT) ||
	       opens("/usr/sandbox_test", O_WRONLY | O_CREAT);
}

static bool
fill_temp(void)
{
	static const char zeros[65536];
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/big", temp);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	for (int i = 0; i < 64; i++) { /* four times the limit */
		if (write(fd, zeros, sizeof(zeros)) != sizeof(zeros))
			return false;
	}
	return true;
}

static bool
make_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool
make_pair(void)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0;
}

static bool
make_process(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0;
}

static bool
run_program(void)
{
	char *const argv[] = { NULL };

	return execv("/usr/bin/true", argv) == 0;
}

static bool
signal_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static bool
trace(void)
{
	return syscall(SYS_ptrace, 0, 0, 0, 0) == 0;
}

static bool
mount_something(void)
{
	return syscall(SYS_mount, "x", temp, "tmpfs", 0, "") == 0;
}

static bool
write_and_execute(void)
{
	return mmap(NULL, 4096, PROT_WRITE | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool
execute_what_was_written(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool
take_much_memory(void)
{
	return mmap(NULL, (size_t)1 << 30, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

enum outcome {
	WORKS,
	FAILS,
	KILLED,  /* by the filter of system calls, which a sanitizer weakens */
	STOPPED, /* by that or another signal, or it fails */
};

static const struct {
	const char *name;
	bool (*attempt)(void);
	enum outcome outcome;
} cases[] = {
	/* clang-format off */
	{ "write a temporary file", write_temp, WORKS },
	{ "make a temporary folder", make_temp_folder, WORKS },
	{ "read /usr", read_usr, WORKS },
	{ "read /etc/passwd", read_passwd, FAILS },
	{ "read /proc", read_proc, FAILS },
	{ "write elsewhere", write_elsewhere, FAILS },
	{ "fill the temporary folder", fill_temp, STOPPED },
	{ "make a socket", make_socket, KILLED },
	{ "make a socket pair", make_pair, KILLED },
	{ "make a process", make_process, KILLED },
	{ "run a program", run_program, KILLED },
	{ "signal another process", signal_parent, KILLED },
	{ "trace a process", trace, KILLED },
	{ "mount", mount_something, KILLED },
	{ "write and execute memory", write_and_execute, KILLED },
	{ "execute written memory", execute_what_was_written, KILLED },
	{ "take much memory", take_much_memory, STOPPED },
	/* clang-format on */
};
#define CASES LEN(cases)

/* ------------------------------------------------------------------------
 * Trying
 */

#define NO_SANDBOX 99

/* The status of a child that tries CASE behind the walls. */
static int
try(size_t i, bool namespaces)
{
	struct sandbox s = { .dir = dir,
		.namespaces = namespaces,
		.temp_size = 1 << 20,
		.memory = 64 << 20 };
	struct err e = ERR_INIT;
	char walls[SANDBOX_WALLS];
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (!sandbox_enter(&s, &temp, walls, &e)) {
			fprintf(stderr, "%s\n", e.msg);
			_exit(NO_SANDBOX);
		}
		if (!namespaces && !strstr(walls, "landlock") &&
		    cases[i].outcome == FAILS)
			_exit(1); /* an old kernel: nothing to try */
		_exit(cases[i].attempt() ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
check(size_t i, int status)
{
	bool killed = WIFSIGNALED(status);

	switch (cases[i].outcome) {
	case WORKS:
		assert_int_equal(status, 0);
		break;
	case FAILS:
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 1);
		break;
	case KILLED:
		if (!SANITIZED) {
			assert_true(killed);
			assert_int_equal(WTERMSIG(status), SIGSYS);
		}
		break;
	case STOPPED:
		if (!SANITIZED)
			assert_true(killed || WEXITSTATUS(status) == 1);
		break;
	}
}

static void
try_all(bool namespaces)
{
	for (size_t i = 0; i < CASES; i++) {
		int status;

		print_message("%s\n", cases[i].name);
		status = try(i, namespaces);
		assert_false(
		    WIFEXITED(status) && WEXITSTATUS(status) == NO_SANDBOX);
		check(i, status);
	}
}

static void
test_with_namespaces(void **state)
{
	struct sandbox s = { .dir = dir, .temp_size = 1 << 20 };
	struct err e = ERR_INIT;

	(void)state;
	if (!namespaces_probe(&s, &e)) {
		print_message("not tried: %s\n", e.msg);
		skip();
	}
	try_all(true);
}

static void
test_without(void **state)
{
	(void)state;
	try_all(false);
}

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int
tear_down(void **state)
{
	char path[200];

	(void)state;
	snprintf(path, sizeof(path), "%s/big", dir);
	unlink(path);
	return rmdir(dir);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_namespaces),
		cmocka_unit_test(test_without),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
