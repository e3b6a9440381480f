/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "store/internal.h"

#define LEVEL 3
/* Below this, compressing saves nothing worth the time. */
#define MIN_COMPRESS 256

/* ------------------------------------------------------------------------
 * zstd contexts: made once, lent out
 */

#define MAX_CONTEXTS 16

static struct {
	pthread_mutex_t lock;
	ZSTD_CCtx *c[MAX_CONTEXTS];
	ZSTD_DCtx *d[MAX_CONTEXTS];
	unsigned nc, nd;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static ZSTD_CCtx *
cctx_get(void)
{
	ZSTD_CCtx *c;

	pthread_mutex_lock(&pool.lock);
	c = pool.nc ? pool.c[--pool.nc] : NULL;
	pthread_mutex_unlock(&pool.lock);
	if (c)
		return c;
	if (!(c = ZSTD_createCCtx()))
		mem_alloc(SIZE_MAX); /* ends the process */
	/* Without its checksum, damage may well unpack to other text. */
	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	return c;
}

static void
cctx_put(ZSTD_CCtx *c)
{
	pthread_mutex_lock(&pool.lock);
	if (pool.nc < MAX_CONTEXTS) {
		pool.c[pool.nc++] = c;
		c = NULL;
	}
	pthread_mutex_unlock(&pool.lock);
	ZSTD_freeCCtx(c);
}

static ZSTD_DCtx *
dctx_get(void)
{
	ZSTD_DCtx *d;

	pthread_mutex_lock(&pool.lock);
	d = pool.nd ? pool.d[--pool.nd] : NULL;
	pthread_mutex_unlock(&pool.lock);
	if (!d && !(d = ZSTD_createDCtx()))
		mem_alloc(SIZE_MAX);
	return d;
}

static void
dctx_put(ZSTD_DCtx *d)
{
	pthread_mutex_lock(&pool.lock);
	if (pool.nd < MAX_CONTEXTS) {
		pool.d[pool.nd++] = d;
		d = NULL;
	}
	pthread_mutex_unlock(&pool.lock);
	ZSTD_freeDCtx(d);
}

/* ------------------------------------------------------------------------
 * Preparing
 */

static void
put_u32(struct buf *b, uint32_t v)
{
	unsigned char p[4] = { (unsigned char)v, (unsigned char)(v >> 8),
		(unsigned char)(v >> 16), (unsigned char)(v >> 24) };

	buf_put(b, p, 4);
}

static uint32_t
get_u32(const char *at)
{
	const unsigned char *p = (const unsigned char *)at;

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

/* Compress frame by frame; false (and nothing kept) if it does not pay. */
static bool
compress(struct str raw, struct blob *b)
{
	ZSTD_CCtx *c;
	bool ok = true;

	if (raw.n < MIN_COMPRESS)
		return false;
	c = cctx_get();
	for (size_t at = 0; ok && at < raw.n; at += BLOB_FRAME) {
		struct str frame = str_sub(raw, at, BLOB_FRAME);
		size_t bound = ZSTD_compressBound(frame.n);
		size_t n = ZSTD_compress2(
		    c, buf_reserve(&b->data, bound), bound, frame.p, frame.n);

		ok = !ZSTD_isError(n);
		b->data.n += ok ? n : 0;
		if (raw.n > BLOB_FRAME)
			put_u32(&b->frames, (uint32_t)b->data.n);
	}
	cctx_put(c);
	if (ok && b->data.n < raw.n - raw.n / 16)
		return true;
	buf_fini(&b->data);
	buf_fini(&b->frames);
	return false;
}

/* blobs/xx/HASH, or with a suffix. */
static void
blob_path(struct account *a, const uint8_t hash[SHA256_LEN], struct buf *out)
{
	struct buf hex = { 0 };

	hex_encode(&hex, hash, SHA256_LEN);
	buf_printf(
	    out, "%s/blobs/%.2s/%.*s", a->dir, hex.p, STR_ARG(buf_str(&hex)));
	buf_fini(&hex);
}

static enum store_rc
io_error(struct err *e, const char *what, const char *path)
{
	enum store_rc rc = errno == ENOSPC || errno == EDQUOT || errno == EROFS
			       ? STORE_NOSPACE
			       : STORE_IO;

	err_errno(e, "cannot %s %s", what, path);
	return rc;
}

static enum store_rc
write_file(const char *path, struct str s, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	enum store_rc rc = STORE_OK;

	if (fd < 0)
		return io_error(e, "create", path);
	while (s.n && rc == STORE_OK) {
		ssize_t put = write(fd, s.p, s.n);

		if (put > 0)
			s = str_sub(s, (size_t)put, s.n);
		else if (errno != EINTR)
			rc = io_error(e, "write", path);
	}
	if (rc == STORE_OK && fsync(fd) != 0)
		rc = io_error(e, "sync", path);
	if (close(fd) != 0 && rc == STORE_OK)
		rc = io_error(e, "close", path);
	return rc;
}

static enum store_rc
write_tmp(struct account *a, struct blob *b, struct err *e)
{
	struct buf path = { 0 };
	enum store_rc rc;

	buf_printf(&path, "%s/blobs/%016llx.tmp", a->dir,
	    (unsigned long long)rnd_u64());
	b->tmp = mem_strdup(buf_cstr(&path));
	buf_fini(&path);
	rc = write_file(
	    b->tmp, b->codec == BLOB_RAW ? b->raw : buf_str(&b->data), e);
	return rc;
}

enum store_rc
blob_prepare(struct account *a, struct str raw, struct blob *out, struct err *e)
{
	*out = (struct blob){ .raw = raw };
	sha256(raw, out->hash);
	out->codec = compress(raw, out) ? BLOB_ZSTD : BLOB_RAW;
	if (raw.n > a->st->blob_threshold)
		return write_tmp(a, out, e);
	return STORE_OK;
}

void
blob_fini(struct blob *b)
{
	if (b->tmp)
		unlink(b->tmp);
	free(b->tmp);
	buf_fini(&b->data);
	buf_fini(&b->frames);
	*b = (struct blob){ 0 };
}

/* ------------------------------------------------------------------------
 * Changing; under the account's write lock
 */

/* Rename into place, and make sure of the folder entries. */
static enum store_rc
place_file(struct account *a, struct blob *b, struct err *e)
{
	struct buf path = { 0 }, dir = { 0 };
	enum store_rc rc = STORE_OK;
	size_t slash;

	blob_path(a, b->hash, &path);
	slash = str_rchr(buf_str(&path), '/');
	buf_put(&dir, path.p, slash);
	if (!fs_mkdirs(buf_cstr(&dir), 0700, e))
		rc = STORE_IO;
	else if (rename(b->tmp, buf_cstr(&path)) != 0)
		rc = io_error(e, "rename to", path.p);
	else if (!fs_sync_dir(dir.p, e))
		rc = STORE_IO;
	if (rc == STORE_OK) {
		free(b->tmp);
		b->tmp = NULL;
	}
	buf_fini(&path);
	buf_fini(&dir);
	return rc;
}

static enum store_rc
insert(struct tx *tx, struct blob *b, int64_t *id, struct err *e)
{
	struct str hash = { (const char *)b->hash, SHA256_LEN };
	struct str data = b->codec == BLOB_RAW ? b->raw : buf_str(&b->data);
	enum store_rc rc;

	if (b->tmp && (rc = place_file(tx->a, b, e)) != STORE_OK)
		return rc;
	rc = store_rc_of(sq_run(tx->q, e,
	    "INSERT INTO blob (hash, refs, size, codec, frames, data)"
	    " VALUES (?, 1, ?, ?, ?, ?)",
	    SQ_B(hash), SQ_I(b->raw.n), SQ_I(b->codec),
	    b->frames.n ? SQ_B(buf_str(&b->frames)) : SQ_NULL,
	    b->raw.n > tx->a->st->blob_threshold ? SQ_NULL : SQ_B(data)));
	*id = sq_last_id(tx->q);
	return rc;
}

enum store_rc
blob_put(struct tx *tx, struct blob *b, int64_t *id, struct err *e)
{
	struct str hash = { (const char *)b->hash, SHA256_LEN };
	struct sqlite3_stmt *s;
	bool is_file;
	enum store_rc rc;
	enum sq_rc step = sq_one(tx->q, &s, e,
	    "SELECT id, data IS NULL FROM blob WHERE hash = ?", SQ_B(hash));

	if (step == SQ_DONE)
		return insert(tx, b, id, e);
	if (step != SQ_ROW)
		return store_rc_of(step);
	*id = sq_int(s, 0);
	is_file = sq_int(s, 1) != 0;
	sq_reset(s);
	/* See remove_file(): a row can be there without its file. Ours has
	 * the same content, so it may always take its place. */
	if (is_file && b->tmp && (rc = place_file(tx->a, b, e)) != STORE_OK)
		return rc;
	return blob_ref(tx, *id, e);
}

enum store_rc
blob_ref(struct tx *tx, int64_t id, struct err *e)
{
	return store_rc_of(sq_run(tx->q, e,
	    "UPDATE blob SET refs = refs + 1 WHERE id = ?", SQ_I(id)));
}

/*
 * The file goes before the commit that forgets it: the grace of account_purge
 * is over, nobody reads it, and a crash between leaves a row without a file
 * for an email that no mailbox holds, which the next purge completes.
 */
static void
remove_file(struct account *a, struct str hash)
{
	struct buf path = { 0 };

	blob_path(a, (const uint8_t *)hash.p, &path);
	unlink(buf_cstr(&path));
	buf_fini(&path);
}

enum store_rc
blob_unref(struct tx *tx, int64_t id, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(tx->q, &s, e,
	    "SELECT refs, hash, data IS NULL FROM blob WHERE id = ?", SQ_I(id));
	bool last;

	if (rc == SQ_DONE)
		return store_fail(
		    e, STORE_CORRUPT, "blob %lld is missing", (long long)id);
	if (rc != SQ_ROW)
		return store_rc_of(rc);
	last = sq_int(s, 0) <= 1;
	if (last && sq_int(s, 2))
		remove_file(tx->a, sq_blob(s, 1));
	sq_reset(s);
	if (last)
		return store_rc_of(sq_run(
		    tx->q, e, "DELETE FROM blob WHERE id = ?", SQ_I(id)));
	return store_rc_of(sq_run(tx->q, e,
	    "UPDATE blob SET refs = refs - 1 WHERE id = ?", SQ_I(id)));
}

/* ------------------------------------------------------------------------
 * Reading
 */

/* Where the stored bytes come from: the row, or the file. */
struct source {
	struct str row;
	int fd;
	const char *path;
	uint64_t stored; /* octets stored */
};

/* Stored octets [at, at + n), in SCRATCH if they come from the file. */
static enum store_rc
source_get(const struct source *src, uint64_t at, size_t n, struct buf *scratch,
    struct str *out, struct err *e)
{
	size_t got = 0;

	if (src->fd < 0) {
		*out = str_sub(src->row, at, n);
		return out->n == n ? STORE_OK
				   : store_fail(e, STORE_CORRUPT,
					 "a blob is shorter than its index");
	}
	buf_clear(scratch);
	buf_reserve(scratch, n);
	while (got < n) {
		ssize_t r = pread(
		    src->fd, scratch->p + got, n - got, (off_t)(at + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return io_error(e, "read", src->path);
		if (r == 0)
			return store_fail(e, STORE_CORRUPT,
			    "%s is shorter than its index", src->path);
		got += (size_t)r;
	}
	*out = (struct str){ scratch->p, n };
	return STORE_OK;
}

/* One whole frame of RAW octets appended to OUT. */
static enum store_rc
unpack(struct str packed, size_t raw, struct buf *out, struct err *e)
{
	ZSTD_DCtx *d = dctx_get();
	size_t n = ZSTD_decompressDCtx(
	    d, buf_reserve(out, raw), raw, packed.p, packed.n);

	dctx_put(d);
	if (ZSTD_isError(n) || n != raw)
		return store_fail(e, STORE_CORRUPT,
		    "a blob cannot be decompressed: %s",
		    ZSTD_isError(n) ? ZSTD_getErrorName(n) : "short frame");
	out->n += n;
	return STORE_OK;
}

/* [from, to) lies within frame INDEX, whose first octet is INDEX * FRAME. */
static enum store_rc
read_frame(const struct source *src, struct str frames, uint64_t size,
    uint64_t index, uint64_t from, uint64_t to, struct buf *out, struct err *e)
{
	uint64_t base = index * BLOB_FRAME;
	size_t raw = size - base < BLOB_FRAME ? size - base : BLOB_FRAME;
	uint64_t lo = 0, hi = src->stored;
	struct buf scratch = { 0 }, whole = { 0 };
	struct str packed;
	enum store_rc rc;

	if (frames.n) {
		if (frames.n < (index + 1) * 4)
			return store_fail(e, STORE_CORRUPT,
			    "a blob's frame index is too short");
		lo = index ? get_u32(frames.p + (index - 1) * 4) : 0;
		hi = get_u32(frames.p + index * 4);
		if (hi < lo || hi - lo > ZSTD_COMPRESSBOUND(BLOB_FRAME))
			return store_fail(e, STORE_CORRUPT,
			    "a blob's frame index is damaged");
	}
	rc = source_get(src, lo, hi - lo, &scratch, &packed, e);
	if (rc == STORE_OK && from == base && to == base + raw) {
		rc = unpack(packed, raw, out, e);
	} else if (rc == STORE_OK) {
		rc = unpack(packed, raw, &whole, e);
		if (rc == STORE_OK)
			buf_put(out, whole.p + (from - base), to - from);
	}
	buf_fini(&scratch);
	buf_fini(&whole);
	return rc;
}

static enum store_rc
read_range(const struct source *src, enum blob_codec codec, struct str frames,
    uint64_t size, uint64_t from, uint64_t to, struct buf *out, struct err *e)
{
	enum store_rc rc = STORE_OK;

	if (codec == BLOB_RAW) {
		struct buf scratch = { 0 };
		struct str got;

		rc = source_get(src, from, to - from, &scratch, &got, e);
		if (rc == STORE_OK)
			buf_putstr(out, got);
		buf_fini(&scratch);
		return rc;
	}
	if (codec != BLOB_ZSTD)
		return store_fail(
		    e, STORE_CORRUPT, "unknown blob codec %d", (int)codec);
	while (from < to && rc == STORE_OK) {
		uint64_t index = from / BLOB_FRAME;
		uint64_t end = (index + 1) * BLOB_FRAME;

		if (end > to)
			end = to;
		rc = read_frame(src, frames, size, index, from, end, out, e);
		from = end;
	}
	return rc;
}

static enum store_rc
open_file(struct account *a, struct str hash, struct buf *path,
    struct source *src, struct err *e)
{
	struct stat st;

	blob_path(a, (const uint8_t *)hash.p, path);
	src->path = buf_cstr(path);
	src->fd = open(src->path, O_RDONLY | O_CLOEXEC);
	if (src->fd < 0 || fstat(src->fd, &st) != 0) {
		err_errno(e, "cannot open blob %s", src->path);
		return errno == ENOENT ? STORE_CORRUPT : STORE_IO;
	}
	src->stored = (uint64_t)st.st_size;
	return STORE_OK;
}

enum store_rc
blob_read(struct account *a, struct sq *q, int64_t id, uint64_t offset,
    uint64_t length, struct buf *out, struct err *e)
{
	struct source src = { .fd = -1 };
	struct buf path = { 0 };
	struct sqlite3_stmt *s;
	uint64_t size, to;
	size_t before = out->n;
	enum store_rc rc = STORE_OK;
	enum sq_rc step = sq_one(q, &s, e,
	    "SELECT size, codec, frames, data, hash, data IS NULL"
	    " FROM blob WHERE id = ?",
	    SQ_I(id));

	if (step == SQ_DONE)
		return store_fail(e, STORE_CORRUPT,
		    "account %s: blob %lld is missing", a->id, (long long)id);
	if (step != SQ_ROW)
		return store_rc_of(step);
	size = (uint64_t)sq_int(s, 0);
	if (offset > size)
		offset = size;
	to = length > size - offset ? size : offset + length;
	src.row = sq_blob(s, 3);
	src.stored = src.row.n;
	if (sq_int(s, 5))
		rc = open_file(a, sq_blob(s, 4), &path, &src, e);
	if (rc == STORE_OK && offset < to)
		rc = read_range(&src, (enum blob_codec)sq_int(s, 1),
		    sq_blob(s, 2), size, offset, to, out, e);
	if (rc != STORE_OK) {
		out->n = before;
		err_prefix(e, "account %s: blob %lld", a->id, (long long)id);
	}
	sq_reset(s);
	if (src.fd >= 0)
		close(src.fd);
	buf_fini(&path);
	return rc;
}
