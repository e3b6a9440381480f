/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_PASSWORD_H
#define SITE_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * Password hashes: made with argon2id, verified in every form that other mail
 * systems store. Pure functions; what they cost is the caller's to bound.
 *
 * A stored hash is "{SCHEME}data", where SCHEME may end in .B64 or .HEX as
 * Dovecot writes it, or crypt(3) form ("$6$...", "$2y$...", "$y$...",
 * "$argon2id$..."); anything else without a prefix is not a hash.
 */

#define PASSWORD_MAX 4096 /* longer ones are refused unread */

struct argon2_params {
	uint32_t memory_kib, passes, lanes;
};

enum password_rc {
	PASSWORD_OK,
	PASSWORD_WRONG,
	PASSWORD_UNSUPPORTED, /* no hash, or of a scheme we do not know */
};
enum password_rc password_verify(struct str stored, struct str plain);
/* Could password_verify() make sense of it? */
bool password_supported(struct str stored);

/* "$argon2id$v=19$..." with a fresh salt; false if libargon2 does not take the
 * parameters or has no memory. */
bool password_hash(
    const struct argon2_params *p, struct str plain, struct buf *out);
/* Is it argon2id with these parameters already? */
bool password_current(struct str stored, const struct argon2_params *p);

#endif
