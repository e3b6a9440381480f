/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOUND_STS_H
#define OUTBOUND_STS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * MTA-STS (RFC 8461): what a domain says in the DNS and in its policy file.
 * Bytes in, structs out. Both are strangers' texts, and what is taken from them
 * goes into a line that Postfix reads: names are checked octet by octet.
 */

#define STS_MAX_POLICY (64 * 1024) /* octets of a file (section 3.3) */
#define STS_MAX_AGE 31557600       /* seconds (section 3.2) */
#define STS_MAX_MX 100             /* patterns; a policy with more is none */
#define STS_MAX_ID 32

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };
const char *sts_mode_name(enum sts_mode m);

struct sts_policy {
	enum sts_mode mode;
	uint32_t max_age;     /* cut to STS_MAX_AGE */
	const struct str *mx; /* "mail.example", "*.example" */
	size_t n;
};

/* May NAME be a host: letters, digits, "-" and "_" in labels, joined by dots,
 * and neither a number nor an address? */
bool sts_is_host(struct str name);

/* Is TXT a record of MTA-STS? Then *id, which is empty if it is malformed. */
bool sts_record_parse(struct str txt, struct str *id);
bool sts_policy_parse(
    struct arena *a, struct str text, struct sts_policy *out, struct err *e);
/* "*.example" stands for one label (section 4.1). */
bool sts_policy_covers(const struct sts_policy *p, struct str host);
/* Append what Postfix has to match certificates with: "mail.example:.example".
 * It takes more labels than one for "*"; and as RFC 8461 does, it looks at the
 * name of the certificate. */
void sts_policy_match(const struct sts_policy *p, struct buf *out);

#endif
