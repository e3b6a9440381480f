/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MIME_HEADER_H
#define MIME_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * Header fields and what stands in them (RFC 5322 with the obsolete syntax of
 * its section 4). Nothing here fails on garbage: it yields what can be read.
 */

struct mime_field {
	struct str name;  /* as written; empty for a line without a name */
	struct str value; /* after the colon, still folded, no final line end */
	struct str raw;   /* the whole field with its final line end */
};

/*
 * Take the next field off *header. False at the empty line that ends the
 * block, or at its end; *header then starts there.
 */
bool mime_field_next(struct str *header, struct mime_field *f);

/* The first field with that name (ASCII case ignored). */
bool mime_field_find(struct str header, const char *name, struct mime_field *f);
/* Its unfolded value, in the arena if it was folded; empty if missing. */
struct str mime_header_value(
    struct arena *a, struct str header, const char *name);

/* The value without line ends, NULs and surrounding white space. */
void mime_unfold(struct buf *out, struct str value);

/* ------------------------------------------------------------------------
 * Addresses
 */

enum mime_address_kind {
	MIME_MAILBOX,
	MIME_GROUP, /* starts a group: name is its name */
	MIME_GROUP_END,
};

/*
 * Quotes, escapes and comments are taken away; encoded words are not decoded
 * (see mime_decode_words). "user (Name)" gives the comment as the name.
 */
struct mime_address {
	enum mime_address_kind kind;
	struct str name;    /* display name */
	struct str route;   /* obsolete source route: "@a,@b" */
	struct str mailbox; /* local part */
	struct str host;    /* empty: none was given */
};

#define MIME_ADDRESSES 10000 /* the most of one field */

/* Returns how many; *out is in the arena. */
size_t mime_addresses(
    struct arena *a, struct str value, struct mime_address **out);

/* From, To, Cc, Bcc, Sender, Reply-To. */
bool mime_is_address_field(struct str name);
/*
 * The addresses as they are meant, for searching: "Name user@host" with the
 * encoded words of names decoded, and without the comments and white space that
 * may stand within "user (who) @ host".
 */
void mime_address_text(struct buf *out, struct str value);

/* ------------------------------------------------------------------------
 * Dates, identifiers, subjects
 */

/*
 * RFC 5322 date-time, tolerant: two-digit years, missing seconds or weekday,
 * named and military zones, comments. ZONE: minutes east of UTC; may be NULL.
 * False if there is no date in it.
 */
bool mime_date(struct str value, int64_t *epoch, int *zone);
/* "Sun, 22 Nov 2026 17:00:00 +0100". */
void mime_date_format(struct buf *out, int64_t epoch, int zone);

/*
 * Message identifiers in the order written, without <>; words outside of <>
 * are skipped (a lone word with an "@" counts). At most MAX.
 */
size_t mime_msgids(
    struct arena *a, struct str value, size_t max, struct str **out);

/*
 * The base subject of RFC 5256, section 2.1, of a decoded subject. True if
 * it was a reply or forward.
 */
bool mime_base_subject(struct buf *out, struct str subject);

#endif
