/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOX_OUTBOX_H
#define OUTBOX_OUTBOX_H

#include <stdbool.h>

#include "site/site.h"
#include "store/store.h"

/*
 * The sender of what accounts queued (store/outgoing.h): mail to the MTA of
 * the setting mta.submission.
 *
 * Whoever queued something calls outbox_wake() after the commit; it is then
 * sent at once by a thread of this process. What is left over, because the MTA
 * is down, said "later", or the process died, is tried again by the process
 * that scans, which is lmtpd: with growing pauses, until the MTA takes it,
 * refuses it for good, or mta.queue_lifetime is over. In the last two cases
 * the owner gets a note in INBOX, in the transaction that forgets the row.
 *
 * While the MTA cannot be reached no row is charged for it.
 */

enum outbox_result {
	OUTBOX_SENT,
	OUTBOX_DEFERRED,
	OUTBOX_FAILED,
};
#define OUTBOX_RESULTS (OUTBOX_FAILED + 1)
const char *outbox_result_name(enum outbox_result r);

struct outbox_options {
	struct site *site;
	struct store *store;
	const char *hostname;
	bool scan; /* look after all accounts */
	/* Told of every recipient that was tried, on any thread. */
	void (*tried)(void *arg, enum outbox_result r);
	void *arg;
};

struct outbox;
/* Everything O names must outlive it. */
bool outbox_new(
    const struct outbox_options *o, struct outbox **out, struct err *e);
/* What is being sent has a few seconds to get to its end. */
void outbox_free(struct outbox **o);

/* The account has something to send. Never blocks. */
void outbox_wake(struct outbox *o, struct str account);

/* Does the MTA answer? WHERE gets its name, as the setting has it. */
bool outbox_probe(
    struct site *site, const char *hostname, struct buf *where, struct err *e);

#endif
