/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MIME_DOWNGRADE_H
#define MIME_DOWNGRADE_H

#include "mime/mime.h"

/*
 * Messages with UTF-8 in their headers (RFC 6532), for clients that know
 * nothing of it (RFC 6857): texts and names become encoded words, parameters
 * RFC 2231, domains A-labels; an address whose local part is not ASCII becomes
 * an empty group that shows it, message ids go to Downgraded- fields. Bodies
 * stay as they are. Fields of ASCII alone are not touched. Octets that are no
 * UTF-8 are read as windows-1252.
 */

/* Longer header blocks are left as they are. */
#define DOWNGRADE_MAX (1u << 20)

/* HEADER with the empty line that ends it, or without. */
bool downgrade_needed(struct str header);
void downgrade_header(struct buf *out, struct str header);
/* One field; in downgrade_field.c. */
struct mime_field;
void downgrade_field(
    struct buf *out, struct arena *a, const struct mime_field *f);
bool downgrade_field_needed(const struct mime_field *f);

/* Does the message need it? Then *size is what becomes of its size. */
bool mime_downgraded_size(const struct mime_message *m, uint64_t *size);

/*
 * A message that comes in pieces, cut anywhere: HEADERS are its header blocks
 * (mime_layout_headers()), which must outlive this. What comes out is as long
 * as mime_downgraded_size() said.
 */
struct downgrade {
	const struct mime_range *headers;
	size_t n;
	uint64_t at;
	struct buf block; /* of a header, as far as it has come */
};
void downgrade_init(
    struct downgrade *d, const struct mime_range *headers, size_t n);
void downgrade_put(struct downgrade *d, struct str piece, struct buf *out);
void downgrade_fini(struct downgrade *d);

#endif
