/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "filter/quarantine_internal.h"

/* A message is one zstd frame. Its name says nothing of what is in it. */

#define LEVEL 3
#define SUFFIX ".zst"

static void
path_of(struct buf *out, const char *dir, struct str name)
{
	buf_printf(out, "%s/%.*s", dir, STR_ARG(name));
}

static void
new_name(char name[QUARANTINE_NAME])
{
	struct buf out = { 0 };
	uint8_t random[16];

	rnd_bytes(random, sizeof(random));
	hex_encode(&out, random, sizeof(random));
	BUF_LIT(&out, SUFFIX);
	memcpy(name, buf_cstr(&out), QUARANTINE_NAME);
	buf_fini(&out);
}

bool
quarantine_file_is(const char *name)
{
	uint8_t random[16];

	return strlen(name) == QUARANTINE_NAME - 1 &&
	       hex_decode((struct str){ name, 32 }, random, sizeof(random)) &&
	       strcmp(name + 32, SUFFIX) == 0;
}

bool
quarantine_file_write(
    const char *dir, struct str raw, char name[QUARANTINE_NAME], struct err *e)
{
	struct buf path = { 0 }, data = { 0 };
	size_t bound = ZSTD_compressBound(raw.n), n;
	bool ok = false;

	new_name(name);
	path_of(&path, dir, str_of(name));
	n = ZSTD_compress(
	    buf_reserve(&data, bound), bound, raw.p, raw.n, LEVEL);
	if (ZSTD_isError(n))
		err_set(
		    e, "cannot compress a message: %s", ZSTD_getErrorName(n));
	else
		ok = fs_write_durable(
		    buf_cstr(&path), (struct str){ data.p, n }, 0600, e);
	buf_fini(&path);
	buf_fini(&data);
	return ok;
}

static bool
unpack(struct str data, uint64_t size, const uint8_t *hash, struct buf *out)
{
	uint8_t found[SHA256_LEN];
	size_t n = ZSTD_decompress(
	    buf_reserve(out, (size_t)size), (size_t)size, data.p, data.n);

	if (ZSTD_isError(n) || n != size)
		return false;
	sha256((struct str){ out->p + out->n, n }, found);
	if (memcmp(found, hash, SHA256_LEN) != 0)
		return false;
	out->n += n;
	return true;
}

bool
quarantine_file_read(const char *dir, struct str name, uint64_t size,
    const uint8_t hash[SHA256_LEN], struct buf *out, struct err *e)
{
	struct buf path = { 0 }, data = { 0 };
	bool ok;

	path_of(&path, dir, name);
	ok = fs_read(
	    buf_cstr(&path), ZSTD_compressBound((size_t)size), &data, e);
	if (ok && !unpack(buf_str(&data), size, hash, out)) {
		ok = false;
		err_set(e, "%s is not what its hash says", path.p);
	}
	buf_fini(&path);
	buf_fini(&data);
	return ok;
}

bool
quarantine_file_remove(const char *dir, struct str name, struct err *e)
{
	struct buf path = { 0 };
	bool ok;

	path_of(&path, dir, name);
	ok = unlink(buf_cstr(&path)) == 0 || errno == ENOENT;
	if (!ok)
		err_errno(e, "cannot remove %s", path.p);
	buf_fini(&path);
	return ok;
}
