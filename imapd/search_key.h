/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_SEARCH_KEY_H
#define IMAPD_SEARCH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imapd/parse.h"
#include "mime/fuzzy.h"
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
	SK_SAVED,  /* RFC 8514 */
	SK_WITHIN, /* age in seconds (RFC 5032): OLDER is SEARCH_LESS */
	SK_SIZE,   /* SEARCH_LESS, SEARCH_MORE */
	SK_MODSEQ,
	SK_TEXT,
	SK_BODY,
	SK_HEADER,
	SK_EMAILID, /* RFC 8474 */
	SK_THREADID,
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
	struct str text; /* needle as sent; a sequence set; an object id */
	bool saved;      /* the set is "$" (RFC 5182) */
	bool fixed;      /* the set does not depend on the mailbox */
	bool fuzzy;      /* of text: inexactly (RFC 6203) */
	/* Set by search_prepare(): */
	struct uids set;
	struct fuzzy words; /* of the needle */
	struct str folded;  /* the needle as the comparator has it */
	struct str indexed; /* and as the index */
	uint32_t keyword;
	bool never;                /* a keyword nobody has used */
	const int64_t *candidates; /* emails that may match, sorted */
	size_t ncandidates;
	bool narrowed; /* candidates holds */
};

enum {                  /* RETURN options */
	RETURN_MIN = 1, /* RFC 4731 */
	RETURN_MAX = 2,
	RETURN_ALL = 4,
	RETURN_COUNT = 8,
	RETURN_SAVE = 16,    /* RFC 5182 */
	RETURN_PARTIAL = 32, /* RFC 9394, RFC 5267 */
	RETURN_UPDATE = 64,  /* RFC 5267 */
	RETURN_CONTEXT = 128,
	RETURN_RELEVANCY = 256, /* RFC 6203 */
};

/* "1:100", or counted from the end "-1:-100": positions in a result. */
struct partial {
	bool from_end;
	uint32_t lo, hi;
};

struct search_return {
	bool given; /* answer with ESEARCH */
	unsigned items;
	struct partial partial;
};

struct mime_collation;

struct search_program {
	struct search_return ret;
	struct str charset;      /* empty: US-ASCII */
	bool charset_given;      /* where it need not be */
	struct search_key *root; /* an SK_AND */
	bool modseq;             /* the MODSEQ key was used */
	bool numbers;            /* sequence numbers were */
	bool saved;              /* "$" was */
	bool fuzzy;              /* FUZZY was */
	bool relevancy;          /* what is found gets a score */
	/* Set by search_prepare(): */
	const struct mime_collation *collation;
	bool keys; /* it helps to have keys_of(), with these texts: */
	unsigned texts;
	int64_t now;
};

#define SEARCH_DEPTH 64
#define SEARCH_KEYS 4096

/* All that comes after SEARCH, to the end of the command. */
bool search_parse(struct parse *p, struct search_program *out);
/* Its pieces: the options after "RETURN", with the space that follows; the
 * keys to the end of the command. */
bool search_parse_returns(struct parse *p, struct search_return *out);
bool search_parse_keys(struct parse *p, struct search_program *out);
/* " utf-8 UNSEEN", as SORT and THREAD have it: the charset must be there. */
bool search_parse_with_charset(struct parse *p, struct search_program *out);
bool parse_partial(struct parse *p, struct partial *out);
/* The 0-based positions [*from, *to) that it means of N. */
void partial_range(
    const struct partial *partial, size_t n, size_t *from, size_t *to);

#endif
