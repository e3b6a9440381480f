/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_KEYS_CACHE_H
#define STORE_KEYS_CACHE_H

#include "store/internal.h"
#include "store/keys.h"

/*
 * The keys of mailboxes that were asked for lately, within one budget for all
 * accounts of the store; what was not asked for longest goes first.
 */

/* A mailbox's, whatever texts it has; or NULL. The caller drops it. */
struct keys *keys_cache_get(struct account *a, int64_t mailbox);
/* Keep K, of BYTES in memory, in place of what is there. */
void keys_cache_put(
    struct account *a, int64_t mailbox, struct keys *k, size_t bytes);
/* Forget those of an account; under store->lock. */
void keys_cache_forget(struct account *a);

struct keys *keys_ref(struct keys *k);

#endif
