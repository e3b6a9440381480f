/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOUND_TLS_SEND_H
#define OUTBOUND_TLS_SEND_H

#include "dns/resolver.h"
#include "filter/report_send.h"

/*
 * TLS reports for the domains that ask for them (RFC 8460): of each day that is
 * over, to every URI of the domain's record, by mail or by POST. Not at once:
 * each domain's come some time within TLS_SEND_SPREAD.
 *
 * What became of a report is in filter.db before the next is sent. What fails
 * for now is tried again every TLS_SEND_RETRY, for a day.
 */
#define TLS_SEND_EVERY 900     /* seconds: of the chore */
#define TLS_SEND_SPREAD 14400  /* seconds after the day */
#define TLS_SEND_RETRY 3600    /* seconds */
#define TLS_SEND_GIVE_UP 86400 /* seconds after the spread */
#define TLS_SEND_BATCH 20000   /* reports looked at in one go */
#define TLS_SEND_ROWS 1000     /* of a report; the most frequent */

struct tls_reports {
	struct site *site;
	struct filter_db *db;
	struct resolver *resolver;
	const char *hostname;
};
/* Send what is due, with ALL also of days that are over what has time; OUT is
 * added to. False: filter.db cannot be used. */
bool tls_reports_send(const struct tls_reports *r, int64_t now, bool all,
    struct report_counts *out, struct err *e);
/* A chore; ARG is a struct tls_reports. Send, unless report.tls is no, and
 * forget what is older than report.keep. */
bool tls_reports_chore(void *arg, int64_t now, struct err *e);

#endif
