/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MIME_DECODE_H
#define MIME_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "mime/mime.h"

/*
 * From the wire to UTF-8. All output is well-formed UTF-8 unless said
 * otherwise; every function is linear in its input and appends to OUT.
 */

/*
 * An unstructured field or phrase: unfolded, RFC 2047 words decoded (white
 * space between two of them dropped; a character may span words), raw 8-bit
 * read as UTF-8, else windows-1252. A broken word stays as it is.
 */
void mime_decode_words(struct buf *out, struct str value);

/* "7bit", "base64", ... as in Content-Transfer-Encoding. */
enum mime_cte mime_cte_parse(struct str name);

/*
 * Undo a transfer encoding; octets, not UTF-8. Tolerant: what is not of the
 * encoding is skipped (base64) or kept as it stands (quoted-printable). Stops
 * after MAX octets of output. False if the input was not clean.
 */
bool mime_decode_cte(
    struct buf *out, enum mime_cte cte, struct str body, size_t max);

/*
 * CHARSET empty, us-ascii or unknown: UTF-8 if it is that, else windows-1252;
 * iso-8859-1 is windows-1252 (as browsers do). What cannot be read becomes
 * U+FFFD; NUL is dropped. False if CHARSET is unknown.
 */
bool mime_to_utf8(struct buf *out, struct str charset, struct str bytes);
bool mime_charset_known(struct str charset);

/*
 * What a person sees of HTML: entities decoded, block elements as line
 * breaks, script, style and comments gone; image texts (alt) kept.
 */
void mime_html_to_text(struct buf *out, struct str utf8);

/*
 * The form in which search compares: compatibility- and case-folded
 * (NFKC_Casefold), so that equal text is equal bytes. Invalid octets become
 * U+FFFD; NUL stays.
 */
void mime_fold(struct buf *out, struct str utf8);

/* The same text in NFC (Unicode's normal form of composed characters); TEXT of
 * more than MIME_NFC_MAX octets, or that is no UTF-8, as it is. */
#define MIME_NFC_MAX 4096
struct str mime_nfc(struct arena *a, struct str utf8);

/* A code point, which must be one that UTF-8 has. */
void utf8_put(struct buf *out, uint32_t c);

/* A part's content as UTF-8: both of the above steps, at most MAX octets. */
void mime_part_text(struct buf *out, const struct mime_message *m,
    const struct mime_part *p, size_t max);

#endif
