/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_LOGIN_H
#define SITE_LOGIN_H

#include "site/internal.h"

/*
 * What logging in has in common, whether a password was sent or a challenge
 * answered: find the user, check the throttle, then tell the verdict.
 */

struct login_cache;
struct login_cache *login_cache_new(void);
void login_cache_free(struct login_cache **c);

struct login {
	struct site *site;
	struct arena *arena;
	struct site_peer peer;
	struct str mechanism;
	struct str user;    /* as given */
	struct str authzid; /* as given */
	bool challenge;     /* the mechanism needs a verifier */
	const char *reason; /* why nothing is proved; NULL: the usual */
	struct str key;     /* the address key of the user; empty: no address */
	bool known;
	struct site_account account; /* if known */
	int64_t number;
	struct str hash;       /* stored password; may be empty */
	struct str verifier;   /* of the mechanism; may be empty */
	struct str mechanisms; /* those with a verifier */
};

/*
 * Fill KEY and, if there is such an account, what follows. The fields before
 * KEY are the caller's. SITE_OK also for an unknown user; SITE_BLOCKED and
 * failures of the database end the attempt.
 */
enum site_rc login_find(struct login *l, struct err *e);

/*
 * PROVED: the client knows the secret. Checks the authorisation identity, the
 * account's state and services, counts, records and logs.
 */
enum site_rc login_verdict(
    struct login *l, bool proved, unsigned *delay_ms, struct err *e);

/* Is the authorisation identity empty or the user's own? Acting for somebody
 * else is not offered. After login_find(). */
bool login_authzid_allowed(struct login *l);

/* 32 bytes that stay the same for LABEL on this site and tell nothing. */
enum site_rc site_secret_for(
    struct site *s, struct str label, uint8_t out[32], struct err *e);

#endif
