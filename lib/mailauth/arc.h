/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_ARC_H
#define MAILAUTH_ARC_H

#include "mailauth/canon.h"
#include "mailauth/field.h"
#include "mailauth/key.h"

/*
 * Authenticated Received Chain (RFC 8617): what each of those that handled a
 * message saw of its authentication, sealed.
 */

enum arc_result { ARC_NONE, ARC_PASS, ARC_FAIL };
const char *arc_result_name(enum arc_result r);

#define ARC_MAX_SETS 50

struct arc_set {
	unsigned instance;
	struct str domain, selector; /* of the seal */
	struct str results;          /* what ARC-Authentication-Results says,
				      * after "i=N;" */
	struct str cv;               /* of the seal */
};

struct arc_verdict {
	enum arc_result result;
	/* A key could not be asked for: fail, but another time it may be
	 * different. */
	bool temporary;
	/* Instance 1 first; also of a chain that fails, where parts of a set
	 * may be missing, or whole sets: these are empty. */
	struct arc_set *sets;
	size_t n;
	/* Of a pass: from which instance on all ARC-Message-Signatures hold,
	 * and 0 if all of the chain do (section 5.2, step 4;
	 * header.oldest-pass). */
	unsigned oldest_pass;
	struct str why; /* of a fail */
};

/* One message, used as the verifier of dkim.h. */
struct arc_verifier;
struct arc_verifier *arc_verifier_new(
    struct arena *a, struct resolver *r, const struct fields *fields);
void arc_verifier_body(struct arc_verifier *v, struct str chunk);
void arc_verifier_end(struct arc_verifier *v, struct arc_verdict *out);
void arc_verifier_free(struct arc_verifier **v);

struct arc_seal {
	struct str domain, selector;
	int64_t now; /* t= */
	/* The header fields that ARC-Message-Signature covers, separated by
	 * ":"; empty: the usual ones. */
	struct str headers;
	struct str authserv_id;
	struct str results; /* those of authres.h, without the authserv-id; "":
			     * none */
};

/* The three values for the top of the message, beginning with a space and
 * folded by "\n\t"; to be put in so that the seal is the topmost. */
struct arc_fields {
	struct buf seal, signature, results;
};
void arc_fields_fini(struct arc_fields *f);

/*
 * Seal a message *as it goes out*, used as the verifier; what that says of the
 * chain is told at the end, as are the results in O. FIELDS, K and O must
 * outlive it. False without E if nothing may be added: the chain has failed
 * before or is full. A failure that is sealed stays one, so one that is
 * temporary rather ends in "try again".
 */
struct arc_sealer;
struct arc_sealer *arc_sealer_new(struct arena *a, const struct fields *fields,
    const struct private_key *k, const struct arc_seal *o);
void arc_sealer_body(struct arc_sealer *s, struct str chunk);
bool arc_sealer_end(struct arc_sealer *s, const struct arc_verdict *v,
    struct arc_fields *out, struct err *e);
void arc_sealer_free(struct arc_sealer **s);

#endif
