/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_DMARC_INTERNAL_H
#define MAILAUTH_DMARC_INTERNAL_H

#include "mailauth/dmarc.h"

/*
 * What the files of DMARC share.
 */

/* Does TEXT begin with "v=DMARC1"? Only then it is of DMARC at all (RFC 7489,
 * section 6.6.3, step 2). */
bool dmarc_record_is(struct str text);
/* All tags, whether or not there is a policy among them. False only if
 * dmarc_record_is() is. */
bool dmarc_record_tags(struct arena *a, struct str text,
    struct dmarc_record *out, bool *valid_policy, struct str *why);

/* What rua= and ruf= list; *list has those of "mailto". False: there is no
 * valid URI at all. */
bool dmarc_uris(struct arena *a, struct str value,
    const struct dmarc_uri **list, size_t *n);

enum dmarc_found_rc {
	DMARC_FOUND_NONE,
	DMARC_FOUND,
	DMARC_FOUND_SEVERAL,
	DMARC_FOUND_FAILED, /* another time it may be different */
};
/* The DMARC record at NAME, which begins with "_dmarc." or the like. */
enum dmarc_found_rc dmarc_record_at(
    struct resolver *r, struct arena *a, struct str name, struct str *text);

struct dmarc_where {
	enum dmarc_found_rc rc;
	struct str domain, text; /* of the record */
	struct str organizational;
	bool uncertain; /* a question went unanswered: it may be another */
	const char *why;
};
/* The record that counts for AUTHOR, and its organizational domain. */
void dmarc_discover_psl(struct resolver *r, const struct psl *p,
    struct arena *a, struct str author, struct dmarc_where *out);
void dmarc_discover_tree(struct resolver *r, struct arena *a, struct str author,
    struct dmarc_where *out);

/* Is NAME equal to PARENT or below it? Both in lower case. */
bool dmarc_within(struct str name, struct str parent);

#endif
