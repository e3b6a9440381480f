/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_DKIM_H
#define MAILAUTH_DKIM_H

#include "mailauth/canon.h"
#include "mailauth/field.h"
#include "mailauth/key.h"

/*
 * DKIM (RFC 6376, 8301, 8463), ours: libopendkim lets pass what should not
 * (rsa-sha1, text appended after l=), and has OpenSSL read each key, which costs
 * seven times what verifying with it does. It has a second opinion. Its names
 * begin with dkim_, so ours are those of the two things one does.
 */

enum signature_result {
	SIGNATURE_PASS,
	SIGNATURE_FAIL, /* body or header were changed, or the key is another */
	SIGNATURE_POLICY,    /* it does not count, whether it holds or not */
	SIGNATURE_NEUTRAL,   /* malformed */
	SIGNATURE_TEMPERROR, /* the key could not be asked for */
	SIGNATURE_PERMERROR, /* no usable key, no such algorithm */
};
const char *signature_result_name(enum signature_result r);

/* In the verifier's arena. */
struct signature {
	enum signature_result result;
	struct str domain, selector; /* d=, s= */
	struct str identity;         /* i=, or "@" and the domain */
	struct str algorithm;        /* a= */
	struct str b;                /* its first 8 characters (RFC 6008) */
	unsigned bits;               /* of the key; 0: unknown */
	bool testing;                /* the key says t=y */
	bool partial;                /* l= leaves text uncovered */
	bool secure;                 /* DNSSEC proves the key */
	struct str why;              /* for all but pass: words for people */
};

struct verifier_options {
	unsigned max_signatures; /* 0: 8; the rest is not looked at */
	unsigned min_bits;       /* RSA; 0: 1024 */
	int64_t now;             /* for x= and t= */
	bool allow_partial;      /* l= that leaves text out may pass */
};

/*
 * One message: all header fields, then the body in chunks as it comes, then the
 * end. One thread at a time. Keys are asked for as soon as the header is known.
 */
struct verifier;
/* FIELDS must outlive it, as A and R. OPTIONS NULL: the defaults. */
struct verifier *verifier_new(struct arena *a, struct resolver *r,
    const struct fields *fields, const struct verifier_options *o);
void verifier_body(struct verifier *v, struct str chunk);
/* In the order of the fields. Asks the resolver. */
void verifier_end(struct verifier *v, const struct signature **list, size_t *n);
void verifier_free(struct verifier **v);

/* The second opinion: libopendkim's (see spf_second_opinion), pass or fail of
 * the signature with that number, from 0, over the whole BODY. */
bool signature_second_opinion(struct resolver *r, struct arena *a,
    const struct fields *f, struct str body, size_t number,
    enum signature_result *out);

struct signer_options {
	struct str domain, selector;
	enum canon header, body; /* CANON_RELAXED is what mail survives */
	int64_t now;             /* t=; 0: none */
	uint64_t lifetime;       /* seconds until x=; 0: none */
	struct str identity;     /* i=; empty: none */
	/* Fields signed once more than they occur, separated by ":"; empty: the
	 * usual ones (signer.c has them). What else is usually signed is
	 * signed as often as it occurs (signed_write.c). */
	struct str oversign;
};

/* One signature over one message, as it will go out. The same order of calls;
 * FIELDS, K and O must outlive it. */
struct signer;
bool signer_new(struct arena *a, const struct fields *fields,
    const struct private_key *k, const struct signer_options *o,
    struct signer **out, struct err *e);
void signer_body(struct signer *s, struct str chunk);
/* Append the value of the DKIM-Signature field, beginning with a space, folded
 * by "\n\t". */
bool signer_end(struct signer *s, struct buf *out, struct err *e);
void signer_free(struct signer **s);

#endif
