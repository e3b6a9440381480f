/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_TRAIN_H
#define FILTER_TRAIN_H

#include "filter/quarantine.h"
#include "store/store.h"

/*
 * The spam engine learns what users say: what they move into Junk or out of it
 * (store/training.h), and what is released from quarantine. The setting
 * spam.train says whether it learns for each account by itself or for the site.
 *
 * What waits is in the accounts' databases and in the quarantine, and is
 * forgotten once the engine has learned it. An engine that is down ends the
 * run; one that answers, but does not want a message, has TRAIN_PATIENCE
 * seconds to change its mind.
 */

#define TRAIN_PATIENCE (7 * 86400)
#define TRAIN_RUN 200    /* lessons of a run, so that other chores get on */
#define TRAIN_ACCOUNT 20 /* of them of one account */
#define TRAIN_FAILURES 3 /* and this many that it does not want */
#define TRAIN_SIZE                                                             \
	(16u << 20) /* octets of a message, whatever the settings              \
		     */

struct trainer {
	struct site *site;
	struct store *store;
	struct quarantine *quarantine;
};

/* For a chore. *LEARNED may be NULL. False: E says why of the last that was not
 * learned. */
bool train(
    const struct trainer *t, int64_t now, size_t *learned, struct err *e);

#endif
