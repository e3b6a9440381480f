/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "store/internal.h"
#include "store/marker.h"

static const struct {
	const char *folder;
	bool durable;
} markers[] = {
	[MARKER_OUTGOING] = { "outbox", true },
	[MARKER_TRAINING] = { "training", false },
};

static void
marker_path(
    const struct store *st, enum marker m, struct str id, struct buf *out)
{
	buf_printf(
	    out, "%s/%s/%.*s", st->data_dir, markers[m].folder, STR_ARG(id));
}

static enum store_rc
touch(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	enum store_rc rc = STORE_OK;

	if (fd < 0 || futimens(fd, NULL) != 0) {
		rc = errno == ENOSPC || errno == EDQUOT || errno == EROFS
			 ? STORE_NOSPACE
			 : STORE_IO;
		err_errno(e, "cannot mark %s", path);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* The folder is synced each time: who made a marker that is there may have
 * been killed before. */
enum store_rc
marker_set(struct store *st, enum marker m, struct str id, struct err *e)
{
	struct buf dir = { 0 }, path = { 0 };
	enum store_rc rc = STORE_OK;

	buf_printf(&dir, "%s/%s", st->data_dir, markers[m].folder);
	marker_path(st, m, id, &path);
	if (!fs_mkdirs(buf_cstr(&dir), 0700, e))
		rc = STORE_IO;
	if (rc == STORE_OK)
		rc = touch(buf_cstr(&path), e);
	if (rc == STORE_OK && markers[m].durable && !fs_sync_dir(dir.p, e))
		rc = STORE_IO;
	buf_fini(&dir);
	buf_fini(&path);
	return rc;
}

bool
marker_is_set(struct store *st, enum marker m, struct str id)
{
	struct buf path = { 0 };
	bool yes;

	marker_path(st, m, id, &path);
	yes = access(buf_cstr(&path), F_OK) == 0;
	buf_fini(&path);
	return yes;
}

void
marker_clear(struct store *st, enum marker m, struct str id)
{
	struct buf path = { 0 };

	marker_path(st, m, id, &path);
	unlink(buf_cstr(&path));
	buf_fini(&path);
}

/* Changes with every touch, also of a marker made anew. */
static bool
stamp_of(int dir, const char *name, int64_t *out)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	*out = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	return true;
}

enum store_rc
marker_accounts(struct store *st, enum marker m,
    bool (*each)(void *arg, struct str id, int64_t stamp), void *arg,
    struct err *e)
{
	struct buf path = { 0 };
	const struct dirent *entry;
	int64_t stamp;
	DIR *dir;

	buf_printf(&path, "%s/%s", st->data_dir, markers[m].folder);
	dir = opendir(buf_cstr(&path));
	if (!dir && errno != ENOENT) {
		err_errno(e, "cannot open %s", path.p);
		buf_fini(&path);
		return STORE_IO;
	}
	while (dir && (entry = readdir(dir))) {
		struct str id = str_of(entry->d_name);

		if (account_id_valid(id) &&
		    stamp_of(dirfd(dir), entry->d_name, &stamp) &&
		    !each(arg, id, stamp))
			break;
	}
	if (dir)
		closedir(dir);
	buf_fini(&path);
	return STORE_OK;
}
