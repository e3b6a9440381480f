/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct worker {
	struct pool *pool;
	pthread_t thread;
	pthread_cond_t wake;
	bool woken;
	struct worker *next; /* idle longer */
};

/*
 * The worker that went idle last is woken first: its stack, its memory arena
 * and what it read last are still in the cache. So a quiet daemon works with
 * one or two threads and the others sleep on.
 */
struct pool {
	pthread_mutex_t lock;
	struct task *head, **tail;
	struct worker *idle;
	bool stop;
	unsigned nthreads;
	struct worker *workers;
};

/* Under the lock. */
static void
sleep_until_woken(struct worker *w)
{
	struct pool *p = w->pool;

	w->woken = false;
	w->next = p->idle;
	p->idle = w;
	while (!w->woken)
		pthread_cond_wait(&w->wake, &p->lock);
}

/* Under the lock; the caller signals. */
static struct worker *
take_idle(struct pool *p)
{
	struct worker *w = p->idle;

	if (w) {
		p->idle = w->next;
		w->woken = true;
	}
	return w;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct task *t = p->head;

		if (!t && p->stop)
			break;
		if (!t) {
			sleep_until_woken(w);
			continue;
		}
		p->head = t->next;
		if (!p->head)
			p->tail = &p->head;
		pthread_mutex_unlock(&p->lock);
		t->run(t);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Signals are for the thread that runs the first loop. */
static void
start(struct pool *p)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned i = 0; i < p->nthreads; i++) {
		struct worker *w = &p->workers[i];

		w->pool = p;
		pthread_cond_init(&w->wake, NULL);
		if (pthread_create(&w->thread, NULL, work, w) != 0)
			abort();
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

struct pool *
pool_new(unsigned threads)
{
	struct pool *p = mem_zalloc(sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	p->tail = &p->head;
	p->nthreads = threads ? threads : 1;
	p->workers = mem_zalloc(p->nthreads * sizeof(*p->workers));
	start(p);
	return p;
}

void
pool_push(struct pool *p, struct task *t)
{
	struct worker *w;

	t->next = NULL;
	pthread_mutex_lock(&p->lock);
	*p->tail = t;
	p->tail = &t->next;
	w = take_idle(p);
	pthread_mutex_unlock(&p->lock);
	if (w)
		pthread_cond_signal(&w->wake);
}

void
pool_free(struct pool **pp)
{
	struct pool *p = *pp;
	struct worker *w;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	while ((w = take_idle(p)))
		pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->nthreads; i++)
		pthread_join(p->workers[i].thread, NULL);
	for (unsigned i = 0; i < p->nthreads; i++)
		pthread_cond_destroy(&p->workers[i].wake);
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	free(p);
	*pp = NULL;
}

/*
 * A job outlives the call that made it when a helper task is taken from the
 * queue only after all is done; so it is counted.
 */
struct job {
	void (*fn)(void *arg, size_t i);
	void *arg;
	size_t count;
	_Atomic size_t next, refs;
	size_t done;
	pthread_mutex_t lock;
	pthread_cond_t finished;
	struct helper {
		struct task task;
		struct job *job;
	} helpers[];
};

static void
job_unref(struct job *j)
{
	if (atomic_fetch_sub(&j->refs, 1) != 1)
		return;
	pthread_cond_destroy(&j->finished);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

static void
job_work(struct job *j)
{
	size_t i, n = 0;

	while ((i = atomic_fetch_add(&j->next, 1)) < j->count) {
		j->fn(j->arg, i);
		n++;
	}
	if (n == 0)
		return;
	pthread_mutex_lock(&j->lock);
	j->done += n;
	if (j->done == j->count)
		pthread_cond_signal(&j->finished);
	pthread_mutex_unlock(&j->lock);
}

static void
help(struct task *t)
{
	struct helper *h = (struct helper *)(void *)t;
	struct job *j = h->job;

	job_work(j);
	job_unref(j);
}

void
pool_parallel(
    struct pool *p, size_t count, void (*fn)(void *arg, size_t i), void *arg)
{
	size_t helpers = count < p->nthreads ? count : p->nthreads;
	struct job *j;

	if (count <= 1) {
		if (count == 1)
			fn(arg, 0);
		return;
	}
	helpers--; /* the caller is one of them */
	j = mem_zalloc(sizeof(*j) + helpers * sizeof(*j->helpers));
	j->fn = fn;
	j->arg = arg;
	j->count = count;
	j->refs = helpers + 1;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->finished, NULL);
	for (size_t i = 0; i < helpers; i++) {
		j->helpers[i].job = j;
		j->helpers[i].task.run = help;
		pool_push(p, &j->helpers[i].task);
	}
	job_work(j);
	pthread_mutex_lock(&j->lock);
	while (j->done < j->count)
		pthread_cond_wait(&j->finished, &j->lock);
	pthread_mutex_unlock(&j->lock);
	job_unref(j);
}
