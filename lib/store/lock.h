/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "store/internal.h"

/*
 * The right to write to an account, among processes; within one, the queue in
 * tx.c sees to it. Whoever waits gets his turn, however busy the others are.
 * The wait has an end (busy_ms), so that a process that hangs with the lock
 * does not take the workers of all others with it.
 */
enum store_rc account_lock(struct account *a, struct err *e);
void account_unlock(struct account *a);

#endif
