/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_SRS_H
#define MAILAUTH_SRS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * The Sender Rewriting Scheme, as Mail::SRS, libsrs2 and postsrsd write it
 * (Shevek, "The Sender Rewriting Scheme", 2004). Who sends on somebody else's
 * mail puts an address of his own domain in its reverse-path, so that SPF holds
 * and reports come back to him, who knows whom they are for:
 *
 *	ann@a.org             SRS0=HHHH=TT=a.org=ann@b.net
 *	... sent on again     SRS1=HHHH=b.net==HHHH=TT=a.org=ann@c.com
 *
 * TT is the day, HHHH the beginning of an HMAC-SHA-1 that only b.net can make:
 * without it b.net would send mail on for everybody. All of it, hashes too,
 * survives a change of case.
 */

#define SRS_HASH 4      /* characters; fewer are refused, more are fine */
#define SRS_MAX_DAYS 21 /* as long as a report may take */

/* Newest first: it signs, the others are still believed. */
struct srs_secrets {
	const struct str *list;
	size_t count;
};

/* Append what SENDER becomes at DOMAIN of ours. False: it has no domain. */
bool srs_forward(struct buf *out, struct srs_secrets s, int64_t now,
    struct str sender, struct str domain);

enum srs_rc {
	SRS_OK,
	SRS_NONE,    /* no address of this kind */
	SRS_FORGED,  /* its hash is not ours */
	SRS_EXPIRED, /* or from the future */
};
/* Append whom a report to ADDRESS is for: a sender, or the SRS0 address of the
 * one who sent it on before us. */
enum srs_rc srs_reverse(
    struct buf *out, struct srs_secrets s, int64_t now, struct str address);

#endif
