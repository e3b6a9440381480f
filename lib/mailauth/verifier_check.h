/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_VERIFIER_CHECK_H
#define MAILAUTH_VERIFIER_CHECK_H

#include "mailauth/dkim.h"

/*
 * What is read in a DKIM-Signature, and what stands against it before anything
 * is hashed (RFC 6376, section 6.1.1; RFC 8301).
 */
struct claim {
	enum key_type type;
	struct str names; /* h= */
	enum canon header, body; /* c= */
	uint64_t limit;          /* l=; UINT64_MAX: none */
	struct str b, bh;        /* octets */
	bool subdomain;          /* i= is below d= */
};

/* Fill both. False, with a result and the reason in *out, if it cannot pass. */
bool signature_parse(struct arena *a, const struct fields *f,
    const struct field *field, int64_t now, struct signature *out,
    struct claim *claim);
/* Is the key fit for it? The same. */
bool signature_key(enum key_rc rc, const struct key_record *key,
    const struct claim *c, unsigned min_bits, struct signature *out);

/* Always false, so that a failure is one statement. */
bool signature_fails(
    struct signature *out, enum signature_result r, struct str why);

#endif
