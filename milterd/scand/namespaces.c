/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "milterd/scand/sandbox.h"

/*
 * A user namespace comes first: in it, whoever we are, we may make the others.
 * Not a process namespace: its first process is the last, too.
 */
#define SPACES                                                                 \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC |           \
	    CLONE_NEWUTS)
#define USR "/usr"
#define TEMP "/tmp"
/* The same, as seen from the folder that becomes the root. */
#define NEW_USR "usr"
#define NEW_TEMP "tmp"

static bool
fail(struct err *e, const char *what)
{
	err_errno(e, "%s", what);
	return false;
}

static bool
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);
	bool ok = fd >= 0 && write(fd, text, n) == (ssize_t)n;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* We stay who we are. */
static bool
map_ids(uid_t uid, gid_t gid, struct err *e)
{
	char users[64], groups[64];

	snprintf(
	    users, sizeof(users), "%u %u 1\n", (unsigned)uid, (unsigned)uid);
	snprintf(
	    groups, sizeof(groups), "%u %u 1\n", (unsigned)gid, (unsigned)gid);
	return (write_file("/proc/self/setgroups", "deny") &&
		   write_file("/proc/self/uid_map", users) &&
		   write_file("/proc/self/gid_map", groups)) ||
	       fail(e, "cannot map user ids");
}

/* The new root, in DIR: memory, not to execute anything of. */
static bool
make_root(const struct sandbox *s, struct err *e)
{
	char how[64];

	snprintf(how, sizeof(how), "mode=0700,size=%llu",
	    (unsigned long long)s->temp_size);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return fail(e, "cannot make mounts private");
	if (mount("scand", s->dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		how) != 0)
		return fail(e, "cannot mount a tmpfs");
	if (chdir(s->dir) != 0 || mkdir(NEW_USR, 0700) != 0 ||
	    mkdir(NEW_TEMP, 0700) != 0)
		return fail(e, "no room in the tmpfs");
	if (mount(USR, NEW_USR, NULL, MS_BIND | MS_REC, NULL) != 0)
		return fail(e, "cannot bind " USR);
	/* It is root's; where this fails, that has to do. */
	mount(NULL, NEW_USR, NULL,
	    MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL);
	return true;
}

static bool
turn_root(struct err *e)
{
	if (syscall(SYS_pivot_root, ".", ".") != 0)
		return fail(e, "cannot change the root");
	if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
		return fail(e, "cannot leave the old root");
	return true;
}

bool
namespaces_enter(const struct sandbox *s, const char **temp, struct err *e)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(SPACES) != 0)
		return fail(e, "cannot make namespaces");
	*temp = TEMP;
	return map_ids(uid, gid, e) && make_root(s, e) && turn_root(e);
}

bool
namespaces_probe(const struct sandbox *s, struct err *e)
{
	const char *temp;
	ssize_t n = 0;
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return fail(e, "pipe");
	pid = fork();
	if (pid == 0) {
		if (!namespaces_enter(s, &temp, e))
			n = write(pipes[1], e->msg, strlen(e->msg));
		_exit(n != 0);
	}
	close(pipes[1]);
	if (pid > 0)
		n = read(pipes[0], e->msg, sizeof(e->msg) - 1);
	e->msg[n > 0 ? n : 0] = '\0';
	close(pipes[0]);
	if (pid < 0)
		return fail(e, "fork");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return n == 0;
}
