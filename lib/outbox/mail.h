/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOX_MAIL_H
#define OUTBOX_MAIL_H

#include <stdbool.h>

#include "outbox/outbox.h"

/*
 * Mail of the system itself (reports, digests, released messages): handed to
 * the MTA of the setting mta.submission at once. Nothing is queued here: who
 * sends it tries again later if it has to.
 */

struct outbox_letter {
	struct str sender;    /* empty: the null one */
	const struct str *to; /* addresses */
	size_t n;
	struct str raw; /* CRLF line ends */
	/* By which notifications name it (RFC 3461, xtext); empty: none. */
	struct str envid;
	/* What became of each recipient; may be NULL. */
	enum outbox_result *results;
};

/* True: the MTA has it for all of them. If not, E has the first reason, and the
 * results tell who is to be tried again (OUTBOX_DEFERRED, all of them if the
 * MTA cannot be reached) and who was refused for good (OUTBOX_FAILED). */
bool outbox_mail(struct site *s, const char *hostname,
    const struct outbox_letter *l, struct err *e);

#endif
