/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DELIVER_DSN_H
#define DELIVER_DSN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* What the parameters of delivery status notifications are written in. Pure. */

/* "+41" and its kind (RFC 3461, section 4); false if malformed. */
bool xtext_decode(struct arena *a, struct str in, struct str *out);
struct str xtext_encode(struct arena *a, struct str in);

/*
 * ORCPT's value, "rfc822;ann+40x.test" or one of the forms of "utf-8;..."
 * (RFC 6533, section 3). *full is the same in plain characters, with its type,
 * *address without it. False if malformed.
 */
bool dsn_orcpt_parse(
    struct arena *a, struct str in, struct str *full, struct str *address);
/* FULL as ORCPT's value, in ASCII; empty if that is too long, or FULL is. */
struct str dsn_orcpt(struct arena *a, struct str full);
/* FULL as a report has it in Original-Recipient: "rfc822; ann@x.test". */
struct str dsn_recipient(struct arena *a, struct str full);

/* Does NOTIFY's value ask for a notice of success? */
bool dsn_wants_success(struct str notify);
/* The rest that it asks for. */
struct str dsn_without_success(struct arena *a, struct str notify);

#endif
