/* SPDX-License-Identifier: BSD-2-Clause */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "dns/process.h"

/* The one thread that talks with libunbound. */

void
questions_add(struct questions *l, struct question *q)
{
	q->prev = l->last;
	q->next = NULL;
	*(l->last ? &l->last->next : &l->first) = q;
	l->last = q;
}

void
questions_remove(struct questions *l, struct question *q)
{
	*(q->prev ? &q->prev->next : &l->first) = q->next;
	*(q->next ? &q->next->prev : &l->last) = q->prev;
}

/* ------------------------------------------------------------------------
 * Answers
 */

static void
count_answer(struct dns *d, const struct dns_answer *a)
{
	d->stats.failed += a->rc == DNS_FAILED;
	d->stats.bogus += a->bogus;
}

/* Tell who waits, remember it for others. */
static void
finish(struct question *q, const struct dns_answer *a)
{
	struct dns *d = q->dns;
	size_t bytes;

	pthread_mutex_lock(&d->lock);
	count_answer(d, a);
	if (a->rc != DNS_FAILED)
		dns_cache_put(d->cache, &q->key, clock_mono_ms(), a);
	map_del(d->pending, dns_key_str(&q->key));
	q->answer = dns_answer_pack(a, &bytes);
	q->done = true;
	if (q->waiters > 0) {
		pthread_cond_broadcast(&q->ready);
	} else {
		pthread_cond_destroy(&q->ready);
		free(q->answer);
		free(q);
	}
	pthread_mutex_unlock(&d->lock);
}

static void
fail(struct question *q, const char *why)
{
	struct dns_answer a;

	dns_fail(&a, why);
	finish(q, &a);
}

static uint32_t
clamp_ttl(const struct dns_options *o, int ttl)
{
	uint32_t t = ttl > 0 ? (uint32_t)ttl : 0;

	if (t < o->min_ttl)
		t = o->min_ttl;
	return t > o->max_ttl ? o->max_ttl : t;
}

/* libunbound does not look at lengths. */
static bool
fits(enum dns_type type, size_t n)
{
	return type == DNS_A ? n == 4 : type != DNS_AAAA || n == 16;
}

static void
read_data(struct arena *a, const struct ub_result *r, struct dns_answer *out)
{
	struct str *rdata = NULL;
	size_t cap = 0;

	for (size_t i = 0; r->data[i]; i++) {
		struct str one = { r->data[i], (size_t)r->len[i] };

		if (!fits((enum dns_type)r->qtype, one.n))
			continue;
		rdata = arena_grow(a, rdata, out->n, &cap, sizeof(*rdata));
		rdata[out->n++] = one;
	}
	out->rdata = rdata;
	if (out->n == 0)
		dns_fail(out, "the answer is malformed");
}

enum rcode { NOERROR = 0, NXDOMAIN = 3 };

static void
read_result(struct dns *d, struct arena *a, const struct ub_result *r,
    struct dns_answer *out)
{
	*out = (struct dns_answer){ .secure = r->secure,
		.ttl = clamp_ttl(&d->options, r->ttl) };
	if (r->bogus) {
		dns_fail(out, r->why_bogus ? r->why_bogus : "bogus");
		out->bogus = true;
	} else if (r->rcode == NXDOMAIN) {
		out->rc = DNS_NXDOMAIN;
	} else if (r->rcode != NOERROR) {
		dns_fail(out,
		    r->rcode == 2 ? "the servers fail" : "the servers refuse");
	} else if (r->havedata) {
		out->rc = DNS_OK;
		read_data(a, r, out);
	} else {
		out->rc = DNS_NODATA;
	}
}

/* From ub_process(). */
static void
answered(void *arg, int rc, struct ub_result *r)
{
	struct question *q = arg;
	struct dns_answer out;
	struct arena *a;

	questions_remove(&q->dns->asked, q);
	if (rc != 0 || !r) {
		fail(q, ub_strerror(rc));
		return;
	}
	a = arena_new();
	read_result(q->dns, a, r, &out);
	finish(q, &out);
	arena_free(&a);
	ub_resolve_free(r);
}

/* ------------------------------------------------------------------------
 * Questions
 */

static void
start(struct dns *d, struct question *q)
{
	struct str name = str_sub(dns_key_str(&q->key), 2, STR_NPOS);
	char text[DNS_ESCAPED_MAX];
	int rc;

	dns_escape(name, text);
	q->deadline = clock_mono_ms() + d->options.timeout_ms;
	rc = ub_resolve_async(
	    d->ctx, text, (int)q->type, 1, q, answered, &q->id);
	if (rc == 0)
		questions_add(&d->asked, q);
	else
		fail(q, ub_strerror(rc));
}

static void
start_all(struct dns *d, struct questions *l)
{
	struct question *q = l->first, *next;

	for (; q; q = next) {
		next = q->next;
		start(d, q);
	}
}

/* Every question has the same time, so the first one runs out first. */
static void
expire(struct dns *d)
{
	int64_t now = clock_mono_ms();
	struct question *q;

	while ((q = d->asked.first) && q->deadline <= now) {
		ub_cancel(d->ctx, q->id);
		questions_remove(&d->asked, q);
		pthread_mutex_lock(&d->lock);
		d->stats.timeouts++;
		pthread_mutex_unlock(&d->lock);
		fail(q, "no answer in time");
	}
}

/* What libunbound remembers goes with its context; what is under way starts
 * again in the next one. */
static void
renew(struct dns *d)
{
	struct questions again = d->asked;
	struct ub_ctx *ctx;
	struct err e;

	if (!dns_context_new(&d->options, &ctx, &e))
		return; /* the old one works as before */
	for (struct question *q = again.first; q; q = q->next)
		ub_cancel(d->ctx, q->id);
	ub_ctx_delete(d->ctx);
	d->ctx = ctx;
	d->asked = (struct questions){ 0 };
	start_all(d, &again);
}

static int
time_left(const struct dns *d)
{
	int64_t left;

	if (!d->asked.first)
		return -1;
	left = d->asked.first->deadline - clock_mono_ms();
	return left < 0 ? 0 : (int)left;
}

/* False at the end. */
static bool
take_orders(struct dns *d)
{
	struct questions queue;
	bool stop, flush;
	uint64_t n;

	if (read(d->wake, &n, sizeof(n)) < 0)
		return true; /* nothing came */
	pthread_mutex_lock(&d->lock);
	queue = d->queue;
	d->queue = (struct questions){ 0 };
	stop = d->stop;
	flush = d->flush;
	d->flush = false;
	if (flush) /* again: of what was answered meanwhile */
		dns_cache_clear(d->cache);
	pthread_mutex_unlock(&d->lock);
	if (flush)
		renew(d);
	start_all(d, &queue);
	return !stop;
}

static void
end(struct dns *d)
{
	struct question *q;

	while ((q = d->asked.first)) {
		ub_cancel(d->ctx, q->id);
		questions_remove(&d->asked, q);
		fail(q, "the resolver ends");
	}
}

void *
dns_run(void *arg)
{
	struct dns *d = arg;
	bool on = true;

	while (on) {
		struct pollfd fds[] = {
			{ .fd = d->wake, .events = POLLIN },
			{ .fd = ub_fd(d->ctx), .events = POLLIN },
		};

		if (poll(fds, 2, time_left(d)) > 0) {
			if (fds[0].revents)
				on = take_orders(d);
			ub_process(d->ctx);
		}
		expire(d);
	}
	end(d);
	return NULL;
}
