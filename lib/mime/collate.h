/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MIME_COLLATE_H
#define MIME_COLLATE_H

#include "base/buf.h"
#include "base/str.h"

/*
 * Comparators (RFC 4790, RFC 5255): how SEARCH, SORT and THREAD compare text.
 * Each is two ways of rewriting UTF-8 so that octets can be compared.
 *
 * What is equal, or a substring, under any of them is so under mime_fold() as
 * well; so the search index, which knows that form only, narrows for all.
 */
struct mime_collation {
	const char *name;
	/* For equality and substrings in SEARCH. */
	void (*fold)(struct buf *out, struct str utf8);
	/* For order, and for equality of subjects. */
	void (*order)(struct buf *out, struct str utf8);
};

/* The first is the default, i;unicode-casemap (RFC 5051). */
extern const struct mime_collation mime_collations[];
extern const size_t mime_ncollations;

/* By name, case ignored; NULL if there is none. */
const struct mime_collation *mime_collation_find(struct str name);

#endif
