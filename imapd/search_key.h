/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_SEARCH_KEY_H
#define IMAPD_SEARCH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imapd/parse.h"
#include "store/store.h"

/*
 * SEARCH criteria (RFC 3501, section 6.4.4; RFC 7162) as a tree. A key is a
 * row of the table in search_key.c; what it means for a message stands in
 * search.c.
 */

enum search_kind {
	SK_ALL,
	SK_AND, /* of the children; none: true */
	SK_OR,
	SK_NOT, /* one child */
	SK_FLAG,
	SK_KEYWORD,
	SK_RECENT,
	SK_SEQ,
	SK_UID,
	SK_RECEIVED, /* dates: `op` */
	SK_SENT,
	SK_SIZE, /* SEARCH_LESS, SEARCH_MORE */
	SK_MODSEQ,
	SK_TEXT,
	SK_BODY,
	SK_HEADER,
};

enum search_op {
	SEARCH_LESS,  /* BEFORE, SMALLER */
	SEARCH_EQUAL, /* ON */
	SEARCH_MORE,  /* LARGER */
	SEARCH_SINCE, /* not less */
};

struct search_key {
	enum search_kind kind;
	enum search_op op;
	struct search_key *child, *next; /* child: the first of them */
	uint64_t num;    /* flag bit, size, modseq; days for dates */
	struct str name; /* header field, keyword */
	struct str text; /* needle as sent; a sequence set */
	/* Set by search_prepare(): */
	struct uids set;
	struct str folded; /* the needle as the store compares */
	uint32_t keyword;
	bool never;                /* a keyword nobody has used */
	const int64_t *candidates; /* emails that may match, sorted */
	size_t ncandidates;
	bool narrowed; /* candidates holds */
};

enum { /* RETURN options (RFC 4731) */
	RETURN_MIN = 1,
	RETURN_MAX = 2,
	RETURN_ALL = 4,
	RETURN_COUNT = 8,
};

struct search_program {
	bool extended; /* answer with ESEARCH */
	unsigned returns;
	struct str charset;      /* empty: US-ASCII */
	struct search_key *root; /* an SK_AND */
	bool modseq;             /* the MODSEQ key was used */
	bool numbers;            /* a set of sequence numbers is among them */
};

#define SEARCH_DEPTH 64
#define SEARCH_KEYS 4096

/* All that comes after SEARCH, to the end of the command. */
bool search_parse(struct parse *p, struct search_program *out);

#endif
