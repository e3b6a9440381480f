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

/* Start a thread that calls back for the pokes of other processes. */
bool ring_watch(struct ring *r, void (*callback)(void *arg, struct str id),
    void *arg, struct err *e);

#endif
