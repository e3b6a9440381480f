/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_APOP_H
#define SITE_APOP_H

#include "site/internal.h"

/*
 * APOP (RFC 1939, section 7) digests the challenge before the password, so
 * nothing less than the password can verify it. Where a site turns APOP on,
 * the verifier is the password encrypted under a key made from the site's
 * secret: a reader of the whole database can undo that, one who sees a row,
 * a log or a screen cannot.
 */

/* What is stored for PASSWORD, or empty when the site's secret cannot be
 * read. */
struct str apop_seal(struct site *s, struct arena *a, struct str password);
/* False: not sealed on this site. Wipe OUT after use. */
bool apop_open(struct site *s, struct str sealed, struct buf *out);

#endif
