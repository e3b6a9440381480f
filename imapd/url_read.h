/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_URL_READ_H
#define IMAPD_URL_READ_H

#include "imapd/url.h"
#include "store/store.h"

/* What a URL can be asked for (RFC 4467, RFC 5524). */
enum url_form {
	URL_BODY,             /* the octets */
	URL_BINARY,           /* decoded */
	URL_PART_STRUCTURE,   /* BODYSTRUCTURE of the part */
	URL_DECODED_STRUCTURE /* the same for what URL_BINARY gives */
};

/*
 * Append to OUT what URL names in MAILBOX. STORE_NOTFOUND: there is no such
 * message or part, or the UIDVALIDITY is another. STORE_INVALID: the section
 * makes no sense, or is in an unknown encoding.
 */
enum store_rc url_read(struct arena *arena, struct account *a, int64_t mailbox,
    const struct imap_url *url, enum url_form form, struct buf *out,
    struct err *e);

#endif
