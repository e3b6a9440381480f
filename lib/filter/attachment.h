/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_ATTACHMENT_H
#define FILTER_ATTACHMENT_H

#include "base/arena.h"
#include "base/str.h"

/*
 * The files in a message: what they are called, what their sender says they
 * are, and what their first octets say. Pure.
 */
struct attachment {
	struct str name; /* UTF-8; without the dots and spaces at its end, which
			  * some systems drop; empty: it has none */
	struct str type; /* "application/pdf", in lower case */
	const char *content; /* the type by its octets; NULL: not known */
};

#define ATTACHMENTS_MAX 1000

/* All parts that are no text to be read, also those of messages in the message.
 * RAW, and A, must last. */
size_t attachment_list(
    struct arena *a, struct str raw, struct attachment **list);

/*
 * The first one that PATTERNS, words separated by spaces, name: "*.exe" is for
 * names, "application/x-msdownload" and "image/?*" for types, of which either
 * may be meant. "*" and "?" stand for any and for one character; case does not
 * count. NULL: none. *pattern: the word.
 */
const struct attachment *attachment_match(const struct attachment *list,
    size_t n, struct str patterns, struct str *pattern);

#endif
