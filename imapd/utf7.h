/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_UTF7_H
#define IMAPD_UTF7_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * Mailbox names on the wire: modified UTF-7 (RFC 3501, section 5.1.3), while
 * the store knows UTF-8.
 */

/*
 * Append NAME as UTF-8. False, with OUT unchanged, unless NAME is the one
 * correct spelling: printable US-ASCII stands for itself, "&" is "&-", and
 * all else is in base64 of UTF-16 without a longer run than needed. Names in
 * plain UTF-8, which some clients send, are taken as they are.
 */
bool utf7_decode(struct buf *out, struct str name);

/* The same without judging: what cannot be decoded stays as it stands. For
 * LIST patterns, where a name that cannot exist simply matches nothing. */
void utf7_decode_lax(struct buf *out, struct str name);

/* UTF8 must be well-formed. */
void utf7_encode(struct buf *out, struct str utf8);

#endif
