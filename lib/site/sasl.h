/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_SASL_H
#define SITE_SASL_H

#include "site/site.h"

/*
 * The server's side of SASL (RFC 4422), for every protocol alike: PLAIN (RFC
 * 4616), LOGIN, CRAM-MD5 (RFC 2195), SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802,
 * RFC 7677) with their -PLUS forms where the protocol gives channel binding
 * bytes, EXTERNAL with a client's TLS certificate, and OAUTHBEARER (RFC 7628)
 * and XOAUTH2 with access tokens. Messages are raw bytes:
 * base64 is the protocol's.
 *
 * An exchange is one object, used by one thread at a time; sasl_step() may
 * block as site_login() does. Which mechanisms are on is the site's setting
 * login.mechanisms. Bounded: a message over SASL_MAX_MESSAGE fails, and so does
 * an exchange of more than SASL_MAX_STEPS.
 */

#define SASL_MAX_MESSAGE 8192
#define SASL_MAX_STEPS 8

struct sasl;

struct sasl_options {
	struct site *site;
	struct site_peer peer;
	bool plaintext;       /* PLAIN and LOGIN although there is no TLS */
	const char *hostname; /* in the CRAM-MD5 challenge */
	/*
	 * Channel binding (RFC 5929, RFC 9266): append the bytes of TYPE, one
	 * of sasl_binding_types, or return false if the connection has none of
	 * it. NULL: no channel binding. ARG must outlive the exchange.
	 */
	bool (*binding)(const void *arg, const char *type, struct buf *out);
	const void *binding_arg;
	/* The client's TLS certificate, for EXTERNAL; NULL: none. It must
	 * outlive the exchange. Trusted: as site/client_cert.h means it. */
	const struct x509_st *certificate;
	bool certificate_trusted;
};

enum sasl_rc {
	SASL_CONTINUE, /* send the challenge, then call sasl_step() */
	SASL_OK,       /* logged in: sasl_account() */
	SASL_FAIL,     /* over: sasl_result() says why */
};

extern const char *const sasl_binding_types[]; /* ended by NULL */

/* Names to offer, separated by one space; those that need TLS are left out
 * without it (unless o->plaintext). */
struct str sasl_mechanisms(const struct sasl_options *o, struct arena *a);

enum sasl_flag {
	SASL_PLAINTEXT = 1,  /* the password travels as it is */
	SASL_DICTIONARY = 2, /* an eavesdropper can guess passwords off line */
	SASL_ACTIVE = 4,     /* open to an active attacker */
	SASL_MUTUAL = 8,     /* the server proves itself too */
	SASL_FIRST = 16,     /* the client speaks first */
};
/* Of a mechanism by its name in any case; 0 if unknown. */
unsigned sasl_flags(struct str mechanism);

/* False: unknown, off, or needs TLS. O's strings are copied; the site must
 * outlive the exchange. */
bool sasl_start(
    const struct sasl_options *o, struct str mechanism, struct sasl **out);
/*
 * The client's next message. IN with P == NULL: the client sent no initial
 * response. CHALLENGE is replaced; it can be empty with SASL_CONTINUE. With
 * SASL_OK a challenge that is not empty must reach the client with the
 * success (SCRAM's server signature), by an extra round where the protocol
 * has no room for it: then the client's empty answer is not given to
 * sasl_step().
 */
enum sasl_rc sasl_step(struct sasl *x, struct str in, struct buf *challenge);
void sasl_free(struct sasl **x);

/* After SASL_OK; lives as long as the exchange. */
const struct site_account *sasl_account(const struct sasl *x);
/* After SASL_FAIL: as site_login() says, or SITE_INVALID for a message that is
 * not of the mechanism, with the operator's sentence. */
enum site_rc sasl_result(
    const struct sasl *x, unsigned *delay_ms, struct err *e);
/* The user name the client gave, or empty; for the log. */
struct str sasl_user(const struct sasl *x);
const char *sasl_mechanism(const struct sasl *x);
/* After SASL_OK of a SASL_PLAINTEXT mechanism: the password; else empty. */
struct str sasl_password(const struct sasl *x);

#endif
