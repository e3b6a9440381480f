/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/zip.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define RAW (-MAX_WBITS) /* no header, no checksum */
/* The usual level and memory: both are lent, so more is not saved by less. */
#define LEVEL 6
#define MEM_LEVEL 8
#define PIECE 65536    /* octets deflated at once */
#define DULL_PIECES 32 /* as many are not tried */
#define OUT_ROOM 4096
#define KEEP_OUT 524288 /* output buffer kept per thread */
#define INFLATER 40960  /* about what an inflating stream takes */

struct zip {
	struct zip_kit *kit; /* NULL between turns */
	z_stream *deflater;
	z_stream *inflater;
	struct buf out, in;
	size_t out_at, in_at;
	struct buf sent, received; /* the last of it, uncompressed */
	int strategy;              /* of the deflater */
	unsigned dull;             /* pieces that are taken for attachments */
	bool full;   /* the inflater has more to say without more input */
	bool border; /* the input so far ends between two blocks and octets */
	bool marker; /* ... and with an empty block, as flushing does */
	bool ending; /* zip_end() was called */
	bool ended;  /* the stream says so itself */
	bool broken;
};

struct zip *
zip_new(void)
{
	struct zip *z = mem_zalloc(sizeof(*z));

	z->border = z->marker = true;
	return z;
}

static void
free_deflater(z_stream **s)
{
	if (*s)
		deflateEnd(*s);
	free(*s);
	*s = NULL;
}

static void
free_inflater(z_stream **s)
{
	if (*s)
		inflateEnd(*s);
	free(*s);
	*s = NULL;
}

void
zip_kit_fini(struct zip_kit *k)
{
	free_deflater(&k->deflater);
	free_inflater(&k->inflater);
	buf_fini(&k->in);
	buf_fini(&k->out);
}

void
zip_free(struct zip **zp)
{
	struct zip *z = *zp;

	*zp = NULL;
	if (!z)
		return;
	free_deflater(&z->deflater);
	free_inflater(&z->inflater);
	buf_fini(&z->out);
	buf_fini(&z->in);
	buf_fini(&z->sent);
	buf_fini(&z->received);
	free(z);
}

/* ------------------------------------------------------------------------
 * Lending
 */

static void
take_buffer(struct buf *b, struct buf *from)
{
	if (b->p)
		return;
	*b = *from;
	*from = (struct buf){ 0 };
}

/* What is left in B stays, in no more memory than it needs. */
static void
give_buffer(struct buf *b, size_t *at, struct buf *to, size_t most)
{
	struct buf rest = { 0 };

	buf_putstr(&rest, str_sub(buf_str(b), *at, STR_NPOS));
	*at = 0;
	if (to->p || b->cap > most) {
		buf_fini(b);
	} else {
		buf_clear(b);
		*to = *b;
	}
	*b = rest;
}

void
zip_borrow(struct zip *z, struct zip_kit *k)
{
	z->kit = k;
}

static void
give_stream(z_stream **s, z_stream **to, void (*release)(z_stream **s))
{
	if (*to)
		release(s);
	else
		*to = *s;
	*s = NULL;
}

void
zip_return(struct zip *z)
{
	struct zip_kit *k = z->kit;

	z->kit = NULL;
	if (!k)
		return;
	if (z->deflater)
		give_stream(&z->deflater, &k->deflater, free_deflater);
	if (z->inflater && (z->border || z->ended || z->broken))
		give_stream(&z->inflater, &k->inflater, free_inflater);
	if (z->out.p)
		give_buffer(&z->out, &z->out_at, &k->out, KEEP_OUT);
	if (z->in.p)
		give_buffer(&z->in, &z->in_at, &k->in, KEEP_OUT);
}

/* S is what was said last: keep so much of it as the other side may be
 * referred to, no more than MAX. */
static void
remember(struct buf *b, struct str s, size_t max)
{
	s = s.n > max ? str_sub(s, s.n - max, max) : s;
	if (b->n + s.n > max)
		buf_drop(b, b->n + s.n - max);
	buf_putstr(b, s);
}

/* ------------------------------------------------------------------------
 * Deflating
 */

static void
take_deflater(struct zip *z)
{
	z_stream *s = z->kit->deflater;

	z->kit->deflater = NULL;
	if (!s) {
		s = mem_zalloc(sizeof(*s));
		if (deflateInit2(s, LEVEL, Z_DEFLATED, RAW, MEM_LEVEL,
			Z_DEFAULT_STRATEGY) != Z_OK)
			abort(); /* out of memory */
	} else {
		deflateReset(s);
		deflateParams(s, LEVEL, Z_DEFAULT_STRATEGY);
	}
	z->strategy = Z_DEFAULT_STRATEGY;
	if (z->sent.n)
		deflateSetDictionary(
		    s, (const Bytef *)z->sent.p, (uInt)z->sent.n);
	z->deflater = s;
}

static void
deflate_some(struct zip *z, struct str in, int flush)
{
	z_stream *s = z->deflater;

	s->next_in = (const Bytef *)in.p;
	s->avail_in = (uInt)in.n;
	do { /* room left over says that all is out */
		s->next_out = (Bytef *)buf_reserve(&z->out, OUT_ROOM);
		s->avail_out = (uInt)(z->out.cap - z->out.n);
		deflate(s, flush);
		z->out.n = z->out.cap - s->avail_out;
	} while (s->avail_out == 0);
}

/* Base64, or worse: hardly a space in it. */
static bool
looks_dull(struct str s)
{
	size_t spaces = 0;

	for (size_t i = 0; i < s.n; i++)
		spaces += s.p[i] == ' ';
	return spaces < s.n / 128;
}

static void
set_strategy(struct zip *z, int strategy)
{
	if (z->strategy == strategy)
		return;
	z->strategy = strategy;
	deflate_some(z, STR_NULL, Z_BLOCK); /* there must be nothing left */
	deflateParams(z->deflater, LEVEL, strategy);
	z->out.n = z->out.cap - z->deflater->avail_out;
}

/*
 * Attachments have nothing that repeats. To look for it costs five times what
 * coding their characters does, and gains nothing: 33 and 155 MB/s were
 * measured with base64. So when one piece has not shrunk, the next ones that
 * look like it are only coded, and now and then one is tried.
 */
static void
deflate_piece(struct zip *z, struct str in, int flush)
{
	bool dull = looks_dull(in);
	size_t before;

	set_strategy(z, dull && z->dull ? Z_HUFFMAN_ONLY : Z_DEFAULT_STRATEGY);
	before = z->out.n;
	deflate_some(z, in, flush);
	if (dull && z->dull)
		z->dull--;
	else if (dull && in.n == PIECE && z->out.n - before > PIECE / 2)
		z->dull = DULL_PIECES;
}

void
zip_deflate(struct zip *z, struct str in)
{
	if (!z->deflater)
		take_deflater(z);
	take_buffer(&z->out, &z->kit->out);
	remember(&z->sent, in, ZIP_SENT_KEPT);
	while (in.n > PIECE) {
		deflate_piece(z, str_sub(in, 0, PIECE), Z_NO_FLUSH);
		in = str_sub(in, PIECE, STR_NPOS);
	}
	deflate_piece(z, in, Z_SYNC_FLUSH);
}

struct str
zip_out(const struct zip *z)
{
	return str_sub(buf_str(&z->out), z->out_at, STR_NPOS);
}

void
zip_sent(struct zip *z, size_t n)
{
	z->out_at += n;
	if (z->out_at == z->out.n) {
		buf_clear(&z->out);
		z->out_at = 0;
	}
}

/* ------------------------------------------------------------------------
 * Inflating
 */

static void
take_inflater(struct zip *z)
{
	z_stream *s = z->kit->inflater;

	z->kit->inflater = NULL;
	if (!s) {
		s = mem_zalloc(sizeof(*s));
		if (inflateInit2(s, RAW) != Z_OK)
			abort(); /* out of memory */
	} else {
		inflateReset(s);
	}
	if (z->received.n)
		inflateSetDictionary(
		    s, (const Bytef *)z->received.p, (uInt)z->received.n);
	z->inflater = s;
}

bool
zip_hungry(const struct zip *z)
{
	return z->in_at == z->in.n && !z->full && !z->ended && !z->broken;
}

char *
zip_room(struct zip *z)
{
	struct zip_kit *k = z->kit;

	z->in_at = 0;
	if (z->in.cap < ZIP_READ && k->in.p) { /* it held a small rest */
		buf_fini(&z->in);
		take_buffer(&z->in, &k->in);
	}
	buf_clear(&z->in);
	return buf_reserve(&z->in, ZIP_READ);
}

void
zip_fed(struct zip *z, size_t n)
{
	z->in.n += n;
}

void
zip_feed(struct zip *z, struct str in)
{
	buf_putstr(&z->in, in);
}

/* Up to the end of a block, of the input, or of the room. */
static bool
inflate_some(struct zip *z)
{
	z_stream *s = z->inflater;
	uInt room = s->avail_out;
	int rc;

	s->next_in = z->in.p ? (const Bytef *)z->in.p + z->in_at : NULL;
	s->avail_in = (uInt)(z->in.n - z->in_at);
	rc = inflate(s, Z_BLOCK);
	z->in_at = z->in.n - s->avail_in;
	z->ended = rc == Z_STREAM_END;
	z->broken = rc != Z_OK && rc != Z_BUF_ERROR && !z->ended;
	/* After a block, not the last one, and no bit of an octet is left. */
	z->border = (s->data_type & (128 | 64 | 31)) == 128;
	z->marker = z->border && s->avail_out == room;
	/* After the last block it wants to be asked once more. */
	z->full = !z->ended && ((s->avail_out == 0 && !z->border) ||
				   (s->data_type & (128 | 64)) == (128 | 64));
	return !z->ended && !z->broken;
}

ssize_t
zip_inflate(struct zip *z, char *p, size_t n)
{
	z_stream *s;
	size_t got;

	if (!z->inflater && !z->ended && !z->broken)
		take_inflater(z);
	s = z->inflater;
	if (z->broken)
		return -2;
	if (z->ended)
		return 0;
	s->next_out = (Bytef *)p;
	s->avail_out = (uInt)n;
	/* Not past what a flush ends with: clear text may follow, which is for
	 * the protocol to say, once it has seen what came before. */
	while (s->avail_out > 0 && (z->in_at < z->in.n || z->full) &&
	       inflate_some(z) &&
	       !(z->marker && (z->ending || s->avail_out < n)))
		continue;
	got = n - s->avail_out;
	remember(&z->received, (struct str){ p, got }, ZIP_RECEIVED_KEPT);
	if (got > 0)
		return (ssize_t)got;
	return z->broken ? -2 : z->ended ? 0 : -1;
}

void
zip_end(struct zip *z)
{
	z->ending = true;
}

bool
zip_ended(const struct zip *z)
{
	return z->ending && (z->marker || z->ended);
}

size_t
zip_behind(struct zip *z, char *p, size_t n)
{
	struct str rest = str_sub(buf_str(&z->in), z->in_at, n);

	if (rest.n)
		memcpy(p, rest.p, rest.n);
	z->in_at += rest.n;
	return rest.n;
}

size_t
zip_memory(const struct zip *z)
{
	return sizeof(*z) + z->out.cap + z->in.cap + z->sent.cap +
	       z->received.cap + (z->inflater ? INFLATER : 0);
}
