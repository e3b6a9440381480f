/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_DOWNGRADED_H
#define STORE_DOWNGRADED_H

#include "store/store.h"

/* Messages that clients without UTF-8 in headers must get downgraded, and how
 * long they are then: see lib/mime/downgrade.h. */
struct downgraded {
	uint32_t uid;
	uint32_t size;
};

/* Those of a mailbox, by UID. */
enum store_rc mailbox_downgraded(struct account *a, int64_t mailbox,
    struct arena *arena, struct downgraded **list, size_t *n, struct err *e);

#endif
