/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_SCRIPT_H
#define STORE_SCRIPT_H

#include "base/codec.h"
#include "store/store.h"

/*
 * The Sieve scripts of an account, by name; at most one is active. The store
 * keeps sources as they came and knows nothing of the language: whether they
 * compile, and which names ManageSieve allows, is the caller's business. Each
 * change takes a modseq and wakes those who watch the account.
 *
 * Whoever keeps something made from a script keeps it by the hash.
 */

#define SCRIPT_NAME_MAX 512 /* octets (RFC 5804, section 1.6) */

struct script {
	int64_t id; /* never reused; stays when the script is renamed */
	struct str name;
	uint8_t hash[SHA256_LEN]; /* of the source */
	bool active;
	uint64_t size, modseq;
	int64_t created, changed; /* seconds since 1970 UTC */
};

struct script_limits { /* 0: none */
	uint64_t scripts;
	uint64_t bytes; /* of all sources together */
};

/*
 * Insert, or replace the source of the script that is there; it stays active
 * if it was. STORE_LIMIT: there would be too many. STORE_QUOTA: all of them
 * would be too large. STORE_INVALID: NAME is empty, too long, not UTF-8 or has
 * control characters. LIMITS may be NULL.
 */
enum store_rc script_put(struct account *a, struct str name, struct str source,
    const struct script_limits *limits, struct err *e);
/* Would script_put() of a source of SIZE octets find room now? */
enum store_rc script_have_space(struct account *a, struct str name,
    uint64_t size, const struct script_limits *limits, struct err *e);

/* By name. */
enum store_rc script_list(struct account *a, struct arena *arena,
    struct script **list, size_t *count, struct err *e);
/* OUT and SOURCE may be NULL. */
enum store_rc script_get(struct account *a, struct arena *arena,
    struct str name, struct script *out, struct buf *source, struct err *e);
/* Without reading the source: for each delivery. out->id is 0 if none is
 * active. The query is here for the test that looks at its plan. */
#define SCRIPT_ACTIVE_SQL                                                      \
	"SELECT id, name, hash, active, size, modseq, created, changed"        \
	" FROM script WHERE active = 1"
enum store_rc script_active(
    struct account *a, struct arena *arena, struct script *out, struct err *e);

/* An empty NAME: none is active any more. */
enum store_rc script_activate(
    struct account *a, struct str name, struct err *e);
/* STORE_EXISTS: another script has that name. An active one stays so. */
enum store_rc script_rename(
    struct account *a, struct str from, struct str to, struct err *e);
/* STORE_INVALID: it is active. */
enum store_rc script_delete(struct account *a, struct str name, struct err *e);

/*
 * For account_check(): call WRONG for each script that is not what its hash
 * and size say; with REPAIR what they say is mended.
 */
enum store_rc scripts_verify(struct account *a, bool repair,
    void (*wrong)(void *arg, struct str name), void *arg, struct err *e);

#endif
