/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_DKIM_H
#define SITE_DKIM_H

#include "site/site.h"

/*
 * The keys that sign the mail of our domains (RFC 6376). A domain can have
 * several active ones, all of which sign: RSA for everybody, Ed25519 (RFC 8463)
 * for who knows it.
 *
 * A key is pending while its record in the DNS is waited for, signs while it is
 * active, and is retired when another one took its place: then its record still
 * has to be there for the mail on its way.
 */

enum site_dkim_state {
	SITE_DKIM_PENDING,
	SITE_DKIM_ACTIVE,
	SITE_DKIM_RETIRED,
};
const char *site_dkim_state_name(enum site_dkim_state s);
bool site_dkim_state_parse(struct str s, enum site_dkim_state *out);

struct site_dkim_key {
	struct str domain, selector;
	struct str algorithm; /* "rsa", "ed25519" */
	struct str pem;       /* the private key: never to a log */
	enum site_dkim_state state;
	int64_t created, changed;
	int64_t seen; /* when the DNS first showed the record; 0: not yet */
};

/* The domain must be hosted here. SITE_EXISTS: it has that selector. */
enum site_rc site_dkim_add(struct site *s, const struct site_by *by,
    const struct site_dkim_key *key, struct err *e);
/* By domain, newest first. DOMAIN empty: all. */
enum site_rc site_dkim_list(struct site *s, struct arena *a, struct str domain,
    struct site_dkim_key **list, size_t *count, struct err *e);
enum site_rc site_dkim_set(struct site *s, const struct site_by *by,
    struct str domain, struct str selector, enum site_dkim_state state,
    struct err *e);
/* The key is active, and all others of the domain and its algorithm that were
 * are retired: in one step, so that mail is signed at any moment. */
enum site_rc site_dkim_switch(struct site *s, const struct site_by *by,
    struct str domain, struct str selector, struct err *e);
/* The DNS shows its record since SEEN; 0: no more. */
enum site_rc site_dkim_seen(struct site *s, const struct site_by *by,
    struct str domain, struct str selector, int64_t seen, struct err *e);
enum site_rc site_dkim_remove(struct site *s, const struct site_by *by,
    struct str domain, struct str selector, struct err *e);

/*
 * The active keys for mail whose author is at DOMAIN: its own, or those of the
 * nearest hosted domain above it. None: *count is 0.
 */
enum site_rc site_dkim_signing(struct site *s, struct arena *a,
    struct str domain, struct site_dkim_key **list, size_t *count,
    struct err *e);

#endif
