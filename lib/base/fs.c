/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rnd.h"

bool
fs_read(const char *path, size_t max, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t start = out->n;
	ssize_t got = -1;

	if (fd < 0) {
		err_errno(e, "cannot open %s", path);
		return false;
	}
	for (;;) {
		got = read(fd, buf_reserve(out, 65536), 65536);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		out->n += (size_t)got;
		if (out->n - start > max) {
			close(fd);
			err_set(e, "%s is larger than %zu bytes", path, max);
			return false;
		}
	}
	if (got < 0)
		err_errno(e, "cannot read %s", path);
	close(fd);
	return got == 0;
}

static char *
parent_of(const char *path)
{
	char *copy = mem_strdup(path);
	char *slash = strrchr(copy, '/');

	if (!slash)
		strcpy(copy, ".");
	else
		slash[slash == copy] = '\0';
	return copy;
}

bool
fs_sync_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (!ok)
		err_errno(e, "cannot sync folder %s", path);
	if (fd >= 0)
		close(fd);
	return ok;
}

bool
fs_sync_file(const char *path, mode_t mode, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok =
	    fd >= 0 && (mode == 0 || fchmod(fd, mode) == 0) && fsync(fd) == 0;

	if (!ok)
		err_errno(e, "cannot sync %s", path);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool
sync_parent(const char *path, struct err *e)
{
	char *parent = parent_of(path);
	bool ok = fs_sync_dir(parent, e);

	free(parent);
	return ok;
}

static bool
write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t put = write(fd, s.p, s.n);

		if (put < 0 && errno != EINTR)
			return false;
		if (put > 0)
			s = str_sub(s, (size_t)put, s.n);
	}
	return true;
}

bool
fs_write_durable(const char *path, struct str data, mode_t mode, struct err *e)
{
	struct buf tmp = { 0 };
	bool ok = false;
	int fd;

	buf_printf(&tmp, "%s.%016llx.tmp", path, (unsigned long long)rnd_u64());
	fd =
	    open(buf_cstr(&tmp), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0) {
		err_errno(e, "cannot create %s", buf_cstr(&tmp));
		goto out;
	}
	ok = write_all(fd, data) && fsync(fd) == 0;
	if (close(fd) != 0)
		ok = false;
	ok = ok && rename(buf_cstr(&tmp), path) == 0;
	if (!ok) {
		err_errno(e, "cannot write %s", path);
		unlink(buf_cstr(&tmp));
		goto out;
	}
	ok = sync_parent(path, e);
out:
	buf_fini(&tmp);
	return ok;
}

static bool
make_dir(const char *path, mode_t mode, struct err *e)
{
	if (mkdir(path, mode) == 0)
		return sync_parent(path, e);
	if (errno == EEXIST)
		return true;
	err_errno(e, "cannot create folder %s", path);
	return false;
}

bool
fs_mkdirs(const char *path, mode_t mode, struct err *e)
{
	char *copy = mem_strdup(path);
	bool ok = true;

	for (char *p = copy + 1; ok && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		ok = make_dir(copy, mode, e);
		*p = '/';
	}
	ok = ok && make_dir(copy, mode, e);
	free(copy);
	return ok;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

bool
fs_remove_tree(const char *path, struct err *e)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 ||
	    errno == ENOENT)
		return true;
	err_errno(e, "cannot remove %s", path);
	return false;
}
