/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_FETCH_ITEMS_H
#define IMAPD_FETCH_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imapd/parse.h"

/*
 * What a FETCH asks for (RFC 3501, section 6.4.5), as a list in the order
 * asked. Names are rows of a table in fetch_items.c; an item that has a form
 * of its own adds a row there and a case in cmd_fetch.c.
 */

enum fetch_kind {
	FETCH_UID,
	FETCH_FLAGS,
	FETCH_INTERNALDATE,
	FETCH_SAVEDATE, /* RFC 8514 */
	FETCH_SIZE,
	FETCH_MODSEQ,
	FETCH_ENVELOPE,
	FETCH_BODYSTRUCTURE,
	FETCH_BODY,
	FETCH_EMAILID, /* RFC 8474 */
	FETCH_THREADID,
	FETCH_PREVIEW, /* RFC 8970 */
	FETCH_SECTION, /* BODY[...] and the RFC822 family */
	FETCH_BINARY,  /* RFC 3516 */
	FETCH_BINARY_SIZE,
};

enum fetch_part {
	PART_BODY, /* the whole of it: BODY[], BODY[1.2] */
	PART_HEADER,
	PART_FIELDS,
	PART_FIELDS_NOT,
	PART_TEXT,
	PART_MIME,
};

struct fetch_item {
	enum fetch_kind kind;
	struct str label; /* what the response calls it */
	/* Of a section: */
	enum fetch_part part;
	const uint32_t *path; /* part numbers */
	size_t npath;
	const struct str *fields; /* HEADER.FIELDS (...) */
	size_t nfields;
	bool partial; /* <offset.length> */
	uint64_t offset, length;
};

enum {
	NEED_META = 1, /* the cached ENVELOPE, BODYSTRUCTURE or layout */
	NEED_BODY = 2, /* octets of the message */
	SETS_SEEN = 4, /* a section without .PEEK */
	HAS_FLAGS = 8,
	HAS_UID = 16,
	HAS_MODSEQ = 32, /* enables CONDSTORE (RFC 7162, section 3.1) */
	NEED_IDS = 64,   /* EMAILID, THREADID */
};

struct fetch_items {
	struct fetch_item *v;
	size_t n;
	unsigned needs;
};

#define FETCH_PATH 64 /* part numbers in a section */

/* One item, a macro, or a list in parentheses. */
bool fetch_items_parse(struct parse *p, struct fetch_items *out);
/* Add a copy of an item; NEEDS is the caller's. */
void fetch_items_copy(
    struct arena *a, struct fetch_items *items, const struct fetch_item *item);
/* Add an item that the client did not name. */
void fetch_items_add(
    struct arena *a, struct fetch_items *items, enum fetch_kind kind);

#endif
