/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A preload library that records what a program does to the files below
 * MS_RECORD_DIR, in order, to the file MS_RECORD_LOG: opens that create,
 * writes, truncations, syncs, renames, unlinks, folders. tests/powercut/cut.py
 * replays the record up to a moment and loses what was not synced by then.
 *
 * Each call is made and recorded under one lock, so the record's order is the
 * order in which things happened.
 *
 * Record: "OP PATH [PATH2] [OFFSET] [LENGTH]\n", then LENGTH bytes of data.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_FD 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *dir;
static int log_fd = -1;
static char *paths[MAX_FD]; /* of descriptors we record */

static void
setup(void)
{
	const char *path = getenv("MS_RECORD_LOG");

	if (dir || !path)
		return;
	dir = getenv("MS_RECORD_DIR");
	log_fd = (int)syscall(SYS_openat, AT_FDCWD, path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static bool
is_ours(const char *path)
{
	return dir && log_fd >= 0 && strncmp(path, dir, strlen(dir)) == 0 &&
	       (path[strlen(dir)] == '/' || path[strlen(dir)] == '\0') &&
	       !strstr(path, "-shm") && !strstr(path, "/lock") &&
	       !strstr(path, "changes.ring");
}

static const char *
path_of(int fd)
{
	return fd >= 0 && fd < MAX_FD ? paths[fd] : NULL;
}

static void
put(const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		long w = syscall(SYS_write, log_fd, p, n);

		if (w <= 0)
			abort();
		p += w;
		n -= (size_t)w;
	}
}

static void note(const char *data, size_t n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
note(const char *data, size_t n, const char *fmt, ...)
{
	char line[2 * PATH_MAX];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	put(line, (size_t)len);
	put(data, n);
}

static int
do_open(int at, const char *path, int flags, mode_t mode)
{
	bool made;
	int fd;

	pthread_mutex_lock(&lock);
	setup();
	made = (flags & O_CREAT) && faccessat(at, path, F_OK, 0) != 0;
	fd = (int)syscall(SYS_openat, at, path, flags, mode);
	if (fd >= 0 && fd < MAX_FD) {
		free(paths[fd]);
		paths[fd] = is_ours(path) ? strdup(path) : NULL;
		if (paths[fd] && made)
			note(NULL, 0, "create %s\n", path);
		if (paths[fd] && !made && (flags & O_TRUNC))
			note(NULL, 0, "truncate %s 0\n", path);
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

#define OPEN_MODE                                                              \
	mode_t mode = 0;                                                       \
	if (flags & (O_CREAT | O_TMPFILE)) {                                   \
		va_list ap;                                                    \
		va_start(ap, flags);                                           \
		mode = va_arg(ap, mode_t);                                     \
		va_end(ap);                                                    \
	}

int
open(const char *path, int flags, ...)
{
	OPEN_MODE
	return do_open(AT_FDCWD, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	OPEN_MODE
	return do_open(AT_FDCWD, path, flags, mode);
}

int
close(int fd)
{
	int rc;

	pthread_mutex_lock(&lock);
	if (path_of(fd)) {
		free(paths[fd]);
		paths[fd] = NULL;
	}
	rc = (int)syscall(SYS_close, fd);
	pthread_mutex_unlock(&lock);
	return rc;
}

static ssize_t
record_write(int fd, const void *data, ssize_t done, off_t at)
{
	if (done > 0 && path_of(fd))
		note(data, (size_t)done, "write %s %lld %zd\n", path_of(fd),
		    (long long)at, done);
	return done;
}

ssize_t
write(int fd, const void *data, size_t n)
{
	off_t at;
	ssize_t done;

	pthread_mutex_lock(&lock);
	at = path_of(fd) ? (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR) : 0;
	done = record_write(fd, data, syscall(SYS_write, fd, data, n), at);
	pthread_mutex_unlock(&lock);
	return done;
}

ssize_t
pwrite(int fd, const void *data, size_t n, off_t at)
{
	ssize_t done;

	pthread_mutex_lock(&lock);
	done =
	    record_write(fd, data, syscall(SYS_pwrite64, fd, data, n, at), at);
	pthread_mutex_unlock(&lock);
	return done;
}

ssize_t
pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	return pwrite(fd, data, n, at);
}

int
ftruncate(int fd, off_t size)
{
	int rc;

	pthread_mutex_lock(&lock);
	rc = (int)syscall(SYS_ftruncate, fd, size);
	if (rc == 0 && path_of(fd))
		note(NULL, 0, "truncate %s %lld\n", path_of(fd),
		    (long long)size);
	pthread_mutex_unlock(&lock);
	return rc;
}

int
ftruncate64(int fd, off64_t size)
{
	return ftruncate(fd, size);
}

static int
record_sync(int fd, int rc)
{
	if (rc == 0 && path_of(fd))
		note(NULL, 0, "sync %s\n", path_of(fd));
	return rc;
}

int
fsync(int fd)
{
	int rc;

	pthread_mutex_lock(&lock);
	rc = record_sync(fd, (int)syscall(SYS_fsync, fd));
	pthread_mutex_unlock(&lock);
	return rc;
}

int
fdatasync(int fd)
{
	int rc;

	pthread_mutex_lock(&lock);
	rc = record_sync(fd, (int)syscall(SYS_fdatasync, fd));
	pthread_mutex_unlock(&lock);
	return rc;
}

int
rename(const char *from, const char *to)
{
	int rc;

	pthread_mutex_lock(&lock);
	setup();
	rc = (int)syscall(SYS_rename, from, to);
	if (rc == 0 && is_ours(to))
		note(NULL, 0, "rename %s %s\n", from, to);
	pthread_mutex_unlock(&lock);
	return rc;
}

int
unlink(const char *path)
{
	int rc;

	pthread_mutex_lock(&lock);
	setup();
	rc = (int)syscall(SYS_unlink, path);
	if (rc == 0 && is_ours(path))
		note(NULL, 0, "unlink %s\n", path);
	pthread_mutex_unlock(&lock);
	return rc;
}

int
mkdir(const char *path, mode_t mode)
{
	int rc;

	pthread_mutex_lock(&lock);
	setup();
	rc = (int)syscall(SYS_mkdir, path, mode);
	if (rc == 0 && is_ours(path))
		note(NULL, 0, "mkdir %s\n", path);
	pthread_mutex_unlock(&lock);
	return rc;
}

int
mknod(const char *path, mode_t mode, dev_t dev)
{
	int rc;

	pthread_mutex_lock(&lock);
	setup();
	rc = (int)syscall(SYS_mknodat, AT_FDCWD, path, mode, dev);
	if (rc == 0 && is_ours(path))
		note(NULL, 0, "create %s\n", path);
	pthread_mutex_unlock(&lock);
	return rc;
}
