/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/fs.h"
#include "base/log.h"

/* Header, then a record for each chunk, then all rows. */
struct header {
	char magic[8];
	uint32_t row_size; /* of the build that wrote it */
	uint32_t order;    /* of bytes */
	int64_t mailbox;
	uint64_t modseq;
	uint32_t uidvalidity, uidnext;
	uint64_t chunks, rows;
	int64_t check; /* of all before, and the chunk records */
};

struct record {
	uint64_t modseq;
	uint32_t n, unused;
};

#define MAGIC "MSVIEW\1"
#define ORDER 0x01020304

/* A mapped file; the chunks of views point into it. */
struct mapping {
	struct view_rows owner;
	void *p;
	size_t n;
};

static void
path_of(const struct account *a, int64_t mailbox, struct buf *out)
{
	buf_printf(out, "%s/views/%lld.view", a->dir, (long long)mailbox);
}

static int64_t
check_of(const struct header *h, const struct record *records)
{
	struct buf b = { 0 };
	int64_t sum;

	buf_put(&b, h, offsetof(struct header, check));
	buf_put(&b, records, (size_t)h->chunks * sizeof(*records));
	sum = hash63(buf_str(&b));
	buf_fini(&b);
	return sum;
}

/* ------------------------------------------------------------------------
 * Writing
 */

static bool
has_more_keywords(const struct view_chunk *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		if (c->rows[i].flags.nmore)
			return true;
	}
	return false;
}

static bool
write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		at += done;
		n -= (size_t)done;
	}
	return true;
}

static bool
write_view(int fd, const struct view *v, const struct header *h,
    const struct record *records)
{
	if (!write_all(fd, h, sizeof(*h)) ||
	    !write_all(fd, records, (size_t)h->chunks * sizeof(*records)))
		return false;
	for (size_t i = 0; i < h->chunks; i++) {
		struct view_chunk c;

		view_chunk(v, i, &c);
		if (!write_all(fd, c.rows, c.n * sizeof(*c.rows)))
			return false;
	}
	return fsync(fd) == 0;
}

/* False if the view cannot be kept. */
static bool
describe(const struct view *v, struct header *h, struct record **out)
{
	size_t n = view_chunks(v);
	struct record *records = calloc(n + 1, sizeof(*records));

	*h = (struct header){ .magic = MAGIC,
		.row_size = sizeof(struct view_row),
		.order = ORDER,
		.mailbox = view_mailbox(v),
		.modseq = view_modseq(v),
		.uidvalidity = view_uidvalidity(v),
		.uidnext = view_uidnext(v),
		.chunks = n,
		.rows = view_count(v) };
	*out = records;
	for (size_t i = 0; records && i < n; i++) {
		struct view_chunk c;

		view_chunk(v, i, &c);
		if (has_more_keywords(&c))
			return false;
		records[i] = (struct record){ c.modseq, c.n, 0 };
	}
	if (records)
		h->check = check_of(h, records);
	return records != NULL;
}

static bool
write_file(struct account *a, const char *path, const struct view *v,
    const struct header *h, const struct record *records)
{
	struct buf dir = { 0 }, tmp = { 0 };
	struct err e = ERR_INIT;
	bool ok = false;
	int fd = -1;

	buf_printf(&dir, "%s/views", a->dir);
	buf_printf(&tmp, "%s.%ld", path, (long)getpid());
	if (fs_mkdirs(buf_cstr(&dir), 0700, &e)) {
		fd = open(buf_cstr(&tmp),
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		ok = fd >= 0 && write_view(fd, v, h, records) &&
		     rename(buf_cstr(&tmp), path) == 0;
		if (!ok)
			err_errno(&e, "cannot write %s", path);
	}
	if (fd >= 0)
		close(fd);
	if (!ok) {
		unlink(buf_cstr(&tmp));
		log_warn(
		    "snapshot-failed", LOG_CSTR("account", a->id), LOG_ERR(&e));
	}
	buf_fini(&dir);
	buf_fini(&tmp);
	return ok;
}

bool
snapshot_save(struct account *a, const struct view *v)
{
	struct header h;
	struct record *records;
	struct buf path = { 0 };
	bool ok = describe(v, &h, &records);

	path_of(a, view_mailbox(v), &path);
	if (ok)
		ok = write_file(a, buf_cstr(&path), v, &h, records);
	else
		snapshot_remove(a, view_mailbox(v));
	free(records);
	buf_fini(&path);
	return ok;
}

/* ------------------------------------------------------------------------
 * Reading
 */

static void
unmap(struct view_rows *owner)
{
	struct mapping *m = (struct mapping *)owner;

	munmap(m->p, m->n);
	free(m);
}

static bool
map_file(const char *path, void **p, size_t *n)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*p = MAP_FAILED;
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(struct header)) {
		*n = (size_t)st.st_size;
		*p = mmap(NULL, *n, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	close(fd);
	return *p != MAP_FAILED;
}

/* What it says of itself is true, as far as that can be told without reading
 * all of it. */
static bool
sound(const struct header *h, size_t size, int64_t mailbox)
{
	uint64_t room = size - sizeof(*h);
	const struct record *records = (const struct record *)(h + 1);
	uint64_t rows = 0;

	if (memcmp(h->magic, MAGIC, sizeof(h->magic)) != 0 ||
	    h->row_size != sizeof(struct view_row) || h->order != ORDER ||
	    h->mailbox != mailbox || h->chunks > room / sizeof(*records) ||
	    h->rows > UINT32_MAX ||
	    h->chunks * sizeof(*records) + h->rows * sizeof(struct view_row) !=
		room ||
	    h->check != check_of(h, records))
		return false;
	for (uint64_t i = 0; i < h->chunks; i++) {
		if (records[i].n == 0 || records[i].n > VIEW_CHUNK)
			return false;
		rows += records[i].n;
	}
	return rows == h->rows;
}

static struct view *
view_of(struct mapping *m)
{
	const struct header *h = m->p;
	const struct record *records = (const struct record *)(h + 1);
	const struct view_row *rows =
	    (const struct view_row *)(records + h->chunks);
	struct view_meta meta = { h->mailbox, h->modseq, h->uidvalidity,
		h->uidnext };
	struct view_chunk *chunks = calloc(h->chunks + 1, sizeof(*chunks));
	struct view *v = NULL;

	for (size_t i = 0; chunks && i < h->chunks; i++) {
		chunks[i] = (struct view_chunk){ rows, records[i].n,
			records[i].modseq };
		rows += records[i].n;
	}
	if (chunks)
		v = view_from_chunks(&meta, chunks, h->chunks, &m->owner);
	free(chunks);
	return v;
}

/* A number that a power cut may have handed out twice proves nothing. */
static bool
still_true(struct account *a, const struct header *h)
{
	struct err e = ERR_INIT;
	uint64_t since = 0;

	return account_since(a, h->modseq, &since, &e) == STORE_OK &&
	       since == h->modseq;
}

struct view *
snapshot_load(struct account *a, int64_t mailbox)
{
	struct buf path = { 0 };
	struct mapping *m = NULL;
	struct view *v = NULL;
	void *p;
	size_t n = 0;

	path_of(a, mailbox, &path);
	if (map_file(buf_cstr(&path), &p, &n)) {
		m = calloc(1, sizeof(*m));
		if (m && sound(p, n, mailbox) && still_true(a, p)) {
			*m = (struct mapping){
				.owner.free = unmap, .p = p, .n = n
			};
			v = view_of(m);
		}
		if (!v) {
			munmap(p, n);
			free(m);
		}
	}
	buf_fini(&path);
	return v;
}

void
snapshot_remove(const struct account *a, int64_t mailbox)
{
	struct buf path = { 0 };

	path_of(a, mailbox, &path);
	unlink(buf_cstr(&path));
	buf_fini(&path);
}

void
snapshots_remove(struct account *a)
{
	struct buf dir = { 0 };
	struct err e = ERR_INIT;

	buf_printf(&dir, "%s/views", a->dir);
	if (!fs_remove_tree(buf_cstr(&dir), &e))
		log_error(
		    "snapshots-left", LOG_CSTR("account", a->id), LOG_ERR(&e));
	buf_fini(&dir);
}
