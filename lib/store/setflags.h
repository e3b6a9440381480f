/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_SETFLAGS_H
#define STORE_SETFLAGS_H

#include "store/training.h"

/* account_store_flags() as part of a transaction, for lib/store. TELLING is of
 * training_keywords(). */
enum store_rc setflags(struct tx *tx, int64_t mailbox, struct uids uids,
    enum flag_op op, const struct flags *flags,
    const struct training_keywords *telling, struct err *e);

#endif
