/* SPDX-License-Identifier: BSD-2-Clause */
#include "program/child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY ((rlim_t)1 << 30)
#define FILE_SIZE ((rlim_t)256 << 20)
#define FILES 256
#define NOT_STARTED 127

/*
 * From here to execve() only what is safe between fork() and exec in a process
 * with threads: system calls, no memory, no locks.
 */

static void
limit(int what, rlim_t n)
{
	struct rlimit r = { n, n };

	setrlimit((__rlimit_resource_t)what, &r);
}

static void
set_limits(const struct child *c)
{
	limit(RLIMIT_CPU, c->seconds + 1);
	limit(RLIMIT_AS, MEMORY);
	limit(RLIMIT_FSIZE, FILE_SIZE);
	limit(RLIMIT_NOFILE, FILES);
	limit(RLIMIT_CORE, 0);
}

/* Handlers are reset by exec, but what is ignored stays so. */
static void
reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
become(const struct child *c)
{
	/* The ends are above 2, see pipe_above() in program.c. */
	if (dup2(c->in, 0) < 0 || dup2(c->out, 1) < 0 || dup2(c->err, 2) < 0)
		_exit(NOT_STARTED);
	setpgid(0, 0);
	umask(077);
	if (chdir("/") != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(NOT_STARTED);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	set_limits(c);
	if (c->ruleset >= 0 && sandbox_enter(c->ruleset) != 0)
		_exit(NOT_STARTED);
	close_range(3, ~0U, 0);
	reset_signals();
	execve(c->path, c->argv, c->env);
	_exit(NOT_STARTED);
}

pid_t
child_start(const struct child *c)
{
	sigset_t all, before;
	pid_t pid;
	int error;

	/* No handler of ours may run over there. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(c);
	error = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid > 0)
		setpgid(pid, pid); /* whoever comes first */
	errno = error;
	return pid;
}
