/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_WHEEL_H
#define NET_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Timeouts of many connections at one second's grain: a hashed wheel. Setting,
 * moving and removing cost O(1); a timer of 24 bytes is embedded in its owner.
 * One thread.
 */
#define WHEEL_SLOTS 512

struct timer {
	struct timer *prev, *next; /* NULL: not set */
	_Atomic uint32_t due;      /* second; UINT32_MAX: not set. Readable by
				    * any thread, written by the wheel's. */
};

struct wheel {
	struct timer slots[WHEEL_SLOTS];
	uint32_t now; /* the second up to which all has fired */
	unsigned count;
};

void wheel_init(struct wheel *w, uint32_t now);
void timer_init(struct timer *t);
void wheel_set(struct wheel *w, struct timer *t, uint32_t due);
void wheel_cancel(struct wheel *w, struct timer *t);
/* Take off one timer due at NOW or before; NULL when there is none. */
struct timer *wheel_expire(struct wheel *w, uint32_t now);

#endif
