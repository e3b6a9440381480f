/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct worker {
	struct pool *pool;
	pthread_t thread;
	sem_t wake;
	struct task *task;   /* to be run after that; NULL: look for one */
	struct worker *next; /* idle longer */
};

/*
 * The worker that went idle last is woken first: its stack, its memory arena
 * and what it read last are still in the cache. So a quiet daemon works with
 * one or two threads and the others sleep on. It is handed its task, so that it
 * wakes without asking for the lock.
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
static struct task *
take_task(struct pool *p)
{
	struct task *t = p->head;

	if (t)
		p->head = t->next;
	if (!p->head)
		p->tail = &p->head;
	return t;
}

/* Under the lock; the caller wakes it. */
static struct worker *
take_idle(struct pool *p)
{
	struct worker *w = p->idle;

	if (w)
		p->idle = w->next;
	return w;
}

/* Under the lock, which is then free. */
static struct task *
wait_for_task(struct worker *w)
{
	w->task = NULL;
	w->next = w->pool->idle;
	w->pool->idle = w;
	pthread_mutex_unlock(&w->pool->lock);
	while (sem_wait(&w->wake) != 0 && errno == EINTR)
		continue;
	return w->task;
}

/* False: the pool is stopped and nothing is left. */
static bool
next_task(struct worker *w, struct task **out)
{
	struct pool *p = w->pool;
	bool stop;

	pthread_mutex_lock(&p->lock);
	*out = take_task(p);
	stop = p->stop;
	if (!*out && !stop) {
		*out = wait_for_task(w);
		return true;
	}
	pthread_mutex_unlock(&p->lock);
	return *out || !stop;
}

static void *
work(void *arg)
{
	struct task *t;

	while (next_task(arg, &t)) {
		if (t)
			t->run(t);
	}
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
		sem_init(&w->wake, 0, 0);
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
	w = take_idle(p);
	if (w) {
		w->task = t;
	} else {
		*p->tail = t;
		p->tail = &t->next;
	}
	pthread_mutex_unlock(&p->lock);
	if (w)
		sem_post(&w->wake);
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
		sem_post(&w->wake);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->nthreads; i++)
		pthread_join(p->workers[i].thread, NULL);
	for (unsigned i = 0; i < p->nthreads; i++)
		sem_destroy(&p->workers[i].wake);
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
