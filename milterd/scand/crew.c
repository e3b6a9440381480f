/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/crew.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "base/mem.h"
#include "milterd/scand/packet.h"

/* libclamav ends a scan itself when its time is over, if it gets to look. */
#define GRACE_SECONDS 5
/* That of no scanner: what is given back is let go. */
#define NO_GENERATION 0

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct scanner *idle;
	struct crew_state state;
	uint64_t generation;
	bool hope, stopping;
	unsigned queue_seconds;
};

void
scanner_free(struct scanner *s)
{
	if (!s)
		return;
	close(s->channel);
	close(s->pidfd);
	free(s);
}

void
scanner_free_all(struct scanner *list)
{
	while (list) {
		struct scanner *next = list->next;

		scanner_free(list);
		list = next;
	}
}

struct crew *
crew_new(unsigned queue_seconds)
{
	struct crew *p = mem_zalloc(sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	cond_init(&p->news);
	p->queue_seconds = queue_seconds;
	p->hope = true;
	return p;
}

void
crew_free(struct crew **pp)
{
	struct crew *p = *pp;

	if (!p)
		return;
	scanner_free_all(p->idle);
	pthread_cond_destroy(&p->news);
	pthread_mutex_destroy(&p->lock);
	free(p);
	*pp = NULL;
}

void
crew_stop(struct crew *p)
{
	struct scanner *idle;

	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	p->generation = NO_GENERATION;
	idle = p->idle;
	p->idle = NULL;
	p->state = (struct crew_state){ .busy = p->state.busy };
	pthread_cond_broadcast(&p->news);
	pthread_mutex_unlock(&p->lock);
	scanner_free_all(idle);
}

/* ------------------------------------------------------------------------
 * Coming and going; with the lock
 */

static void
push(struct crew *p, struct scanner *s)
{
	s->next = p->idle;
	p->idle = s;
	p->state.idle++;
	pthread_cond_signal(&p->news);
}

static struct scanner *
pop(struct crew *p)
{
	struct scanner *s = p->idle;

	p->idle = s->next;
	p->state.idle--;
	return s;
}

void
crew_switch(struct crew *p, uint64_t generation, struct scanner *list)
{
	struct scanner *old;

	pthread_mutex_lock(&p->lock);
	old = p->idle;
	p->idle = NULL;
	p->state.idle = 0;
	p->generation = generation;
	p->state.ready = true;
	while (list) {
		struct scanner *next = list->next;

		push(p, list);
		list = next;
	}
	pthread_mutex_unlock(&p->lock);
	scanner_free_all(old);
}

void
crew_add(struct crew *p, struct scanner *s)
{
	pthread_mutex_lock(&p->lock);
	if (s->generation == p->generation) {
		push(p, s);
		s = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	scanner_free(s);
}

void
crew_hope(struct crew *p, bool hope)
{
	pthread_mutex_lock(&p->lock);
	p->hope = hope;
	p->state.ready = false;
	pthread_cond_broadcast(&p->news);
	pthread_mutex_unlock(&p->lock);
}

struct crew_state
crew_state(struct crew *p)
{
	struct crew_state s;

	pthread_mutex_lock(&p->lock);
	s = p->state;
	pthread_mutex_unlock(&p->lock);
	/* Between the end of one and the proof of the next there may be none.
	 */
	s.ready = s.ready && s.idle + s.busy > 0;
	return s;
}

/* ------------------------------------------------------------------------
 * Scanning
 */

/* It may have ended while it was idle. */
static bool
is_gone(const struct scanner *s)
{
	struct pollfd p = { .fd = s->channel, .events = POLLIN };

	/* It has nothing to say unasked, either. */
	return poll(&p, 1, 0) != 0;
}

static struct scanner *
take(struct crew *p)
{
	int64_t end = clock_mono_ms() + 1000 * (int64_t)p->queue_seconds;
	struct scanner *s = NULL, *gone = NULL;
	bool late = false;

	pthread_mutex_lock(&p->lock);
	p->state.waiting++;
	while (!s && (!late || p->idle) && !p->stopping) {
		if (p->idle) {
			s = pop(p);
			if (!is_gone(s))
				break;
			s->next = gone;
			gone = s;
			s = NULL;
		} else if (p->state.ready || p->hope) {
			late = !cond_wait_until(&p->news, &p->lock, end);
		} else {
			break;
		}
	}
	p->state.waiting--;
	p->state.busy += s != NULL;
	pthread_mutex_unlock(&p->lock);
	scanner_free_all(gone);
	return s;
}

/* S NULL: it was let go. */
static void
give_back(struct crew *p, struct scanner *s)
{
	pthread_mutex_lock(&p->lock);
	p->state.busy--;
	if (s && s->generation == p->generation) {
		push(p, s);
		s = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	scanner_free(s);
}

static void
fail(struct finding *out, const char *why)
{
	out->verdict = VERDICT_ERROR;
	snprintf(out->text, sizeof(out->text), "%s", why);
}

/* False: S has ended, and has seen nothing of it. */
static bool
hear(const struct scanner *s, struct finding *out)
{
	struct message m;

	if (!packet_recv(
		s->channel, (int)(s->seconds + GRACE_SECONDS) * 1000, &m)) {
		/* So the kernel tells that the packet was not read. */
		if (errno == ECONNRESET)
			return false;
		fail(out, errno == ETIMEDOUT ? "The scan took too long"
					     : "The scanner crashed");
		return true;
	}
	packet_close(&m);
	snprintf(out->text, sizeof(out->text), "%.*s",
	    (int)sizeof(out->text) - 1, m.text);
	if (m.kind == PACKET_CLEAN)
		out->verdict = VERDICT_CLEAN;
	else if (m.kind == PACKET_FOUND && *m.text)
		out->verdict = VERDICT_FOUND;
	else if (m.kind == PACKET_ERROR && *m.text)
		out->verdict = VERDICT_ERROR;
	else
		fail(out, "The scanner answers nonsense");
	return true;
}

/* A scanner that failed once is not asked again, and one that hangs is
 * ended. */
static void
let_go(const struct scanner *s, const struct finding *f)
{
	log_warn("scanner_let_go", LOG_INT("pid", s->pid),
	    LOG_CSTR("reason", f->text));
	pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
}

void
crew_scan(struct crew *p, int fd, struct finding *out)
{
	struct scanner *s;

	while ((s = take(p)) &&
	       (!packet_send(s->channel, PACKET_SCAN, "", &fd, 1) ||
		   !hear(s, out))) {
		scanner_free(s);
		give_back(p, NULL);
	}
	if (!s) {
		fail(out, "No scanner is ready");
		return;
	}
	if (out->verdict == VERDICT_ERROR) {
		let_go(s, out);
		scanner_free(s);
		s = NULL;
	}
	give_back(p, s);
}
