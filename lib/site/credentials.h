/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_CREDENTIALS_H
#define SITE_CREDENTIALS_H

#include "site/internal.h"
#include "site/password.h"

/*
 * What is stored for a password: the argon2id hash and, where the mechanisms
 * are on, verifiers of challenge mechanisms. Made before the write
 * transaction, since hashing takes long, then written in it.
 */

#define VERIFIERS_MAX 4

/* The mechanisms that need one; ended by NULL. */
extern const char *const verifier_names[];

struct credentials {
	struct str hash; /* empty: none, no login */
	struct {
		const char *mechanism;
		struct str data;
	} verifiers[VERIFIERS_MAX];
	size_t count;
};

struct argon2_params argon2_params_now(struct site *s);
/* At most auth.hash_threads threads are between these two. */
void hash_enter(struct site *s);
void hash_leave(struct site *s);

/* CHECK: refuse a password that is too short. */
enum site_rc credentials_make(struct site *s, struct arena *a,
    struct site_scope scope, struct str password, bool check,
    struct credentials *out, struct err *e);
enum sq_rc credentials_write(
    struct sq *q, int64_t account, const struct credentials *c, struct err *e);
bool mechanism_on(struct site *s, const char *mechanism);

#endif
