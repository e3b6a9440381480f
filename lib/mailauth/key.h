/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_KEY_H
#define MAILAUTH_KEY_H

#include "base/buf.h"
#include "base/err.h"
#include "dns/resolver.h"

/*
 * Keys of DKIM and ARC: the private ones of our domains, and the records that
 * publish keys (RFC 6376, section 3.6; RFC 8463).
 */

enum key_type { KEY_RSA, KEY_ED25519 };
const char *key_type_name(enum key_type t); /* "rsa", "ed25519" */
bool key_type_parse(struct str s, enum key_type *out);

struct private_key;
/* PEM, PKCS#1 or PKCS#8. */
bool private_key_parse(struct str pem, struct private_key **out, struct err *e);
/* BITS for RSA: 2048 or 4096. */
bool private_key_generate(
    enum key_type t, unsigned bits, struct private_key **out, struct err *e);
void private_key_free(struct private_key **k);
enum key_type private_key_type(const struct private_key *k);
unsigned private_key_bits(const struct private_key *k); /* ed25519: 256 */
void private_key_pem(const struct private_key *k, struct buf *out);
/* The text of the TXT record: "v=DKIM1; k=rsa; p=...". */
void private_key_record(const struct private_key *k, struct buf *out);
/* "rsa-sha256", "ed25519-sha256". */
const char *private_key_algorithm(const struct private_key *k);
/* Append the signature of what has this SHA-256, not yet in base64: PKCS#1 1.5
 * for RSA; for Ed25519 over the 32 octets (RFC 8463, section 3). Any thread. */
bool private_key_sign(const struct private_key *k, const uint8_t sha256[32],
    struct buf *out, struct err *e);

enum key_rc {
	KEY_OK,
	KEY_NONE,    /* no such record */
	KEY_REVOKED, /* p= is empty */
	KEY_BAD,     /* there is one that cannot be used: the reason says why */
	KEY_FAILED,  /* the DNS did not answer */
};

#define KEY_MIN_BITS 1024 /* of RSA (RFC 8301, section 3.2) */
#define KEY_MAX_BITS 8192 /* more only costs time */

struct public_key; /* lives in an arena, but for what OpenSSL holds */
struct key_record {
	enum key_type type;
	unsigned bits;
	bool testing;           /* t=y */
	bool strict;            /* t=s: i= must be d= itself */
	bool sha256;            /* h= allows it */
	bool email;             /* s= allows it */
	bool secure;            /* by DNSSEC */
	struct public_key *key; /* free it */
};
/* A name of d=, s= or i= as the DNS has it: with A-labels (RFC 8616). */
struct str key_ascii(struct arena *a, struct str name);
/* SELECTOR._domainkey.DOMAIN */
struct str key_name(struct arena *a, struct str selector, struct str domain);
/* The key there; of several records the first that is one. *why: words for
 * people. Keys of any size up to KEY_MAX_BITS: see BITS. */
enum key_rc key_lookup(struct resolver *r, struct arena *a, struct str selector,
    struct str domain, struct key_record *out, struct str *why);
enum key_rc key_record_parse(
    struct arena *a, struct str text, struct key_record *out, struct str *why);
void public_key_free(struct public_key **k);
/* SubjectPublicKeyInfo (RSA) or the 32 octets (Ed25519), in base64. What
 * OpenSSL has of a key is made when it is first verified with, not before. */
void public_key_base64(const struct public_key *k, struct buf *out);
bool public_key_verify(
    struct public_key *k, const uint8_t sha256[32], struct str signature);

#endif
