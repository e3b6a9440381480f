/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_REPORT_MAKE_H
#define FILTER_REPORT_MAKE_H

#include "mailauth/report.h"
#include "sqlite/sq.h"

/* A row of dmarc_periods, and the aggregate report that it becomes. */
struct report_period {
	int64_t id, begin, end, created, lost;
	struct str domain, discovery;
	struct str text;            /* of the record */
	struct dmarc_record record; /* valid if OK */
	bool ok;
};

/* Those that ended by BEFORE and are not done, the oldest first. */
enum sq_rc report_periods(struct sq *q, struct arena *a, int64_t before,
    struct report_period **list, size_t *n, struct err *e);
/* All but who we are. */
enum sq_rc report_make(struct sq *q, struct arena *a,
    const struct report_period *p, struct aggregate *out, struct err *e);

#endif
