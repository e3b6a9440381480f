/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include "store/store.h"

/*
 * Keys that an account remembers for a while: whom vacation has answered, what
 * `duplicate` has seen. They are noted by the delivery that decided it
 * (delivery.h) and forgotten by themselves.
 */

#define MEMORY_KEY 32 /* octets */

struct memory {
	struct str kind; /* "vacation", "duplicate" */
	struct str key;  /* MEMORY_KEY octets */
	int64_t until;   /* of two, the later counts */
};

/* Is the key remembered, and not yet forgotten? */
enum store_rc memory_has(struct account *a, struct str kind, struct str key,
    bool *yes, struct err *e);

struct tx;
enum store_rc memory_note(struct tx *tx, const struct memory *m, struct err *e);
/* For the housekeeper. */
enum store_rc memory_forget(struct tx *tx, struct err *e);

#endif
