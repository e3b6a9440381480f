/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_WRITE_H
#define IMAPD_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "store/store.h"

/*
 * The words of responses. Nothing here formats with printf: some of it runs
 * once per message.
 */

/* Quoted if it can be, else a literal. */
void write_string(struct buf *out, struct str s);
/* As an atom where that is enough. */
void write_astring(struct buf *out, struct str s);
/* NIL for s.p == NULL. */
void write_nstring(struct buf *out, struct str s);
/* A mailbox path: in UTF-8 (RFC 9051, section 5.1), or in modified UTF-7. */
void write_mailbox(struct buf *out, struct str path, bool utf8);
/* "(F123)": an object id (RFC 8474), its kind in front. */
void write_objectid(struct buf *out, char kind, int64_t id);
/* An EMAILID, from the hash of the content: the same for every copy. */
void write_emailid(struct buf *out, const uint8_t hash[32]);
/* Text after a response code: one line, printable. */
void write_text(struct buf *out, struct str s);

/* "22-Nov-2026 17:00:00 +0000" with its quotes. */
void write_internaldate(struct buf *out, int64_t epoch);

/* Keyword names by index, as account_keywords() gives them. */
struct keywords {
	const struct str *names;
	uint32_t n;
};
/* Parenthesised. */
void write_flags(struct buf *out, const struct flags *f, bool recent,
    const struct keywords *k);

/* Response texts hold only constants and numbers, so this is all they need:
 * "* " TEXT CRLF. */
void write_untagged(struct buf *out, const char *text);
/* "* N WORD" CRLF */
void write_number(struct buf *out, uint64_t n, const char *word);

#endif
