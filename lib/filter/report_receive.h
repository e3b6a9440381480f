/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_REPORT_RECEIVE_H
#define FILTER_REPORT_RECEIVE_H

#include "filter/db.h"
#include "mailauth/report.h"
#include "site/site.h"

/*
 * Reports that others send us: DMARC's aggregate reports and TLS reports are
 * read into filter.db, each once (by who sent it and its id), about domains
 * that are hosted here. A report is hostile, as all mail is: lib/mailauth
 * limits how much is unpacked, and of one report RECEIVE_ROWS rows are kept;
 * totals count all of them.
 */
#define RECEIVE_ROWS 10000
#define RECEIVE_TEXT 512 /* octets of a value */

struct report_arrival {
	struct str raw;
	struct str sender; /* the domain that is proven to have sent it */
	int64_t now;
};

/* REPORT_NONE: it brings none, or nothing that is kept; E says why. */
enum report_kind report_receive(struct filter_db *db, struct site *site,
    const struct report_arrival *m, struct err *e);

#endif
