/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_CHORES_H
#define BASE_CHORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * What a daemon does now and then: one thread does all of it, one after the
 * other, so that a chore may take its time and needs no lock against itself.
 *
 * The first time comes after a random part of the pause, at most a minute: a
 * daemon that starts has other things to do, and not all hosts do theirs at the
 * same moment.
 */
struct chore {
	const char *name; /* in the log */
	unsigned every;   /* seconds from one start to the next; not 0 */
	/* NOW is wall-clock time. False: logged, and tried again when it is due
	 * again. */
	bool (*run)(void *arg, int64_t now, struct err *e);
	void *arg;
};

struct chores;
/* LIST is copied. NULL: no thread is to be had. */
struct chores *chores_start(const struct chore *list, size_t n, struct err *e);
/* Waits for the one that is being done. */
void chores_stop(struct chores **c);

/* Tests: do all of them now, on this thread; the number that failed. */
size_t chores_do(const struct chore *list, size_t n, int64_t now);

#endif
