/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_RING_H
#define STORE_RING_H

#include "base/err.h"
#include "base/str.h"

/*
 * The change ring: one small file in the run directory through which the
 * processes of a site tell each other which account changed. A writer takes
 * the next slot, writes the account's id and pokes the file; a reader holds
 * one inotify watch on it. Lapped or half-written slots are reported as "any
 * account may have changed", so nothing is missed.
 */
struct ring;

bool ring_open(const char *run_dir, struct ring **out, struct err *e);
void ring_close(struct ring **r); /* stops watching */

/* Tell other processes that the account with ID (16 bytes) changed. */
void ring_poke(struct ring *r, const char id[16]);

/*
 * The number of the newest poke. Since a writer pokes before it reports a
 * change as done, what was read after taking the number holds everything that
 * was reported before.
 */
uint64_t ring_now(const struct ring *r);
/*
 * Was the account with ID left alone since *number? If so *number becomes the
 * newest. False also when the ring cannot tell: too much happened, or a slot
 * is being written. Costs no system call.
 */
bool ring_quiet(const struct ring *r, const char id[16], uint64_t *number);

/* Start a thread that calls back for the pokes of other processes. */
bool ring_watch(struct ring *r, void (*callback)(void *arg, struct str id),
    void *arg, struct err *e);

#endif
