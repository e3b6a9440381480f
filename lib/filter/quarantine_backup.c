/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <unistd.h>

#include "base/fs.h"
#include "filter/quarantine_internal.h"

/*
 * The database is copied first, as of one moment, then the files that it names.
 * A message that is deleted meanwhile is deleted in the copy, too.
 */

#define MAX_FILE (UINT64_C(4) << 30)

static const char *
part(struct arena *a, const char *dir, const char *name)
{
	return arena_printf(a, "%s/%s", dir, name).p;
}

bool
quarantine_exists(const char *data_dir)
{
	struct arena *a = arena_new();
	bool yes = access(part(a, data_dir, "quarantine.db"), F_OK) == 0;

	arena_free(&a);
	return yes;
}

static bool
copy_file(const char *from, const char *to, struct err *e)
{
	struct buf data = { 0 };
	bool ok = fs_read(from, MAX_FILE, &data, e) &&
		  fs_write_durable(to, buf_str(&data), 0600, e);

	buf_fini(&data);
	return ok;
}

static bool
copy_database(struct quarantine *q, const char *path, struct err *e)
{
	enum sq_rc rc;

	pthread_mutex_lock(&q->lock);
	rc = sq_run(q->q, e, "VACUUM INTO ?", SQ_C(path));
	pthread_mutex_unlock(&q->lock);
	return rc == SQ_OK && fs_sync_file(path, 0600, e);
}

static enum sq_rc
next_file(struct sq *copy, struct arena *a, int64_t *id, struct str *name,
    struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(copy, &s, e,
	    "SELECT id, file FROM message WHERE id > ? ORDER BY id LIMIT 1",
	    SQ_I(*id));

	if (rc == SQ_ROW) {
		*id = sq_int(s, 0);
		*name = sq_dup(a, s, 1);
		sq_reset(s);
	}
	return rc;
}

static bool
copy_messages(
    struct quarantine *q, struct sq *copy, const char *dir, struct err *e)
{
	struct arena *a = arena_new();
	struct str name;
	int64_t id = 0;
	enum sq_rc rc;

	while ((rc = next_file(copy, a, &id, &name, e)) == SQ_ROW) {
		const char *from = part(a, q->dir, name.p);
		bool ok =
		    access(from, F_OK) == 0
			? copy_file(from, part(a, dir, name.p), e)
			: sq_run(copy, e, "DELETE FROM entry WHERE message = ?",
			      SQ_I(id)) == SQ_OK;

		if (!ok)
			break;
		arena_reset(a);
	}
	arena_free(&a);
	return rc == SQ_DONE;
}

bool
quarantine_backup(struct quarantine *q, const char *dest, struct err *e)
{
	struct arena *a = arena_new();
	const char *path = part(a, dest, "quarantine.db");
	const char *dir = part(a, dest, "quarantine");
	const struct sq_options o = { .path = path };
	struct sq *copy = NULL;
	bool ok = fs_mkdirs(dir, 0700, e) && copy_database(q, path, e) &&
		  sq_open(&o, &copy, e) == SQ_OK &&
		  copy_messages(q, copy, dir, e);

	sq_close(&copy);
	ok = ok && fs_sync_file(path, 0600, e) && fs_sync_dir(dest, e);
	arena_free(&a);
	return ok;
}

/* The database last: without it there is none. */
bool
quarantine_restore(const char *data_dir, const char *source, struct err *e)
{
	struct arena *a = arena_new();
	const char *to = part(a, data_dir, "quarantine");
	const char *from = part(a, source, "quarantine");
	DIR *dir = opendir(from);
	const struct dirent *entry;
	bool ok = dir && fs_mkdirs(to, 0700, e);

	if (!dir)
		err_errno(e, "cannot read %s", from);
	while (ok && (entry = readdir(dir))) {
		if (quarantine_file_is(entry->d_name))
			ok = copy_file(part(a, from, entry->d_name),
			    part(a, to, entry->d_name), e);
	}
	if (dir)
		closedir(dir);
	ok = ok && copy_file(part(a, source, "quarantine.db"),
		       part(a, data_dir, "quarantine.db"), e);
	arena_free(&a);
	return ok;
}
