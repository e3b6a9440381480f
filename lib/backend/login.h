/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BACKEND_LOGIN_H
#define BACKEND_LOGIN_H

#include "backend/backend.h"

/* What IMAP, POP3 and ManageSieve have in common, inside lib/backend. */

/* Where the account's mail is for that protocol, and a connection there. */
enum backend_rc login_connect(const struct backend_login *l, struct arena *a,
    enum site_backend_proto proto, struct site_backend *b, struct peer **out,
    struct err *e);

/* Whom we are to the backend: the user, or the master user for him. */
struct login_as {
	struct str authzid, user, password;
};
bool login_as(const struct backend_login *l, const struct site_backend *b,
    struct arena *a, struct login_as *out, struct err *e);
/* The message of SASL PLAIN (RFC 4616) in base64. */
struct str login_plain(struct arena *a, const struct login_as *as);

/* Up to where a login or a transaction would begin, for backend_probe(). */
bool imap_probe(const struct backend_login *l, struct err *e);
bool pop3_probe(const struct backend_login *l, struct err *e);
bool lmtp_probe(const struct backend_login *l, struct err *e);
bool sieve_probe(const struct backend_login *l, struct err *e);

/* Is WORD among the words of TEXT, without regard to case? */
bool login_has_word(struct str text, const char *word);

#endif
