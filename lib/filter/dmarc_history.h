/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_DMARC_HISTORY_H
#define FILTER_DMARC_HISTORY_H

#include "filter/db.h"
#include "mailauth/dmarc.h"

/*
 * What DMARC found of the messages of a period, in filter.db: what aggregate
 * reports are made of (RFC 7489, section 7.2). Messages that are alike share a
 * row, so a domain's mailing costs one a host, not one a message.
 *
 * Strangers choose domains: those beyond HISTORY_PERIODS are not noted, nor are
 * unlike messages of one domain and period beyond HISTORY_ROWS; the report then
 * says how many are missing.
 */
#define HISTORY_PERIODS 50000
#define HISTORY_ROWS 10000
#define HISTORY_SIGNATURES 8 /* of a message that are told */

struct dmarc_note {
	struct str domain, record; /* where it stands, and its text */
	const char *discovery;     /* "psl", "tree" */
	const char *source_ip;
	const char *disposition; /* "none", "quarantine", "reject" */
	bool dkim, spf;          /* aligned, and passed */
	/* Why that is not what the domain asked for: an override of the
	 * schema's, and words for people. NULL: it is. */
	const char *reason;
	struct str comment;
	struct str header_from, envelope_from; /* domains */
	const struct signature *signatures;
	size_t nsignatures;
	struct str spf_domain;
	const char *spf_scope, *spf_result;
};

/* A message came at NOW; periods of so many seconds begin at multiples of them.
 * Never blocks. */
void dmarc_history_note(struct filter_db *db, const struct dmarc_note *n,
    int64_t now, unsigned period);

#endif
