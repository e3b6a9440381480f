/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/report_internal.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/*
 * Reports come packed: gzip (RFC 1952) or a zip with one file. What comes out
 * is limited, so that a few kilobytes cannot become gigabytes.
 */

#define CHUNK 65536
#define GZIP "\x1f\x8b"

struct str
report_keep(struct arena *a, struct buf *b)
{
	struct str s = arena_str(a, buf_str(b));

	buf_fini(b);
	return s;
}

/* ------------------------------------------------------------------------
 * Deflate
 */

static bool
inflate_chunk(z_stream *z, struct buf *out, int *rc)
{
	z->next_out = (Bytef *)buf_reserve(out, CHUNK);
	z->avail_out = CHUNK;
	*rc = inflate(z, Z_NO_FLUSH);
	out->n += CHUNK - z->avail_out;
	return out->n <= REPORT_MAX_TEXT;
}

/* Another member of gzip behind the one that ended; what is none is padding. */
static bool
next_member(z_stream *z)
{
	struct str rest = { (const char *)z->next_in, z->avail_in };

	return str_starts(rest, STR(GZIP)) && inflateReset(z) == Z_OK;
}

/* WINDOW as inflateInit2() has it: with or without the header of gzip. */
static bool
inflate_all(struct str in, int window, struct buf *out, struct err *e)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)in.p,
		.avail_in = (uInt)in.n };
	bool small = true;
	int rc = Z_OK;

	if (inflateInit2(&z, window) != Z_OK)
		abort(); /* only for want of memory */
	while (rc == Z_OK && small) {
		small = inflate_chunk(&z, out, &rc);
		if (rc == Z_STREAM_END && window > MAX_WBITS && next_member(&z))
			rc = Z_OK;
	}
	inflateEnd(&z);
	if (!small)
		err_set(e, "a report of more than %d octets", REPORT_MAX_TEXT);
	else if (rc != Z_STREAM_END)
		err_set(e, "the packed report is damaged");
	return small && rc == Z_STREAM_END;
}

static bool
unpack_gzip(struct str in, struct buf *out, struct err *e)
{
	return inflate_all(in, MAX_WBITS + 16, out, e);
}

/* ------------------------------------------------------------------------
 * Zip: the directory at the end names the files; what it says of sizes is
 * there even if they were not known when the file itself was written.
 */

#define END_SIZE 22
#define END_COMMENT 65535
#define ENTRY_SIZE 46
#define LOCAL_SIZE 30
#define ENCRYPTED 1u
#define MAX_ENTRIES 100

static uint32_t
le(struct str s, size_t at, unsigned octets)
{
	uint32_t v = 0;

	for (unsigned i = octets; i-- > 0;)
		v = v << 8 | (unsigned char)s.p[at + i];
	return v;
}

static bool
is_at(struct str s, size_t at, const char magic[4])
{
	return at <= s.n && s.n - at >= 4 && memcmp(s.p + at, magic, 4) == 0;
}

struct entry {
	struct str name;
	uint32_t flags, method, crc, packed, size, local;
};

/* Takes one off the directory. */
static bool
next_entry(struct str *directory, struct entry *e)
{
	struct str d = *directory;
	size_t name, all;

	if (d.n < ENTRY_SIZE || !is_at(d, 0, "PK\1\2"))
		return false;
	name = le(d, 28, 2);
	all = ENTRY_SIZE + name + le(d, 30, 2) + le(d, 32, 2);
	if (all > d.n)
		return false;
	*e = (struct entry){
		.name = str_sub(d, ENTRY_SIZE, name),
		.flags = le(d, 8, 2),
		.method = le(d, 10, 2),
		.crc = le(d, 16, 4),
		.packed = le(d, 20, 4),
		.size = le(d, 24, 4),
		.local = le(d, 42, 4),
	};
	*directory = str_sub(d, all, STR_NPOS);
	return true;
}

static bool
find_directory(struct str zip, struct str *directory)
{
	size_t lowest =
	    zip.n > END_SIZE + END_COMMENT ? zip.n - END_SIZE - END_COMMENT : 0;

	if (zip.n < END_SIZE)
		return false;
	for (size_t at = zip.n - END_SIZE + 1; at-- > lowest;) {
		if (!is_at(zip, at, "PK\5\6"))
			continue;
		*directory =
		    str_sub(zip, le(zip, at + 16, 4), le(zip, at + 12, 4));
		return true;
	}
	return false;
}

/* The first that is a file, not a folder nor what macOS puts beside one. */
static bool
find_file(struct str directory, struct entry *e)
{
	for (int i = 0; i < MAX_ENTRIES && next_entry(&directory, e); i++) {
		if (!str_iends(e->name, STR("/")) &&
		    !str_starts(e->name, STR("__MACOSX")))
			return true;
	}
	return false;
}

static bool
entry_data(struct str zip, const struct entry *e, struct str *data)
{
	size_t at;

	if (!is_at(zip, e->local, "PK\3\4") || zip.n - e->local < LOCAL_SIZE)
		return false;
	at = e->local + LOCAL_SIZE + le(zip, e->local + 26, 2) +
	     le(zip, e->local + 28, 2);
	*data = str_sub(zip, at, e->packed);
	return at <= zip.n && data->n == e->packed;
}

static bool
unpack_entry(
    const struct entry *f, struct str data, struct buf *out, struct err *e)
{
	if ((f->flags & ENCRYPTED) || (f->method != 0 && f->method != 8)) {
		err_set(e, "a zip packed in a way we do not know");
		return false;
	}
	if (f->method == 0 && data.n <= REPORT_MAX_TEXT)
		buf_putstr(out, data);
	else if (!inflate_all(data, -MAX_WBITS, out, e))
		return false;
	if (crc32(0, (const Bytef *)out->p, (uInt)out->n) == f->crc)
		return true;
	err_set(e, "the zip is damaged");
	return false;
}

static bool
unpack_zip(struct str zip, struct buf *out, struct err *e)
{
	struct str directory, data;
	struct entry file;

	if (!find_directory(zip, &directory) || !find_file(directory, &file) ||
	    !entry_data(zip, &file, &data)) {
		err_set(e, "the zip is damaged or empty");
		return false;
	}
	return unpack_entry(&file, data, out, e);
}

/* ------------------------------------------------------------------------
 * Any
 */

bool
report_unpack(
    struct arena *a, struct str packed, struct str *out, struct err *e)
{
	struct buf b = { 0 };
	bool ok;

	*out = packed;
	if (packed.n > REPORT_MAX_TEXT) {
		err_set(e, "a report of %zu octets", packed.n);
		return false;
	}
	if (str_starts(packed, STR(GZIP)))
		ok = unpack_gzip(packed, &b, e);
	else if (is_at(packed, 0, "PK\3\4"))
		ok = unpack_zip(packed, &b, e);
	else
		return true;
	*out = ok ? arena_str(a, buf_str(&b)) : STR_NULL;
	buf_fini(&b);
	return ok;
}

void
report_gzip(struct buf *out, struct str text)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)text.p,
		.avail_in = (uInt)text.n };
	uLong bound;

	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		abort(); /* only for want of memory */
	bound = deflateBound(&z, (uLong)text.n);
	z.next_out = (Bytef *)buf_reserve(out, bound);
	z.avail_out = (uInt)bound;
	deflate(&z, Z_FINISH);
	out->n += z.total_out;
	deflateEnd(&z);
}
