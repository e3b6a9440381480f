/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MIME_COMPOSE_H
#define MIME_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * Messages that the system writes itself: quota warnings, delivery reports.
 * The result has CRLF lines of at most 78 characters and is pure ASCII but
 * for attached messages.
 *
 *	struct compose c;
 *
 *	compose_init(&c, &out);
 *	compose_address(&c, "From", STR("Mail system"), STR("postmaster@x"));
 *	compose_text(&c, "Subject", subject);
 *	compose_date(&c, now, 0);
 *	compose_body(&c, text);
 *	compose_finish(&c);
 *
 * Header calls first, then compose_multipart() if there is more than one
 * part, then parts in order. Line ends and NULs in header values are taken
 * away, so a value cannot start another field.
 */
struct compose {
	struct buf *out;
	char boundary[40]; /* empty: not a multipart */
};

void compose_init(struct compose *c, struct buf *out);

/* Unstructured UTF-8, as encoded words where needed, folded. */
void compose_text(struct compose *c, const char *name, struct str utf8);
/* As it stands (ASCII), folded at white space. */
void compose_raw(struct compose *c, const char *name, struct str value);
/* DISPLAY may be empty. A second call with the same NAME is another field. */
void compose_address(struct compose *c, const char *name, struct str display,
    struct str address);
void compose_date(struct compose *c, int64_t epoch, int zone);
/* A fresh one: <random@DOMAIN>. */
void compose_msgid(struct compose *c, struct str domain);

/* SUBTYPE "mixed", or "report" with REPORT_TYPE (NULL otherwise). */
void compose_multipart(
    struct compose *c, const char *subtype, const char *report_type);

/* text/plain in UTF-8: 7bit if it can be, else quoted-printable. */
void compose_body(struct compose *c, struct str utf8);
/* An ASCII part of another type, e.g. "message/delivery-status". */
void compose_part(struct compose *c, const char *type, struct str content);
/* As base64, with its name encoded per RFC 2231. */
void compose_attachment(
    struct compose *c, const char *type, struct str name, struct str bytes);
/* message/rfc822, or only its header block as text/rfc822-headers; that of a
 * header in UTF-8 is message/global-headers. */
void compose_message(struct compose *c, struct str raw, bool headers_only);

void compose_finish(struct compose *c); /* writes the last boundary */

/*
 * The message RAW with every part that has NUL among its octets in base64, as
 * IMAP wants it of what a literal8 brought (RFC 3516, section 4.4). False if
 * there is none; OUT is then good for nothing.
 */
bool mime_without_binary(struct arena *a, struct buf *out, struct str raw);

#endif
