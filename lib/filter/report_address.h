/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_REPORT_ADDRESS_H
#define FILTER_REPORT_ADDRESS_H

#include "site/site.h"

/*
 * The addresses of reports: where ours come from, and where others send
 * theirs.
 */

/* Whom reports are from: report.from, else mta.postmaster, else postmaster at
 * HOSTNAME. */
struct str report_from(struct site *s, struct arena *a, const char *hostname);
/* Who we are in them: report.org_name, else the domain of FROM. */
struct str report_organization(
    struct site *s, struct arena *a, struct str from);

/* Is ADDRESS of DOMAIN one that report.receive names? */
bool report_address_is_ours(
    struct site *s, struct arena *a, struct str domain, struct str address);

#endif
