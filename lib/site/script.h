/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_SCRIPT_H
#define SITE_SCRIPT_H

#include "base/codec.h"
#include "site/site.h"

/*
 * Sieve scripts of the administrator's. Around every account's own script run
 * those of the site, and between them those of its domain:
 *
 *	before, domain, the account's active script, after
 *
 * each place in order of names. Those at `global` do not run by themselves:
 * scripts include them (RFC 6609, `include :global`); a domain's own hides the
 * site's of the same name. A domain without scripts of a kind has those of the
 * nearest one above it.
 *
 * As in lib/store, sources are kept as they came, and whoever keeps something
 * made from a script keeps it by the hash.
 */

enum site_script_place {
	SITE_SCRIPT_BEFORE, /* of the site */
	SITE_SCRIPT_DOMAIN, /* of a domain */
	SITE_SCRIPT_AFTER,  /* of the site */
	SITE_SCRIPT_GLOBAL, /* of either */
};
const char *site_script_place_name(enum site_script_place place);
bool site_script_place_find(struct str name, enum site_script_place *out);

struct site_script {
	enum site_script_place place;
	struct str domain; /* empty: the site's */
	struct str name;
	uint8_t hash[SHA256_LEN]; /* of the source */
	uint64_t size;
	int64_t changed; /* seconds since 1970 UTC */
};

/*
 * Insert or replace WHAT, of which place, domain and name count.
 * SITE_INVALID: the place is not of the site, or not of a domain; or the name
 * is empty, longer than 512 octets, not UTF-8 or has control characters.
 */
enum site_rc site_script_put(struct site *s, const struct site_by *by,
    const struct site_script *what, struct str source, struct err *e);
enum site_rc site_script_delete(struct site *s, const struct site_by *by,
    const struct site_script *what, struct err *e);

/* Exactly WHAT, which is filled. SOURCE may be NULL. */
enum site_rc site_script_get(struct site *s, struct site_script *what,
    struct buf *source, struct err *e);
/* All there are: the site's first, then by domain; in the order they run. */
enum site_rc site_script_list(struct site *s, struct arena *a,
    struct site_script **list, size_t *count, struct err *e);

/* What runs around the script of an account in DOMAIN, in that order. From
 * memory unless something in the directory has changed: for each delivery. */
enum site_rc site_scripts_of(struct site *s, struct arena *a, struct str domain,
    struct site_script **list, size_t *count, struct err *e);
/* What `include :global` finds for an account in DOMAIN. SOURCE may be NULL. */
enum site_rc site_script_global(struct site *s, struct arena *a,
    struct str domain, struct str name, struct site_script *out,
    struct buf *source, struct err *e);

#endif
