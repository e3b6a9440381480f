/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_BODIES_H
#define MAILAUTH_BODIES_H

#include "base/codec.h"
#include "mailauth/canon.h"

/*
 * A body in the forms that the signatures of a message ask for. Each form is
 * hashed once, however many signatures have it.
 */
#define BODIES_MAX 4 /* forms; more only cost time */

struct body {
	enum canon canon;
	uint64_t limit; /* l=; UINT64_MAX: none */
	struct body_hash *hash;
	/* At the end: */
	uint8_t sum[SHA256_LEN];
	uint64_t length; /* octets hashed */
	bool more;       /* LIMIT leaves text out */
};
struct bodies {
	struct body v[BODIES_MAX];
	size_t n;
};

/* Before the body comes. NULL: there are enough forms already. */
struct body *bodies_get(struct bodies *b, enum canon c, uint64_t limit);
void bodies_add(struct bodies *b, struct str chunk);
void bodies_end(struct bodies *b);
void bodies_fini(struct bodies *b);

/* Is it what bh= has the hash of? *why: words for people, if not. */
bool body_matches(const struct body *b, struct str bh, struct str *why);

#endif
