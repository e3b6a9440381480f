/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_URL_H
#define IMAPD_URL_H

#include "base/arena.h"
#include "base/str.h"

/*
 * IMAP URLs (RFC 5092) of messages and their parts, as CATENATE (RFC 4469),
 * URLAUTH (RFC 4467) and URLFETCH take them:
 *
 *	imap://user@host/mailbox;UIDVALIDITY=1/;UID=20/;SECTION=1.2/;PARTIAL=0.99
 *	    ;EXPIRE=2026-12-01T00:00:00Z;URLAUTH=submit+user:INTERNAL:0123abcd
 *	/mailbox/;UID=20	relative to the server
 *	;UID=20/;SECTION=1	relative to the selected mailbox
 */

struct imap_url {
	bool absolute; /* user and host were named */
	struct str user, host;
	struct str mailbox;   /* in UTF-8; p is NULL: the selected one */
	uint32_t uidvalidity; /* 0: not given */
	uint32_t uid;
	struct str section; /* empty: the whole message */
	bool partial;
	uint64_t offset, length; /* length 0: to the end */
	int64_t expire;          /* seconds since 1970; 0: never */
	/* URLAUTH; all empty if there is none. */
	struct str access;    /* "submit+user", "user+user", "authuser" ... */
	struct str mechanism; /* empty: not signed yet */
	struct str token;     /* as written */
	size_t signed_length; /* octets of the URL before ":mechanism" */
};

/* False unless it names a message. Strings point into TEXT or the arena. */
bool imap_url_parse(struct arena *a, struct str text, struct imap_url *out);

/* The address of the user it names; a name without "@" belongs to HOST. */
struct str url_owner(struct arena *a, const struct imap_url *u);

#endif
