/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_FAILURE_QUEUE_H
#define FILTER_FAILURE_QUEUE_H

#include "filter/report_send.h"

/*
 * Failure reports (RFC 6591; RFC 7489, section 7.3), where report.failure wants
 * them: what a message was like is noted when it comes (failure_seen.c), and
 * goes to the addresses of ruf= that are of the same organization or have
 * agreed, with the header only, redacted.
 *
 * An organization, however many names it has in the DNS, is sent so many a day
 * as report.failure_limit says. A report that one of its addresses has got is
 * done; else it is tried again until it is FAILURE_LIFETIME old.
 */
#define FAILURE_DESTINATIONS 2 /* the first of a record */
#define FAILURE_LIFETIME 86400
#define FAILURE_HEADER 16384 /* octets of it that are told, in whole fields */
#define FAILURE_WAITING 1000 /* more are not noted */
#define FAILURE_BATCH 100    /* sent in one go */

struct failure_note {
	struct str domain, record; /* of DMARC */
	struct str organization;   /* that the domain belongs to */
	int64_t now;
	struct str author;
	const char *source_ip;
	struct str mail_from, rcpt_to, results;
	struct str spf_record; /* that the sender fails; empty: none */
	const char *auth_failure, *delivery_result, *alignment;
	const struct signature *signature; /* NULL: there is none */
	struct str header;
};
/* LIMIT: of a day and organization. Never blocks. */
void failure_queue_put(
    struct filter_db *db, const struct failure_note *n, unsigned limit);

/* Send what is due, unless report.failure is no; COUNTS is added to. False:
 * filter.db cannot be used. */
bool failure_queue_send(const struct reports *r, int64_t now,
    struct report_counts *counts, struct err *e);
/* Forget what is too old. */
void failure_queue_forget(struct filter_db *db, int64_t now);

#endif
