/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_REPORT_MAIL_H
#define FILTER_REPORT_MAIL_H

#include "filter/db.h"
#include "outbox/mail.h"

/*
 * Reports of all kinds as mail. An address that refuses them for good, at once
 * or by a notification that comes later, is left alone for a while.
 */
#define REPORT_REFUSED 86400            /* seconds, twice as long each time */
#define REPORT_REFUSED_MAX (32 * 86400) /* seconds */

/* What became of the one recipient of L; if it was not sent, WHY has the
 * reason. That he refused is remembered, or forgotten once he does not. */
enum outbox_result report_mail(struct filter_db *db, struct site *s,
    const char *hostname, const struct outbox_letter *l, int64_t now,
    struct err *why);
/* ADDRESS refuses reports. */
void report_refused(
    struct filter_db *db, struct str address, struct str why, int64_t now);
/* *until: when it may have some again; 0: it does not refuse any. */
bool report_refused_until(
    struct filter_db *db, struct str address, int64_t *until, struct err *e);

#endif
