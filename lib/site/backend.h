/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_BACKEND_H
#define SITE_BACKEND_H

#include "site/site.h"

/*
 * The host that holds an account, if it is not this one: what is needed to
 * reach it. Where it is stands in the account's row (site_account.backend):
 *
 *	HOST[:PORT] [PROTOCOL=HOST[:PORT] ...]
 *
 * The first word is for all protocols; its PORT is IMAP's. PROTOCOL is imap,
 * pop3, lmtp or sieve. Either part may be missing; a protocol that nothing is
 * said about is then not available. IPv6 addresses stand in brackets. How to
 * talk to it are the settings backend.* of the account, its domain or the
 * site.
 */

enum site_backend_proto {
	SITE_BACKEND_IMAP,
	SITE_BACKEND_LMTP,
	SITE_BACKEND_POP3,
	SITE_BACKEND_SIEVE,
};
const char *site_backend_proto_name(enum site_backend_proto proto);

enum backend_tls { BACKEND_NO_TLS, BACKEND_STARTTLS, BACKEND_TLS };

struct site_backend {
	struct str host; /* without brackets */
	uint16_t port;
	enum backend_tls tls;
	bool verify;            /* the certificate */
	struct str ca_file;     /* empty: the system's */
	unsigned timeout;       /* seconds, to connect and log in */
	unsigned idle_timeout;  /* seconds, of a session there; 0: none */
	struct str master_user; /* empty: the user's own name and password */
	struct str master_password_file;
	struct str master_separator; /* empty: by authorisation identity */
};

/* False: the account is here, or its backend has not this protocol. */
bool site_backend(struct site *s, struct arena *a,
    const struct site_account *acc, enum site_backend_proto proto,
    struct site_backend *out);
/* Is TEXT of the form above? */
bool site_backend_valid(struct str text);
/*
 * Where TEXT puts PROTO; *port is 0 if it says none. False: nowhere.
 */
bool site_backend_find(struct str text, enum site_backend_proto proto,
    struct str *host, uint16_t *port);

#endif
