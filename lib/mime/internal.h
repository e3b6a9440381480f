/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MIME_INTERNAL_H
#define MIME_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "mime/decode.h"
#include "mime/mime.h"

/* What the files of lib/mime share and nobody else includes. */

/* White space of header fields: line ends are folding. */
static inline bool
mime_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What was added to B since it held START octets. */
static inline struct str
buf_since(const struct buf *b, size_t start)
{
	return str_sub(buf_str(b), start, SIZE_MAX);
}

/*
 * A structured field being read. The functions skip folding white space and
 * comments before what they take.
 */
struct lexer {
	const char *p, *end;
};
static inline struct lexer
lex_of(struct str s)
{
	const char *p = s.p ? s.p : "";

	return (struct lexer){ p, p + s.n };
}
void lex_space(struct lexer *l);
/* The text of the comment at l->p (a parenthesis), which is skipped. */
struct str lex_comment(struct lexer *l);
/* A run of RFC 2045 token characters; empty if there is none. */
struct str lex_token(struct lexer *l);
/* A quoted string at l->p, unquoted: a slice, or copied when it must. */
struct str lex_quoted(struct arena *a, struct lexer *l);
/* "; name=value" until the end; at most MAX. */
void lex_params(
    struct arena *a, struct lexer *l, unsigned max, struct mime_params *out);

/* S unfolded and trimmed: S itself or a copy in the arena; never p NULL. */
struct str mime_unfolded(struct arena *a, struct str s);

/* The fields of a message that ENVELOPE and the digest want. */
enum known_field {
	F_DATE,
	F_SUBJECT,
	F_FROM,
	F_SENDER,
	F_REPLY_TO,
	F_TO,
	F_CC,
	F_BCC,
	F_IN_REPLY_TO,
	F_MESSAGE_ID,
	F_REFERENCES,
	F_COUNT,
};
struct known_fields {
	struct str v[F_COUNT]; /* values, folded; p NULL: missing */
};
void known_fields_read(struct known_fields *k, struct str header);
void envelope_write(
    struct buf *out, struct arena *a, const struct known_fields *k);

/* An IMAP nstring: NIL if p is NULL, quoted if possible, else a literal. */
void imap_nstring(struct buf *out, struct str s);

/* Of compose.c. Text and phrases: without line ends and controls, as encoded
 * words where needed, folded. */
void text_put(struct buf *out, struct str utf8);
void phrase_put(struct buf *out, struct str utf8);
/* ";" and the parameter as RFC 2231 encodes it. */
void param_put(struct buf *out, struct str name, struct str utf8);

/* Valid UTF-8 is copied, other octets become U+FFFD, NUL is dropped. */
void utf8_clean(struct buf *out, struct str s);
/* The length of the prefix of S that is ASCII without NUL. */
size_t ascii_prefix(struct str s);
/* S cut to at most MAX octets, not inside a character. */
struct str utf8_cut(struct str s, size_t max);

/* The code point of an HTML entity's name (without & and ;), or 0. */
uint32_t html_entity(struct str name);

/* One line of at most MIME_PREVIEW characters. */
void mime_preview(struct buf *out, const struct mime_message *m);

#endif
