/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOUND_DANE_H
#define OUTBOUND_DANE_H

#include "base/err.h"
#include "dns/resolver.h"

/*
 * DANE for SMTP (RFC 7672): have the hosts that take a domain's mail promised,
 * in signed zones, how their certificates look? Only whether they have is asked
 * here: the MTA, which connects, asks for the TLSA records again and validates
 * them itself.
 *
 * Only what DNSSEC proves counts. An answer that fails, where an attacker might
 * hide a promise, is DANE_FAILED, never DANE_NONE (section 2.1.1).
 */

enum dane_result {
	DANE_NONE, /* no promise; or MX or hosts are not in signed zones */
	DANE_SOME, /* some of the hosts have, or one of them cannot be asked */
	DANE_ALL,  /* every host has */
	DANE_FAILED, /* the DNS does not tell; E says what of it */
};

#define DANE_MAX_HOSTS 20  /* those that come first in the answer */
#define DANE_MAX_ALIASES 8 /* of one host */

enum dane_result dane_find(
    struct resolver *r, struct arena *a, struct str domain, struct err *e);

#endif
