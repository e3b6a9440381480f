/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOX_ROW_H
#define OUTBOX_ROW_H

#include "outbox/outbox.h"

/* One row, from the lock to what became of it; inside of lib/outbox. */

struct peer;

struct row_sender {
	struct outbox *b;
	void (*talking)(void *arg, struct peer *p);
	void *arg;
};

/*
 * Send row ID if it is still there and nobody else does. *moved is set if
 * something became of it, so that it is not due any more.
 */
enum store_rc row_send(struct row_sender *s, struct account *a, int64_t id,
    bool *moved, struct err *e);

/* outbox.c: what all senders know of the MTA. */
bool row_mta_is_down(struct outbox *b);
void row_mta_was(struct outbox *b, bool up, const struct err *e);
/* Wait for so long; false: the outbox is about to be freed. */
bool row_may_wait(struct outbox *b, int64_t ms);
const struct outbox_options *row_options(const struct outbox *b);

#endif
