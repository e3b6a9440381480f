/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef POP3D_POLICY_H
#define POP3D_POLICY_H

#include "site/site.h"

/*
 * What an account may do over POP3 and what is done for it: the settings
 * pop3.*, and how they are announced (RFC 2449).
 */

enum delete_policy {
	DELETE_YES,    /* as the client says */
	DELETE_NO,     /* DELE is refused */
	DELETE_HIDE,   /* hidden from POP3, kept for IMAP */
	DELETE_ALWAYS, /* what was retrieved goes, too (EXPIRE 0) */
};

/* Messages that need UTF8 mode (RFC 6856, section 4), outside of it. */
enum utf8_policy { UTF8_DOWNGRADE, UTF8_SEND, UTF8_REFUSE };

/* The keyword of messages that DELETE_HIDE hid. */
#define HIDDEN_KEYWORD "$POP3Deleted"

#define EXPIRE_NEVER UINT64_MAX

struct policy {
	enum delete_policy del;
	uint64_t expire; /* seconds that read mail stays; or EXPIRE_NEVER */
	uint64_t login_delay; /* seconds */
	bool seen;            /* RETR sets \Seen */
	bool content_ids;     /* UIDL from the content */
	enum utf8_policy utf8;
};

void policy_of(
    struct site *s, const struct site_account *acc, struct policy *out);

/*
 * The lines EXPIRE and LOGIN-DELAY of CAPA: for the account with P, or with P
 * == NULL for whoever may log in (the strictest value, and USER if some have
 * others).
 */
void policy_capabilities(
    struct site *s, const struct policy *p, struct buf *out);

#endif
