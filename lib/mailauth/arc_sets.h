/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_ARC_SETS_H
#define MAILAUTH_ARC_SETS_H

#include "mailauth/arc.h"

#define ARC_SEAL "ARC-Seal"
#define ARC_SIGNATURE "ARC-Message-Signature"
#define ARC_RESULTS "ARC-Authentication-Results"

/* What is there of one instance (RFC 8617, section 4.2). */
struct arc_fields_of {
	const struct field *seal, *signature, *results; /* NULL: missing */
	struct tags seal_tags, signature_tags;
	struct str info; /* ARC-Authentication-Results after "i=N;" */
};

struct arc_sets {
	struct arc_fields_of v[ARC_MAX_SETS]; /* instance 1 first */
	unsigned highest;                     /* 0: no instance */
	bool any;       /* some ARC field, whether it can be read or not */
	struct str why; /* the first thing that is wrong; P == NULL: none */
};

/* Collect them. Whatever is wrong with one field, the others are there. */
void arc_collect(struct arena *a, const struct fields *f, struct arc_sets *out);

#endif
