/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_REPORT_INTERNAL_H
#define MAILAUTH_REPORT_INTERNAL_H

#include "mailauth/report.h"

/*
 * What the files of reports share.
 */

/* OUT as a slice of the arena; frees it. */
struct str report_keep(struct arena *a, struct buf *b);

/* Only what a file name or an identifier may have: letters, digits, ".-_". */
void report_put_safe(struct buf *out, struct str s);
/* "Report Domain: D Submitter: S Report-ID: <I>" (RFC 7489, section 7.2.1.1;
 * RFC 8460, section 5.3). */
void report_subject(
    struct buf *out, struct str domain, struct str submitter, struct str id);

/*
 * TEXT with the local part of each address replaced by a hash that KEY gives
 * (RFC 6590): equal ones stay equal, the others stay unknown. Addresses at
 * DOMAIN and below it are the reader's own and stay.
 */
void report_redact(
    struct buf *out, struct str text, struct str domain, struct str key);

#endif
