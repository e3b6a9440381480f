/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/dns.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/map.h"
#include "base/mem.h"
#include "dns/process.h"

/* ------------------------------------------------------------------------
 * Questions
 */

static void
wake(struct dns *d)
{
	eventfd_write(d->wake, 1);
}

static struct question *
new_question(struct dns *d, const struct dns_key *key, enum dns_type type)
{
	struct question *q = mem_alloc(sizeof(*q));

	*q = (struct question){ .dns = d, .key = *key, .type = type };
	cond_init(&q->ready);
	map_set(d->pending, dns_key_str(key), q);
	questions_add(&d->queue, q);
	d->stats.sent++;
	wake(d);
	return q;
}

/* The question under way that KEY is, a new one if need be; NULL: there are too
 * many. */
static struct question *
join(struct dns *d, const struct dns_key *key, enum dns_type type)
{
	struct question *q = map_get(d->pending, dns_key_str(key));

	if (q)
		d->stats.shared++;
	else if (map_count(d->pending) < d->options.max_pending)
		q = new_question(d, key, type);
	return q;
}

/* False: DEADLINE came first. */
static bool
wait_for(struct dns *d, struct question *q, int64_t deadline)
{
	while (!q->done) {
		if (!cond_wait_until(&q->ready, &d->lock, deadline))
			return q->done;
	}
	return true;
}

/* Who leaves early leaves the question to its thread, as if it had been
 * prefetched. */
static void
await(struct dns *d, struct question *q, struct arena *a, int64_t deadline,
    struct dns_answer *out)
{
	q->waiters++;
	if (!wait_for(d, q, deadline)) {
		q->waiters--;
		d->stats.failed++;
		dns_fail(out, "out of time for this message");
		return;
	}
	dns_answer_copy(a, q->answer, out);
	if (--q->waiters > 0)
		return;
	pthread_cond_destroy(&q->ready);
	free(q->answer);
	free(q);
}

static void
ask_until(struct resolver *r, struct arena *a, struct str name,
    enum dns_type type, int64_t deadline, struct dns_answer *out)
{
	struct dns *d = (struct dns *)(void *)r;
	struct dns_key key = dns_key(name, type);
	struct question *q;

	pthread_mutex_lock(&d->lock);
	d->stats.asked++;
	if (dns_cache_get(d->cache, &key, clock_mono_ms(), a, out)) {
		d->stats.from_cache++;
	} else if ((q = join(d, &key, type)) != NULL) {
		await(d, q, a, deadline, out);
	} else {
		d->stats.failed++;
		dns_fail(out, "too many questions are under way");
	}
	pthread_mutex_unlock(&d->lock);
}

/* Half of what may be under way is for who waits. */
static void
ask(struct resolver *r, struct arena *a, struct str name, enum dns_type type,
    struct dns_answer *out)
{
	ask_until(r, a, name, type, INT64_MAX, out);
}

static void
prefetch(struct resolver *r, struct str name, enum dns_type type)
{
	struct dns *d = (struct dns *)(void *)r;
	struct dns_key key = dns_key(name, type);

	pthread_mutex_lock(&d->lock);
	if (!dns_cache_has(d->cache, &key, clock_mono_ms()) &&
	    !map_get(d->pending, dns_key_str(&key)) &&
	    map_count(d->pending) < d->options.max_pending / 2)
		new_question(d, &key, type);
	pthread_mutex_unlock(&d->lock);
}

/* ------------------------------------------------------------------------
 * The resolver
 */

static const char *
copy(struct arena *a, const char *s)
{
	return s ? arena_cstr(a, str_of(s)) : NULL;
}

static void
set_options(struct dns *d, const struct dns_options *o)
{
	d->options = (struct dns_options){
		.forward = copy(d->arena, o->forward),
		.resolv_conf = copy(d->arena, o->resolv_conf),
		.trust_anchor = copy(d->arena, o->trust_anchor),
		.timeout_ms = o->timeout_ms ? o->timeout_ms : 10000,
		.cache_entries = o->cache_entries ? o->cache_entries : 20000,
		.cache_bytes = o->cache_bytes ? o->cache_bytes : 8 << 20,
		.max_pending = o->max_pending ? o->max_pending : 5000,
		.min_ttl = o->min_ttl ? o->min_ttl : 5,
		.max_ttl = o->max_ttl ? o->max_ttl : 3600,
	};
}

/* Signals are for others. */
static int
start_thread(struct dns *d)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&d->thread, NULL, dns_run, d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void
release(struct dns *d)
{
	if (d->wake >= 0)
		close(d->wake);
	pthread_mutex_destroy(&d->lock);
	dns_cache_free(&d->cache);
	map_free(&d->pending);
	arena_free(&d->arena);
	free(d);
}

static bool
start(struct dns *d, struct err *e)
{
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->wake < 0) {
		err_errno(e, "eventfd");
		return false;
	}
	if (!dns_context_new(&d->options, &d->ctx, e))
		return false;
	if (start_thread(d) == 0)
		return true;
	err_set(e, "no thread for the resolver");
	ub_ctx_delete(d->ctx);
	return false;
}

bool
dns_new(const struct dns_options *o, struct dns **out, struct err *e)
{
	struct dns *d = mem_alloc(sizeof(*d));

	*d = (struct dns){
		.resolver = { .ask = ask,
		    .ask_until = ask_until,
		    .prefetch = prefetch },
		.arena = arena_new(),
		.pending = map_new(),
		.wake = -1,
	};
	*out = NULL;
	set_options(d, o);
	pthread_mutex_init(&d->lock, NULL);
	d->cache =
	    dns_cache_new(d->options.cache_entries, d->options.cache_bytes);
	if (!start(d, e)) {
		release(d);
		return false;
	}
	*out = d;
	return true;
}

void
dns_free(struct dns **d)
{
	if (!*d)
		return;
	pthread_mutex_lock(&(*d)->lock);
	(*d)->stop = true;
	wake(*d);
	pthread_mutex_unlock(&(*d)->lock);
	pthread_join((*d)->thread, NULL);
	ub_ctx_delete((*d)->ctx);
	release(*d);
	*d = NULL;
}

struct resolver *
dns_resolver(struct dns *d)
{
	return &d->resolver;
}

void
dns_flush(struct dns *d)
{
	pthread_mutex_lock(&d->lock);
	dns_cache_clear(d->cache);
	d->flush = true;
	wake(d);
	pthread_mutex_unlock(&d->lock);
}

void
dns_stats(struct dns *d, struct dns_stats *out)
{
	pthread_mutex_lock(&d->lock);
	*out = d->stats;
	out->pending = (unsigned)map_count(d->pending);
	out->cached = (unsigned)dns_cache_count(d->cache);
	pthread_mutex_unlock(&d->lock);
}
