/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_AUTHRES_H
#define MAILAUTH_AUTHRES_H

#include "base/buf.h"
#include "mailauth/field.h"

/*
 * Authentication-Results (RFC 8601): reading those of others, writing ours.
 */

struct authres_property {
	struct str ptype, name, value; /* "smtp" "mailfrom" "a@b" */
};
struct authres_result {
	struct str method, version, result, reason;
	const struct authres_property *properties;
	size_t nproperties;
};
struct authres {
	struct str authserv_id, version;
	const struct authres_result *results; /* none: "none" */
	size_t n;
};

/* The value of a field; in A. False, with the place in *at, if it cannot be
 * read. Comments are taken away; keywords are in lower case and end in NUL. */
bool authres_parse(
    struct arena *a, struct str value, struct authres *out, size_t *at);

/*
 * Does the field claim to be by ID (compared without case), or, if it cannot be
 * read, does ID stand in it at all? Such a field from outside is a forgery
 * (section 5).
 */
bool authres_claims(struct arena *a, struct str value, struct str id);

/*
 * Write one field's value:
 *
 *	authres_begin(&w, &out, id);
 *	authres_method(&w, "spf", "pass");
 *	authres_property(&w, "smtp", "mailfrom", sender);
 *	authres_comment(&w, "2048-bit key");
 *	authres_end(&w);		("none", if there was no method)
 *
 * Values are quoted where needed, what may not stand in a header is left out,
 * lines are folded by "\n\t". It begins with a space.
 */
struct authres_writer {
	struct buf *out;
	size_t line; /* where the current one began */
	bool any;
};
void authres_begin(struct authres_writer *w, struct buf *out, struct str id);
void authres_method(
    struct authres_writer *w, const char *method, const char *result);
void authres_reason(struct authres_writer *w, struct str reason);
void authres_property(struct authres_writer *w, const char *ptype,
    const char *name, struct str value);
void authres_comment(struct authres_writer *w, struct str text);
void authres_end(struct authres_writer *w);

#endif
