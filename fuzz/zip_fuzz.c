/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/zip.h"

/*
 * The input is what a peer sends that compresses. The first octet chooses how
 * it is cut and how much is taken at a time. What is checked beyond memory:
 * what comes out is what zlib makes of it in one go, although the connection
 * gives back its streams after each step, and nothing is held that was not
 * said. And what came out, sent back, is what the peer reads.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST (1 << 20) /* octets inflated */

static struct zip_kit kits[2];

static void
check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "not true: %s\n", what);
		abort();
	}
}

/* Returns as zip_inflate() does at the end. */
static ssize_t
whole(struct str in, struct buf *out)
{
	z_stream s = { 0 };
	int rc;

	if (inflateInit2(&s, -MAX_WBITS) != Z_OK)
		abort();
	s.next_in = (const Bytef *)in.p;
	s.avail_in = (uInt)in.n;
	s.next_out = (Bytef *)buf_reserve(out, MOST);
	s.avail_out = MOST;
	rc = inflate(&s, Z_SYNC_FLUSH);
	out->n = MOST - s.avail_out;
	inflateEnd(&s);
	if (rc == Z_STREAM_END)
		return 0;
	return rc == Z_OK || (rc == Z_BUF_ERROR && !s.msg) ? -1 : -2;
}

static ssize_t
in_steps(struct str in, size_t step, size_t room, struct buf *out)
{
	struct zip *z = zip_new();
	ssize_t got = -1;

	for (unsigned n = 0; out->n < MOST; n++) {
		zip_borrow(z, &kits[n % 2]);
		if (zip_hungry(z)) {
			if (in.n == 0)
				break;
			step = step < in.n ? step : in.n;
			memcpy(zip_room(z), in.p, step);
			zip_fed(z, step);
			in = str_sub(in, step, STR_NPOS);
		}
		got = zip_inflate(z, buf_reserve(out, room), room);
		if (got == 0 || got == -2)
			break;
		out->n += got > 0 ? (size_t)got : 0;
		zip_return(z);
		check(zip_memory(z) < 160000, "memory is bounded");
	}
	zip_free(&z);
	return got > 0 ? -1 : got;
}

/* TEXT sent in parts of STEP octets is what the peer reads. */
static void
check_sending(struct str text, size_t step)
{
	struct buf packed = { 0 }, back = { 0 };
	struct zip *z = zip_new();

	for (size_t at = 0, n = 0; at < text.n; at += step, n++) {
		zip_borrow(z, &kits[n % 2]);
		zip_deflate(z, str_sub(text, at, step));
		buf_putstr(&packed, zip_out(z));
		zip_sent(z, zip_out(z).n);
		zip_return(z);
	}
	whole(buf_str(&packed), &back);
	check(str_eq(buf_str(&back), text), "what is sent can be read");
	zip_free(&z);
	buf_fini(&packed);
	buf_fini(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 1, 2, 13, ZIP_READ };
	static const size_t rooms[] = { 1, 50, 4096, 65536 };
	struct buf a = { 0 }, b = { 0 };
	struct str in;
	ssize_t want, got;

	if (size == 0 || size > 65536)
		return 0;
	in = (struct str){ (const char *)data + 1, size - 1 };
	want = whole(in, &a);
	got = in_steps(in, steps[data[0] & 3], rooms[data[0] >> 2 & 3], &b);
	if (a.n < MOST) {
		/* The head of a block is read with what comes behind it. */
		check(got == want || (got == -1 && want == -2), "the same end");
		check(a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0),
		    "the same octets");
		check_sending(buf_str(&b), size * 200 + 1);
	}
	buf_fini(&a);
	buf_fini(&b);
	return 0;
}
