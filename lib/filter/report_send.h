/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_REPORT_SEND_H
#define FILTER_REPORT_SEND_H

#include "dns/resolver.h"
#include "filter/db.h"
#include "mailauth/psl.h"
#include "site/site.h"

/*
 * Aggregate reports for whoever asked for them (RFC 7489, section 7.2): one for
 * each domain and period of dmarc_history.h and each address of rua= that is
 * either of the same organization, or has agreed (section 7.1).
 *
 * What became of a report is in filter.db before the next is sent, so a restart
 * neither loses nor repeats one; should the MTA have one that could not be
 * noted, it comes again with the same report id, by which receivers know it.
 */
#define REPORT_EVERY 300           /* seconds: of the chore */
#define REPORT_GRACE 120           /* seconds after the end of a period */
#define REPORT_GIVE_UP (3 * 86400) /* and then it is too old to be sent */
#define REPORT_DESTINATIONS 5      /* of a domain; the others get none */
#define REPORT_BATCH 500           /* periods looked at in one go */
#define REPORT_RETRY 600           /* seconds, twice as long each time */
#define REPORT_RETRY_MAX 14400

struct reports {
	struct site *site;
	struct filter_db *db;
	struct resolver *resolver;
	const struct psl *psl;
	const char *hostname;
};

struct report_counts {
	size_t sent, failed, waiting; /* one for each address */
};
/* Send what is due. False: filter.db cannot be used; what single reports fail
 * of is in it. */
bool reports_send(const struct reports *r, int64_t now,
    struct report_counts *out, struct err *e);
/* All periods end now. */
bool reports_close(const struct reports *r, int64_t now, struct err *e);
/* A chore, ARG being a struct reports: send what is due, by report.dmarc and
 * report.failure, and forget what is old. */
bool reports_chore(void *arg, int64_t now, struct err *e);
/* Forget what is older than report.keep, or was not sent in time. */
bool reports_forget(const struct reports *r, int64_t now, struct err *e);

#endif
