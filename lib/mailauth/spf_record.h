/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_SPF_RECORD_H
#define MAILAUTH_SPF_RECORD_H

#include <netinet/in.h>

#include "mailauth/spf.h"

/*
 * A record of the Sender Policy Framework (RFC 7208, sections 4.5, 4.6.1 and
 * 12), all of it checked before any of it is evaluated.
 */

enum spf_mechanism {
	SPF_ALL,
	SPF_INCLUDE,
	SPF_A,
	SPF_MX,
	SPF_PTR,
	SPF_IP4,
	SPF_IP6,
	SPF_EXISTS,
};

struct spf_directive {
	enum spf_mechanism mechanism;
	enum spf_result result; /* if it matches */
	struct str text;        /* as written */
	struct str domain;      /* domain-spec; empty: there is none */
	struct in6_addr network;
	unsigned prefix4, prefix6; /* bits of an address that count */
};

struct spf_record {
	struct spf_directive *directives;
	size_t n;
	struct str redirect, exp; /* domain-spec; empty: there is none */
};

/* Does TEXT begin with a version section (section 4.5)? */
bool spf_record_is(struct str text);

struct spf_fault {
	const char *what;
	struct str where; /* in the record */
};

/* Slices in OUT are of TEXT. */
bool spf_record_parse(struct arena *a, struct str text, struct spf_record *out,
    struct spf_fault *fault);

#endif
