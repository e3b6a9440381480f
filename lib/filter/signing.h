/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_SIGNING_H
#define FILTER_SIGNING_H

#include "mailauth/key.h"
#include "site/site.h"

/*
 * The keys of our domains, parsed, in memory: what a domain signs with. They
 * are read again when the directory has changed. Any thread.
 */

struct signing_key {
	struct str selector;
	struct private_key *key;
};
/* Those of one domain; immutable. */
struct signing_keys {
	struct str domain; /* d= */
	struct signing_key *v;
	size_t n;
};

struct signing;
struct signing *signing_new(struct site *s);
void signing_free(struct signing **s);

/* For mail whose author is at DOMAIN. NULL: nobody signs it. To be given
 * back. */
const struct signing_keys *signing_get(struct signing *s, struct str domain);
void signing_put(const struct signing_keys **k);

#endif
