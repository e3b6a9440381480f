/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/wheel.h"

#include <stddef.h>

void
wheel_init(struct wheel *w, uint32_t now)
{
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		w->slots[i].prev = w->slots[i].next = &w->slots[i];
	w->now = now;
	w->count = 0;
}

void
timer_init(struct timer *t)
{
	t->prev = t->next = NULL;
	t->due = UINT32_MAX;
}

void
wheel_cancel(struct wheel *w, struct timer *t)
{
	if (!t->next)
		return;
	t->prev->next = t->next;
	t->next->prev = t->prev;
	timer_init(t);
	w->count--;
}

void
wheel_set(struct wheel *w, struct timer *t, uint32_t due)
{
	struct timer *head;

	wheel_cancel(w, t);
	if (due <= w->now) /* its slot has been passed: take the next one */
		due = w->now + 1;
	head = &w->slots[due % WHEEL_SLOTS];
	t->due = due;
	t->prev = head->prev;
	t->next = head;
	head->prev->next = t;
	head->prev = t;
	w->count++;
}

static struct timer *
expire_slot(struct wheel *w, uint32_t slot, uint32_t now)
{
	struct timer *head = &w->slots[slot];

	for (struct timer *t = head->next; t != head; t = t->next) {
		if (t->due <= now) {
			wheel_cancel(w, t);
			return t;
		}
	}
	return NULL;
}

struct timer *
wheel_expire(struct wheel *w, uint32_t now)
{
	if (now > w->now && now - w->now > WHEEL_SLOTS)
		w->now = now - WHEEL_SLOTS; /* once around covers all */
	while (w->count > 0 && w->now < now) {
		/* While it fires, w->now stays behind, so that what is set
		 * meanwhile never lands in a slot already passed. */
		struct timer *t =
		    expire_slot(w, (w->now + 1) % WHEEL_SLOTS, now);

		if (t)
			return t;
		w->now++;
	}
	if (w->count == 0 && w->now < now)
		w->now = now;
	return NULL;
}
