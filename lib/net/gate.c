/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/gate.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

#define WORKERS_PER_CORE 8 /* the default of lib/net */

/* Kept while somebody is inside, so there are no more than workers. */
struct place {
	unsigned inside;
	int64_t answered; /* last sign of life, monotonic milliseconds */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map *places; /* name -> struct place */

unsigned
gate_max(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return (unsigned)(cores > 0 ? cores : 1) * WORKERS_PER_CORE / 2;
}

/* Locked. */
static struct place *
find(const char *name)
{
	struct place *p;

	if (!places)
		places = map_new();
	p = map_get(places, str_of(name));
	if (!p) {
		p = mem_zalloc(sizeof(*p));
		p->answered = clock_mono_ms();
		map_set(places, str_of(name), p);
	}
	return p;
}

bool
gate_enter(const char *name)
{
	struct place *p;
	bool pass;

	pthread_mutex_lock(&lock);
	p = find(name);
	pass = p->inside < gate_max() ||
	       clock_mono_ms() - p->answered < GATE_QUIET_MS;
	if (pass)
		p->inside++;
	pthread_mutex_unlock(&lock);
	return pass;
}

void
gate_leave(const char *name, bool answered)
{
	struct place *p;

	pthread_mutex_lock(&lock);
	p = find(name);
	if (answered)
		p->answered = clock_mono_ms();
	if (--p->inside == 0) {
		map_del(places, str_of(name));
		free(p);
	}
	if (map_count(places) == 0)
		map_free(&places);
	pthread_mutex_unlock(&lock);
}
