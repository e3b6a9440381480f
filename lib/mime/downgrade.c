/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/downgrade.h"

#include "mime/header.h"
#include "mime/internal.h"

/* ------------------------------------------------------------------------
 * Header blocks
 */

static bool
has_global(struct str s)
{
	static const struct str type = STR("message/global");
	size_t before = sizeof("message") - 1, slash;

	while ((slash = str_chr(s, '/')) != STR_NPOS) {
		if (slash >= before &&
		    str_istarts(str_sub(s, slash - before, STR_NPOS), type))
			return true;
		s = str_sub(s, slash + 1, STR_NPOS);
	}
	return false;
}

/* Nearly all headers need nothing: that is found out in one look. */
bool
downgrade_needed(struct str header)
{
	struct mime_field f;

	if (header.n > DOWNGRADE_MAX ||
	    (ascii_prefix(header) == header.n && !has_global(header)))
		return false;
	while (mime_field_next(&header, &f)) {
		if (downgrade_field_needed(&f))
			return true;
	}
	return false;
}

void
downgrade_header(struct buf *out, struct str header)
{
	struct arena *a = arena_new();
	struct mime_field f;

	while (mime_field_next(&header, &f)) {
		if (downgrade_field_needed(&f))
			downgrade_field(out, a, &f);
		else
			buf_putstr(out, f.raw);
	}
	buf_putstr(out, header);
	arena_free(&a);
}

bool
mime_downgraded_size(const struct mime_message *m, uint64_t *size)
{
	struct buf b = { 0 };
	bool any = false;

	*size = m->raw.n;
	for (const struct mime_part *p = m->root; p; p = mime_part_next(p)) {
		struct str header = mime_part_header(m, p);

		if (!downgrade_needed(header))
			continue;
		any = true;
		buf_clear(&b);
		downgrade_header(&b, header);
		*size = *size - header.n + b.n;
	}
	buf_fini(&b);
	return any;
}

/* ------------------------------------------------------------------------
 * Pieces
 */

void
downgrade_init(struct downgrade *d, const struct mime_range *headers, size_t n)
{
	*d = (struct downgrade){ .headers = headers, .n = n };
}

void
downgrade_fini(struct downgrade *d)
{
	buf_fini(&d->block);
}

static void
end_block(struct downgrade *d, struct buf *out)
{
	if (downgrade_needed(buf_str(&d->block)))
		downgrade_header(out, buf_str(&d->block));
	else
		buf_putstr(out, buf_str(&d->block));
	buf_clear(&d->block);
	d->headers++;
	d->n--;
}

/* What of PIECE comes before the next header block that is of interest, or is
 * of that block. */
static size_t
put_some(struct downgrade *d, struct str piece, struct buf *out)
{
	uint64_t left = UINT64_MAX;

	while (d->n > 0 && (d->headers->n > DOWNGRADE_MAX ||
			       d->at >= d->headers->at + d->headers->n)) {
		d->headers++;
		d->n--;
	}
	if (d->n > 0 && d->at < d->headers->at)
		left = d->headers->at - d->at;
	else if (d->n > 0)
		left = d->headers->at + d->headers->n - d->at;
	piece = str_sub(piece, 0, left < piece.n ? (size_t)left : piece.n);
	if (d->n == 0 || d->at < d->headers->at) {
		buf_putstr(out, piece);
	} else {
		buf_putstr(&d->block, piece);
		if (piece.n == left)
			end_block(d, out);
	}
	d->at += piece.n;
	return piece.n;
}

void
downgrade_put(struct downgrade *d, struct str piece, struct buf *out)
{
	while (piece.n > 0)
		piece = str_sub(piece, put_some(d, piece, out), STR_NPOS);
}
