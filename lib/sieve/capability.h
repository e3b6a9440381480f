/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_CAPABILITY_H
#define SIEVE_CAPABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* What a script can `require`: the extensions, and the RFCs they come from. */
enum sieve_cap {
	CAP_BASE, /* RFC 5228 itself; nothing to require */
	CAP_FILEINTO,
	CAP_ENVELOPE,
	CAP_ENCODED_CHARACTER,
	CAP_CMP_OCTET, /* comparator-i;octet ... */
	CAP_CMP_ASCII_CASEMAP,
	CAP_CMP_ASCII_NUMERIC,
	CAP_CMP_UNICODE_CASEMAP,
	CAP_BODY,               /* RFC 5173 */
	CAP_COPY,               /* RFC 3894 */
	CAP_DATE,               /* RFC 5260 */
	CAP_DUPLICATE,          /* RFC 7352 */
	CAP_EDITHEADER,         /* RFC 5293 */
	CAP_ENCLOSE,            /* RFC 5703 ... */
	CAP_ENOTIFY,            /* RFC 5435 */
	CAP_ENVELOPE_DELIVERBY, /* RFC 6009 ... */
	CAP_ENVELOPE_DSN,
	CAP_ENVIRONMENT, /* RFC 5183 */
	CAP_EREJECT,     /* RFC 5429 */
	CAP_EXTLISTS,    /* RFC 6134 */
	CAP_EXTRACTTEXT,
	CAP_FCC, /* RFC 8580 */
	CAP_FOREVERYPART,
	CAP_IHAVE,      /* RFC 5463 */
	CAP_IMAP4FLAGS, /* RFC 5232 */
	CAP_IMAPSIEVE,  /* RFC 6785 */
	CAP_INCLUDE,    /* RFC 6609 */
	CAP_INDEX,      /* RFC 5260 */
	CAP_MAILBOX,    /* RFC 5490 ... */
	CAP_MAILBOXID,  /* RFC 9042 */
	CAP_MBOXMETADATA,
	CAP_MIME,
	CAP_REDIRECT_DELIVERBY,
	CAP_REDIRECT_DSN,
	CAP_REGEX, /* draft-ietf-sieve-regex */
	CAP_REJECT,
	CAP_RELATIONAL, /* RFC 5231 */
	CAP_REPLACE,
	CAP_SERVERMETADATA,
	CAP_SPAMTEST, /* RFC 5235 ... */
	CAP_SPAMTESTPLUS,
	CAP_SPECIAL_USE,      /* RFC 8579 */
	CAP_SUBADDRESS,       /* RFC 5233 */
	CAP_VACATION,         /* RFC 5230 */
	CAP_VACATION_SECONDS, /* RFC 6131 */
	CAP_VARIABLES,        /* RFC 5229 */
	CAP_VIRUSTEST,
	CAP_DOVECOT_DEBUG, /* vnd.dovecot.* ... */
	CAP_DOVECOT_ENVIRONMENT,
	CAP_DOVECOT_EXECUTE,
	CAP_DOVECOT_FILTER,
	CAP_DOVECOT_PIPE,
	CAP_DOVECOT_REPORT,
	CAP_DOVECOT_TESTSUITE,
	CAP_COUNT,
};

/* A set of them. */
struct sieve_caps {
	uint64_t bits;
};

static inline bool
sieve_caps_has(struct sieve_caps c, enum sieve_cap cap)
{
	return cap == CAP_BASE || (c.bits & UINT64_C(1) << cap) != 0;
}
static inline void
sieve_caps_add(struct sieve_caps *c, enum sieve_cap cap)
{
	c->bits |= UINT64_C(1) << cap;
}
static inline void
sieve_caps_remove(struct sieve_caps *c, enum sieve_cap cap)
{
	c->bits &= ~(UINT64_C(1) << cap);
}

/*
 * All that a site offers unless it says otherwise: without those that run
 * programs, vnd.dovecot.report and vnd.dovecot.testsuite.
 */
struct sieve_caps sieve_caps_default(void);

/* What of CAPS there is at a delivery, and at an IMAP event (RFC 6785, sections
 * 2.1 and 3.11). */
struct sieve_caps sieve_caps_delivery(struct sieve_caps caps);
struct sieve_caps sieve_caps_event(struct sieve_caps caps);

/* By name; "vnd.dovecot.duplicate" is an old name of "duplicate". */
bool sieve_cap_find(struct str name, enum sieve_cap *out);
/* Empty for CAP_BASE. */
struct str sieve_cap_name(enum sieve_cap cap);
/* The names in a row, separated by spaces, as ManageSieve's SIEVE says them.
 * Comparators that need no `require` are left out. */
void sieve_caps_print(struct buf *out, struct sieve_caps caps);

#endif
