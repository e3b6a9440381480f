/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_POOL_H
#define NET_POOL_H

#include <stddef.h>

/*
 * Worker threads with one queue. A task is embedded in what it works on and
 * is in the queue at most once; the pool does not touch it after run().
 */
struct task {
	struct task *next;
	void (*run)(struct task *t);
};

struct pool;

struct pool *pool_new(unsigned threads);
void pool_push(struct pool *p, struct task *t);
/* Runs what is queued, then ends the threads. */
void pool_free(struct pool **p);

/* See net_parallel(). */
void pool_parallel(
    struct pool *p, size_t count, void (*fn)(void *arg, size_t i), void *arg);

#endif
