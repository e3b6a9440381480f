/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_CLIENT_CERT_H
#define SITE_CLIENT_CERT_H

#include "site/site.h"

/*
 * Certificates that clients log in with (SASL EXTERNAL). One proves its owner
 * in either of two ways: it is listed for the account by its fingerprint,
 * whoever issued it; or a trusted authority issued it and a name in it is the
 * account's, of the kinds that the setting login.certificate_names allows.
 */

struct x509_st;

#define CLIENT_CERT_HASH 32 /* SHA-256 of the certificate in DER */

struct site_client_cert {
	uint8_t fingerprint[CLIENT_CERT_HASH];
	struct str label;
	int64_t created;
};

/* SITE_EXISTS if it is listed for this account already. */
enum site_rc site_client_cert_add(struct site *s, const struct site_by *by,
    struct str id, const uint8_t fingerprint[CLIENT_CERT_HASH],
    struct str label, struct err *e);
enum site_rc site_client_cert_list(struct site *s, struct arena *a,
    struct str id, struct site_client_cert **list, size_t *count,
    struct err *e);
enum site_rc site_client_cert_remove(struct site *s, const struct site_by *by,
    struct str id, const uint8_t fingerprint[CLIENT_CERT_HASH], struct err *e);

/* Of 64 hex digits, with or without colons, or of a certificate in PEM. */
bool site_client_cert_fingerprint(
    struct str text, uint8_t out[CLIENT_CERT_HASH]);

/*
 * The users whom CERT proves to be, at most CLIENT_CERT_USERS of them; 0 if
 * it proves nothing or is not valid today. *listed: they are accounts that
 * list it, and nothing tells which of them is meant; else they are names of
 * one owner, the first one that is an account's being his.
 */
#define CLIENT_CERT_USERS 16
enum site_rc site_client_cert_users(struct site *s, struct arena *a,
    const struct x509_st *cert, bool trusted,
    struct str users[CLIENT_CERT_USERS], size_t *count, bool *listed,
    struct err *e);

#endif
