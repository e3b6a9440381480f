/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_OPENDKIM_H
#define MAILAUTH_OPENDKIM_H

#include "mailauth/dkim.h"

/*
 * One signature of one message as libopendkim verifies it. It gets the key from
 * us, and of the header only what h= chooses.
 */
struct opendkim;

/* CHOSEN: what h= chooses and SELF, the signature, from top to bottom. NULL if
 * it cannot be verified, with the reason in *why. */
struct opendkim *opendkim_new(struct arena *a,
    const struct field *const *chosen, size_t n, const struct field *self,
    struct str *why);
void opendkim_body(struct opendkim *o, struct str chunk);
/* The last chunk ended a line, unless the body is empty. */
enum signature_result opendkim_end(
    struct opendkim *o, const struct key_record *key, struct str *why);
void opendkim_free(struct opendkim **o);

#endif
