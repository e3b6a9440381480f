/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/chores.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rnd.h"

#define FIRST_MS 60000 /* the longest wait for the first time */

struct due {
	struct chore chore;
	int64_t at; /* clock_mono_ms() */
};

struct chores {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stop;
	bool stopping;
	struct due *list;
	size_t n;
};

static bool
do_one(const struct chore *c, int64_t now)
{
	struct err e = ERR_INIT;

	if (c->run(c->arg, now, &e))
		return true;
	log_warn("chore", LOG_CSTR("name", c->name), LOG_ERR(&e));
	return false;
}

size_t
chores_do(const struct chore *list, size_t n, int64_t now)
{
	size_t failed = 0;

	for (size_t i = 0; i < n; i++)
		failed += !do_one(&list[i], now);
	return failed;
}

static struct due *
next(struct chores *c)
{
	struct due *first = &c->list[0];

	for (size_t i = 1; i < c->n; i++) {
		if (c->list[i].at < first->at)
			first = &c->list[i];
	}
	return first;
}

static void
run_due(struct chores *c, struct due *d)
{
	d->at = clock_mono_ms() + 1000 * (int64_t)d->chore.every;
	pthread_mutex_unlock(&c->lock);
	do_one(&d->chore, clock_now());
	pthread_mutex_lock(&c->lock);
}

static void *
work(void *arg)
{
	struct chores *c = arg;

	pthread_mutex_lock(&c->lock);
	while (!c->stopping) {
		struct due *d = next(c);

		if (d->at <= clock_mono_ms())
			run_due(c, d);
		else
			cond_wait_until(&c->stop, &c->lock, d->at);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static int64_t
first_time(const struct chore *c)
{
	int64_t pause = 1000 * (int64_t)c->every;

	if (pause > FIRST_MS)
		pause = FIRST_MS;
	return clock_mono_ms() + (int64_t)rnd_below((uint64_t)pause);
}

static void
discard(struct chores *c)
{
	pthread_cond_destroy(&c->stop);
	pthread_mutex_destroy(&c->lock);
	free(c->list);
	free(c);
}

struct chores *
chores_start(const struct chore *list, size_t n, struct err *e)
{
	struct chores *c = mem_zalloc(sizeof(*c));

	c->list = mem_array(NULL, n, sizeof(*c->list));
	c->n = n;
	for (size_t i = 0; i < n; i++)
		c->list[i] = (struct due){ list[i], first_time(&list[i]) };
	pthread_mutex_init(&c->lock, NULL);
	cond_init(&c->stop);
	if (pthread_create(&c->thread, NULL, work, c) == 0)
		return c;
	err_errno(e, "cannot start a thread for chores");
	discard(c);
	return NULL;
}

void
chores_stop(struct chores **cp)
{
	struct chores *c = *cp;

	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_signal(&c->stop);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	discard(c);
	*cp = NULL;
}
