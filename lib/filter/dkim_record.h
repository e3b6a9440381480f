/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_DKIM_RECORD_H
#define FILTER_DKIM_RECORD_H

#include "mailauth/key.h"
#include "site/dkim.h"

/* Keys of our domains and the records that publish them. */

/* A new one of DOMAIN, in A. SELECTOR empty: the date and the algorithm. */
bool dkim_generate(struct arena *a, struct str domain, struct str selector,
    enum key_type type, unsigned bits, int64_t now, struct site_dkim_key *out,
    struct err *e);
/* The text of its TXT record. */
bool dkim_record(
    const struct site_dkim_key *k, struct buf *text, struct err *e);
/* The record as a line of a zone file. */
bool dkim_zone_line(
    const struct site_dkim_key *k, struct buf *line, struct err *e);

enum dkim_shown {
	DKIM_SHOWN,
	DKIM_MISSING,
	DKIM_DIFFERENT, /* there is one of another key, or one that is broken */
	DKIM_UNKNOWN,   /* the DNS does not answer */
};
const char *dkim_shown_name(enum dkim_shown s);
/* Does the DNS have the record? *why: words for people if not. */
enum dkim_shown dkim_look(struct resolver *r, struct arena *a,
    const struct site_dkim_key *k, struct str *why);

#endif
