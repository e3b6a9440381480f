/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AUTHD_LOOKUP_H
#define AUTHD_LOOKUP_H

#include "base/buf.h"
#include "site/site.h"

/*
 * The maps an MTA asks us for, by name:
 *
 *	domains    a hosted domain -> itself (virtual_mailbox_domains)
 *	mailboxes  an address that a mailbox takes -> the account's address
 *	aliases    an address -> where it leads, separated by commas; not found
 *	           for what is an account's own address, so that rewriting ends
 *	senders    an address -> the accounts that may send as it
 *	srs        a rewritten sender -> whom a report to it is for
 *	srs-sender a sender of another site -> what it becomes when mail is sent
 *	           on (srs.domain)
 *	transport  an account that lives on another host -> how to get there
 */

enum lookup_rc {
	LOOKUP_FOUND,
	LOOKUP_NOTFOUND,
	LOOKUP_TEMP, /* ask again later; OUT holds a reason fit for clients */
	LOOKUP_PERM, /* no such map */
};

#define LOOKUP_MAX_REPLY 100000 /* what Postfix takes */

enum lookup_rc lookup(struct site *s, struct arena *a, struct str map,
    struct str key, struct buf *out);

#endif
