/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_SPF_MACRO_H
#define MAILAUTH_SPF_MACRO_H

#include "base/buf.h"

/*
 * Macros in domain names and explanations (RFC 7208, section 7).
 */

enum spf_macro_place {
	SPF_IN_NAME,        /* domain-spec, or an unknown modifier's value */
	SPF_IN_EXPLANATION, /* explain-string: spaces, %{c}, %{r} and %{t} */
};

/* NULL if it is well-formed, else what is wrong. */
const char *spf_macro_check(struct str text, enum spf_macro_place place);
/* domain-spec: it also has to end as a name does. */
const char *spf_domain_check(struct str text);

/* Where letters get their values. */
struct spf_values {
	/* LETTER in lower case. */
	struct str (*value)(void *arg, char letter);
	void *arg;
};

/* TEXT was checked. What comes of it is added to OUT: its first LIMIT octets,
 * or its last ones and perhaps others in front of them. */
enum spf_keep { SPF_KEEP_START, SPF_KEEP_END };
void spf_macro_expand(struct buf *out, struct str text,
    const struct spf_values *values, size_t limit, enum spf_keep keep);

#endif
