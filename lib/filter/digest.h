/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_DIGEST_H
#define FILTER_DIGEST_H

#include "deliver/deliver.h"
#include "filter/quarantine.h"

/*
 * Owners of accounts that want it (the setting quarantine.digest) are told by
 * mail what is new in quarantine since they were told last. Once it is
 * delivered that is noted; who is killed in between tells it twice.
 */

#define DIGEST_MAX 100 /* entries of one mail; the rest are counted */

struct digest {
	struct quarantine *quarantine;
	struct site *site;
	struct deliver *deliver;
};

/* Send those that are due; for a chore. *SENT may be NULL. False: not all
 * could be sent; E says why of the last. */
bool digest_send(
    const struct digest *d, int64_t now, size_t *sent, struct err *e);

/* The mail; for the test. */
void digest_write(struct buf *out, const struct site_account *to,
    struct str url, const struct quarantine_entry *list, size_t n,
    uint64_t total, int64_t now);

#endif
