/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AUTHD_STS_FILE_H
#define AUTHD_STS_FILE_H

#include "base/buf.h"
#include "site/site.h"

/*
 * The policy files of MTA-STS (RFC 8461, section 3.2) of our domains, for a web
 * server that does TLS as mta-sts.DOMAIN and passes the question on to us.
 */

/* Is this head of a request, each line ended by CRLF, one for such a file? */
bool sts_file_wanted(struct str request);
/* Append the answer, a whole response. */
void sts_file_answer(struct site *s, struct arena *a, const char *hostname,
    struct str request, struct buf *out);

#endif
