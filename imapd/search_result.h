/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_SEARCH_RESULT_H
#define IMAPD_SEARCH_RESULT_H

#include "imapd/search_key.h"

/*
 * What is told of the messages found: SEARCH and SORT responses, ESEARCH
 * (RFC 4731) with the options of RFC 5267, RFC 7377 and RFC 9394.
 */

struct search_result {
	struct str tag;
	bool uid;
	const struct search_return *ret;
	/* Numbers or UIDs: ascending, or as SORT orders them. */
	const uint32_t *found;
	size_t n;
	const uint8_t *scores; /* of each, for RELEVANCY */
	uint64_t modseq;       /* of what is returned; 0: not told */
	/* Of ESEARCH over several mailboxes, and of UPDATE: else empty. */
	struct str mailbox;
	bool utf8;
	uint32_t uidvalidity;
};

/*
 * Positions in the result that are returned, and that SAVE keeps: all of it
 * with ALL or COUNT, else the ends and the part that were asked for
 * (RFC 5182, section 2.4; RFC 7162, section 3.1.5; RFC 9394).
 */
bool search_returns(const struct search_return *ret, size_t n, size_t at);

/* "* ESEARCH ..." CRLF */
void put_esearch(struct buf *out, const struct search_result *r);
/* "* ESEARCH (TAG "x") UID", where it always begins so. */
void put_esearch_head(struct buf *out, const struct search_result *r);
/* "* SEARCH 1 2" CRLF, or of SORT. */
void put_numbers(
    struct buf *out, const char *name, const struct search_result *r);
/* "3:5,1": of any order; ranges ascend. */
void put_found(struct buf *out, const uint32_t *found, size_t n);

#endif
