/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DNS_PROCESS_H
#define DNS_PROCESS_H

#include <pthread.h>
#include <unbound.h>

#include "dns/cache.h"
#include "dns/dns.h"

/*
 * The inside of the process's resolver. Askers put questions into a queue
 * (dns.c); the thread (thread.c) takes them out, hands them to libunbound, and
 * answers them.
 */

struct question {
	struct question *prev, *next; /* in the list it is in */
	struct dns_key key;
	enum dns_type type;
	unsigned waiters; /* 0: it was prefetched */
	bool done;
	pthread_cond_t ready;
	struct dns_answer *answer; /* once done */
	/* The thread's: */
	struct dns *dns;
	int id; /* libunbound's */
	int64_t deadline;
};

struct questions {
	struct question *first, *last;
};
void questions_add(struct questions *l, struct question *q);
void questions_remove(struct questions *l, struct question *q);

struct dns {
	struct resolver resolver; /* first, so that it is found from there */
	struct arena *arena;      /* of the options */
	struct dns_options options;
	pthread_t thread;
	int wake; /* an eventfd */

	pthread_mutex_t lock; /* of all that follows */
	struct dns_cache *cache;
	struct map *pending;    /* by key */
	struct questions queue; /* not yet taken by the thread */
	struct dns_stats stats;
	bool flush, stop;

	/* The thread's: */
	struct ub_ctx *ctx;
	struct questions asked; /* oldest first */
};

/* The start routine of the thread. */
void *dns_run(void *d);
/* A context of libunbound with these options, which has proven to work. */
bool dns_context_new(
    const struct dns_options *o, struct ub_ctx **out, struct err *e);

#endif
