/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_OUTGOING_ROW_H
#define STORE_OUTGOING_ROW_H

#include "store/blob.h"
#include "store/outgoing.h"
#include "store/tx.h"

/* Rows of table outgoing, inside of transactions. */

struct outgoing_ready {
	const struct outgoing *what;
	struct blob *blob;
};

enum store_rc outgoing_insert(
    struct tx *tx, const struct outgoing_ready *r, struct err *e);
/* Let go of the octets of what is done. */
enum store_rc outgoing_release(struct tx *tx, struct err *e);

#endif
