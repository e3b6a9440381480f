/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "milterd/scand/process.h"
#include "milterd/scand/watch.h"

/* Old keepers whose last scans still run; more than that are not waited for. */
#define MAX_OLD 4
#define RETRY_LEAST_MS 1000
#define RETRY_MOST_MS 300000
#define STOP_MS 8000

struct supervisor {
	char *conf;
	struct settings settings;
	struct crew *crew;
	struct watch watch;
	pthread_t thread;
	int wake; /* somebody has asked for something */
	_Atomic bool stop, reload;

	struct process current, next, old[MAX_OLD];
	uint64_t generations;
	int64_t retry_at, retry_ms; /* after a failure; 0: none */

	pthread_mutex_t lock; /* what follows */
	char version[128];
	unsigned signatures;
	unsigned loaded, failed;
};

/* ------------------------------------------------------------------------
 * A generation begins, takes over, fails
 */

static void
retry_later(struct supervisor *s)
{
	s->retry_ms = s->retry_ms ? s->retry_ms * 2 : RETRY_LEAST_MS;
	if (s->retry_ms > RETRY_MOST_MS)
		s->retry_ms = RETRY_MOST_MS;
	s->retry_at = clock_mono_ms() + s->retry_ms;
}

/* What serves, if anything does, goes on serving. */
static void
failed(struct supervisor *s, const struct err *e)
{
	pthread_mutex_lock(&s->lock);
	s->failed++;
	pthread_mutex_unlock(&s->lock);
	retry_later(s);
	log_error("database_refused",
	    LOG_CSTR("database", s->settings.database), LOG_ERR(e),
	    LOG_CSTR(
		"service", s->current.generation ? "with the old one" : "none"),
	    LOG_INT("retry_ms", s->retry_ms));
	if (!s->current.generation)
		crew_hope(s->crew, false);
}

static void
begin(struct supervisor *s)
{
	struct err e = ERR_INIT;
	uint64_t fingerprint = watch_fingerprint(s->settings.database);

	s->retry_at = 0;
	if (!process_start(s->conf, s->settings.temp_dir, ++s->generations,
		&s->next, &e)) {
		failed(s, &e);
		return;
	}
	s->next.fingerprint = fingerprint;
	log_info("database_loading", LOG_INT("pid", s->next.pid),
	    LOG_CSTR("database", s->settings.database));
	if (!s->current.generation)
		crew_hope(s->crew, true);
}

/* A place among the old ones; the oldest scan has had its time. */
static void
retire(struct supervisor *s, struct process *p)
{
	struct process *place = &s->old[0];

	process_let_go(p);
	for (size_t i = 0; i < MAX_OLD; i++) {
		if (!s->old[i].generation) {
			place = &s->old[i];
			break;
		}
		if (s->old[i].generation < place->generation)
			place = &s->old[i];
	}
	if (place->generation)
		process_end(place, 0);
	*place = *p;
	*p = (struct process){ 0 };
}

static void
tell_takeover(struct supervisor *s)
{
	pthread_mutex_lock(&s->lock);
	s->loaded++;
	s->signatures = s->current.signatures;
	memcpy(s->version, s->current.version, sizeof(s->version));
	pthread_mutex_unlock(&s->lock);
	log_info("database_loaded", LOG_INT("pid", s->current.pid),
	    LOG_CSTR("version", s->current.version),
	    LOG_UINT("signatures", s->current.signatures),
	    LOG_UINT("scanners", s->current.scanners),
	    LOG_INT("ms", clock_mono_ms() - s->current.since));
}

static void
take_over(struct supervisor *s)
{
	struct scanner *proven = s->next.proven;

	s->next.proven = NULL;
	s->next.nproven = 0;
	crew_switch(s->crew, s->next.generation, proven);
	if (s->current.generation)
		retire(s, &s->current);
	s->current = s->next;
	s->next = (struct process){ 0 };
	s->retry_ms = 0;
	tell_takeover(s);
}

/* ------------------------------------------------------------------------
 * News
 */

static void
on_next(struct supervisor *s)
{
	struct err e = ERR_INIT;

	switch (process_hear(&s->next, &e)) {
	case PROCESS_SCANNER:
		if (s->next.nproven == s->next.scanners)
			take_over(s);
		break;
	case PROCESS_FAILED:
		retire(s, &s->next);
		failed(s, &e);
		break;
	case PROCESS_NOTHING:
		break;
	}
}

static void
on_current(struct supervisor *s)
{
	struct err e = ERR_INIT;
	struct scanner *proven;

	switch (process_hear(&s->current, &e)) {
	case PROCESS_SCANNER:
		proven = s->current.proven;
		s->current.proven = NULL;
		s->current.nproven = 0;
		crew_add(s->crew, proven);
		break;
	case PROCESS_FAILED:
		/* Its scanners die with it. */
		log_error("keeper_lost", LOG_ERR(&e));
		retire(s, &s->current);
		crew_hope(s->crew, true);
		if (!s->next.generation && !s->retry_at)
			s->retry_at = clock_mono_ms();
		break;
	case PROCESS_NOTHING:
		break;
	}
}

/* Is what lies there other than what was loaded, or tried, last? */
static bool
has_changed(const struct supervisor *s)
{
	return watch_fingerprint(s->settings.database) !=
	       s->current.fingerprint;
}

static void
look(struct supervisor *s)
{
	bool asked = atomic_exchange(&s->reload, false);
	bool noticed = watch_look(&s->watch);
	bool again = s->retry_at && clock_mono_ms() >= s->retry_at;

	if (s->next.generation) { /* afterwards, then */
		if (asked)
			atomic_store(&s->reload, true);
		if (noticed)
			s->watch.settle_at = clock_mono_ms() + 1000;
	} else if (asked || again || (noticed && has_changed(s))) {
		begin(s);
	}
}

/* ------------------------------------------------------------------------
 * The thread
 */

enum { POLL_WAKE, POLL_WATCH, POLL_CURRENT, POLL_NEXT, POLL_OLD };

static int
patience(const struct supervisor *s)
{
	int64_t at = watch_due(&s->watch);
	int64_t left;

	if (s->retry_at && s->retry_at < at)
		at = s->retry_at;
	left = at - clock_mono_ms();
	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static struct pollfd
readable(const struct process *p, int fd)
{
	return (
	    struct pollfd){ .fd = p->generation ? fd : -1, .events = POLLIN };
}

static void
watch_all(const struct supervisor *s, struct pollfd *p)
{
	p[POLL_WAKE] = (struct pollfd){ .fd = s->wake, .events = POLLIN };
	p[POLL_WATCH] = (struct pollfd){ .fd = s->watch.fd, .events = POLLIN };
	p[POLL_CURRENT] = readable(&s->current, s->current.control);
	p[POLL_NEXT] = readable(&s->next, s->next.control);
	for (size_t i = 0; i < MAX_OLD; i++)
		p[POLL_OLD + i] = readable(&s->old[i], s->old[i].pidfd);
}

/* The folder's news are for look(). */
static void
wait_for_news(struct supervisor *s)
{
	struct pollfd p[POLL_OLD + MAX_OLD];
	uint64_t ignored;

	watch_all(s, p);
	poll(p, POLL_OLD + MAX_OLD, patience(s));
	if (p[POLL_WAKE].revents &&
	    read(s->wake, &ignored, sizeof(ignored)) < 0)
		log_debug("wake", LOG_CSTR("error", strerror(errno)));
	/* First those whose places a new one may take. */
	for (size_t i = 0; i < MAX_OLD; i++) {
		if (p[POLL_OLD + i].revents)
			process_end(&s->old[i], 0);
	}
	if (p[POLL_CURRENT].revents)
		on_current(s);
	if (p[POLL_NEXT].revents)
		on_next(s);
}

static void
end_all(struct supervisor *s)
{
	if (s->current.generation)
		retire(s, &s->current);
	if (s->next.generation) { /* it scans nothing */
		process_let_go(&s->next);
		process_end(&s->next, 0);
	}
	for (size_t i = 0; i < MAX_OLD; i++) {
		if (s->old[i].generation)
			process_end(&s->old[i], STOP_MS);
	}
}

static void *
supervise(void *arg)
{
	struct supervisor *s = arg;

	begin(s);
	while (!s->stop) {
		wait_for_news(s);
		look(s);
	}
	end_all(s);
	return NULL;
}

bool
supervisor_start(const char *conf, const struct settings *settings,
    struct crew *crew, struct supervisor **out, struct err *e)
{
	struct supervisor *s = mem_zalloc(sizeof(*s));
	sigset_t all, before;

	*out = s;
	s->conf = mem_strdup(conf);
	s->settings = *settings;
	s->crew = crew;
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watch_init(&s->watch, settings->database, settings->settle_time,
	    settings->check_time);
	pthread_mutex_init(&s->lock, NULL);
	/* Signals are the loops'. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&s->thread, NULL, supervise, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (errno == 0)
		return true;
	err_errno(e, "cannot start a thread");
	s->stop = true;
	return false;
}

static void
wake(struct supervisor *s)
{
	uint64_t one = 1;

	if (write(s->wake, &one, sizeof(one)) < 0)
		log_debug("wake", LOG_CSTR("error", strerror(errno)));
}

void
supervisor_stop(struct supervisor **sp)
{
	struct supervisor *s = *sp;

	if (!s)
		return;
	if (!s->stop) {
		s->stop = true;
		wake(s);
		pthread_join(s->thread, NULL);
	}
	watch_fini(&s->watch);
	close(s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s->conf);
	free(s);
	*sp = NULL;
}

void
supervisor_reload(struct supervisor *s)
{
	atomic_store(&s->reload, true);
	wake(s);
}

void
supervisor_version(struct supervisor *s, struct buf *out)
{
	pthread_mutex_lock(&s->lock);
	buf_puts(out, *s->version ? s->version : "ClamAV");
	pthread_mutex_unlock(&s->lock);
}

unsigned
supervisor_signatures(struct supervisor *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->signatures;
	pthread_mutex_unlock(&s->lock);
	return n;
}

unsigned
supervisor_loads(struct supervisor *s, bool fail)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = fail ? s->failed : s->loaded;
	pthread_mutex_unlock(&s->lock);
	return n;
}
