/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_SASL_MECH_H
#define SITE_SASL_MECH_H

#include "site/login.h"
#include "site/sasl.h"
#include "site/scram.h"

/* Inside SASL: what sasl.c and the mechanisms with a file of their own share.
 */

struct sasl_mech {
	const char *name;
	const char *setting; /* the word in login.mechanisms; the verifier */
	enum sasl_rc (*step)(struct sasl *x, struct str in, struct buf *out);
	unsigned flags;
	bool plus; /* with channel binding */
	/* Whether the connection has what it needs; NULL: nothing. */
	bool (*possible)(const struct sasl_options *o);
};

struct sasl {
	const struct sasl_mech *mech;
	struct sasl_options o;
	struct arena *arena;
	const char *hostname;
	unsigned steps, state;
	bool over;

	struct str user;
	struct str password; /* wiped at the end */
	struct login login;
	struct site_account account;
	enum site_rc result;
	unsigned delay_ms;
	struct err err;

	struct str challenge; /* CRAM-MD5 */
	/* OAuth */
	struct str domain; /* whose settings count */
	unsigned held_ms;  /* the delay, until the client has seen why */
	/* SCRAM */
	enum scram_hash hash;
	struct scram_verifier verifier;
	struct str binding; /* of the type that the client chose */
	struct str gs2, client_bare, server_first, nonce;
};

/* Is there any channel binding? */
bool sasl_can_bind(const struct sasl_options *o);
/* The message is not of the mechanism: SITE_INVALID. */
enum sasl_rc sasl_malformed(struct sasl *x, const char *what);
/* Look the user up with the verifier of a mechanism; SASL_CONTINUE also if
 * there is no such user. */
enum sasl_rc sasl_begin_login(
    struct sasl *x, struct str user, struct str authzid, const char *verifier);
enum sasl_rc sasl_verdict(struct sasl *x, bool proved);

/* A name in SCRAM's coding, where "=2C" is a comma and "=3D" an equals sign. */
bool sasl_unescape_name(struct arena *a, struct str in, struct str *out);
/* The first message of OAUTHBEARER (GS2) or XOAUTH2; in the arena or IN. */
struct sasl_bearer {
	struct str user;  /* whom the client wants to be; may be empty */
	struct str token; /* empty: none sent */
};
bool sasl_parse_bearer(
    struct arena *a, struct str in, bool gs2, struct sasl_bearer *out);
bool sasl_has_oauth(const struct sasl_options *o);
enum sasl_rc sasl_step_oauthbearer(
    struct sasl *x, struct str in, struct buf *out);
enum sasl_rc sasl_step_xoauth2(struct sasl *x, struct str in, struct buf *out);
/* Does the client's certificate prove anybody? */
bool sasl_has_external(const struct sasl_options *o);
enum sasl_rc sasl_step_external(struct sasl *x, struct str in, struct buf *out);
enum sasl_rc sasl_step_scram(struct sasl *x, struct str in, struct buf *out);

#endif
