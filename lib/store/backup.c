/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "base/fs.h"
#include "store/blob.h"
#include "store/check.h"
#include "store/internal.h"
#include "store/marker.h"

/* ------------------------------------------------------------------------
 * Copying
 */

static enum store_rc
copy_file(const char *from, const char *to, struct err *e)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = -1;
	ssize_t n = 1;
	bool ok;

	if (in >= 0)
		out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	while (out >= 0 && n > 0)
		n = copy_file_range(in, NULL, out, NULL, 1 << 30, 0);
	ok = in >= 0 && out >= 0 && n == 0 && fsync(out) == 0;
	if (!ok)
		err_errno(e, "cannot copy %s to %s", from, to);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return ok ? STORE_OK : STORE_IO;
}

/* All pages in one step: one read transaction, and writers go on. */
static enum store_rc
copy_database(struct db *db, const char *path, struct err *e)
{
	sqlite3 *to = NULL;
	sqlite3_backup *b = NULL;
	int rc = sqlite3_open_v2(
	    path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

	if (rc == SQLITE_OK)
		b = sqlite3_backup_init(to, "main", sq_handle(db->q), "main");
	if (b) {
		sqlite3_backup_step(b, -1);
		rc = sqlite3_backup_finish(b);
	} else {
		rc = sqlite3_errcode(to);
	}
	if (rc != SQLITE_OK)
		err_set(e, "cannot copy the database to %s: %s", path,
		    sqlite3_errmsg(to));
	sqlite3_close(to);
	return store_rc_of(sq_rc_of(rc));
}

/* The blob files the copied database names. */
static enum store_rc
copy_blobs(struct account *a, struct sq *copy, const char *dir, struct err *e)
{
	struct sqlite3_stmt *s;
	enum store_rc rc = STORE_OK;
	enum sq_rc step = sq_start(copy, &s, e,
	    "SELECT lower(hex(hash)) FROM blob WHERE data IS NULL");

	while (step == SQ_OK && rc == STORE_OK &&
	       (step = sq_step(s, e)) == SQ_ROW) {
		struct str hash = sq_str(s, 0);
		struct buf from = { 0 }, to = { 0 };

		buf_printf(
		    &from, "%s/blobs/%.2s/%.*s", a->dir, hash.p, STR_ARG(hash));
		buf_printf(&to, "%s/blobs/%.2s", dir, hash.p);
		if (!fs_mkdirs(buf_cstr(&to), 0700, e))
			rc = STORE_IO;
		buf_printf(&to, "/%.*s", STR_ARG(hash));
		if (rc == STORE_OK)
			rc = copy_file(buf_cstr(&from), buf_cstr(&to), e);
		buf_fini(&from);
		buf_fini(&to);
		step = SQ_OK;
	}
	if (rc != STORE_OK) {
		sq_reset(s);
		return rc;
	}
	return store_rc_of(step);
}

static enum store_rc
verify_copy(struct account *copy, struct sq *q, struct err *e)
{
	struct sqlite3_stmt *s;
	enum store_rc rc = STORE_OK;
	enum sq_rc step = sq_one(q, &s, e, "PRAGMA integrity_check(1)");

	if (step != SQ_ROW)
		return store_rc_of(step);
	if (!str_eqc(sq_str(s, 0), "ok"))
		rc = store_fail(e, STORE_CORRUPT, "the copy is damaged: %.*s",
		    STR_ARG(sq_str(s, 0)));
	sq_reset(s);
	if (rc != STORE_OK)
		return rc;
	step = sq_start(q, &s, e, "SELECT id, hash FROM blob");
	while (step == SQ_OK && rc == STORE_OK &&
	       (step = sq_step(s, e)) == SQ_ROW) {
		struct buf raw = { 0 };
		uint8_t hash[SHA256_LEN];

		rc = blob_read(copy, q, sq_int(s, 0), 0, UINT64_MAX, &raw, e);
		if (rc == STORE_OK) {
			sha256(buf_str(&raw), hash);
			if (!str_eq(sq_blob(s, 1),
				(struct str){ (char *)hash, SHA256_LEN }))
				rc = store_fail(e, STORE_CORRUPT,
				    "blob %lld does not match its SHA-256",
				    (long long)sq_int(s, 0));
		}
		buf_fini(&raw);
		step = SQ_OK;
	}
	if (rc != STORE_OK) {
		sq_reset(s);
		return rc;
	}
	return store_rc_of(step);
}

static enum store_rc
finish_copy(struct account *a, const char *dir, const char *path, bool verify,
    struct err *e)
{
	struct sq_options o = { .path = path };
	struct account copy = { .st = a->st };
	struct sq *q;
	enum store_rc rc;

	if ((rc = store_rc_of(sq_open(&o, &q, e))) != STORE_OK)
		return rc;
	rc = copy_blobs(a, q, dir, e);
	if (rc == STORE_OK && verify) {
		memcpy(copy.id, a->id, sizeof(copy.id));
		copy.dir = (char *)(uintptr_t)dir;
		rc = verify_copy(&copy, q, e);
	}
	sq_close(&q);
	return rc;
}

enum store_rc
account_backup(struct account *a, const char *dir, bool verify, struct err *e)
{
	struct buf path = { 0 }, blobs = { 0 };
	struct db *db = NULL;
	enum store_rc rc;

	if (access(dir, F_OK) == 0)
		return store_fail(e, STORE_EXISTS, "%s is there already", dir);
	buf_printf(&path, "%s/account.db", dir);
	buf_printf(&blobs, "%s/blobs", dir);
	if (!fs_mkdirs(buf_cstr(&blobs), 0700, e))
		rc = STORE_IO;
	else if ((rc = db_get(a, &db, e)) == STORE_OK)
		rc = copy_database(db, buf_cstr(&path), e);
	db_put(&db);
	if (rc == STORE_OK)
		rc = finish_copy(a, dir, path.p, verify, e);
	if (rc == STORE_OK)
		rc = fs_sync_file(path.p, 0, e) ? STORE_OK : STORE_IO;
	if (rc == STORE_OK && !fs_sync_dir(dir, e))
		rc = STORE_IO;
	buf_fini(&path);
	buf_fini(&blobs);
	return rc;
}

/* ------------------------------------------------------------------------
 * Restoring
 */

/* Mail that waited to go out when the copy was made has gone since. */
static enum sq_rc
forget_outgoing(struct sq *q, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(
	    q, &s, e, "SELECT 1 FROM sqlite_master WHERE name = 'outgoing'");

	if (rc != SQ_ROW) /* a copy from before that table */
		return rc == SQ_DONE ? SQ_OK : rc;
	sq_reset(s);
	rc = sq_run(q, e, "DELETE FROM outgoing_recipient");
	return rc == SQ_OK ? sq_run(q, e, "UPDATE outgoing SET kind = 0") : rc;
}

/* An unknown boot id makes the first open leave a gap. */
static enum store_rc
mark_restored(const char *path, struct err *e)
{
	struct sq_options o = { .path = path };
	struct sq *q;
	enum sq_rc rc = sq_open(&o, &q, e);

	if (rc != SQ_OK)
		return store_rc_of(rc);
	rc = sq_run(q, e, "UPDATE state SET boot = 'restored'");
	if (rc == SQ_OK)
		rc = forget_outgoing(q, e);
	sq_close(&q);
	return store_rc_of(rc);
}

static enum store_rc
restore_into(const char *from, const char *dir, struct store *st, struct err *e)
{
	struct buf src = { 0 }, dst = { 0 };
	struct account copy = {
		.st = st, .dir = (char *)(uintptr_t)from, .id = "backup"
	};
	struct sq_options o = { 0 };
	struct sq *q;
	enum store_rc rc;

	buf_printf(&src, "%s/account.db", from);
	buf_printf(&dst, "%s/account.db", dir);
	if ((rc = copy_file(buf_cstr(&src), buf_cstr(&dst), e)) == STORE_OK)
		rc = mark_restored(dst.p, e);
	o.path = dst.p;
	if (rc == STORE_OK &&
	    (rc = store_rc_of(sq_open(&o, &q, e))) == STORE_OK) {
		rc = copy_blobs(&copy, q, dir, e);
		sq_close(&q);
	}
	if (rc == STORE_OK && !fs_sync_dir(dir, e))
		rc = STORE_IO;
	buf_fini(&src);
	buf_fini(&dst);
	return rc;
}

enum store_rc
account_restore(
    struct store *st, struct str id, const char *from, struct err *e)
{
	struct buf dir = { 0 }, tmp = { 0 };
	struct err ignored;
	enum store_rc rc;

	if (!account_id_valid(id))
		return store_fail(e, STORE_INVALID,
		    "\"%.*s\" is not an account id", STR_ARG(id));
	buf_printf(
	    &dir, "%s/accounts/%.2s/%.*s", st->data_dir, id.p, STR_ARG(id));
	buf_printf(&tmp, "%s.restoring", buf_cstr(&dir));
	if (access(dir.p, F_OK) == 0) {
		rc = store_fail(e, STORE_EXISTS, "%s is there already", dir.p);
		goto out;
	}
	if (!fs_remove_tree(buf_cstr(&tmp), e)) {
		rc = STORE_IO;
		goto out;
	}
	buf_puts(&tmp, "/blobs");
	rc = fs_mkdirs(buf_cstr(&tmp), 0700, e) ? STORE_OK : STORE_IO;
	tmp.n -= 6;
	if (rc == STORE_OK)
		rc = restore_into(from, buf_cstr(&tmp), st, e);
	if (rc == STORE_OK && rename(buf_cstr(&tmp), dir.p) != 0) {
		err_errno(e, "cannot rename %s to %s", tmp.p, dir.p);
		rc = STORE_IO;
	}
	if (rc != STORE_OK)
		fs_remove_tree(buf_cstr(&tmp), &ignored);
	else /* perhaps; who trains finds out */
		marker_set(st, MARKER_TRAINING, id, &ignored);
out:
	buf_fini(&dir);
	buf_fini(&tmp);
	return rc;
}
