/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_REPORT_BOUNCE_H
#define FILTER_REPORT_BOUNCE_H

#include "filter/db.h"

/*
 * Reports that come back (RFC 3464). Each goes out with an envelope id (RFC
 * 3461) that nobody else can make: it is an HMAC of the report and its address
 * by a secret of filter.db. So a delivery status notification with it is about
 * that report, whoever wrote it.
 */

bool report_secret(
    struct filter_db *db, struct arena *a, struct str *out, struct err *e);
/* "report-PERIOD-TAG". The secret makes names unreadable in failure reports,
 * too; there it is never asked for a text that begins with a number and a
 * space, and less of the HMAC is told. */
struct str report_envid(
    struct arena *a, struct str secret, int64_t period, struct str address);

/* RAW: mail from the null sender to report.from. True: a report of ours failed;
 * its address is sent none for a while. */
bool report_came_back(
    struct filter_db *db, struct str raw, int64_t now, struct err *e);

#endif
