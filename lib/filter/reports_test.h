/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_REPORTS_TEST_H
#define FILTER_REPORTS_TEST_H

/* With filter/test.h, what sending reports needs; included after cmocka.h. */

#include "dns/zone.h"
#include "filter/fake_mta.h"
#include "filter/report_mail.h"
#include "filter/report_send.h"
#include "filter/test.h"

static struct zone *zone;
static struct psl *psl;
static struct reports reports;
static struct report_counts counts;

static inline int
reports_up(void **state)
{
	struct fixture *f;

	if (filter_up(state) != 0)
		return -1;
	f = *state;
	if (!psl_open(NULL, &psl, &f->e))
		return -1;
	zone = zone_new();
	fake_mta_start(f->site);
	reports = (struct reports){ .site = f->site,
		.db = db,
		.resolver = zone_resolver(zone),
		.psl = psl,
		.hostname = "mail.us.example" };
	return 0;
}

static inline int
reports_down(void **state)
{
	fake_mta_stop();
	zone_free(&zone);
	psl_close(&psl);
	return filter_down(state);
}

#endif
