/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOUND_STS_FETCH_H
#define OUTBOUND_STS_FETCH_H

#include "base/buf.h"
#include "dns/resolver.h"
#include "site/site.h"

/*
 * Append the file at https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461,
 * section 3.3). The addresses come from R. Within outbound.fetch_time, and
 * without redirects; the certificate must be the host's.
 */
bool sts_fetch(struct site *s, struct resolver *r, struct str domain,
    struct buf *text, struct err *e);

#endif
